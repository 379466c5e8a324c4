"""Several processes on one port: copies of one that has loaded everything, watched and replaced.

The service itself runs a loop, and threads with it, so it cannot be copied. Before it begins it
makes a nursery: a process that has loaded what a worker needs, opens nothing, runs nothing but one
wait, and makes the workers. They share with it the memory of what is loaded, as long as nobody
writes there, and one is there in the time it takes to open the stores.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from time import monotonic
from typing import Generic, NoReturn, Self, TypeVar

import structlog
from msgspec import Struct, field

log = structlog.get_logger(__name__)

FIRST_PAUSE_SECONDS = 0.1
"""Before a worker that ended is made again; a killed one is back well within 2 s."""
LONGEST_PAUSE_SECONDS = 5.0
"""Between workers that end again and again."""
SETTLED_SECONDS = 10.0
"""A worker that lived this long is made again without a longer pause."""
NURSERY = "postbag-nursery"
WORKER = "postbag-worker"
"""How they are called in lists of processes."""
STOP_SECONDS = 30.0
"""How long workers may take to finish what they have in hand (protocol.md 3.4)."""
ASKED_TO_END = (signal.SIGTERM, signal.SIGINT)

FORK = multiprocessing.get_context("fork")

Where = TypeVar("Where")


class NurseryLost(Exception):  # noqa: N818 - it is said to a person
    """The process that makes workers has ended by itself; nothing can take its place."""


class Nursery(Generic[Where]):
    """The nursery, as the service sees it."""

    def __init__(
        self,
        *,
        count: int,
        work: Callable[[int, Where], None],
        door: socket.socket,
        drain_seconds: float = 0.0,
    ) -> None:
        """Make it: only where no loop and no thread runs yet, and everything is loaded.

        A worker does `work` with its number, from 0, and with where the stores are. `door` is
        bound, and each worker listens on it. `drain_seconds` is how long one goes on serving after
        it was told to stop.
        """
        heard, self._line = FORK.Pipe(duplex=False)
        shift = _Shift(
            count=count, work=work, door=door, patience_seconds=drain_seconds + STOP_SECONDS
        )
        self._process = FORK.Process(target=_keep, args=(shift, heard, self._line))
        self._process.start()
        heard.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Let it end, whatever became of the service."""
        self._line.close()
        self._process.join()

    @property
    def is_at_work(self) -> bool:
        """Whether it is there to make workers."""
        return self._process.is_alive()

    def begin(self, where: Where) -> None:
        """Let it make the workers: the stores answer.

        Raises:
            NurseryLost: it has ended.
        """
        try:
            self._line.send(where)
        except OSError as error:
            raise self._lost() from error

    async def watch(self) -> NoReturn:
        """Wait without end while it is at work.

        Raises:
            NurseryLost: it is not any more.
        """
        await self._ended()
        raise self._lost()

    async def stop(self) -> None:
        """Let it stop all workers, and return when they have ended."""
        self._line.close()
        await self._ended()

    def _lost(self) -> NurseryLost:
        return NurseryLost(f"The process {self._process.pid}, which makes workers, has ended.")

    async def _ended(self) -> None:
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._process.sentinel, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(self._process.sentinel)


class _Worker(Struct, frozen=True, kw_only=True):
    process: BaseProcess
    since: float
    """By the monotonic clock."""


class _Shift(Struct, Generic[Where], kw_only=True):
    """The workers, as the nursery knows them."""

    count: int
    work: Callable[[int, Where], None]
    door: socket.socket
    patience_seconds: float
    _alive: dict[int, _Worker] = field(default_factory=dict)
    _due: dict[int, float] = field(default_factory=dict)
    """When to make whom, by the monotonic clock."""
    _pauses: dict[int, float] = field(default_factory=dict)

    def run(self, where: Where, line: Connection) -> None:
        """Keep every worker alive until the service closes its line, or is gone with it."""
        self._due = dict.fromkeys(range(self.count), monotonic())
        while True:
            for number in [each for each, at in self._due.items() if at <= monotonic()]:
                self._make(number, where)
            seconds = min(self._due.values()) - monotonic() if self._due else None
            ready = wait([line, *(each.process.sentinel for each in self._alive.values())], seconds)
            if line in ready:
                return
            for number, each in list(self._alive.items()):
                if each.process.sentinel in ready:
                    self._note_end(number, each)

    def stop(self) -> None:
        """Stop all workers, by force those that take too long."""
        self.door.close()  # open until the last worker has closed it, and no longer
        processes = [each.process for each in self._alive.values()]
        for process in processes:
            process.terminate()
        end = monotonic() + self.patience_seconds
        for process in processes:
            process.join(max(0.0, end - monotonic()))
            process.kill()
            process.join()

    def _make(self, number: int, where: Where) -> None:
        process = FORK.Process(target=_be_worker, args=(self.work, number, where, os.getpid()))
        del self._due[number]
        try:
            process.start()
        except OSError as error:  # no memory, or too many processes, for now
            log.warning("worker_not_made", worker=number, error=str(error))
            self._due[number] = monotonic() + LONGEST_PAUSE_SECONDS
        else:
            self._alive[number] = _Worker(process=process, since=monotonic())

    def _note_end(self, number: int, ended: _Worker) -> None:
        del self._alive[number]
        ended.process.join()
        pause = FIRST_PAUSE_SECONDS
        if monotonic() - ended.since < SETTLED_SECONDS:
            pause = min(max(pause, self._pauses.get(number, 0.0) * 2), LONGEST_PAUSE_SECONDS)
        self._pauses[number] = pause
        self._due[number] = monotonic() + pause
        status = ended.process.exitcode
        log.warning("worker_ended", worker=number, status=status, again_in_seconds=pause)


def _keep(shift: _Shift[Where], line: Connection, ours: Connection) -> None:
    """Be the nursery: make workers when told where the stores are, until the line is closed."""
    ours.close()  # the service's end: when it has gone without a word, the line is closed, too
    os.setsid()  # Ctrl-C reaches the workers through the service only
    # Whoever tells all processes to end tells the service; and a worker is never without an ear.
    signal.pthread_sigmask(signal.SIG_BLOCK, ASKED_TO_END)
    _call_ourselves(NURSERY)
    try:
        where = line.recv()
    except EOFError:
        return  # the service ended before its stores answered
    try:
        shift.run(where, line)
    finally:
        shift.stop()


def _be_worker(work: Callable[[int, Where], None], number: int, where: Where, nursery: int) -> None:
    _end_with_parent(nursery)
    for each in ASKED_TO_END:
        signal.signal(each, signal.SIG_DFL)  # until its loop runs
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ASKED_TO_END)
    _call_ourselves(WORKER)
    work(number, where)


def _call_ourselves(name: str) -> None:
    _prctl(15, name.encode())  # PR_SET_NAME, prctl(2)


def _end_with_parent(parent: int) -> None:
    """Ask for SIGTERM when our parent is killed: a worker would serve on without stores."""
    _prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG, prctl(2)
    if os.getppid() != parent:  # it was killed before
        os.kill(os.getpid(), signal.SIGTERM)


def _prctl(option: int, value: bytes | int) -> None:
    """Ask Linux for what only it can do; elsewhere do nothing."""
    if sys.platform.startswith("linux"):
        import ctypes  # noqa: PLC0415 - only here, only on Linux

        ctypes.CDLL(None).prctl(option, value)
