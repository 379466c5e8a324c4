from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import asyncpg
import pytest
from redis.asyncio import Redis

from service.breaker import CONSECUTIVE_MAX
from service.storage.breakers import Breakers
from service.storage.postgres import DatabaseUnavailable, connected, in_transaction, open_pool
from service.storage.redis import QueueUnavailable, connect, unavailable_when_down
from service.telemetry import Metrics


@pytest.fixture
def database_url(emptied_database_url: str) -> str:
    """Nothing here touches the schema."""
    return emptied_database_url


@pytest.fixture
def breakers() -> Breakers:
    return Breakers()


@pytest.fixture
async def pool(
    database_url: str, breakers: Breakers
) -> AsyncIterator[asyncpg.Pool[asyncpg.Record]]:
    async with open_pool(database_url, breakers=breakers, max_size=4) as opened:
        yield opened


async def fail(pool: asyncpg.Pool[asyncpg.Record], statement: str, *, writes: bool) -> None:
    lend = in_transaction if writes else connected
    async with lend(pool) as connection:
        await connection.execute(statement)


def raising(sqlstate: str) -> str:
    """Write a statement that fails with an SQLSTATE."""
    return f"DO $$ BEGIN RAISE EXCEPTION SQLSTATE '{sqlstate}'; END $$"


@pytest.mark.parametrize("sqlstate", ["57P01", "53300", "08006"])
@pytest.mark.parametrize("writes", [False, True])
async def test_a_server_that_is_away_opens_the_breaker_of_who_asked(
    pool: asyncpg.Pool[asyncpg.Record],
    breakers: Breakers,
    sqlstate: str,
    writes: bool,  # noqa: FBT001 - a parameter
) -> None:
    for _ in range(CONSECUTIVE_MAX):
        with pytest.raises(DatabaseUnavailable) as failure:
            await fail(pool, raising(sqlstate), writes=writes)
        assert failure.value.outcome_unknown
    asked, other = "postgres_write", "postgres_read"
    if not writes:
        asked, other = other, asked
    assert breakers.states() == {"redis": "closed", asked: "open", other: "closed"}

    with pytest.raises(DatabaseUnavailable) as refusal:
        await fail(pool, "SELECT 1", writes=writes)
    assert not refusal.value.outcome_unknown
    await fail(pool, "SELECT 1", writes=not writes)


@pytest.mark.parametrize("sqlstate", ["22001", "23505", "40001", "40P01", "55P03"])
async def test_a_statement_at_fault_or_a_lock_opens_none(
    pool: asyncpg.Pool[asyncpg.Record], breakers: Breakers, sqlstate: str
) -> None:
    for _ in range(2 * CONSECUTIVE_MAX):
        with pytest.raises((DatabaseUnavailable, asyncpg.PostgresError)):
            await fail(pool, raising(sqlstate), writes=True)
    assert set(breakers.states().values()) == {"closed"}


@pytest.mark.parametrize("sqlstate", ["53100", "25006"])
async def test_a_full_disk_keeps_nobody_from_reading(
    pool: asyncpg.Pool[asyncpg.Record], breakers: Breakers, sqlstate: str
) -> None:
    for _ in range(CONSECUTIVE_MAX):
        with pytest.raises(DatabaseUnavailable):
            await fail(pool, raising(sqlstate), writes=False)
    assert breakers.states()["postgres_write"] == "open"
    assert breakers.states()["postgres_read"] == "closed"


async def test_what_the_client_itself_says_in_mid_query_counts(
    pool: asyncpg.Pool[asyncpg.Record], breakers: Breakers
) -> None:
    """Protocol.md F11: no PostgresError, no InterfaceError."""
    for _ in range(CONSECUTIVE_MAX):
        with pytest.raises(DatabaseUnavailable):
            async with connected(pool):
                raise asyncpg.InternalClientError
    assert breakers.states()["postgres_read"] == "open"


async def test_a_rush_of_reads_leaves_a_connection_for_what_is_decided(
    pool: asyncpg.Pool[asyncpg.Record], breakers: Breakers
) -> None:
    async with AsyncExitStack() as held:
        for _ in range(3):
            await held.enter_async_context(connected(pool))
        with pytest.raises(DatabaseUnavailable):
            async with connected(pool, wait_seconds=0.01):
                pass
        async with in_transaction(pool) as connection:
            assert await connection.fetchval("SELECT 1") == 1
    async with connected(pool, wait_seconds=0.01):
        pass
    assert breakers.states()["postgres_read"] == "closed", "others were answered"


async def test_waiting_for_a_connection_is_told(database_url: str) -> None:
    waits: list[float] = []
    async with open_pool(database_url, heard_wait=waits.append) as pool, connected(pool):
        pass
    assert len(waits) == 1


async def test_a_redis_that_is_away_is_asked_no_longer(breakers: Breakers) -> None:
    async with connect("redis://127.0.0.1:1", breaker=breakers.redis) as redis:
        unknown = [await outcome_unknown(redis) for _ in range(CONSECUTIVE_MAX + 1)]
    assert unknown == [*[True] * CONSECUTIVE_MAX, False]
    assert breakers.states()["redis"] == "open"


async def outcome_unknown(redis: Redis) -> bool:
    with pytest.raises(QueueUnavailable) as failure, unavailable_when_down():
        await redis.ping()
    return failure.value.outcome_unknown


async def test_a_redis_that_answers_with_errors_is_asked_on(
    redis_url: str, breakers: Breakers
) -> None:
    async with connect(redis_url, breaker=breakers.redis) as redis:
        for _ in range(2 * CONSECUTIVE_MAX):
            with pytest.raises(QueueUnavailable), unavailable_when_down():
                await redis.eval("return redis.error_reply('OOM no room')", 0)
        assert await redis.ping()
    assert breakers.states()["redis"] == "closed"


async def test_a_redis_that_is_back_is_asked_again(redis_url: str, breakers: Breakers) -> None:
    async with connect(redis_url, breaker=breakers.redis, pool_size=4) as redis:
        for _ in range(CONSECUTIVE_MAX):
            permit = breakers.redis.ask(asyncio.get_running_loop().time())
            assert permit is not None
            breakers.redis.failed(permit, 0.0)  # long ago
        assert await redis.ping()
        assert breakers.states()["redis"] == "closed"
        async with redis.pipeline(transaction=False) as pipe:
            for _ in range(3):
                pipe.ping()
            assert await pipe.execute() == [True] * 3


def test_the_metric_tells_how_each_stands() -> None:
    metrics = Metrics()
    breakers = Breakers.told(metrics.note_breaker)

    def told() -> dict[str, float | None]:
        value = metrics.registry.get_sample_value
        return {dep: value("postbag_breaker_state", {"dep": dep}) for dep in breakers.states()}

    assert told() == {"redis": 0, "postgres_read": 0, "postgres_write": 0}
    for _ in range(CONSECUTIVE_MAX):
        permit = breakers.redis.ask(0)
        assert permit is not None
        breakers.redis.failed(permit, 0)
    assert told() == {"redis": 2, "postgres_read": 0, "postgres_write": 0}
    assert breakers.redis.ask(2) is not None
    assert told()["redis"] == 1
