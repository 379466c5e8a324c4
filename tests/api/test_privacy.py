"""What nobody else is ever told: e-mail, address, another's waiting text; and a silent log."""

from __future__ import annotations

import io
import ipaddress
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import asyncpg
import orjson
import pytest

from service.web.paths import parameters_of
from tests.api.calls import Answer, query
from tests.api.conftest import Api
from tests.api.table import OPERATIONS, body, is_of_readers, target
from tests.api.test_readers import token

ADDRESS = "198.51.100.77"


class Canaries:
    """Things that must not be told, each unlike anything else."""

    def __init__(self) -> None:
        mark = uuid4().hex
        self.email = f"canary.{mark}@mail.example"
        self.waiting = f"waiting {mark}"
        self.edit = f"edit {mark}"
        self.rejected = f"rejected {mark}"
        self.removed = f"removed {mark}"
        self.deleted = f"deleted {mark}"
        self.note = f"note {mark}"
        self.public = f"public {mark}"
        self.name = f"Name {mark}"

    def secrets(self) -> Iterator[str]:
        yield from (self.email, self.waiting, self.edit, self.rejected, self.removed)
        yield from (self.deleted, self.note, ADDRESS)


@pytest.mark.long
def test_no_reader_is_ever_told_anothers_secrets(api: Api) -> None:
    """Every operation of readers is asked, about every comment, by everybody but the author."""
    canaries, article = Canaries(), api.article()
    author: dict[str, Any] = {
        "author": {"name": canaries.name, "email": canaries.email},
        "sender": ADDRESS,
    }
    public = api.post(article, canaries.public, **author)
    receipt = public.json["receipt"]
    author["bearer"] = receipt
    public_id = public.json["comment"]["id"]
    api.decide("approve", public_id)
    where = public.headers["Location"]
    edit = {"body": canaries.edit, "revision": 1}
    assert api.ask("PATCH", where, json=edit, bearer=receipt).status == 200
    ids = [public_id, api.posted(article, canaries.waiting, **author)["id"]]
    for action, text in (("reject", canaries.rejected), ("remove", canaries.removed)):
        comment = api.posted(article, text, **author)
        if action == "remove":
            api.decide("approve", comment["id"])
        api.ask(
            "POST",
            "/v1/moderation/decisions",
            json={
                "decisions": [
                    {
                        "comment_id": comment["id"],
                        "revision": 1,
                        "action": action,
                        "reason": "spam",
                        "note": canaries.note,
                    }
                ]
            },
            bearer=api.keys["all"],
        )
        ids.append(comment["id"])
    deleted = api.approved(article, canaries.deleted, **author)
    gone = f"/v1/sites/{api.site.slug}/comments/{deleted['id']}"
    assert api.ask("DELETE", gone, bearer=receipt).status == 204
    ids.append(deleted["id"])

    secret = {*canaries.secrets(), receipt, api.service.ground.secrets.address_hash(ADDRESS)}
    answers = list(everything_a_reader_can_ask(api, article, ids))
    assert any(canaries.public in answer.told for answer in answers), "they do read the thread"
    for answer in answers:
        for canary in secret:
            assert canary not in answer.told, answer.target
    mine = api.ask("GET", f"/v1/sites/{api.site.slug}/comments/{ids[1]}", bearer=receipt)
    assert canaries.waiting in mine.told, "the author is told"
    assert canaries.email not in mine.told, "but not what no answer has"


def everything_a_reader_can_ask(api: Api, article: str, ids: list[str]) -> Iterator[Answer]:
    readers = [None, api.receipt, token(api, sub="somebody else")]
    for operation in OPERATIONS:
        if not is_of_readers(operation):
            continue
        named = parameters_of(operation.path)
        for comment_id in ids:
            values = {"article": article, "comment_id": comment_id}
            where = target(
                operation,
                api.site.slug,
                **{name: value for name, value in values.items() if name in named},
            )
            for bearer in readers:
                yield api.ask(operation.method, where, json=body(operation), bearer=bearer)
    for sort in ("best", "newest", "oldest"):
        for comment_id in ids:
            yield api.ask("GET", api.thread_of(article, sort=sort, focus=comment_id))
            yield api.ask("GET", api.thread_of(article, sort=sort, parent=comment_id))
            reply = api.post(article, f"A reply, {uuid4()}.", parent_id=comment_id)
            yield reply


