from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from service.errors import RateLimited
from service.features.attempts import Attempts
from service.storage.limits import Charge, Limits
from service.storage.redis import Scripts, connect

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)


def attempt(who: str) -> list[Charge]:
    return [Charge.of("sign-in", who, burst=5, per_hour=20)]


@pytest.fixture
async def alone() -> AsyncIterator[Attempts]:
    """A process that reaches no Redis."""
    async with connect("redis://127.0.0.1:1") as redis:
        limits = Limits(redis=redis, scripts=Scripts.load(), key=b"k" * 32)
        yield Attempts(limits=limits, remembered_max=3)


async def test_without_redis_attempts_are_bounded_all_the_same(alone: Attempts) -> None:
    for _ in range(5):
        await alone.charge(attempt("kim"), now=NOW)
    with pytest.raises(RateLimited) as refused:
        await alone.charge(attempt("kim"), now=NOW)
    assert refused.value.retry_after_seconds == 180
    await alone.charge(attempt("dana"), now=NOW)
    await alone.charge(attempt("kim"), now=NOW + timedelta(minutes=3))
    with pytest.raises(RateLimited):
        await alone.charge(attempt("kim"), now=NOW + timedelta(minutes=3))


async def test_of_several_limits_all_or_none_are_charged(alone: Attempts) -> None:
    both = [*attempt("kim"), Charge.of("sign-in-from", "192.0.2.7", burst=1, per_hour=1)]
    await alone.charge(both, now=NOW)
    for _ in range(5):
        with pytest.raises(RateLimited):
            await alone.charge(both, now=NOW)
    for _ in range(4):
        await alone.charge(attempt("kim"), now=NOW)


async def test_what_succeeds_is_given_back(alone: Attempts) -> None:
    for _ in range(20):
        await alone.charge(attempt("kim"), now=NOW)
        await alone.give_back(attempt("kim"))


async def test_when_too_many_are_remembered_nobody_new_is_let_try(alone: Attempts) -> None:
    for who in ("a", "b", "c"):
        await alone.charge(attempt(who), now=NOW)
    with pytest.raises(RateLimited):
        await alone.charge(attempt("d"), now=NOW)
    await alone.charge(attempt("a"), now=NOW)
    await alone.charge(attempt("d"), now=NOW + timedelta(hours=1))


async def test_with_redis_it_is_redis_that_counts(redis_url: str) -> None:
    async with connect(redis_url) as redis:
        limits = Limits(redis=redis, scripts=Scripts.load(), key=b"k" * 32)
        for _ in range(5):
            await Attempts(limits=limits).charge(attempt("kim"), now=NOW)
        with pytest.raises(RateLimited):
            await Attempts(limits=limits).charge(attempt("kim"), now=NOW)
