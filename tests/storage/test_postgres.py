"""Postgres itself: the pool, its role, its absence, and the migrations."""

from __future__ import annotations

import asyncio
import contextlib
import re
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from structlog.testing import capture_logs

from service.storage.migrations import migrations
from service.storage.postgres import (
    DatabaseUnavailable,
    MigrationFailed,
    SchemaState,
    connected,
    fill,
    in_transaction,
    migrate,
    open_pool,
    schema_state,
)
from tests.conftest import FreshDatabase

ALL = [migration.name for migration in migrations()]


async def test_the_service_works_as_a_role_that_can_only_add_decisions(database_url: str) -> None:
    async with open_pool(database_url, max_size=2) as pool, connected(pool) as connection:
        assert await connection.fetchval("SELECT current_user") == "postbag_app"
        await connection.fetch("SELECT comment_id FROM decisions")
        for forbidden in (
            "UPDATE decisions SET note = ''",
            "DELETE FROM decisions",
            "TRUNCATE decisions",
            "DROP TABLE decisions",
            "CREATE TABLE mine (a int)",
            "DELETE FROM schema_migrations",
            "DELETE FROM sites",
            "DELETE FROM articles",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(forbidden)


async def test_a_session_comes_back_as_the_same_role(database_url: str) -> None:
    async with open_pool(database_url, min_size=1, max_size=1) as pool:
        async with in_transaction(pool) as connection:
            await connection.execute("SET LOCAL statement_timeout = '3s'")
        async with connected(pool) as connection:
            assert await connection.fetchval("SELECT current_user") == "postbag_app"
            assert await connection.fetchval("SHOW statement_timeout") == "0"


async def test_a_pool_that_was_filled_has_every_connection_and_lends_them_all(owner: str) -> None:
    async with open_pool(owner, max_size=5) as pool:
        await fill(pool)
        assert (pool.get_size(), pool.get_idle_size()) == (5, 5)


async def test_a_pool_is_filled_as_far_as_the_server_has_room(
    owner: str, administrator: asyncpg.Connection
) -> None:
    await administrator.execute("ALTER ROLE ordinary CONNECTION LIMIT 4")
    try:
        async with open_pool(owner, max_size=5) as pool:
            # The server may not have noticed yet that who looked first has left.
            async with asyncio.timeout(5):
                while pool.get_size() < 4:
                    await fill(pool)
            assert (pool.get_size(), pool.get_idle_size()) == (4, 4)
    finally:
        await administrator.execute("ALTER ROLE ordinary CONNECTION LIMIT -1")


async def test_json_and_times_are_values_of_python(database_url: str) -> None:
    told = {"mode": "pre", "origins": ["https://daily.example"], "é": None}
    async with open_pool(database_url, max_size=2) as pool, connected(pool) as connection:
        assert await connection.fetchval("SELECT $1::jsonb", told) == told
        when = await connection.fetchval("SELECT '2026-11-23 15:29:57.113+01'::timestamptz")
        assert when == datetime(2026, 11, 23, 14, 29, 57, 113_000, tzinfo=UTC)
        assert await connection.fetchval("SHOW timezone") == "UTC"


async def test_a_transaction_is_undone_when_its_block_fails(database_url: str) -> None:
    insert = "INSERT INTO sites (slug, name) VALUES ('daily', 'The Daily')"
    async with open_pool(database_url, max_size=2) as pool:
        with contextlib.suppress(LookupError):
            async with in_transaction(pool) as connection:
                await connection.execute(insert)
                raise LookupError
        async with connected(pool) as connection:
            assert await connection.fetchval("SELECT count(*) FROM sites") == 0


async def test_nobody_waits_long_for_a_connection(database_url: str) -> None:
    async with open_pool(database_url, min_size=1, max_size=1) as pool, connected(pool):
        with pytest.raises(DatabaseUnavailable) as refused:
            async with connected(pool, wait_seconds=0.01):
                pass
    assert refused.value.stable_code == "database_unavailable"
    assert refused.value.retry_after_seconds == 5


async def test_a_session_that_is_killed_is_unavailable_and_then_replaced(
    database_url: str,
) -> None:
    async with open_pool(database_url, role="postgres", max_size=1, min_size=1) as pool:
        with pytest.raises(DatabaseUnavailable):
            await _end_own_session(pool)
        async with connected(pool) as connection:
            assert await connection.fetchval("SELECT 1") == 1


async def _end_own_session(pool: asyncpg.Pool[asyncpg.Record]) -> None:
    async with connected(pool) as connection:
        await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")


async def test_a_database_that_takes_no_connections_is_unavailable(
    database_url: str, administrator: asyncpg.Connection
) -> None:
    async with open_pool(database_url, min_size=1, max_size=1) as pool:
        async with connected(pool) as connection:
            name = await connection.fetchval("SELECT current_database()")
            await administrator.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            pid = connection.get_server_pid()
        await administrator.execute("SELECT pg_terminate_backend($1, 5000)", pid)
        with pytest.raises(DatabaseUnavailable):
            async with connected(pool):
                pass
        await administrator.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        async with connected(pool) as connection:
            assert await connection.fetchval("SELECT 1")


async def test_a_statement_that_takes_too_long_is_unavailable(database_url: str) -> None:
    async with open_pool(database_url, max_size=2, command_timeout=0.05) as pool:
        with pytest.raises(DatabaseUnavailable):
            async with connected(pool) as connection:
                await connection.execute("SELECT pg_sleep(5)")


@pytest.mark.parametrize(
    ("statement", "arguments"),
    [
        ("INSERT INTO sites (slug, name) VALUES ('Not A Slug', '')", ()),
        ("SELECT $1::int", ("one",)),
        ("SELECT nothing", ()),
    ],
)
async def test_a_statement_at_fault_is_not_blamed_on_the_server(
    statement: str, arguments: tuple[str, ...], database_url: str
) -> None:
    async with open_pool(database_url, max_size=2) as pool:
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
            async with connected(pool) as connection:
                await connection.fetch(statement, *arguments)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://postgres@127.0.0.1:1/postbag",
        "postgresql://postgres@/postbag?host=/nowhere&port=5432",
    ],
)
async def test_a_server_that_is_not_there_is_unavailable(url: str) -> None:
    with pytest.raises(DatabaseUnavailable):
        async with open_pool(url):
            pass
    with pytest.raises(DatabaseUnavailable):
        await migrate(url)


