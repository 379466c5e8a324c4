"""Bring a database to this release's schema, and tell whether it is there.

Files `sql/migrations/NNNN_verb_noun.sql` are applied in their order, once, each in a
transaction of its own; `….concurrently.sql` holds one statement and runs outside one.
Rights are no migration: `sql/rights.sql` is applied after every run.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from pathlib import Path

import asyncpg
import structlog
from msgspec import Struct

from service.storage.dependency import database_errors
from service.storage.queries import SQL_FOLDER

APP_ROLE = "postbag_app"
"""The role the service works as (protocol.md Ruling 12)."""

LOCK_KEY = 0x706F7374626167
"""The advisory lock of whoever migrates: "postbag" in ASCII."""

LOCK_POLL_SECONDS = 0.1
LOCK_ATTEMPTS = 3_000
"""Five minutes: another process's index on a large table takes that long."""

CONNECT_SECONDS = 10.0

_FILE_NAME = re.compile(r"[0-9]{4}_[a-z0-9]+(_[a-z0-9]+)+(\.concurrently)?\.sql\Z")

_log = structlog.get_logger()


class MigrationFailed(Exception):  # noqa: N818 - one line for a person, not for a program
    """The schema cannot be brought up to date; the text says why and what to do."""


class SchemaState(StrEnum):
    """How the database's schema relates to this release's."""

    OK = "ok"
    BEHIND = "behind"
    """`postbag migrate` has something to do."""
    AHEAD = "ahead"
    """A newer release has migrated it; this one still works with it."""


class Migration(Struct, frozen=True, kw_only=True):
    """One file of `sql/migrations`."""

    name: str
    sql: str

    @property
    def digest(self) -> bytes:
        """SHA-256 of the file; an applied file is never edited."""
        return hashlib.sha256(self.sql.encode()).digest()

    @property
    def concurrent(self) -> bool:
        """True when it must run outside a transaction."""
        return self.name.endswith(".concurrently.sql")


def migrations(folder: Path = SQL_FOLDER / "migrations") -> list[Migration]:
    """Return this release's migrations in the order they are applied.

    Raises:
        MigrationFailed: a file's name is not of the form, or two have one number.
    """
    files = sorted(folder.glob("*.sql"))
    for file in files:
        if not _FILE_NAME.match(file.name):
            raise MigrationFailed(f"{file.name} is not named NNNN_verb_noun.sql.")
    if len({file.name[:4] for file in files}) < len(files):
        raise MigrationFailed("Two migrations have the same number.")
    return [Migration(name=file.name, sql=file.read_text("utf-8")) for file in files]


async def migrate(url: str, *, folder: Path = SQL_FOLDER / "migrations") -> list[str]:
    """Apply what is missing and return the names of the files applied.

    Any number of processes may call it at once: one works, the others wait and find
    nothing to do.

    Raises:
        MigrationFailed: an applied file was edited, a statement failed, or the wait was long.
        DatabaseUnavailable: Postgres is away.
    """
    with database_errors():
        async with _alone(url) as connection:
            missing = await _missing(connection, migrations(folder))
            for migration in missing:
                await _apply(connection, migration)
            await _give_rights(connection)
            return [migration.name for migration in missing]


async def schema_state(
    pool: asyncpg.Pool[asyncpg.Record], *, folder: Path = SQL_FOLDER / "migrations"
) -> SchemaState:
    """Compare the database's schema with this release's.

    Raises:
        DatabaseUnavailable: Postgres is away.
    """
    with database_errors():
        try:
            rows = await pool.fetch("SELECT name FROM schema_migrations")
        except asyncpg.UndefinedTableError:
            return SchemaState.BEHIND
    applied = {row["name"] for row in rows}
    known = {migration.name for migration in migrations(folder)}
    if known - applied:
        return SchemaState.BEHIND
    return SchemaState.AHEAD if applied - known else SchemaState.OK


async def newest_applied(pool: asyncpg.Pool[asyncpg.Record]) -> str:
    """Return the name of the newest migration the database has; "" for none.

    Raises:
        DatabaseUnavailable: Postgres is away.
    """
    with database_errors():
        name: str = await pool.fetchval("SELECT coalesce(max(name), '') FROM schema_migrations")
    return name


