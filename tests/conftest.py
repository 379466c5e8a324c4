"""Real stores for every test: one pair of servers a session, a database of its own a test."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import os
import shutil
import signal
import tempfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Protocol

import asyncpg
import pytest
import redis.asyncio
import structlog

from service.embedded import EmbeddedStores

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from types import FrameType

REDIS_DATABASES = 16
"""How many numbered databases a Redis has as it comes."""

MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
"""Linux' files in memory: two hundred databases of a thousand files each are soon made there."""

MEMORY_BYTES = 8 << 30
"""Free there before the tests' stores go there; a container as it comes has 64 MiB."""

NUMBERS = ("nobody", "journeys", "api", "browser", "dashboard", "features")
"""Who keeps a database of Redis for long, by its number: tests take turns, services overlap.

The first is what a bare address means; whatever is there is nobody's."""


class FreshDatabase(Protocol):
    """Makes empty databases, or copies of a template."""

    async def __call__(self, template: str | None = None) -> str:
        """Return the URL of a new database."""


def log_plainly() -> None:
    """Let tracebacks show no local variables: structlog draws them for half a minute each."""
    structlog.reset_defaults()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S"),
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
        ]
    )


log_plainly()

# Ten thousand tests and what they import stay to the end: to look through them for garbage again
# and again would take a tenth of a session.
gc.disable()


def pytest_collection_finish() -> None:
    """Look for garbage among what the tests make, and not among the tests."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish() -> None:
    """Show everything again: Hypothesis, loaded to tell its figures, asks who refers to what."""
    gc.unfreeze()


def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    """End the session, as Python's own way with Ctrl-C does."""
    raise KeyboardInterrupt


# Seeing Python's own, asyncio sets another for each fixture and test and takes it back; `signal`
# draws the one it replaces, with whatever the fixture made: of a whole service, for seconds.
signal.signal(signal.SIGINT, interrupt)


@pytest.fixture(scope="session")
def stores_folder() -> Iterator[Path]:
    """Where the session's servers keep their files; removed in the end."""
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES
    with tempfile.TemporaryDirectory(
        prefix="postbag-tests-", dir=MEMORY if roomy else None
    ) as folder:
        if os.geteuid() == 0:
            Path(folder).chmod(0o711)  # the servers run as another user than root
        yield Path(folder)


@pytest.fixture(scope="session")
async def stores(stores_folder: Path) -> AsyncIterator[EmbeddedStores]:
    """One private PostgreSQL and Valkey for the whole session, restarted when they end."""
    async with EmbeddedStores(stores_folder / "data") as pair:
        watching = asyncio.create_task(pair.watch())
        yield pair
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


@pytest.fixture(scope="session")
async def administrator(stores: EmbeddedStores) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's session that makes databases; not for the tests' own use."""
    connection = await asyncpg.connect(
        database_called("postgres", beside=stores.endpoints.database_url)
    )
    # It would visit each test's database, for nothing.
    await connection.execute("ALTER SYSTEM SET autovacuum = off")
    await connection.execute("SELECT pg_reload_conf()")
    yield connection
    await connection.close()


@pytest.fixture(scope="session")
async def template_database(stores: EmbeddedStores, administrator: asyncpg.Connection) -> str:
    """The name of a database with the newest schema and no rows."""
    name = "template_migrated"
    await administrator.execute(f"CREATE DATABASE {name}")
    await migrate_to_newest(database_called(name, beside=stores.endpoints.database_url))
    return name


@pytest.fixture(scope="session")
async def fresh_database(
    stores: EmbeddedStores, administrator: asyncpg.Connection
) -> FreshDatabase:
    """A function that makes databases, empty or from a template.

    They stay until the session's folder goes: dropping one takes a checkpoint.
    """

    async def make(template: str | None = None) -> str:
        name = f"test_{next(_numbers)}"
        await administrator.execute(f"CREATE DATABASE {name} TEMPLATE {template or 'template1'}")
        return database_called(name, beside=stores.endpoints.database_url)

    return make


@pytest.fixture
async def database_url(fresh_database: FreshDatabase, template_database: str) -> str:
    """A database with the newest schema and no rows, for this test alone."""
    return await fresh_database(template_database)


@pytest.fixture(scope="session")
async def shared_database(
    fresh_database: FreshDatabase, template_database: str
) -> AsyncIterator[tuple[str, asyncpg.Connection]]:
    """A database that tests use one after the other, and a superuser's session there."""
    url = await fresh_database(template_database)
    connection = await asyncpg.connect(url)
    # No trigger keeps what is written for good, no reference asks for an order.
    await connection.execute("SET session_replication_role = replica; SET lock_timeout = '10s'")
    yield url, connection
    await connection.close()


@pytest.fixture
async def emptied_database_url(shared_database: tuple[str, asyncpg.Connection]) -> str:
    """A database with the newest schema and no rows, where other tests were before.

    To empty one takes a tenth of the time of making one. For tests that leave the schema alone.
    """
    url, connection = shared_database
    tables = await connection.fetch(
        "SELECT tablename FROM pg_tables"
        " WHERE schemaname = 'public' AND tablename <> 'schema_migrations'"
    )
    sequences = "SELECT setval(format('%I', sequencename), 1, false) FROM pg_sequences"
    await connection.execute(
        ";".join([*(f'DELETE FROM "{table}"' for (table,) in tables), sequences])  # noqa: S608 - ours
    )
    return url


@pytest.fixture
async def redis_url(stores: EmbeddedStores) -> AsyncIterator[str]:
    """An empty numbered Redis database, for this test alone."""
    number = _free_numbers.pop()
    url = redis_numbered(number, beside=stores.endpoints.redis_url)
    async with redis.asyncio.Redis.from_url(url) as client:
        await client.flushdb()
    yield url
    _free_numbers.append(number)


async def migrate_to_newest(url: str) -> None:
    """Bring an empty database to the newest schema, once the service has migrations."""
    if find_spec("service.storage.postgres") is not None:
        await import_module("service.storage.postgres").migrate(url)


def database_called(name: str, *, beside: str) -> str:
    """Return the URL of another database of the same server."""
    server, _, rest = beside.partition("@/")
    return f"{server}@/{name}?{rest.partition('?')[2]}"


def redis_of(name: str, *, beside: str) -> str:
    """Return the URL of the numbered database that some tests keep for themselves."""
    return redis_numbered(NUMBERS.index(name), beside=beside)


def emptied(redis_url: str) -> str:
    """Empty a Redis database: services before this one had sites of the same names."""
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
    return redis_url


def redis_numbered(number: int, *, beside: str) -> str:
    """Return the URL of another numbered database of the same server."""
    return f"{beside.partition('?')[0]}?db={number}"


_numbers = itertools.count(1)
_free_numbers = list(range(len(NUMBERS), REDIS_DATABASES))
