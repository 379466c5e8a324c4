"""What people do with a comment, done until it is answered, each answer written down."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from service.crash import Point
from tests.faults.stage import APPLIED, Stage
from tests.journeys.api import Posted, wish

BULK = 50
WAYS = 8
"""How many clients send one submission at once."""

AT_ONCE = "at-once"
"""The article on which comments are published at once."""

Prepared = list[Posted]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """Something that is done while the service dies in the middle of it."""

    prepare: Callable[[Stage], Awaitable[Prepared]]
    act: Callable[[Stage, Prepared], Awaitable[None]]
    passes: frozenset[Point]
    """The points on its way, in whichever process."""
    first_dies_at: Point | None = None
    """Where the process dies in any case; the point in question is then one of the next life."""


async def _nothing(_: Stage) -> Prepared:
    return []


def _waiting(number: int) -> Callable[[Stage], Awaitable[Prepared]]:
    async def prepare(stage: Stage) -> Prepared:
        return list(await asyncio.gather(*(stage.post() for _ in range(number))))

    return prepare


async def _approved(stage: Stage) -> Prepared:
    posted = await stage.post()
    await stage.decide([wish("approve", posted.id)])
    return [posted]


async def _post(stage: Stage, _: Prepared) -> None:
    await stage.again(await stage.post())


async def _duplicate(stage: Stage, _: Prepared) -> None:
    await stage.post(ways=WAYS)


async def _edit(stage: Stage, prepared: Prepared) -> None:
    (posted,) = prepared
    text = f"{posted.text} And better."
    stage.ledger.edits[posted.id].append(text)
    path, token = f"{stage.paper.path}/comments/{posted.id}", posted.receipt
    answer = await stage.surely("PATCH", path, {"body": text, "revision": 1}, token=token)
    if answer.status != 200:  # the first answer was lost: the author looks what is there
        assert answer.refused(409) == "stale_revision"
        found = (await stage.surely("GET", path, token=token)).expect(200)
        assert found["comment"]["text"] == text
    stage.ledger.edited[posted.id] = text
    await stage.decide([wish("approve", posted.id, revision=2)])


async def _withdraw(stage: Stage, prepared: Prepared) -> None:
    (posted,) = prepared
    path = f"{stage.paper.path}/comments/{posted.id}"
    answer = await stage.surely("DELETE", path, token=posted.receipt)
    assert answer.status == 204, answer.raw
    stage.ledger.taken_back.add(posted.id)


async def _erase(stage: Stage, prepared: Prepared) -> None:
    (posted,) = prepared
    whole = f"/v1/moderation/comments/{posted.id}"
    found = await stage.surely("GET", whole, token=stage.paper.keys["moderate"])
    path = f"{stage.paper.path}/readers/{found.expect(200)['author']['ref']}"
    answer = await stage.surely("DELETE", path, token=stage.paper.keys["manage"])
    assert answer.status in {200, 404}, answer.raw  # nobody knows them any more
    stage.ledger.taken_back.add(posted.id)


async def _claim(stage: Stage, prepared: Prepared) -> None:
    claims = {"site": stage.paper.slug, "lane": "held", "limit": len(prepared)}
    token = stage.paper.keys["moderate"]
    await stage.surely("POST", "/v1/moderation/claims", claims, token=token)
    ids = {"comment_ids": [each.id for each in prepared]}
    answer = await stage.surely("POST", "/v1/moderation/claims/release", ids, token=token)
    assert answer.status == 204, answer.raw
    handed = await stage.surely("POST", "/v1/moderation/claims", claims, token=token)
    assert {item["comment"]["id"] for item in handed.expect(200)["items"]} == {*ids["comment_ids"]}
    (result, *_) = await stage.decide([wish("approve", each.id) for each in prepared])
    assert result["outcome"] in APPLIED


def _decide(action: str) -> Callable[[Stage, Prepared], Awaitable[None]]:
    async def act(stage: Stage, prepared: Prepared) -> None:
        (result,) = await stage.decide([wish(action, prepared[0].id)])
        assert result["outcome"] in APPLIED

    return act


async def _race(stage: Stage, prepared: Prepared) -> None:
    (posted,) = prepared
    approval, rejection = await asyncio.gather(
        stage.decide([wish("approve", posted.id)]),
        stage.decide([wish("reject", posted.id)], by="second"),
    )
    outcomes = [approval[0]["outcome"], rejection[0]["outcome"]]
    assert sum(each in APPLIED for each in outcomes) == 1, outcomes
    assert "conflict" in outcomes


async def _bulk(stage: Stage, prepared: Prepared) -> None:
    actions = ("approve", "reject")
    wishes = [wish(actions[place % 2], each.id) for place, each in enumerate(prepared)]
    results = await stage.decide(wishes)
    assert {result["outcome"] for result in results} <= APPLIED


async def _undo(stage: Stage, prepared: Prepared) -> None:
    (posted,) = prepared
    told = next(each for each in stage.ledger.decisions if each.comment_id == posted.id)
    path = f"/v1/moderation/decisions/{told.decision_id}/reverse"
    answer = await stage.surely("POST", path, {}, token=stage.paper.keys["moderate"])
    assert answer.expect(200)["decision"]["n"] == 2
    (result,) = await stage.decide([wish("reject", posted.id)])
    assert result["outcome"] in APPLIED


async def _published(stage: Stage) -> Prepared:
    answer = await stage.surely(
        "PUT",
        stage.paper.article(AT_ONCE),
        {"mode": "post"},
        token=stage.paper.keys["manage"],
    )
    answer.expect(200)
    return []


async def _publish(stage: Stage, _: Prepared) -> None:
    await stage.post(article=AT_ONCE)


async def _empty(stage: Stage, prepared: Prepared) -> None:
    await stage.redis.flushdb()
    await asyncio.gather(*(stage.again(each) for each in prepared))
    results = await stage.decide([wish("approve", each.id) for each in prepared])
    assert {result["outcome"] for result in results} <= APPLIED


_ACCEPTED = {Point.ACCEPT_CHECKED, Point.ACCEPT_STORED}
_JOURNALED = {Point.JOURNAL_READ, Point.JOURNAL_WRITTEN, Point.JOURNAL_CLEARED}
_TOLD = {Point.DECIDE_TOLD, Point.RELAY_TOLD, Point.RELAY_TICKED}
_DECIDED = {
    Point.DECIDE_OPENED,
    Point.DECIDE_WRITTEN,
    Point.DECIDE_COMMITTED,
    Point.DECIDE_FINISHED,
    *_TOLD,
}

OPERATIONS: Mapping[str, Operation] = {
    "post": Operation(prepare=_nothing, act=_post, passes=frozenset({*_ACCEPTED, *_JOURNALED})),
    "approve": Operation(prepare=_waiting(1), act=_decide("approve"), passes=frozenset(_DECIDED)),
    "edit": Operation(
        prepare=_waiting(1),
        act=_edit,
        passes=frozenset({Point.EDIT_CHECKED, Point.EDIT_STORED, *_DECIDED}),
    ),
    "duplicate": Operation(
        prepare=_nothing, act=_duplicate, passes=frozenset({*_ACCEPTED, *_JOURNALED})
    ),
    "withdraw": Operation(prepare=_waiting(1), act=_withdraw, passes=frozenset(_DECIDED)),
    "erase": Operation(prepare=_approved, act=_erase, passes=frozenset(_DECIDED)),
    "claim": Operation(
        prepare=_waiting(3), act=_claim, passes=frozenset({Point.CLAIM_LEASED, *_DECIDED})
    ),
    "reject": Operation(prepare=_waiting(1), act=_decide("reject"), passes=frozenset(_DECIDED)),
    "race": Operation(prepare=_waiting(1), act=_race, passes=frozenset(_DECIDED)),
    "bulk": Operation(prepare=_waiting(BULK), act=_bulk, passes=frozenset(_DECIDED)),
    "undo": Operation(
        prepare=_approved,
        act=_undo,
        passes=frozenset({Point.DECIDE_REQUEUED, *_DECIDED}),
    ),
    "publish": Operation(
        prepare=_published, act=_publish, passes=frozenset({*_ACCEPTED, *_DECIDED})
    ),
    "empty": Operation(
        prepare=_waiting(5), act=_empty, passes=frozenset({Point.REFILL_RESTORED, *_DECIDED})
    ),
    "finish": Operation(
        prepare=_waiting(1),
        act=_decide("approve"),
        passes=frozenset({Point.RECONCILE_FINISHED, Point.RELAY_TOLD, Point.RELAY_TICKED}),
        first_dies_at=Point.DECIDE_COMMITTED,
    ),
    "settle": Operation(
        prepare=_published,
        act=_publish,
        passes=frozenset({Point.SETTLE_CLAIMED, Point.SETTLE_DECIDED, *_DECIDED}),
        first_dies_at=Point.ACCEPT_STORED,
    ),
}
"""By name."""