async def test_many_processes_may_migrate_at_once_and_one_does(
    fresh_database: FreshDatabase,
) -> None:
    url = await fresh_database()

    applied = await asyncio.gather(*(migrate(url) for _ in range(4)))

    assert sorted(applied, key=len) == [[], [], [], ALL]


async def test_the_schema_is_behind_then_up_to_date_then_ahead(
    fresh_database: FreshDatabase,
) -> None:
    url = await fresh_database()
    async with open_pool(url, max_size=2) as pool:
        assert await schema_state(pool) is SchemaState.BEHIND
        await migrate(url)
        assert await schema_state(pool) is SchemaState.OK
        async with asyncpg.create_pool(url, min_size=1, max_size=1) as owner:
            await owner.execute(
                "INSERT INTO schema_migrations (name, digest)"
                " VALUES ('9999_from_tomorrow.sql', sha256(''))"
            )
        assert await schema_state(pool) is SchemaState.AHEAD
        assert await migrate(url) == []


async def test_an_applied_file_that_was_edited_is_refused(
    fresh_database: FreshDatabase, tmp_path: Path
) -> None:
    url = await fresh_database()
    file = tmp_path / "0001_create_letters.sql"
    file.write_text("CREATE TABLE letters (a int);")
    await migrate(url, folder=tmp_path)
    file.write_text("CREATE TABLE letters (a bigint);")

    with pytest.raises(MigrationFailed, match=r"0001_create_letters\.sql was edited"):
        await migrate(url, folder=tmp_path)


