"""A reader who is forgotten has left nothing anywhere, and is not brought back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from service.model import Site
from service.storage.redis import Keys
from tests.api.calls import Answer
from tests.api.conftest import Api
from tests.api.people import Person, a_guest, a_reader, trust_tokens

CANARY = "zanzibar"
"""In everything the reader writes: it must be nowhere afterwards."""
LETTERS = "Zanzibar is a fine place to write letters from, whatever the weather there."


@pytest.fixture(scope="module")
def site(api: Api) -> Site:
    """A site of these tests' own that mints tokens."""
    made = api.new_site()
    trust_tokens(api, made)
    return made


@dataclass(frozen=True, slots=True)
class Desk:
    """Somebody who runs a site, with a key that may do everything there."""

    api: Api
    site: Site
    key: str

    def ref_of(self, comment: dict[str, Any]) -> str:
        """Return who wrote a comment."""
        whole = f"/v1/moderation/comments/{comment['id']}"
        ref: str = self.api.ask("GET", whole, bearer=self.key).json["author"]["ref"]
        return ref

    def about(self, ref: str, method: str, what: str = "", json: Any = None) -> Answer:
        """Ask about a reader."""
        where = f"/v1/sites/{self.site.slug}/readers/{ref}{what}"
        return self.api.ask(method, where, bearer=self.key, json=json)

    def erase(self, ref: str) -> None:
        """Forget a reader, which has to be done with the answer."""
        answer = self.about(ref, "DELETE")
        assert (answer.status, answer.json) == (200, {"state": "done"}), answer.raw

    def decide(self, action: str, *ids: str, reason: str | None = None) -> None:
        """Decide comments."""
        self.api.decide(action, *ids, key=self.key, reason=reason)


@pytest.fixture(scope="module")
def desk(api: Api, site: Site) -> Desk:
    return Desk(api, site, api.new_key(site, name="Sam"))


def traces(api: Api, site: Site, *words: str) -> set[str]:
    """Return the tables and keys in which one of these words still is."""
    return api.aside.run(_in_postgres(api, words)) | api.aside.run(_in_redis(api, site, words))


async def _in_postgres(api: Api, words: tuple[str, ...]) -> set[str]:
    async with api.service.ground.pool.acquire() as connection:
        tables = await connection.fetch(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p')"
            " AND relnamespace = current_schema()::regnamespace"
        )
        return {
            table["relname"]
            for table in tables
            if await connection.fetchval(
                f'SELECT EXISTS (SELECT FROM "{table["relname"]}" AS each'  # noqa: S608 - our own
                " WHERE each::text ILIKE ANY($1::text[]))",
                [f"%{word}%" for word in words],
            )
        }


async def _in_redis(api: Api, site: Site, words: tuple[str, ...]) -> set[str]:
    redis, found = api.service.ground.redis, set()
    async for key in redis.scan_iter(f"pb:{{{site.slug}}}:*", count=1_000):
        held = str(await _held(redis, key)).lower() + key.decode()
        if any(word in held for word in words):
            found.add(key.decode())
    return found


async def _held(redis: Any, key: bytes) -> Any:
    match (await redis.type(key)).decode():
        case "hash":
            return await redis.hgetall(key)
        case "zset":
            return await redis.zrange(key, 0, -1)
        case "set":
            return await redis.smembers(key)
        case "list":
            return await redis.lrange(key, 0, -1)
        case "stream":
            return await redis.xrange(key)
        case _:
            return await redis.get(key)


def write_everywhere(desk: Desk, reader: Person) -> dict[str, dict[str, Any]]:
    """Leave a comment in every state, a reply, a vote, a report, an appeal, a warning, a note."""
    api = desk.api
    other = a_guest(api, desk.site)
    comments = {
        name: reader.posts(
            api.article(), f"{LETTERS} The {name} one.", key=f"{reader.bearer[-8:]}-{name}"
        )
        for name in ("waiting", "approved", "answered", "rejected", "removed", "edited", "held")
    }
    ids = {name: comment["id"] for name, comment in comments.items()}
    desk.decide("approve", ids["approved"], ids["answered"], ids["removed"], ids["edited"])
    desk.decide("reject", ids["rejected"], reason="spam")
    desk.decide("remove", ids["removed"], reason="spam")
    desk.decide("escalate", ids["held"])
    assert reader.edits(ids["edited"], f"{LETTERS} Better said.").status == 200
    assert reader.appeals(ids["rejected"], f"{CANARY}: please look again.").status == 201
    answer = other.posts(
        comments["answered"]["article"], "I like it there too.", parent_id=ids["answered"]
    )
    desk.decide("approve", answer["id"])
    assert reader.votes(answer["id"]).status == 200
    assert reader.reports(answer["id"], text=f"{CANARY}!").status == 202
    ref = desk.ref_of(comments["waiting"])
    for what in ("notes", "warnings"):
        said = {"text": f"Always {CANARY}."}
        assert desk.about(ref, "POST", f"/{what}", said).status == 201
    return {**comments, "answer": answer}


