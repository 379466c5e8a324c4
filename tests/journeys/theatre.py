"""A service over a pair of stores of its own, which a test may stop, freeze and bring back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import asyncpg
import psutil
from redis.asyncio import Redis
from redis.exceptions import RedisError

from service.embedded import EmbeddedStores
from service.storage.postgres import migrate
from tests.journeys.api import Api, within
from tests.journeys.house import House, open_house

Store = Literal["redis", "postgres"]
RESTART_SECONDS = 20.0

How = Literal["frozen", "killed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Theatre:
    """One process of the service in this one, and its stores."""

    stores: EmbeddedStores
    house: House

    @asynccontextmanager
    async def without(self, *away: Store, how: How) -> AsyncIterator[None]:
        """Take stores away until the block ends: `frozen` ones hang, `killed` ones refuse."""
        pids = [pid for store in away for pid in self._pids(store)]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):  # a session that ends by itself
                os.kill(pid, signal.SIGSTOP if how == "frozen" else signal.SIGKILL)
        try:
            yield
        finally:
            if how == "frozen":
                for pid in pids:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGCONT)
            else:
                await self._restarted()

    def _pids(self, store: Store) -> list[int]:
        pid = self.stores.redis_pid if store == "redis" else self.stores.postgres_pid
        assert pid is not None, f"{store} does not run"
        return [pid, *(child.pid for child in psutil.Process(pid).children())]

    async def _restarted(self) -> None:
        """Let the supervisor see what ended, as it would have done at once."""
        watching = asyncio.create_task(self.stores.watch())

        async def both_answer() -> bool:
            urls = self.stores.endpoints
            try:
                await (await asyncpg.connect(urls.database_url)).close()
                async with Redis.from_url(urls.redis_url) as redis:
                    await redis.ping()
            except (OSError, asyncpg.PostgresError, RedisError):
                return False
            return True

        await within(RESTART_SECONDS, both_answer, pause=0.05)
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


@asynccontextmanager
async def open_theatre(folder: Path, **more: Any) -> AsyncIterator[Theatre]:
    """Start stores of one's own, which nobody restarts, and a service with settings over them."""
    async with EmbeddedStores(folder) as stores:
        urls = stores.endpoints.database_url, stores.endpoints.redis_url
        await migrate(urls[0])
        async with open_house(*urls, **more) as house:
            yield Theatre(stores=stores, house=house)


@dataclass(slots=True)
class Listener:
    """An open stream of events, and everything that came over it."""

    task: asyncio.Task[None]
    heard: bytearray

    @property
    def is_open(self) -> bool:
        return not self.task.done()

    async def hears(self, event: bytes) -> None:
        async def heard() -> bool:
            return event in self.heard

        await within(10, heard)


@asynccontextmanager
async def listening(api: Api, path: str) -> AsyncIterator[Listener]:
    """Keep a stream open until the block ends."""
    heard = bytearray()

    async def listen() -> None:
        async with api.session.get(f"{api.base_url}{path}", timeout=None) as response:
            assert response.status == 200
            async for piece in response.content.iter_any():
                heard.extend(piece)

    listener = Listener(asyncio.create_task(listen()), heard)
    await listener.hears(b"retry:")
    try:
        yield listener
    finally:
        listener.task.cancel()
        await asyncio.gather(listener.task, return_exceptions=True)
