from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import asyncpg
import pytest
from structlog.testing import capture_logs

from service.features.leader import Leader
from service.storage.leadership import LOCK_KEY, Leadership
from service.storage.postgres import open_pool


@dataclass(slots=True, kw_only=True)
class Process:
    """What one process has of leading."""

    pool: asyncpg.Pool
    leading: bool = False
    told: list[bool] = field(default_factory=list)
    broken: asyncio.Event = field(default_factory=asyncio.Event)

    def leader(self) -> Leader:
        """Return its part: a loop that notes that it runs, until it breaks."""
        return Leader(
            leadership=Leadership(pool=self.pool), loops=(self._work,), leads=self.told.append
        )

    async def _work(self) -> None:
        self.leading = True
        try:
            await self.broken.wait()
            raise ValueError("something nobody expected")
        finally:
            self.leading = False


@asynccontextmanager
async def running(*processes: Process) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Let processes seek to lead."""
    tasks = [asyncio.create_task(process.leader().run()) for process in processes]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def pair(database_url: str) -> AsyncIterator[tuple[Process, Process]]:
    async with open_pool(database_url) as one, open_pool(database_url) as other:
        yield Process(pool=one), Process(pool=other)


async def within(seconds: float, true: Callable[[], bool]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


async def end_session_of_leader(url: str) -> None:
    """Kill the connection that holds the lock, as a failover or a firewall does."""
    connection = await asyncpg.connect(url)
    ended = await connection.fetchval(
        """
        SELECT bool_and(pg_terminate_backend(pid)) FROM pg_locks
        WHERE locktype = 'advisory' AND granted
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND (classid::bigint << 32) + objid::bigint = $1
        """,
        LOCK_KEY,
    )
    await connection.close()
    assert ended


async def test_exactly_one_of_several_processes_leads(database_url: str) -> None:
    async with AsyncExitStack() as opened:
        processes = [
            Process(pool=await opened.enter_async_context(open_pool(database_url, min_size=1)))
            for _ in range(4)
        ]
        async with running(*processes):
            await within(2, lambda: any(process.leading for process in processes))
            for process in processes:  # each has asked by now, or asks here
                async with Leadership(pool=process.pool).sought() as connection:
                    assert connection is None
            assert sum(process.leading for process in processes) == 1
            assert sorted(process.told for process in processes) == [[], [], [], [True]]


async def test_when_the_leaders_connection_is_killed_the_other_leads_within_two_seconds(
    database_url: str, pair: tuple[Process, Process]
) -> None:
    first, second = pair
    async with running(first):
        await within(2, lambda: first.leading)
        async with running(second):
            await end_session_of_leader(database_url)
            await within(2, lambda: second.leading and not first.leading)
            assert (first.told, second.told) == ([True, False], [True])


async def test_a_process_that_stops_hands_over_at_once(pair: tuple[Process, Process]) -> None:
    first, second = pair
    async with running(first):
        await within(2, lambda: first.leading)
        async with Leadership(pool=second.pool).sought() as connection:
            assert connection is None
    assert not first.leading
    assert first.told == [True, False]
    async with Leadership(pool=second.pool).sought() as connection:
        assert connection is not None


async def test_a_loop_that_breaks_ends_the_leading_and_is_told(
    pair: tuple[Process, Process],
) -> None:
    first, second = pair
    async with running(first) as tasks:
        await within(2, lambda: first.leading)
        first.broken.set()
        await within(2, tasks[0].done)
        assert isinstance(tasks[0].exception(), ValueError)
        async with Leadership(pool=second.pool).sought() as connection:
            assert connection is not None


async def test_while_postgres_is_away_nobody_leads_and_somebody_does_when_it_is_back(
    database_url: str,
) -> None:
    async with asyncpg.create_pool(database_url, min_size=0, max_size=2) as pool:
        process = Process(pool=pool)
        pool.set_connect_args(dsn="postgresql://postbag@/postbag?host=/nonexistent")
        async with running(process) as tasks:
            with capture_logs() as lines:
                await within(2, lambda: "leading_waits" in [line["event"] for line in lines])
            assert not tasks[0].done()
            assert not process.leading
            pool.set_connect_args(dsn=database_url)
            await within(2, lambda: process.leading)
    assert process.told == [True, False]


async def test_the_lock_does_not_go_back_to_the_pool_with_its_connection(
    pair: tuple[Process, Process],
) -> None:
    first, second = pair
    for _ in range(3):
        async with Leadership(pool=first.pool).sought() as connection:
            assert connection is not None
    with pytest.raises(ValueError, match="meanwhile"):
        async with Leadership(pool=first.pool).sought() as connection:
            raise ValueError("meanwhile")
    async with Leadership(pool=second.pool).sought() as connection:
        assert connection is not None