def test_the_log_never_has_a_text_an_address_or_a_credential(
    api: Api, log_lines: io.StringIO
) -> None:
    """What the service really writes, while everything it must not write goes through it."""
    canaries = Canaries()
    headers = {"X-Request-Id": f"canary-{uuid4().hex}"}
    since = len(log_lines.getvalue())
    article = api.article()
    answer = api.post(
        article,
        canaries.waiting,
        author={"name": canaries.name, "email": canaries.email},
        article={"title": canaries.public},
        sender=ADDRESS,
        headers=headers,
        key=canaries.edit.replace(" ", "-"),
    )
    receipt, where = answer.json["receipt"], answer.headers["Location"]
    comment_id = answer.json["comment"]["id"]
    wrong = [
        api.post(article, canaries.waiting + "\x1b", headers=headers, sender=ADDRESS),
        api.ask("POST", api.thread_of(article), json={canaries.rejected: 1}, headers=headers),
        api.post(article, canaries.waiting, headers=headers, bearer=f"{receipt[:-4]}xxxx"),
        api.ask("GET", f"{where}?{query(q=canaries.removed)[1:]}", headers=headers),
        api.ask("POST", api.thread_of(article), body=canaries.waiting.encode(), headers=headers),
        api.ask("GET", f"/v1/{canaries.email}", headers=headers),
    ]
    assert [each.status for each in wrong] == [422, 422, 401, 422, 400, 404]
    api.ask("PATCH", where, json={"body": canaries.edit, "revision": 1}, bearer=receipt)
    decision = {
        "comment_id": comment_id,
        "revision": 2,
        "action": "reject",
        "reason": "spam",
        "note": canaries.note,
    }
    for _ in range(2):
        api.ask(
            "POST",
            "/v1/moderation/decisions",
            json={"decisions": [decision]},
            bearer=api.keys["all"],
            headers=headers,
        )
    search = query(site=api.site.slug, q=canaries.waiting)
    api.ask("GET", f"/v1/moderation/queue{search}", bearer=api.keys["all"], headers=headers)
    invited = {"email": canaries.email, "role": "viewer"}
    api.ask("POST", "/v1/members", json=invited, bearer=api.keys["manage"], headers=headers)
    made = api.ask(
        "POST",
        f"/v1/sites/{api.site.slug}/keys",
        json={"scopes": ["read"]},
        bearer=api.keys["manage"],
        headers=headers,
    )
    written = log_lines.getvalue()[since:]
    assert written.count(headers["X-Request-Id"]) >= 10, "it does write"
    never = {
        *canaries.secrets(),
        canaries.public,
        canaries.name,
        canaries.edit.replace(" ", "-"),
        receipt,
        made.json["key"],
        *api.keys.values(),
        api.service.ground.secrets.address_hash(ADDRESS),
    }
    for canary in never:
        assert canary not in written
    for line in written.splitlines():
        fields = orjson.loads(line)
        assert {"at", "level", "event"} <= fields.keys()
        assert not any(is_address(value) for value in fields.values())


def is_address(value: object) -> bool:
    try:
        ipaddress.ip_address(str(value))
    except ValueError:
        return False
    return not isinstance(value, int)


async def test_what_postgres_refuses_is_not_repeated_in_the_log(
    api: Api, database: str, log_lines: io.StringIO
) -> None:
    """Its errors tell the whole row: the traceback of a bug must not."""
    canaries = Canaries()
    mine = api.post(api.article(), "Mine.")
    api.decide("reject", mine.json["comment"]["id"], reason="spam")
    raw = orjson.dumps({"text": canaries.waiting})
    headers = [
        ("Authorization", f"Bearer {mine.json['receipt']}"),
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(raw))),
    ]
    owner = await asyncpg.connect(database)
    rule = "ADD CONSTRAINT no_canary CHECK (text NOT LIKE 'waiting %')"
    await owner.execute(f"ALTER TABLE appeals {rule}")
    since = len(log_lines.getvalue())
    try:
        where = f"{mine.headers['Location']}/appeal"
        answer = api.caller.exchange("POST", where, headers, raw)
    finally:
        await owner.execute("ALTER TABLE appeals DROP CONSTRAINT no_canary")
        await owner.close()
    written = log_lines.getvalue()[since:]
    assert (answer.status, answer.code) == (500, "internal")
    assert canaries.waiting not in answer.told
    assert "no_canary" in written, "which rule was broken is told"
    assert canaries.waiting not in written
