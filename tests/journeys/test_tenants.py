"""What is one site's is nothing to another: its keys, its receipts, its comments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from service.web.operation import AKey, AVisitor, Operation
from service.web.paths import parameters_of
from tests.journeys.api import Paper, wish
from tests.journeys.house import House

WORDS = "Words for the daily alone"
NAME = "Dana of the daily"
STREAM = "text/event-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Two:
    """Two sites of one service; the first has something of everything."""

    operations: list[Operation]
    daily: Paper
    weekly: Paper
    receipt_of_daily: str
    receipt_of_weekly: str
    names: Mapping[str, str]
    """Values for names in paths, each of something of the daily's."""
    bodies: Mapping[str, Any]
    """A body for each operation that needs a good one to get as far as its object."""


@pytest.fixture
async def two(house: House, daily: Paper) -> Two:
    """A public comment, a waiting one, a decision, keys and a member, all of the daily."""
    weekly = await house.found(f"weekly-{daily.slug}")
    public = await daily.post(WORDS, name=NAME)
    waiting = await daily.post(f"{WORDS}, waiting", name=NAME, token=public.receipt)
    of_weekly = await weekly.post("Something else.")
    (decided,) = await daily.approve(public)
    key = (await daily.manage("POST", "/keys", {"scopes": ["read"]})).expect(201)
    token_key = {"kid": "shared", "issuer": "https://id.daily.example", "algorithm": "HS256"}
    (await daily.manage("POST", "/token-keys", {**token_key, "key": "s" * 32})).expect(201)
    member = {"email": "dana@daily.example", "role": "moderator"}
    (await daily.api("POST", "/v1/members", member, token=daily.keys["manage"])).expect(201)
    assert public.receipt is not None
    assert of_weekly.receipt is not None
    ids = {"comment_ids": [public.id, waiting.id]}
    return Two(
        operations=[each for each in house.service.operations() if each.path.startswith("/v1/")],
        daily=daily,
        weekly=weekly,
        receipt_of_daily=public.receipt,
        receipt_of_weekly=of_weekly.receipt,
        names={
            "article": "story-1",
            "comment_id": public.id,
            "decision_id": decided["decision"]["decision_id"],
            "key_id": key["key_id"],
            "kid": "shared",
        },
        bodies={
            "claim": {"site": daily.slug, "lane": "held", "limit": 5},
            "renew_claims": ids,
            "release_claims": ids,
            "decide": {
                "decisions": [wish("approve", waiting.id), wish("remove", public.id)],
            },
            "edit_comment": {"body": "Ours now.", "revision": 1},
            "vote": {"value": 1},
            "report_comment": {"reason": "spam"},
            "appeal": {"text": "We think otherwise."},
            "answer_appeal": {"grant": True},
        },
    )


async def test_a_foreign_site_is_no_site_for_a_key(two: Two) -> None:
    asked = 0
    for operation in two.operations:
        site_is_named = operation.site_in_path or operation.site_in_query or operation.site_in_body
        if not isinstance(operation.credential, AKey | AVisitor) or not site_is_named:
            continue
        for scope, token in two.weekly.keys.items():
            needed = getattr(operation.credential, "scope", None)
            if operation.site_in_body and scope != needed:
                continue  # the right is looked at before the body
            path, body = _asked(two, operation, site=two.daily.slug)
            answer = await two.daily.api(operation.method, path, body, token=token)
            assert answer.refused(404) == "unknown_site", (operation.operation_id, scope)
            asked += 1
    assert asked > 50


async def test_a_foreign_receipt_is_no_credential(two: Two) -> None:
    asked = 0
    for operation in two.operations:
        if isinstance(operation.credential, AVisitor):
            path, body = _asked(two, operation, site=two.daily.slug)
            token = two.receipt_of_weekly
            answer = await two.daily.api(operation.method, path, body, token=token)
            assert answer.refused(401) == "unauthenticated", operation.operation_id
            asked += 1
    assert asked >= 2


