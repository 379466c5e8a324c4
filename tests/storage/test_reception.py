"""One question when a submission comes: what is known of it, and have its limits room?"""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from service.errors import RateLimited
from service.model import Author, Screened
from service.storage.limits import NO_DUES, Charge, Limits
from service.storage.pending import PendingStore
from service.storage.recents import Lately, RecentStore
from service.storage.reception import Reception
from service.storage.redis import Keys, QueueUnavailable, Scripts, connect
from tests.storage.queues import DAY, make_item

SCRIPTS = Scripts.load()
ARTICLE = UUID(int=7)
DK = "d" * 64


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with connect(redis_url) as client:
        yield client


@pytest.fixture
def limits(redis: Redis) -> Limits:
    return Limits(redis=redis, scripts=SCRIPTS, key=b"k" * 32)


@pytest.fixture
def reception(redis: Redis) -> Reception:
    return Reception(redis=redis, scripts=SCRIPTS)


def charge(burst: int, scope: str = "post") -> Charge:
    return Charge.of(scope, "leila", per_hour=1, burst=burst)


async def met(reception: Reception, *charges: Charge, dk: str = DK) -> Lately:
    limits = Limits(redis=reception.redis, scripts=SCRIPTS, key=b"k" * 32)
    return await reception.meet(
        "daily",
        dk=dk,
        author_id=None,
        address_hash=None,
        article_id=ARTICLE,
        dues=limits.dues("daily", charges),
    )


async def test_a_new_submission_is_known_by_nothing(reception: Reception) -> None:
    assert await met(reception) == Lately(sent=(), views_per_hour=None, submitted=None)


async def test_what_is_known_is_told_as_the_record_tells_it(
    redis: Redis, reception: Reception
) -> None:
    pending = PendingStore(redis=redis, scripts=SCRIPTS)
    await pending.begin_epoch("daily", epoch="one", seq=0)
    await redis.hset(Keys("daily").view_rates, str(ARTICLE), "12.5")
    author, address = uuid4(), "here"
    for number in range(3):
        item = make_item(
            author=Author(author_id=author, kind="guest", name="Leila"),
            address_hash=address if number else None,
            screened=Screened(at=DAY, likeness=f"{number}"),
        )
        await pending.accept(item, auto=False, pending_max=10, dk_ttl_ms=60_000)
    told = await reception.meet(
        "daily",
        dk=DK,
        author_id=author,
        address_hash=address,
        article_id=ARTICLE,
        dues=NO_DUES,
    )
    assert told == await RecentStore(redis=redis).of("daily", author, address, ARTICLE, DK)
    assert told.views_per_hour == 12.5
    assert sorted(one.same_address for one in told.sent) == [False, True, True]
    assert {one.same_author for one in told.sent} == {True}


async def test_meeting_somebody_costs_nothing_and_writes_nothing(
    redis: Redis, reception: Reception, limits: Limits
) -> None:
    for number in range(5):
        await met(reception, charge(1), dk=f"{number}")
    assert await redis.keys("*") == []
    await limits.charge("daily", [charge(1)])


async def test_who_has_used_up_a_limit_is_told_as_by_the_charge(
    reception: Reception, limits: Limits
) -> None:
    await limits.charge("daily", [charge(1, "narrow")])
    with pytest.raises(RateLimited) as asked:
        await met(reception, charge(2, "wide"), charge(1, "narrow"))
    with pytest.raises(RateLimited) as charged:
        await limits.charge("daily", [charge(1, "narrow")])
    assert abs(asked.value.retry_after_seconds - charged.value.retry_after_seconds) <= 1
    await met(reception, charge(2, "wide"))


async def test_what_is_taken_in_is_charged_in_the_same_step_and_nothing_else(
    redis: Redis, limits: Limits
) -> None:
    pending = PendingStore(redis=redis, scripts=SCRIPTS)
    dues = limits.dues("daily", [charge(1, "narrow"), charge(3, "wide")])
    await pending.begin_epoch("daily", epoch="one", seq=0)
    outcomes = []
    for dk in ("one", "one", "two", "two"):
        item = make_item(dk=dk, fingerprint="f")
        stored = await pending.accept(item, auto=False, pending_max=10, dk_ttl_ms=60_000, dues=dues)
        outcomes.append(stored.outcome)
    assert outcomes == ["OK", "DUP", "LIMITED", "LIMITED"]
    assert 3_500_000 < stored.wait_ms <= 3_600_000
    assert await pending.get("daily", item.comment_id) is None
    assert (await pending.state("daily")).seq == 1
    await limits.charge("daily", [charge(3, "wide")])
    await limits.charge("daily", [charge(3, "wide")])
    with pytest.raises(RateLimited):
        await limits.charge("daily", [charge(3, "wide")])


async def test_a_submission_that_came_before_costs_nothing_also_when_nothing_is_left(
    redis: Redis, reception: Reception, limits: Limits
) -> None:
    record = {"id": str(uuid4()), "fingerprint": "f", "author": str(uuid4()), "status": 201}
    await limits.charge("daily", [charge(1)])
    await redis.hset(Keys("daily").submission(DK), mapping=record)  # type: ignore[arg-type]
    for _ in range(3):
        told = await met(reception, charge(1))
        assert told.submitted is not None
        assert told.submitted.comment_id == UUID(str(record["id"]))
        assert told.submitted.published
    with pytest.raises(RateLimited):
        await met(reception, charge(1), dk="another")


async def test_nothing_is_received_while_redis_is_away() -> None:
    async with connect("redis://127.0.0.1:1") as nowhere:
        with pytest.raises(QueueUnavailable):
            await met(Reception(redis=nowhere, scripts=SCRIPTS), charge(1))
