"""What holds while a pair of servers runs, asked of the pair all tests share."""

# ruff: noqa: ASYNC240 - these files are on a local disk, and nobody else waits for this loop

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

import asyncpg
import psutil
import pytest
import redis.asyncio

from service.embedded import AlreadyRunning, EmbeddedStores, EmbeddedUnavailable, join_running
from service.embedded.binaries import find_postgres, find_redis
from service.embedded.root import run_as


@pytest.fixture
def processes(stores: EmbeddedStores) -> list[psutil.Process]:
    """Both servers and the processes below them."""
    servers = [psutil.Process(stores.postgres_pid), psutil.Process(stores.redis_pid)]
    return [*servers, *(below for server in servers for below in server.children())]


async def test_postgres_acknowledges_only_what_is_on_disk(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    names = ("fsync", "synchronous_commit", "full_page_writes", "data_checksums")
    assert [await connection.fetchval(f"SHOW {name}") for name in names] == ["on"] * len(names)
    await connection.close()


async def test_postgres_knows_the_letters_of_every_script(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    assert await connection.fetchval("SHOW server_encoding") == "UTF8"
    assert await connection.fetchval("SELECT 'Привет' ~ '^[[:alpha:]]+$'")
    assert await connection.fetchval("SHOW timezone") == "UTC"
    await connection.close()


async def test_valkey_acknowledges_only_what_is_on_disk_and_drops_nothing(redis_url: str) -> None:
    expected = {
        "appendonly": "yes",
        "appendfsync": "always",
        "no-appendfsync-on-rewrite": "no",
        "maxmemory-policy": "noeviction",
        "save": "",
        "port": "0",
    }
    async with redis.asyncio.Redis.from_url(redis_url, decode_responses=True) as client:
        assert {name: (await client.config_get(name))[name] for name in expected} == expected


async def test_no_server_listens_on_a_network(
    database_url: str, processes: list[psutil.Process]
) -> None:
    connection = await asyncpg.connect(database_url)
    assert await connection.fetchval("SHOW listen_addresses") == ""
    await connection.close()
    listening = [
        one
        for process in processes
        for one in process.net_connections("inet")
        if one.status == psutil.CONN_LISTEN
    ]
    assert listening == []


def test_only_the_servers_user_reaches_the_sockets(
    stores: EmbeddedStores, processes: list[psutil.Process]
) -> None:
    sockets = Path(stores.endpoints.redis_url.removeprefix("unix://").split("?")[0]).parent
    found = sockets.stat()
    assert stat.S_IMODE(found.st_mode) == 0o700
    assert {process.uids().effective for process in processes} == {found.st_uid}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to run the servers as somebody else")
def test_root_runs_the_servers_as_somebody_else(
    stores_folder: Path, processes: list[psutil.Process]
) -> None:
    programs = [find_postgres(os.environ).postgres, find_redis(os.environ).server]
    chosen = run_as(state=stores_folder / "data", binaries=programs)
    # In a user namespace root's files stay root's, and the server believes to be another.
    assert 0 not in {chosen.inner_uid, chosen.inner_gid}
    assert {process.uids().real for process in processes} == {chosen.uid}
    assert {process.gids().real for process in processes} == {chosen.gid}


async def test_a_second_start_says_who_runs_the_servers_and_harms_nobody(
    stores: EmbeddedStores, stores_folder: Path
) -> None:
    before = (stores.postgres_pid, stores.redis_pid)
    with pytest.raises(AlreadyRunning) as refusal:
        await EmbeddedStores(stores_folder / "data").__aenter__()
    assert refusal.value.pid == os.getpid()
    assert refusal.value.urls == (stores.endpoints.database_url, stores.endpoints.redis_url)
    assert "\n" not in str(refusal.value)
    assert (stores.postgres_pid, stores.redis_pid) == before
    assert await join_running(stores_folder / "data") == stores.endpoints


async def test_another_process_finds_the_running_servers(
    stores: EmbeddedStores, stores_folder: Path
) -> None:
    assert await join_running(stores_folder / "data") == stores.endpoints
    assert stat.S_IMODE((stores_folder / "data" / "endpoints.json").stat().st_mode) == 0o600
    assert await join_running(stores_folder / "nowhere") is None


async def test_the_servers_are_not_started_in_a_thread_that_may_end(folder: Path) -> None:
    def start() -> None:
        asyncio.run(EmbeddedStores(folder).__aenter__())

    with pytest.raises(EmbeddedUnavailable, match="main thread"):
        await asyncio.to_thread(start)
    assert not folder.exists()
