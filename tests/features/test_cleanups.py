"""Clean-ups behind the answer: on their way before it, bounded, and seen to their end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from msgspec import Struct, field
from msgspec.structs import replace

from service.features.cleanups import Cleanups
from service.model import Action
from service.storage.pending import Finished, FinishOutcome, PendingStore
from service.storage.redis import Keys
from tests.newsroom import Newsroom


class SlowToAnswer(PendingStore, frozen=True, kw_only=True):
    """A Redis whose disk is slow: it has done what it was asked, and does not say so yet."""

    answers: asyncio.Event

    async def finish(self, slug: str, finished: Sequence[Finished]) -> list[FinishOutcome]:
        outcomes = await super().finish(slug, finished)
        await self.answers.wait()
        return outcomes


def with_a_slow_disk(newsroom: Newsroom) -> asyncio.Event:
    answers = asyncio.Event()
    pending = newsroom.pending
    slow = SlowToAnswer(redis=pending.redis, scripts=pending.scripts, answers=answers)
    newsroom.decisions = replace(newsroom.decisions, pending=slow)
    return answers


@pytest.mark.parametrize("action", [Action.APPROVE, Action.REJECT, Action.WITHDRAW])
async def test_nobody_waits_for_the_disk_of_redis_to_hear_what_is_committed(
    newsroom: Newsroom, action: Action
) -> None:
    comment, other = await newsroom.post(), await newsroom.post()
    answers = with_a_slow_disk(newsroom)
    async with asyncio.timeout(5):
        assert [each.outcome for each in await newsroom.decide(action, comment)] == ["applied"]
    claimed = await newsroom.pending.claim(
        newsroom.site.slug, owner="key:kim", name="Kim", limit=10, ttl_ms=90_000, senior=True
    )
    assert [each.comment_id for each in claimed] == [other.comment_id]
    answers.set()
    await newsroom.decisions.cleanups.ended()


async def test_what_is_asked_on_another_connection_comes_after_the_cleaning(
    newsroom: Newsroom,
) -> None:
    await newsroom.approve(await newsroom.post())  # Redis knows the script from now on
    for _ in range(20):
        comment = await newsroom.post()
        await newsroom.approve(comment)
        item = Keys(newsroom.site.slug).item(comment.comment_id)
        assert not await newsroom.redis.keys(item)  # not a command that shares the line


class Work(Struct, kw_only=True):
    """Works that end when they are told to."""

    begun: int = 0
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def once(self) -> None:
        self.begun += 1
        await self.goes_on.wait()


async def test_no_more_than_so_many_are_outstanding() -> None:
    cleanups, work = Cleanups(most=2), Work()
    async with asyncio.timeout(5):
        await cleanups.begin(work.once(), work.once())
        await cleanups.begin(work.once())
    third = asyncio.create_task(cleanups.begin(work.once()))
    await asyncio.wait((third,), timeout=0.01)
    assert work.begun == 4
    assert not third.done()
    work.goes_on.set()
    async with asyncio.timeout(5):
        await third
        await cleanups.ended()


async def test_the_end_waits_for_all_of_them_whatever_becomes_of_some() -> None:
    cleanups, work = Cleanups(), Work()

    async def fail() -> None:
        raise RuntimeError

    await cleanups.begin(fail(), work.once())
    ended = asyncio.create_task(cleanups.ended())
    await asyncio.wait((ended,), timeout=0.01)
    assert not ended.done()
    work.goes_on.set()
    async with asyncio.timeout(5):
        await ended