def test_nothing_of_a_forgotten_reader_is_left_in_either_store(
    api: Api, site: Site, desk: Desk
) -> None:
    leila = a_reader(api, site, subject="leila")
    comments = write_everywhere(desk, leila)
    ref = desk.ref_of(comments["waiting"])
    words = (CANARY, ref, UUID(ref).hex)
    assert {"comments", "kept_texts", "intake_journal", "votes", "reports", "appeals"} <= traces(
        api, site, *words
    )

    desk.erase(ref)

    api.eventually(lambda: traces(api, site, *words) == set())
    for name, comment in comments.items():
        seen = api.ask("GET", f"/v1/sites/{site.slug}/comments/{comment['id']}")
        assert seen.status == (200 if name in {"answered", "answer"} else 404), name
        assert CANARY not in seen.raw.decode().lower()
    page = api.ask("GET", api.thread_of(comments["answered"]["article"], site=site)).json
    (tombstone,) = page["comments"]
    assert (tombstone["status"], tombstone["author"]["name"]) == ("deleted", "")
    assert [each["id"] for each in tombstone["replies"]] == [comments["answer"]["id"]]
    assert page["article"]["count"] == 1
    assert desk.about(ref, "GET").status in {200, 404}


def test_a_forgotten_guests_receipt_is_void_and_a_stranger_comes_back(
    api: Api, site: Site, desk: Desk
) -> None:
    guest = a_guest(api, site)
    comment = guest.posts(api.article(), "I was here once.")
    ref = desk.ref_of(comment)

    desk.erase(ref)

    api.eventually(lambda: guest.ask("GET", "/articles/story/me").status == 401)
    assert guest.sees(comment["id"]).status == 401
    again = a_guest(api, site).posts(api.article(), "I am somebody new.")
    assert desk.ref_of(again) != ref


def test_forgetting_twice_is_once_and_the_log_says_so_without_a_name(
    api: Api, site: Site, desk: Desk
) -> None:
    omar = a_reader(api, site, subject="omar")
    comment = omar.posts(api.article(), "Forget me.")
    ref = desk.ref_of(comment)
    desk.erase(ref)
    assert desk.about(ref, "DELETE").status in {200, 404}

    audit = api.ask("GET", f"/v1/sites/{site.slug}/audit", bearer=desk.key)

    assert audit.status == 200
    assert b"reader.erased" in audit.raw
    assert ref.encode() not in audit.raw


def test_an_export_holds_everything_of_a_reader_and_nothing_of_others(
    api: Api, site: Site, desk: Desk
) -> None:
    sami = a_reader(api, site, subject="sami")
    comments = write_everywhere(desk, sami)
    ref = desk.ref_of(comments["waiting"])

    answer = desk.about(ref, "GET", "/export")

    assert answer.status == 200, answer.raw
    own = {comment["id"] for name, comment in comments.items() if name != "answer"}
    assert {each["id"] for each in answer.json["comments"]} == own
    assert all(LETTERS in each["text"] for each in answer.json["comments"])
    assert [each["comment_id"] for each in answer.json["votes"]] == [comments["answer"]["id"]]
    assert [each["text"] for each in answer.json["reports"]] == [f"{CANARY}!"]


def test_whoever_comes_back_with_a_backup_is_forgotten_again(
    api: Api, site: Site, desk: Desk
) -> None:
    ziad = a_reader(api, site, subject="ziad")
    comment = ziad.posts(api.article(), "From before the backup.")
    desk.decide("approve", comment["id"])
    ref = desk.ref_of(comment)
    erasures = api.service.moderators.erasures
    subject = api.service.ground.secrets.subject(site.site_id, UUID(ref))

    async def as_after_a_restore() -> None:
        # Redis and the file know of an erasure that this Postgres has not seen.
        await api.service.ground.redis.sadd(Keys(site.slug).erased, subject)
        await erasures.go_on(site)

    api.aside.run(as_after_a_restore())

    assert api.ask("GET", f"/v1/sites/{site.slug}/comments/{comment['id']}").status == 404
    api.eventually(lambda: traces(api, site, ref, "from before the backup") == set())
