"""The client of what wrk cannot ask: many different requests, and streams that stay open.

It runs in a process of its own, so that its time is not counted as the service's, and reads of an
answer no more than its length.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import resource
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, TypeVar, cast

import uvloop

from bench.speed.machine import CLIENT_CPUS

T = TypeVar("T")

SOURCE = "127.0.0.2"
"""Where requests come from: the service is told that this is a proxy, so that they can say whose
address they are for. Streams and wrk come from elsewhere, as browsers do."""
CONNECT_SECONDS = 10
ANSWER_SECONDS = 15
AGAIN_SECONDS = 0.25
"""Before somebody asks again who was told that the service is busy."""


@dataclass(slots=True)
class Run:
    """What came of some requests."""

    requests: int = 0
    seconds: float = 0.0
    received: int = 0
    """Bytes, heads included."""
    latencies: list[float] = field(default_factory=list)
    """In seconds."""
    statuses: Counter[int] = field(default_factory=Counter)
    bodies: list[bytes] = field(default_factory=list)
    """Of those that were to be kept."""
    refused: int = 0
    """How often one was told to come back, and did."""
    wrong: str = ""
    """What the first answer that refused something said."""


class _Line(asyncio.Protocol):
    """One connection that asks one thing after the other."""

    def __init__(self, run: Run, requests: Iterator[bytes], *, until: float, keep: bool) -> None:
        self.run = run
        self.requests = requests
        self.until = until
        self.keep = keep
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.got = b""
        self.asked = 0.0
        self.request = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def ask(self) -> None:
        """Send the next request, if there is time and a next one."""
        request = next(self.requests, None) if time.perf_counter() < self.until else None
        if request is None:
            self.finish()
            return
        self.asked = time.perf_counter()
        self.request = request
        self.send()

    def send(self) -> None:
        """Send what was to be asked, perhaps again."""
        if self.transport is not None and not self.done.done():
            self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.got = self.got + data if self.got else data
        end = self.got.find(b"\r\n\r\n")
        if end < 0:
            return
        length = _length(self.got[:end])
        if len(self.got) < end + 4 + length:
            return
        run = self.run
        status = int(self.got[9:12])
        if status == 503 and time.perf_counter() < self.until + ANSWER_SECONDS / 2:
            run.refused += 1
            self.got = b""
            asyncio.get_running_loop().call_later(AGAIN_SECONDS, self.send)
            return
        run.latencies.append(time.perf_counter() - self.asked)
        run.requests += 1
        run.received += len(self.got)
        run.statuses[status] += 1
        if status >= 400 and not run.wrong:
            run.wrong = self.got[end + 4 :][:300].decode("utf-8", "replace")
        if self.keep:
            run.bodies.append(self.got[end + 4 :])
        self.got = b""
        self.ask()

    def connection_lost(self, _exc: Exception | None) -> None:
        if not self.done.done():
            self.run.statuses[0] += 1
        self.finish()

    def finish(self) -> None:
        """Say that nothing more is asked here."""
        if not self.done.done():
            self.done.set_result(None)


def _length(head: bytes) -> int:
    at = head.lower().find(b"content-length:")
    if at < 0:
        return 0
    return int(head[at + 15 : (head + b"\r\n").find(b"\r\n", at)])


async def _ask(
    port: int, requests: Iterator[bytes], *, connections: int, seconds: float, keep: bool
) -> Run:
    run = Run()
    loop = asyncio.get_running_loop()
    until = time.perf_counter() + seconds
    async with asyncio.timeout(CONNECT_SECONDS):
        lines = [
            (
                await loop.create_connection(
                    lambda: _Line(run, requests, until=until, keep=keep),
                    "127.0.0.1",
                    port,
                    local_addr=(SOURCE, 0),
                )
            )[1]
            for _ in range(connections)
        ]
    begun = time.perf_counter()
    for line in lines:
        line.until = begun + seconds
        line.ask()
    async with asyncio.timeout(seconds + ANSWER_SECONDS):
        await asyncio.gather(*(line.done for line in lines))
    run.seconds = time.perf_counter() - begun
    for line in lines:
        assert line.transport is not None
        line.transport.close()
    return run


def each(
    port: int,
    requests: Sequence[bytes],
    connections: int = 1,
    seconds: float = 600.0,
    keep: bool = False,  # noqa: FBT001, FBT002 - it crosses to another process by position
) -> Run:
    """Ask each of these once, in their order, or as many as there is time for."""
    return _run(_ask(port, iter(requests), connections=connections, seconds=seconds, keep=keep))


def again(port: int, request: bytes, connections: int, seconds: float) -> Run:
    """Ask the same for some time."""
    return _run(_ask(port, repeat(request), connections=connections, seconds=seconds, keep=False))


def paced(port: int, requests: Sequence[bytes], per_second: float) -> Run:
    """Ask each of these once, so many a second, however long an answer takes."""
    return _run(_paced(port, requests, per_second))


async def _paced(port: int, requests: Sequence[bytes], per_second: float) -> Run:
    run, begun = Run(), time.perf_counter()
    for number, request in enumerate(requests):
        await asyncio.sleep(max(begun + number / per_second - time.perf_counter(), 0))
        one = await _ask(port, iter([request]), connections=1, seconds=10, keep=True)
        run.requests += one.requests
        run.latencies += one.latencies
        run.statuses += one.statuses
        run.bodies += one.bodies
    run.seconds = time.perf_counter() - begun
    return run


class _Stream(asyncio.Protocol):
    """One open event stream: notes when each kind of event arrived."""

    def __init__(self, arrived: list[float], opened: list[int]) -> None:
        self.arrived = arrived
        self.opened = opened
        self.got = b""
        self.is_open = False

    def data_received(self, data: bytes) -> None:
        if not self.is_open:
            self.is_open = b" 200 " in data[:16]
            self.opened[0] += self.is_open
        now = time.perf_counter()
        self.got = (self.got + data)[-8_192:]
        while (end := self.got.find(b"event: comment\n")) >= 0:
            self.arrived.append(now)
            self.got = self.got[end + 15 :]


def streams(
    port: int, request: bytes, count: int, decisions: Sequence[bytes], pause: float
) -> tuple[int, list[float], list[int]]:
    """Open so many streams, decide one after the other, and time when each stream hears of it.

    Returns how many were open, the seconds from sending each decision to each stream's hearing of
    it, and how many heard of each decision.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, count + 512)), hard))
    return _run(_streams(port, request, count, decisions, pause))


