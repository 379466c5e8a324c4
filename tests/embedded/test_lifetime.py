"""Starts, deaths and ends of a pair of servers over a folder of its own."""

# ruff: noqa: ASYNC240 - these files are on a local disk, and nobody else waits for this loop

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
import redis.asyncio

from service.embedded import AlreadyRunning, EmbeddedStores, join_running
from tests.embedded.conftest import StartKeeper, lives, until

pytestmark = pytest.mark.long


@asynccontextmanager
async def watched(stores: EmbeddedStores) -> AsyncIterator[EmbeddedStores]:
    async with stores:
        watching = asyncio.create_task(stores.watch())
        yield stores
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


async def keep(stores: EmbeddedStores, word: str) -> None:
    """Write a word into both stores and be told that it is kept."""
    connection = await asyncpg.connect(stores.endpoints.database_url)
    await connection.execute("CREATE TABLE IF NOT EXISTS words (word text)")
    await connection.execute("INSERT INTO words VALUES ($1)", word)
    await connection.close()
    async with redis.asyncio.Redis.from_url(stores.endpoints.redis_url) as client:
        await client.rpush("words", word)


async def kept(stores: EmbeddedStores) -> tuple[list[str], list[str]]:
    connection = await asyncpg.connect(stores.endpoints.database_url)
    rows = await connection.fetch("SELECT word FROM words ORDER BY word")
    await connection.close()
    url = stores.endpoints.redis_url
    async with redis.asyncio.Redis.from_url(url, decode_responses=True) as client:
        words = [str(word) for word in await client.lrange("words", 0, -1)]
    return [row["word"] for row in rows], sorted(words)


async def test_killed_servers_come_back_with_all_they_acknowledged(folder: Path) -> None:
    async with watched(EmbeddedStores(folder)) as stores:
        await keep(stores, "before")
        killed = (stores.postgres_pid, stores.redis_pid)
        for pid in killed:
            assert pid
            os.kill(pid, signal.SIGKILL)
        await until(lambda: not any(map(lives, killed)))
        await until(lambda: None not in {stores.postgres_pid, stores.redis_pid})
        async with asyncio.timeout(15):
            while await join_running(folder) != stores.endpoints:  # noqa: ASYNC110 - polled
                await asyncio.sleep(0.01)
        assert stores.postgres_pid not in killed
        assert stores.redis_pid not in killed
        await keep(stores, "since")
        assert await kept(stores) == (["before", "since"], ["before", "since"])


async def test_a_killed_service_takes_its_servers_along_and_the_next_finds_all(
    folder: Path, start_keeper: StartKeeper
) -> None:
    keeper = await start_keeper(folder)
    endpoints = await join_running(folder)
    assert endpoints
    first = EmbeddedStores(folder)
    first.endpoints = endpoints
    await keep(first, "acknowledged")
    with pytest.raises(AlreadyRunning) as refusal:
        await EmbeddedStores(folder).__aenter__()
    assert refusal.value.pid == keeper.process.pid

    await keeper.kill()
    async with EmbeddedStores(folder) as second:
        assert not any(map(lives, keeper.pids))
        assert await kept(second) == (["acknowledged"], ["acknowledged"])


async def test_a_server_that_outlived_its_service_is_ended_and_its_data_taken_over(
    folder: Path, start_keeper: StartKeeper
) -> None:
    keeper = await start_keeper(folder, "orphan")
    (orphan,) = keeper.pids
    async with redis.asyncio.Redis.from_url(f"unix://{folder}/run/redis.sock") as client:
        await client.set("word", "acknowledged")
    await keeper.kill()
    assert lives(orphan)

    async with EmbeddedStores(folder, postgres=False) as stores:
        assert not lives(orphan)
        async with redis.asyncio.Redis.from_url(stores.endpoints.redis_url) as client:
            assert await client.get("word") == b"acknowledged"


async def test_an_end_in_good_order_leaves_nothing_to_repair(folder: Path) -> None:
    async with EmbeddedStores(folder) as stores:
        await keep(stores, "kept")
        pids = (stores.postgres_pid, stores.redis_pid)
        session = await asyncpg.connect(stores.endpoints.database_url)
    assert not any(map(lives, pids))
    assert session.is_closed() or await closes(session)
    assert not (folder / "endpoints.json").exists()
    assert await join_running(folder) is None

    async with EmbeddedStores(folder) as stores:
        assert await kept(stores) == (["kept"], ["kept"])
    log = (folder / "log" / "postgres.log").read_text()
    assert log.count("database system is shut down") == 2
    assert "not properly shut down" not in log


async def closes(session: asyncpg.Connection) -> bool:
    """Whether a session notices that its server is gone."""
    with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        await session.execute("SELECT 1")
    return bool(session.is_closed())


async def test_of_two_first_starts_at_once_one_wins(folder: Path) -> None:
    pairs = (EmbeddedStores(folder), EmbeddedStores(folder))
    outcomes = await asyncio.gather(*(pair.__aenter__() for pair in pairs), return_exceptions=True)
    (winner,) = [outcome for outcome in outcomes if isinstance(outcome, EmbeddedStores)]
    assert sum(isinstance(outcome, AlreadyRunning) for outcome in outcomes) == 1
    await keep(winner, "once")
    assert await kept(winner) == (["once"], ["once"])
    await winner.__aexit__(None, None, None)


async def test_what_crashes_and_the_environment_leave_keeps_no_server_from_starting(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with EmbeddedStores(folder):
        (home,) = folder.glob("pg-*")
    # After a container's restart a recorded pid may be anybody's, ours for one.
    (home / "postmaster.pid").write_text(f"{os.getpid()}\n{home}\n")
    (folder / "run" / ".s.PGSQL.5432.lock").write_text(f"{os.getpid()}\n")
    (folder / "redis" / "server.pid").write_text(f"{os.getpid()}\n")
    (folder / f"init-{os.getpid()}").mkdir()
    (folder / "endpoints.json").write_text("{")
    for name, value in {
        "PGPORT": "1",
        "PGHOST": "nowhere.example",
        "PGUSER": "nobody",
        "PGDATABASE": "nothing",
        "LANG": "xx_XX.nothing",
        "LC_ALL": "xx_XX.nothing",
    }.items():
        monkeypatch.setenv(name, value)

    async with EmbeddedStores(folder) as stores:
        await keep(stores, "well")
        assert await kept(stores) == (["well"], ["well"])
    assert not list(folder.glob("init-*"))


async def test_one_server_alone_is_started_when_the_other_is_elsewhere(folder: Path) -> None:
    async with EmbeddedStores(folder, postgres=False) as stores:
        assert stores.endpoints.database_url == ""
        assert stores.postgres_pid is None
        assert lives(stores.redis_pid)


async def test_a_long_path_of_odd_characters_moves_only_the_sockets(folder: Path) -> None:
    odd = folder.parent / ("é, %20 ü" * 12)
    async with EmbeddedStores(odd, postgres=False) as stores:
        socket = Path(stores.endpoints.redis_url.removeprefix("unix://").split("?")[0])
        assert socket.is_socket()
        assert odd not in socket.parents
        assert socket.parent.stat().st_mode & 0o077 == 0
        assert (odd / "redis" / "appendonlydir").is_dir()
    socket.parent.rmdir()
