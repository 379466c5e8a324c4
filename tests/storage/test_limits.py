"""Limits by GCRA, against the clock of a real Redis."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import cast

import pytest
from redis.asyncio import Redis

from service.errors import RateLimited
from service.storage.limits import Charge, Limits
from service.storage.redis import QueueUnavailable, Scripts, connect

KEY = b"k" * 32
SCRIPTS = Scripts.load()
HOUR_US = 3_600_000_000


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with connect(redis_url) as client:
        yield client


@pytest.fixture
def limits(redis: Redis) -> Limits:
    return Limits(redis=redis, scripts=SCRIPTS, key=KEY)


async def passes(limits: Limits, *charges: Charge, site: str = "daily") -> bool:
    """Charge, and tell whether that was allowed."""
    try:
        await limits.charge(site, charges)
    except RateLimited:
        return False
    return True


async def names(redis: Redis) -> list[str]:
    return sorted(name.decode() for name in cast("list[bytes]", await redis.keys("*")))


async def test_a_burst_passes_and_the_next_one_is_told_when_to_come_back(limits: Limits) -> None:
    charge = Charge.of("post_address", "192.0.2.1", per_minute=6, burst=5)
    for _ in range(5):
        await limits.charge("daily", [charge])

    with pytest.raises(RateLimited) as refusal:
        await limits.charge("daily", [charge])
    assert refusal.value.retry_after_seconds == 10
    assert refusal.value.stable_code == "rate_limited"


async def test_a_wait_of_less_than_a_second_is_said_as_one(limits: Limits) -> None:
    charge = Charge.of("site", "daily", per_second=5, burst=1)
    await limits.charge("daily", [charge])
    with pytest.raises(RateLimited) as refusal:
        await limits.charge("daily", [charge])
    assert refusal.value.retry_after_seconds == 1


async def test_the_rate_holds_over_time(limits: Limits) -> None:
    charge = Charge.of("site", "daily", per_second=100, burst=10)
    began = time.monotonic()
    allowed = asked = 0
    while time.monotonic() < began + 0.4:
        before_last = time.monotonic() - began
        allowed += await passes(limits, charge)
        asked += 1
    took = time.monotonic() - began

    assert asked > allowed
    assert 10 + int(before_last * 100) - 1 <= allowed <= 10 + took * 100 + 1


async def test_several_limits_are_charged_together_or_not_at_all(limits: Limits) -> None:
    narrow = Charge.of("post_author", "leila", per_hour=1, burst=1)
    wide = Charge.of("post_article", "story", per_hour=1, burst=3)
    assert await passes(limits, wide, narrow)
    for _ in range(10):
        assert not await passes(limits, wide, narrow)

    assert [await passes(limits, wide) for _ in range(3)] == [True, True, False]


async def test_the_longest_wait_is_said(limits: Limits) -> None:
    minute = Charge.of("post_author", "leila", per_minute=1, burst=1)
    hour = Charge.of("post_address", "192.0.2.1", per_hour=1, burst=1)
    await limits.charge("daily", [minute, hour])
    for charges in ([minute, hour], [hour, minute]):
        with pytest.raises(RateLimited) as refusal:
            await limits.charge("daily", charges)
        assert refusal.value.retry_after_seconds == 3_600


async def test_what_costs_more_uses_up_more(limits: Limits) -> None:
    charge = Charge.of("export", "kim", per_day=10, burst=10, cost=4)
    assert [await passes(limits, charge) for _ in range(3)] == [True, True, False]
    rest = Charge.of("export", "kim", per_day=10, burst=10, cost=2)
    assert await passes(limits, rest)


async def test_people_scopes_and_sites_do_not_share_a_limit(limits: Limits) -> None:
    leila = Charge.of("vote", "leila", per_hour=1, burst=1)
    assert await passes(limits, leila)
    assert await passes(limits, Charge.of("vote", "omar", per_hour=1, burst=1))
    assert await passes(limits, Charge.of("report", "leila", per_hour=1, burst=1))
    assert await passes(limits, leila, site="weekly")
    assert not await passes(limits, leila)


async def test_a_clock_that_went_back_leaves_no_endless_debt(limits: Limits, redis: Redis) -> None:
    charge = Charge.of("vote", "leila", per_hour=1, burst=3)
    await limits.charge("daily", [charge])
    [name] = await names(redis)
    seconds, _ = await redis.time()
    await redis.set(name, (seconds + 365 * 86_400) * 1_000_000)

    with pytest.raises(RateLimited) as refusal:
        await limits.charge("daily", [charge])
    assert refusal.value.retry_after_seconds == 3_600


async def test_redis_never_learns_who_is_limited(limits: Limits, redis: Redis) -> None:
    charge = Charge.of("post_address", "192.0.2.1", per_hour=1, burst=1)
    await limits.charge("daily", [charge])
    await limits.charge("weekly", [charge])
    await Limits(redis=redis, scripts=SCRIPTS, key=b"other" * 8).charge("daily", [charge])

    found = await names(redis)
    assert [name.rpartition(":")[0] for name in found] == [
        "pb:{daily}:rl:post_address",
        "pb:{daily}:rl:post_address",
        "pb:{weekly}:rl:post_address",
    ]
    assert len({name.rpartition(":")[2] for name in found}) == 3
    assert not any("192" in name for name in found)
    assert "192.0.2.1" not in repr(charge)


async def test_a_limit_is_forgotten_once_it_is_full_again(limits: Limits, redis: Redis) -> None:
    await limits.charge("daily", [Charge.of("vote", "leila", per_hour=4, burst=8)])
    [name] = await names(redis)
    assert 890_000 < await redis.pttl(name) <= 900_001


async def test_nothing_to_charge_asks_nothing_of_redis() -> None:
    async with connect("redis://127.0.0.1:1") as nowhere:
        await Limits(redis=nowhere, scripts=SCRIPTS, key=KEY).charge("daily", [])


async def test_limits_that_cannot_be_counted_let_nobody_through() -> None:
    charge = Charge.of("vote", "leila", per_hour=4, burst=8)
    async with connect("redis://127.0.0.1:1") as nowhere:
        with pytest.raises(QueueUnavailable):
            await Limits(redis=nowhere, scripts=SCRIPTS, key=KEY).charge("daily", [charge])


def test_a_rate_is_said_once() -> None:
    assert Charge.of("vote", "leila", per_hour=1, burst=1).interval_us == HOUR_US
    assert Charge.of("vote", "leila", per_day=24, burst=1).interval_us == HOUR_US
    with pytest.raises(ValueError, match="unpack"):
        Charge.of("vote", "leila", burst=1)
    with pytest.raises(ValueError, match="unpack"):
        Charge.of("vote", "leila", per_day=1, per_hour=1, burst=1)
