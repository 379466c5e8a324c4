from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from msgspec.structs import replace

from service.errors import Unavailable
from service.model import Action, PendingComment
from service.storage.redis import Keys
from tests.newsroom import Newsroom, without_postgres

LEILA = UUID(int=7)


async def due(newsroom: Newsroom, comment: PendingComment) -> None:
    """Let the time pass that belongs to the request."""
    at = Keys(newsroom.site.slug)
    await newsroom.redis.zadd(at.settling, {str(comment.comment_id): 0}, xx=True)


async def places(newsroom: Newsroom, comment: PendingComment) -> set[str]:
    at, name = Keys(newsroom.site.slug), str(comment.comment_id)
    named = {"queue": at.queue, "settling": at.settling, "aside": at.quarantine}
    return {
        place for place, key in named.items() if await newsroom.redis.zscore(key, name) is not None
    }


async def test_what_a_rule_let_through_is_published_once_its_request_had_time(
    newsroom: Newsroom,
) -> None:
    comments = [await newsroom.post(f"Number {number}.", auto=True) for number in range(3)]
    assert await newsroom.settle.settle(newsroom.site) == 0
    for comment in comments:
        await due(newsroom, comment)
    assert await newsroom.settle.settle(newsroom.site) == 3
    assert await newsroom.count() == 3
    assert await newsroom.settle.settle(newsroom.site) == 0
    found = await newsroom.find(comments[0])
    assert found is not None
    assert found.decision is not None
    decision = found.decision
    assert (decision.action, decision.actor_kind, decision.actor_id) == (
        "approve",
        "rule",
        "screening",
    )


async def test_moderators_are_not_handed_what_a_rule_settles_but_may_decide_it(
    newsroom: Newsroom,
) -> None:
    comment = await newsroom.post(auto=True)
    claimed = await newsroom.pending.claim(
        newsroom.site.slug, owner="key:kim", name="Kim", limit=5, ttl_ms=90_000, senior=True
    )
    assert claimed == []
    assert (await newsroom.decide(Action.REJECT, comment))[0].outcome == "applied"
    await due(newsroom, comment)
    assert await newsroom.settle.settle(newsroom.site) == 0
    assert await newsroom.status(comment) == "rejected"


async def test_a_parent_and_its_reply_are_published_together_in_the_right_order(
    newsroom: Newsroom,
) -> None:
    parent = await newsroom.post("Question?", auto=True)
    reply = await newsroom.post("Answer.", parent=parent.comment_id, auto=True)
    for comment in (reply, parent):
        await due(newsroom, comment)
    await newsroom.settle.settle(newsroom.site)
    assert [await newsroom.status(each) for each in (parent, reply)] == ["approved"] * 2


async def test_what_a_rule_cannot_settle_is_left_to_people(newsroom: Newsroom) -> None:
    parent = await newsroom.post("Question?")
    reply = await newsroom.post("Answer.", parent=parent.comment_id, auto=True)
    await due(newsroom, reply)
    await newsroom.settle.settle(newsroom.site)
    assert await newsroom.status(reply) == "pending"
    assert await places(newsroom, reply) == {"queue"}


async def test_what_was_published_before_a_crash_is_not_shown_to_people_again(
    newsroom: Newsroom,
) -> None:
    comment = await newsroom.post(auto=True)
    await newsroom.approve(comment)
    still_there = await newsroom.pending.accept(
        replace(comment, dk=None), auto=True, pending_max=10, dk_ttl_ms=1
    )  # nothing has cleaned Redis
    assert still_there.outcome == "OK"
    await due(newsroom, comment)
    await newsroom.settle.settle(newsroom.site)
    assert await places(newsroom, comment) == {"settling"}
    assert await newsroom.reconcile.finish_decided(newsroom.site) == 1
    assert await places(newsroom, comment) == set()
    assert await newsroom.count() == 1


async def test_an_edit_that_waits_for_a_rule_is_judged_as_it_is_now(newsroom: Newsroom) -> None:
    comment = await newsroom.post("Before.", auto=True)
    change = await newsroom.pending.edit(
        replace(comment, text="After."), expected_revision=1, settle="publish"
    )
    assert change.outcome == "OK"
    await due(newsroom, comment)
    await newsroom.settle.settle(newsroom.site)
    found = await newsroom.find(comment)
    assert found is not None
    assert found.public is not None
    assert (found.public.text, found.public.revision) == ("After.", 2)


async def test_while_postgres_is_away_it_is_given_back(newsroom: Newsroom) -> None:
    comment = await newsroom.post(auto=True)
    await due(newsroom, comment)
    async with without_postgres(newsroom) as cut_off:
        with pytest.raises(Unavailable):
            await cut_off.settle.settle(newsroom.site)
    assert await places(newsroom, comment) == {"settling"}
    assert await newsroom.settle.settle(newsroom.site) == 1  # given back, not held for 30 s
    assert await newsroom.status(comment) == "approved"


async def test_a_place_without_an_item_is_nothing_to_settle(newsroom: Newsroom) -> None:
    comment = await newsroom.post(auto=True)
    await due(newsroom, comment)
    await newsroom.redis.delete(Keys(newsroom.site.slug).item(comment.comment_id))
    assert await newsroom.settle.settle(newsroom.site) == 0


async def test_a_worker_that_is_told_to_stop_gives_back_what_it_has_taken(
    newsroom: Newsroom,
) -> None:
    comment = await newsroom.post(auto=True)
    await due(newsroom, comment)
    at = Keys(newsroom.site.slug)
    async with newsroom.pool.acquire() as observer, observer.transaction():
        await observer.execute("LOCK TABLE article_counts IN EXCLUSIVE MODE")
        settling = asyncio.create_task(newsroom.settle.settle(newsroom.site))
        async with asyncio.timeout(5):
            while not await newsroom.redis.zcount(at.settling, 1, "+inf"):  # noqa: ASYNC110 - Redis tells nobody
                await asyncio.sleep(0.01)
        settling.cancel()
        await asyncio.gather(settling, return_exceptions=True)
        assert settling.cancelled()
    assert await newsroom.redis.zscore(at.settling, str(comment.comment_id)) == 0
    assert await newsroom.settle.settle(newsroom.site) == 1
    assert await newsroom.status(comment) == "approved"