async def _streams(
    port: int, request: bytes, count: int, decisions: Sequence[bytes], pause: float
) -> tuple[int, list[float], list[int]]:
    loop = asyncio.get_running_loop()
    arrived: list[float] = []
    opened = [0]
    lines = []
    for _ in range(count):
        transport, _ = await loop.create_connection(
            lambda: _Stream(arrived, opened), "127.0.0.1", port
        )
        transport.write(request)
        lines.append(transport)
    await _until(lambda: opened[0] >= count, seconds=20)
    took: list[float] = []
    heard: list[int] = []
    for decision in decisions:
        arrived.clear()
        sent = time.perf_counter()
        await _ask(port, iter([decision]), connections=1, seconds=10, keep=False)
        await _until(lambda: len(arrived) >= opened[0], seconds=5)
        took += [each - sent for each in arrived]
        heard.append(len(arrived))
        await asyncio.sleep(pause)
    for line in lines:
        line.abort()
    return opened[0], took, heard


async def _until(is_so: Callable[[], bool], *, seconds: float) -> None:
    """Look again and again; give up in time."""
    tries = int(seconds / 0.01)
    for _ in range(tries):
        if is_so():
            return
        await asyncio.sleep(0.01)


def _run(work: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def _begin() -> None:
    """Stay on the clients' processor, where the system lets us."""
    with suppress(OSError):
        os.sched_setaffinity(0, CLIENT_CPUS)


@dataclass(frozen=True, slots=True)
class Clients:
    """Two processes that ask."""

    pool: ProcessPoolExecutor

    def now(self, ask: Callable[..., T], *said: Any) -> T:
        """Ask, and wait for what came of it."""
        return self.pool.submit(ask, *said).result()

    def begin(self, ask: Callable[..., T], *said: Any) -> Callable[[], T]:
        """Ask beside something else; call what is returned to wait."""
        return self.pool.submit(ask, *said).result


@contextmanager
def clients() -> Iterator[Clients]:
    """Run both until the block ends."""
    with ProcessPoolExecutor(
        max_workers=2,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
    ) as pool:
        yield Clients(pool)
