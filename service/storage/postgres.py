"""The doors to Postgres: a pool, a connection that does not keep anyone waiting, migrations."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg
import orjson

from service.storage.breakers import Breakers, GuardedPool, guarded
from service.storage.dependency import DatabaseUnavailable, database_errors, says_away
from service.storage.migrations import (
    APP_ROLE,
    MigrationFailed,
    SchemaState,
    may_act_as,
    migrate,
    schema_state,
)
from service.storage.queries import BrokenQueryFile, load_queries

__all__ = [
    "TURN_SECONDS",
    "BrokenQueryFile",
    "Connection",
    "DatabaseUnavailable",
    "MigrationFailed",
    "SchemaState",
    "as_json",
    "attempted",
    "begun",
    "connected",
    "database_errors",
    "fill",
    "in_transaction",
    "json_bytes",
    "load_queries",
    "migrate",
    "open_pool",
    "pool_figures",
    "says_away",
    "schema_state",
    "write_rows",
]

Connection: TypeAlias = (
    "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
)
"""A session, lent by a pool or opened alone."""

ACQUIRE_SECONDS = 0.25
"""How long a request may wait for a connection (protocol.md 3.1)."""

TURN_SECONDS = 2.0
"""How long what a person has decided may wait for one, rather than be asked for again
(protocol.md Ruling 14)."""

CONNECT_SECONDS = 5.0
"""How long opening a connection may take; a server that recovers refuses at once."""

CLOSE_SECONDS = 5.0
"""How long the pool may wait for its statements to end (embedded.md 4)."""

RELEASE_SECONDS = 1.0
"""How long giving a connection back may take before it is thrown away."""

MAX_QUERIES = 50_000
"""Statements after which a connection is replaced: asyncpg's own default."""

JSONB_VERSION = b"\x01"
"""The first byte of jsonb's binary form."""


@asynccontextmanager
async def open_pool(
    url: str,
    *,
    role: str = APP_ROLE,
    min_size: int = 2,
    max_size: int = 8,
    command_timeout: float = 5.0,
    breakers: Breakers | None = None,
    heard_wait: Callable[[float], None] | None = None,
) -> AsyncIterator[asyncpg.Pool[asyncpg.Record]]:
    """Open a pool that works as `role` where the login may, in UTC, with jsonb as Python values.

    `command_timeout` is in seconds and ends every statement that takes longer. Broken
    connections are replaced when they are next asked for. With `breakers` a server that is away is
    not asked. `heard_wait` is told how long each waited for a connection, in seconds.

    Raises:
        DatabaseUnavailable: Postgres is away, or refuses the login.
    """
    settings = {"timezone": "UTC", "application_name": "postbag"}
    with database_errors():
        if await _may_act_as(url, role):
            settings["role"] = role
        pool = GuardedPool(
            url,
            min_size=min_size,
            max_size=max_size,
            command_timeout=command_timeout,
            timeout=CONNECT_SECONDS,
            max_inactive_connection_lifetime=0,
            server_settings=settings,
            init=_teach_json,
            reset=_leave_as_is,
            max_queries=MAX_QUERIES,
            loop=None,
            connection_class=asyncpg.Connection,
            record_class=asyncpg.Record,
        )
        pool.breakers, pool.heard_wait = breakers, heard_wait
        pool.divide()
        await pool
    try:
        yield pool
    finally:
        await _close(pool)


async def fill(pool: asyncpg.Pool[asyncpg.Record]) -> None:
    """Open all connections that a pool may have, as far as the server has room for them.

    Who borrows later need not wait for one to open: on a busy machine that takes longer than
    anybody waits, and is given up and begun again.
    """
    borrowed = await asyncio.gather(
        *(pool.acquire() for _ in range(pool.get_max_size())), return_exceptions=True
    )
    for connection in borrowed:
        if not isinstance(connection, BaseException):
            await pool.release(connection, timeout=RELEASE_SECONDS)


def pool_figures(pool: asyncpg.Pool[asyncpg.Record]) -> dict[str, Callable[[], int]]:
    """Return what tells how many connections are open, and how many are lent."""
    return {"size": pool.get_size, "in_use": lambda: pool.get_size() - pool.get_idle_size()}


