"""How the service stops while its stores do not answer."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from service.app import open_service, running_loops
from service.secrets import open_secrets
from service.settings import Settings
from tests.journeys.api import within
from tests.journeys.house import SECRET_KEY

pytestmark = pytest.mark.long

STOP_SECONDS = 10.0


@asynccontextmanager
async def frozen_sessions(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """Let no other session of a database get on until the block ends."""
    sessions = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> $1"
    pids = [row[0] for row in await connection.fetch(sessions, connection.get_server_pid())]
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def test_every_loop_ends_when_told_to_although_postgres_hangs(
    database_url: str, redis_url: str
) -> None:
    settings = Settings(secret_key=SECRET_KEY, database_url=database_url, redis_url=redis_url)
    observer = await asyncpg.connect(database_url)
    async with open_service(
        settings, open_secrets(settings), database_url=database_url, redis_url=redis_url
    ) as service:
        await service.core.sites.create("daily", "The Daily")

        async def all_hang() -> bool:
            idle: int = service.ground.pool.get_idle_size()
            return idle < int(service.ground.pool.get_size()) - 1

        async with asyncio.timeout(STOP_SECONDS):
            async with frozen_sessions(observer), running_loops(service):
                await within(STOP_SECONDS, all_hang)
    await observer.close()