@pytest.mark.long
async def test_a_foreign_object_is_none_and_says_nothing_of_itself(two: Two) -> None:
    """Everything the daily has is asked for with the weekly's own good credentials."""
    for operation in two.operations:
        if STREAM in operation.answers.values():
            continue  # it would go on, and tells ids and counts alone
        path, body = _asked(two, operation, site=two.weekly.slug)
        if operation.operation_id == "claim":
            body = {**body, "site": two.weekly.slug}
        statuses = set()
        for token in (None, two.receipt_of_weekly, *two.weekly.keys.values()):
            answer = await two.weekly.api(operation.method, path, body, token=token)
            statuses.add(answer.status)
            for secret in (WORDS, NAME, "dana@daily.example"):
                assert secret.encode() not in answer.raw, operation.operation_id
        assert max(statuses) < 500, operation.operation_id
        names_object = set(parameters_of(operation.path)) - {"article", "site"}
        if operation.operation_id == "list_dry_runs":
            continue  # of a rule that need not be saved: none is a good answer, and it was empty
        if not names_object or not isinstance(operation.credential, AKey | AVisitor):
            continue
        if operation.body is None or operation.operation_id in two.bodies:
            assert 404 in statuses, operation.operation_id
            assert statuses <= {401, 403, 404}, operation.operation_id
        else:
            assert statuses <= {401, 403, 404, 422}, operation.operation_id


async def test_decisions_on_foreign_comments_find_nothing_and_change_nothing(two: Two) -> None:
    moderate = two.weekly.keys["moderate"]
    for operation_id in ("decide", "renew_claims", "release_claims"):
        operation = next(each for each in two.operations if each.operation_id == operation_id)
        body = two.bodies[operation_id]
        answer = await two.weekly.api(operation.method, operation.path, body, token=moderate)
        if operation_id == "decide":
            results = answer.expect(200)["results"]
            told = {(each["outcome"], each["status"], each["decision"]) for each in results}
            assert told == {("not_found", None, None)}
        if operation_id == "renew_claims":
            lost = two.bodies[operation_id]["comment_ids"]
            assert answer.expect(200) == {"renewed": [], "lost": lost}

    assert await two.daily.count() == 1
    assert (await two.daily.queue())["total"] == 1
    assert (await two.weekly.queue())["total"] == 1


async def test_a_reply_to_a_foreign_comment_has_no_parent(two: Two) -> None:
    answer = await two.weekly.send("Hello over there.", parent=two.names["comment_id"])

    assert answer.refused(404) == "unknown_parent"


async def test_the_same_key_of_two_sites_is_two_comments(two: Two) -> None:
    key = str(uuid4())
    one = await two.daily.post("The same.", key=key)
    other = await two.weekly.post("The same.", key=key)

    assert one.id != other.id
    assert one.receipt != other.receipt


async def test_cursors_of_another_site_or_list_are_refused(two: Two) -> None:
    for number in range(2):
        await two.daily.post(f"More {number}.")
        await two.weekly.post(f"More {number}.")
    cursor = (await two.daily.queue("&limit=1"))["next"]
    assert cursor is not None
    asked = {
        "weekly queue": f"/v1/moderation/queue?site={two.weekly.slug}&limit=1&cursor={cursor}",
        "thread": f"{two.weekly.article('story-1')}/comments?cursor={cursor}",
    }

    for name, path in asked.items():
        answer = await two.weekly.api("GET", path, token=two.weekly.keys["moderate"])
        assert answer.refused(400) == "bad_cursor", name


def _asked(two: Two, operation: Operation, *, site: str) -> tuple[str, Any]:
    """Return path and body of a request for something of the daily's, at a site."""
    path = operation.path.replace("{site}", site)
    for name in parameters_of(path):
        value = two.names.get(name, two.names["comment_id"])
        path = path.replace(f"{{{name}}}", value)
    if operation.site_in_query:
        path += f"?site={site}"
    if operation.operation_id == "read_counts":
        path += "?article=story-1"
    needs_body = operation.body is not None
    return path, two.bodies.get(operation.operation_id, {}) if needs_body else None