@asynccontextmanager
async def connected(
    pool: asyncpg.Pool[asyncpg.Record],
    *,
    wait_seconds: float = ACQUIRE_SECONDS,
    writes: bool = False,
) -> AsyncIterator[Connection]:
    """Lend a connection; do nothing but database work inside the block.

    A session is not reset when it comes back: change its settings by SET LOCAL only.

    Raises:
        DatabaseUnavailable: none was free within `wait_seconds`, Postgres went away, or it was
            a moment ago (`writes` says which breaker tells).
    """
    with database_errors(), guarded(pool, writes=writes):
        async with _lent(pool, wait_seconds=wait_seconds, writes=writes) as connection:
            yield connection


@asynccontextmanager
async def in_transaction(
    pool: asyncpg.Pool[asyncpg.Record],
    *,
    wait_seconds: float = ACQUIRE_SECONDS,
    writes: bool = True,
) -> AsyncIterator[Connection]:
    """Lend a connection inside a transaction that commits when the block ends well.

    Raises:
        DatabaseUnavailable: as `connected`; a commit under way may have taken effect.
    """
    async with (
        connected(pool, wait_seconds=wait_seconds, writes=writes) as connection,
        connection.transaction(),
    ):
        yield connection


@asynccontextmanager
async def begun(connection: Connection, settings: str) -> AsyncIterator[None]:
    """Keep a transaction open inside the block, begun with settings of its own in one round trip.

    `attempted` is for savepoints in it: asyncpg's own transactions know nothing of this one.
    """
    try:
        await connection.execute(f"BEGIN; {settings}")
        yield
    except BaseException:
        try:
            await connection.execute("ROLLBACK")
        except BaseException:
            connection.terminate()  # a session is not reset when it comes back
            raise
        raise
    await connection.execute("COMMIT")


@asynccontextmanager
async def attempted(connection: Connection) -> AsyncIterator[None]:
    """Take back what is done inside the block of a transaction, and that alone, when it fails."""
    await connection.execute("SAVEPOINT attempt")
    try:
        yield
    except BaseException:
        await connection.execute("ROLLBACK TO attempt; RELEASE attempt")
        raise
    await connection.execute("RELEASE attempt")


@asynccontextmanager
async def _lent(
    pool: asyncpg.Pool[asyncpg.Record], *, wait_seconds: float, writes: bool
) -> AsyncIterator[Connection]:
    if not isinstance(pool, GuardedPool):
        async with asyncio.timeout(wait_seconds):
            connection = await pool.acquire()
        try:
            yield connection
        finally:
            await pool.release(connection, timeout=RELEASE_SECONDS)
        return
    clock = asyncio.get_running_loop().time
    begun = clock()
    lane = pool.lane_of_writes if writes else pool.lane_of_reads
    async with asyncio.timeout(wait_seconds):
        await lane.acquire()
        try:
            connection = await pool.acquire()
        except BaseException:
            lane.release()
            raise
    try:
        if pool.heard_wait is not None:
            pool.heard_wait(clock() - begun)
        yield connection
    finally:
        lane.release()
        await pool.release(connection, timeout=RELEASE_SECONDS)


async def write_rows(connection: Connection, sql: str, rows: Sequence[Sequence[Any]]) -> str:
    """Run a statement that takes columns side by side, as arrays; returns what it did.

    Without rows it is not run.
    """
    if not rows:
        return ""
    done: str = await connection.execute(sql, *zip(*rows, strict=True))
    return done


def as_json(value: Any) -> str:
    """Write what a parameter of type json takes, ids and times among it."""
    return json_bytes(value).decode()


def json_bytes(value: Any) -> bytes:
    """Write a part of it."""
    return orjson.dumps(value, default=_uuid_text)


async def _may_act_as(url: str, role: str) -> bool:
    connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS)
    try:
        return await may_act_as(connection, role)
    finally:
        await connection.close(timeout=CONNECT_SECONDS)


async def _leave_as_is(_: Connection) -> None:
    """Spare a round trip: nothing but an open transaction, which asyncpg ends, is left behind."""


async def _teach_json(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", format="binary", encoder=_to_jsonb, decoder=_from_jsonb
    )


def _to_jsonb(value: Any) -> bytes:
    return JSONB_VERSION + json_bytes(value)


def _uuid_text(value: object) -> str:
    """Write an id: asyncpg has UUIDs of its own, which orjson does not know."""
    if not isinstance(value, UUID):
        raise TypeError(type(value).__name__)
    return str(value)


def _from_jsonb(value: bytes) -> Any:
    return orjson.loads(value[1:])


async def _close(pool: asyncpg.Pool[asyncpg.Record]) -> None:
    """Close within seconds, also when Postgres no longer answers."""
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await pool.close()
    except Exception as error:
        pool.terminate()
        if not says_away(error):
            raise
