"""Pages of what waits: each begins behind the last one seen, also when that one is gone by now."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from typing import Literal
from uuid import UUID

import pytest
from redis.asyncio import Redis

from service.storage.pending import PendingStore
from service.storage.redis import Keys, Scripts, connect

AT = Keys("daily")
Order = Literal["oldest", "newest"]


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with connect(redis_url) as client:
        yield client


def ids(count: int, chance: random.Random) -> list[UUID]:
    return [UUID(int=chance.getrandbits(128)) for _ in range(count)]


async def fill(redis: Redis, chance: random.Random, *, scores: int) -> dict[UUID, float]:
    """Let 60 comments wait that were made in so many different milliseconds."""
    made = {each: float(chance.randrange(scores)) for each in ids(60, chance)}
    await redis.zadd(AT.by_age, {str(each): at for each, at in made.items()})
    return made


def behind(made: dict[UUID, float], order: Order, last: tuple[float, str]) -> list[UUID]:
    """Return what comes after a place, by comparing all of it."""
    places = sorted(((at, str(each)) for each, at in made.items()), reverse=order == "newest")
    return [
        UUID(name)
        for at, name in places
        if ((at, name) < last if order == "newest" else (at, name) > last)
    ]


@pytest.mark.parametrize("order", ["oldest", "newest"])
@pytest.mark.parametrize("scores", [1, 4, 1_000])
async def test_a_page_begins_behind_whatever_was_seen_last(
    redis: Redis, order: Order, scores: int
) -> None:
    chance = random.Random(f"{order}{scores}")  # noqa: S311 - a test's
    made = await fill(redis, chance, scores=scores)
    pending = PendingStore(redis=redis, scripts=Scripts.load())
    seen_last = [(at, str(each)) for each, at in made.items()]
    for each, at in list(made.items())[::3]:  # a third of those that were seen is gone
        await redis.zrem(AT.by_age, str(each))
        del made[each]
        seen_last.append((at + 1.0, str(each)))  # or has another place by now
    for last in seen_last:
        page, following = await pending.peek(
            "daily", order=order, limit=7, after=list(last), include_escalated=False
        )
        expected = behind(made, order, last)
        assert page == expected[:7]
        assert (following is not None) is (len(expected) > 7)