@asynccontextmanager
async def _alone(url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Connect and hold the migrators' lock.

    The lock is asked for again and again instead of waited for: a statement that waits
    holds a snapshot, and CREATE INDEX CONCURRENTLY of the other process would wait for it.
    """
    connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS)
    try:
        for _ in range(LOCK_ATTEMPTS):
            if await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK_KEY):
                break
            await asyncio.sleep(LOCK_POLL_SECONDS)
        else:
            raise MigrationFailed("Another process is still migrating; try again later.")
        yield connection
    finally:
        await connection.close(timeout=CONNECT_SECONDS)


async def _missing(
    connection: asyncpg.Connection[asyncpg.Record], known: list[Migration]
) -> list[Migration]:
    """Return what was never applied, and refuse what was edited since."""
    await connection.execute(
        """CREATE TABLE IF NOT EXISTS schema_migrations (
               name       text PRIMARY KEY,
               digest     bytea NOT NULL CHECK (length(digest) = 32),
               applied_at timestamptz NOT NULL DEFAULT now())"""
    )
    rows = await connection.fetch("SELECT name, digest FROM schema_migrations")
    applied = {row["name"]: row["digest"] for row in rows}
    for migration in known:
        if applied.get(migration.name, migration.digest) != migration.digest:
            raise MigrationFailed(
                f"{migration.name} was edited after it had been applied to this database."
                " Restore the file as it was, and put the change into a new one."
            )
    return [migration for migration in known if migration.name not in applied]


async def _apply(connection: asyncpg.Connection[asyncpg.Record], migration: Migration) -> None:
    try:
        if migration.concurrent:
            await _drop_half_built(connection)
            await connection.execute(migration.sql)
            await _record(connection, migration)
        else:
            async with connection.transaction():
                await connection.execute(migration.sql)
                await _record(connection, migration)
    except asyncpg.PostgresError as error:
        reason = " ".join(str(error).split())
        raise MigrationFailed(f"{migration.name}: {reason}") from error
    _log.info("schema.migrated", file=migration.name)


async def _record(connection: asyncpg.Connection[asyncpg.Record], migration: Migration) -> None:
    await connection.execute(
        "INSERT INTO schema_migrations (name, digest) VALUES ($1, $2)",
        migration.name,
        migration.digest,
    )


async def _drop_half_built(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Drop the indexes an interrupted CREATE INDEX CONCURRENTLY left invalid.

    Nobody else builds one: the migrators' lock is ours.
    """
    rows = await connection.fetch(
        """SELECT format('DROP INDEX CONCURRENTLY %I.%I', n.nspname, c.relname) AS statement
           FROM pg_index AS i
           JOIN pg_class AS c ON c.oid = i.indexrelid
           JOIN pg_namespace AS n ON n.oid = c.relnamespace
           WHERE NOT i.indisvalid AND n.nspname = current_schema()"""
    )
    for row in rows:
        await connection.execute(row["statement"])


async def _give_rights(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Give the service's role its rights, or say once that there is no such role."""
    if not await _role_exists(connection):
        try:
            await connection.execute("CREATE ROLE postbag_app NOLOGIN")
        except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
            pass  # roles belong to the whole server: another database's migration made it
        except asyncpg.InsufficientPrivilegeError:
            _log.warning(
                "schema.no_role",
                role=APP_ROLE,
                advice="This login may not create roles, so the service works as the owner of"
                " its tables. Let an administrator run: CREATE ROLE postbag_app NOLOGIN;"
                " GRANT postbag_app TO this login; then migrate again.",
            )
            return
    if not await may_act_as(connection, APP_ROLE):
        try:
            await connection.execute("GRANT postbag_app TO CURRENT_USER")
        except asyncpg.InsufficientPrivilegeError:
            _log.warning(
                "schema.role_not_granted",
                role=APP_ROLE,
                advice="Let an administrator run: GRANT postbag_app TO this login;",
            )
    await connection.execute((SQL_FOLDER / "rights.sql").read_text("utf-8"))


async def _role_exists(connection: asyncpg.Connection[asyncpg.Record]) -> bool:
    known = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", APP_ROLE)
    return known is not None


async def may_act_as(connection: asyncpg.Connection[asyncpg.Record], role: str) -> bool:
    """Tell whether this login may work as a role; false also when there is none."""
    try:
        async with connection.transaction():
            await connection.execute("SELECT set_config('role', $1, true)", role)
    except (asyncpg.InvalidParameterValueError, asyncpg.InsufficientPrivilegeError):
        return False
    return True
