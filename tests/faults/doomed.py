"""A service in a process of its own that dies where it is told to and is started again at once.

The process is forked from one that has imported everything, so that a start takes a fraction of a
second and a crash is what it is outside: `_exit` in the middle of a step, sockets and all.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess

import uvloop

from service import crash
from service.app import open_service, running_loops, serving
from service.secrets import open_secrets
from service.settings import Settings
from tests.faults.bugs import plant
from tests.journeys.command import free_ports
from tests.journeys.house import SECRET_KEY

READY_SECONDS = 60.0
GONE_SECONDS = 5.0
AGAIN_SECONDS = 0.02
READY = "ready"
LAG_MAX_SECONDS = 60.0
"""Two cores run stores, service and clients: that one waits for the other is no overload."""

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.faults.doomed"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """What a process is started with."""

    settings: Settings
    crash_at: str = ""
    """A point, and after a colon how often it may be passed; as in POSTBAG_CRASH_AT."""
    bug: str = ""
    """A name in `bugs`: what is wrong with this service on purpose."""


@dataclass(slots=True, kw_only=True)
class Doomed:
    """The one service of a site, whichever process it is at the moment."""

    settings: Settings
    bug: str = ""
    deaths: list[int] = field(default_factory=list)
    """The exit codes of the processes before this one."""
    next_crash_at: str = ""
    """Where the process after this one will die."""
    _process: ForkServerProcess | None = None
    _orders: Connection | None = None
    _up: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def base_url(self) -> str:
        """Where it answers, whenever it does."""
        return self.settings.base_url

    @property
    def pid(self) -> int:
        """The process of the moment."""
        assert self._process is not None
        assert self._process.pid is not None
        return self._process.pid

    async def arm(self, point: str) -> None:
        """Let the process die at a point from now on; nowhere when it is empty."""
        async with asyncio.timeout(READY_SECONDS):
            while True:
                await self._up.wait()
                assert self._orders is not None
                if await asyncio.to_thread(_heeded, self._orders, point):
                    return
                await asyncio.sleep(AGAIN_SECONDS)  # it died just now: the next one is told

    async def is_up(self) -> None:
        """Wait until a process answers."""
        async with asyncio.timeout(READY_SECONDS):
            await self._up.wait()

    async def live(self) -> None:
        """Start, and start again whenever the process ends, until this is cancelled."""
        try:
            while True:
                await self._start()
                assert self._process is not None
                await _ends(self._process)
                self._up.clear()
                self.deaths.append(self._process.exitcode or 0)
        finally:
            if self._process is not None:
                self._process.kill()
                await asyncio.to_thread(self._process.join, GONE_SECONDS)

    async def _start(self) -> None:
        self._orders, theirs = FORKS.Pipe()
        lot = Lot(settings=self.settings, crash_at=self.next_crash_at, bug=self.bug)
        self.next_crash_at = ""
        self._process = FORKS.Process(target=run, args=(lot, theirs), daemon=True)
        self._process.start()
        theirs.close()
        with suppress(EOFError, OSError):  # it may die before it is ready: that is seen by `live`
            assert await asyncio.to_thread(self._orders.recv) == READY
            self._up.set()


@asynccontextmanager
async def doomed(
    database_url: str,
    redis_url: str,
    *,
    bug: str = "",
    **more: object,
) -> AsyncIterator[Doomed]:
    """Keep a service alive on a free port until the block ends."""
    settings = Settings.model_validate(
        {
            "port": free_ports(),
            "metrics_port": 0,
            "secret_key": SECRET_KEY,
            "database_url": database_url,
            "redis_url": redis_url,
            "rate_limits": False,
            "drain_seconds": 0,
            "trusted_proxies": "127.0.0.0/8",
            **more,
        }
    )
    service = Doomed(settings=settings, bug=bug)
    life = asyncio.create_task(service.live())
    try:
        await service.is_up()
        yield service
    finally:
        life.cancel()
        with suppress(asyncio.CancelledError):
            await life


def run(lot: Lot, orders: Connection) -> None:
    """Be the process: serve until killed, and obey orders where to die."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests, which then kill this
    _arm(lot.crash_at)
    plant(lot.bug)
    threading.Thread(target=_obey, args=(orders,), daemon=True).start()
    uvloop.run(_serve(lot.settings, lambda: orders.send(READY)))


def _obey(orders: Connection) -> None:
    """Be told where to die; end at once when nobody is left who could tell."""
    try:
        while True:
            point = orders.recv()
            _arm(point)
            orders.send(point)
    except EOFError:
        os._exit(0)


def _heeded(orders: Connection, point: str) -> bool:
    try:
        orders.send(point)
        return orders.poll(GONE_SECONDS) and orders.recv() == point
    except (EOFError, OSError):
        return False


def _arm(point: str) -> None:
    crash.reached = crash.Fuse({crash.VARIABLE: point}).reached


async def _serve(settings: Settings, ready: Callable[[], None]) -> None:
    assert settings.database_url is not None
    assert settings.redis_url is not None
    async with (
        open_service(
            settings,
            open_secrets(settings),
            database_url=settings.database_url,
            redis_url=settings.redis_url,
        ) as service,
        running_loops(service),
        serving(service, settings, lag_max_seconds=LAG_MAX_SECONDS),
    ):
        ready()
        await asyncio.Event().wait()


async def _ends(process: ForkServerProcess) -> None:
    """Wait until a process has ended."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(process.sentinel, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(process.sentinel)
    process.join()
