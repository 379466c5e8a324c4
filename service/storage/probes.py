"""One look at each store, for `postbag doctor`: what it says of itself, or why it is silent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import asyncpg
from msgspec import Struct
from redis.asyncio.client import Redis
from redis.exceptions import RedisError

from service.storage.breakers import breakers_of
from service.storage.durability import Demand, Durability, database_durability, durability
from service.storage.migrations import SchemaState
from service.storage.postgres import (
    DatabaseUnavailable,
    connected,
    in_transaction,
    open_pool,
    schema_state,
)
from service.storage.redis import QueueUnavailable, connect, unavailable_when_down
from service.storage.sightings import SightingStore

LOOK_SECONDS = 5.0
"""How long a store may take to answer before it counts as down."""
MEMORY_FULL = 0.8
"""Share of `maxmemory` from which on Redis will soon refuse comments."""
OF_MEMORY = "Set maxmemory-policy"
"""How `durability` begins what it finds about the policy."""

Clock = Callable[[], datetime]


class Down(Struct, frozen=True, kw_only=True):
    """A store that cannot be used."""

    reason: str
    """One line, without a password."""


class PostgresSeen(Struct, frozen=True, kw_only=True):
    """What Postgres says."""

    schema: SchemaState
    durability: Durability
    clock_offset_seconds: float
    """Its clock minus ours."""


class RedisSeen(Struct, frozen=True, kw_only=True):
    """What Redis says."""

    durability: Durability
    """What keeps it from keeping what it acknowledges, but for its memory."""
    memory: tuple[str, ...]
    """What is wrong with its memory, in sentences."""
    clock_offset_seconds: float
    """Its clock minus ours."""
    forwarders: tuple[str, ...]
    """Networks whose forwarded addresses were not believed in the last hour."""


async def look_at_postgres(url: str, *, demand: Demand, clock: Clock) -> PostgresSeen | Down:
    """Ask Postgres for its schema, its settings and its time."""
    try:
        async with open_pool(url, min_size=1, max_size=1, command_timeout=LOOK_SECONDS) as pool:
            async with connected(pool, wait_seconds=LOOK_SECONDS) as connection:
                before = clock()
                theirs = await connection.fetchval("SELECT clock_timestamp()")
                offset = _offset(theirs, before, clock())
            return PostgresSeen(
                schema=await schema_state(pool),
                durability=await database_durability(pool, demand),
                clock_offset_seconds=offset,
            )
    except DatabaseUnavailable as failure:
        return Down(reason=_reason(failure.__cause__ or failure))
    except ValueError:  # its text would repeat the URL
        return Down(reason="its URL cannot be read")


class StoreProbe(Struct, frozen=True, kw_only=True):
    """Looks at the stores a running service uses."""

    pool: asyncpg.Pool[asyncpg.Record]
    redis: Redis
    demand: Demand

    async def postgres(self) -> None:
        """Ask Postgres for a sign of life.

        Raises:
            DatabaseUnavailable: there is none.
        """
        async with connected(self.pool, wait_seconds=LOOK_SECONDS) as connection:
            await connection.fetchval("SELECT 1")

    async def may_write(self) -> None:
        """Ask Postgres to write, where that failed lately: else nobody may for a long time.

        Raises:
            DatabaseUnavailable: it does not.
        """
        breakers = breakers_of(self.pool)
        if breakers is None or breakers.postgres_write.state == "closed":
            return
        async with in_transaction(self.pool, wait_seconds=LOOK_SECONDS) as connection:
            await connection.fetchval("SELECT pg_current_xact_id()")

    async def schema(self) -> SchemaState:
        """Compare the schema with this release's.

        Raises:
            DatabaseUnavailable: Postgres is away.
        """
        return await schema_state(self.pool)

    async def redis_answers(self) -> None:
        """Ask Redis for a sign of life.

        Raises:
            QueueUnavailable: there is none.
        """
        with unavailable_when_down():
            await self.redis.time()

    async def durability(self) -> Durability:
        """Check that Redis keeps what is acknowledged.

        Raises:
            QueueUnavailable: Redis is away.
        """
        return await durability(self.redis, self.demand)

    async def database_durability(self) -> Durability:
        """Check that Postgres keeps what is acknowledged, where that rests on it.

        Raises:
            DatabaseUnavailable: Postgres is away.
        """
        return await database_durability(self.pool, self.demand)


async def look_at_redis(url: str, *, demand: Demand, clock: Clock) -> RedisSeen | Down:
    """Ask Redis for its settings, its memory and its time."""
    try:
        async with connect(url, pool_size=1) as redis:
            return await _ask(redis, demand=demand, clock=clock)
    except QueueUnavailable as failure:
        return Down(reason=_reason(failure.__cause__ or failure))
    except RedisError as error:
        return Down(reason=_reason(error))
    except ValueError:
        return Down(reason="its URL cannot be read")


async def _ask(redis: Redis, *, demand: Demand, clock: Clock) -> RedisSeen:
    with unavailable_when_down():
        before = clock()
        seconds, microseconds = await redis.time()
        offset = _offset(datetime.fromtimestamp(seconds + microseconds / 1e6, UTC), before, clock())
        memory = await redis.info("memory")
    found = await durability(redis, demand)
    return RedisSeen(
        durability=Durability(
            findings=tuple(each for each in found.findings if not each.startswith(OF_MEMORY)),
            warnings=found.warnings,
        ),
        memory=(
            *(each for each in found.findings if each.startswith(OF_MEMORY)),
            *_room(int(memory["used_memory"]), int(memory.get("maxmemory", 0))),
        ),
        clock_offset_seconds=offset,
        forwarders=tuple(await SightingStore(redis=redis).seen(now=clock())),
    )


def _room(used: int, most: int) -> list[str]:
    if not most or used < most * MEMORY_FULL:
        return []
    share = used * 100 // most
    return [f"Raise maxmemory: {share} % of it are used, and a full Redis refuses comments."]


def _offset(theirs: datetime, before: datetime, after: datetime) -> float:
    return (theirs - (before + (after - before) / 2)).total_seconds()


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