async def test_a_migration_that_fails_leaves_nothing_and_stops_the_rest(
    fresh_database: FreshDatabase, tmp_path: Path
) -> None:
    url = await fresh_database()
    (tmp_path / "0001_create_letters.sql").write_text("CREATE TABLE letters (a int); SELECT 1/0;")
    (tmp_path / "0002_create_stamps.sql").write_text("CREATE TABLE stamps (a int);")

    with pytest.raises(MigrationFailed, match=r"0001_create_letters\.sql: division by zero"):
        await migrate(url, folder=tmp_path)

    connection = await asyncpg.connect(url)
    left = await connection.fetch(
        "SELECT relname FROM pg_class WHERE relname = ANY($1)", ["letters", "stamps"]
    )
    await connection.close()
    assert left == []


async def test_an_index_is_built_beside_the_traffic_and_again_after_a_crash(
    fresh_database: FreshDatabase, tmp_path: Path
) -> None:
    url = await fresh_database()
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE letters AS SELECT 1 AS a FROM generate_series(1, 2)")
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute("CREATE UNIQUE INDEX CONCURRENTLY letters_by_a ON letters (a)")
    await connection.execute("DELETE FROM letters")
    (tmp_path / "0001_index_letters.concurrently.sql").write_text(
        "CREATE UNIQUE INDEX CONCURRENTLY letters_by_a ON letters (a);"
    )

    await asyncio.gather(*(migrate(url, folder=tmp_path) for _ in range(2)))

    valid = await connection.fetchval(
        "SELECT indisvalid FROM pg_index WHERE indexrelid = 'letters_by_a'::regclass"
    )
    await connection.close()
    assert valid


def test_a_misnamed_migration_is_refused(tmp_path: Path) -> None:
    (tmp_path / "1_letters.sql").write_text("SELECT 1;")
    with pytest.raises(MigrationFailed, match="not named NNNN_verb_noun"):
        migrations(tmp_path)


def test_two_migrations_of_one_number_are_refused(tmp_path: Path) -> None:
    for name in ("0001_create_sites.sql", "0001_create_comments.sql"):
        (tmp_path / name).write_text("SELECT 1;", "utf-8")
    with pytest.raises(MigrationFailed, match="same number"):
        migrations(tmp_path)


def test_no_migration_gives_rights() -> None:
    """They would fail where there is no such role; sql/rights.sql gives them."""
    giving = [each.name for each in migrations() if re.search(r"(?im)^\s*grant\b", each.sql)]
    assert giving == []


@pytest.fixture
async def owner(administrator: asyncpg.Connection, fresh_database: FreshDatabase) -> str:
    """The URL of a database whose owner is an ordinary login."""
    url = await fresh_database()
    database = url.split("/")[3].split("?")[0]
    await administrator.execute(
        "DO $$ BEGIN CREATE ROLE ordinary LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
    )
    await administrator.execute(f"ALTER DATABASE {database} OWNER TO ordinary")
    return url.replace("postgres@", "ordinary@", 1)


async def test_an_ordinary_owner_migrates_and_works_as_itself(owner: str) -> None:
    with capture_logs() as logs:
        assert await migrate(owner) == ALL
    async with open_pool(owner, max_size=2) as pool, connected(pool) as connection:
        assert await connection.fetchval("SELECT current_user") == "ordinary"
    advice = [line for line in logs if line["log_level"] == "warning"]
    assert len(advice) == 1
    assert "GRANT postbag_app TO" in advice[0]["advice"]


async def test_an_ordinary_owner_whom_the_role_was_granted_works_as_the_role(
    owner: str, administrator: asyncpg.Connection
) -> None:
    await administrator.execute("GRANT postbag_app TO ordinary")
    try:
        with capture_logs() as logs:
            await migrate(owner)
        async with open_pool(owner, max_size=2) as pool, connected(pool) as connection:
            assert await connection.fetchval("SELECT current_user") == "postbag_app"
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute("DELETE FROM decisions")
    finally:
        await administrator.execute("REVOKE postbag_app FROM ordinary")
    assert [line for line in logs if line["log_level"] == "warning"] == []
