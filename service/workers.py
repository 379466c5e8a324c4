"""Several processes on one port: started, watched, restarted, stopped together."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

import structlog

log = structlog.get_logger(__name__)

FIRST_PAUSE_SECONDS = 0.1
"""Before a worker that ended is started again; a killed one is back well within 2 s."""
LONGEST_PAUSE_SECONDS = 5.0
"""Between starts of a worker that ends again and again."""
SETTLED_SECONDS = 10.0
"""A worker that lived this long starts the next time without a pause."""
WORKER = "postbag-worker"
"""How a spare is called in lists of processes once it works."""
SUPERVISOR = "POSTBAG_SUPERVISOR"
"""Tells a worker which process has started it."""
DOOR = "POSTBAG_DOOR"
"""Tells a worker which of its open files is the socket that all of them listen on."""
SPARE_AFTER_SECONDS = 2.0
"""When a spare is made after the workers, or after the last one was used: they come first."""
STOP_SECONDS = 30.0
"""How long workers may take to finish what they have in hand (protocol.md 3.4)."""


@dataclass(slots=True, kw_only=True)
class Workers:
    """`count` copies of one command, which share a port and the stores.

    Beside them waits a spare that has loaded everything and is told its number when a worker
    ends: loading takes over a second, and a killed worker is to be back within two.
    """

    command: Sequence[str]
    spare_command: Sequence[str]
    """The same, of one that reads its number from its standard input."""
    environment: Mapping[str, str]
    count: int
    door: socket.socket
    """Bound; each of them listens on it."""
    drain_seconds: float = 0.0
    """How long a worker goes on serving after it was told to stop."""
    _alive: dict[int, asyncio.subprocess.Process] = field(default_factory=dict)
    _spare: asyncio.subprocess.Process | None = None
    _spare_used: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def pids(self) -> dict[int, int]:
        """Which worker runs as which process now."""
        return {number: process.pid for number, process in self._alive.items()}

    async def run(self) -> NoReturn:
        """Keep every worker alive until cancelled; then stop them all and wait for them."""
        try:
            async with asyncio.TaskGroup() as keeping:
                for number in range(self.count):
                    keeping.create_task(self._keep(number))
                keeping.create_task(self._keep_a_spare())
        finally:
            await self._stop()
        raise AssertionError  # keeping ends by cancellation only

    async def _keep(self, number: int) -> None:
        loop = asyncio.get_running_loop()
        pause = 0.0
        while True:
            started = loop.time()
            process = self._from_spare(number) or await self._started(
                self.command, stdin=asyncio.subprocess.DEVNULL, POSTBAG_WORKER=str(number)
            )
            self._alive[number] = process
            status = await process.wait()
            del self._alive[number]
            lived = loop.time() - started
            pause = (
                FIRST_PAUSE_SECONDS
                if lived >= SETTLED_SECONDS
                else min(max(FIRST_PAUSE_SECONDS, pause * 2), LONGEST_PAUSE_SECONDS)
            )
            log.warning("worker_ended", worker=number, status=status, again_in_seconds=pause)
            await asyncio.sleep(pause)

    async def _keep_a_spare(self) -> NoReturn:
        while True:
            await asyncio.sleep(SPARE_AFTER_SECONDS)
            self._spare_used.clear()
            self._spare = await self._started(self.spare_command, stdin=asyncio.subprocess.PIPE)
            ended = asyncio.create_task(self._spare.wait())
            used = asyncio.create_task(self._spare_used.wait())
            try:
                await asyncio.wait((ended, used), return_when=asyncio.FIRST_COMPLETED)
            finally:
                ended.cancel()
                used.cancel()

    def _from_spare(self, number: int) -> asyncio.subprocess.Process | None:
        """Make the spare a worker, if there is one."""
        spare, self._spare = self._spare, None
        self._spare_used.set()
        if spare is None or spare.returncode is not None:
            return None
        assert spare.stdin is not None
        spare.stdin.write(b"%d\n" % number)
        spare.stdin.close()
        return spare

    async def _started(
        self, command: Sequence[str], *, stdin: int, **variables: str
    ) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *command,
            env={
                **self.environment,
                **variables,
                SUPERVISOR: str(os.getpid()),
                DOOR: str(self.door.fileno()),
            },
            pass_fds=(self.door.fileno(),),
            stdin=stdin,
            start_new_session=True,  # Ctrl-C reaches the workers through this process only
        )

    async def _stop(self) -> None:
        ending = list(self._alive.values())
        if self._spare is not None:
            ending.append(self._spare)
        for process in ending:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        waits = [asyncio.create_task(process.wait()) for process in ending]
        if not waits:
            return
        _, slow = await asyncio.wait(waits, timeout=self.drain_seconds + STOP_SECONDS)
        if slow:
            for process in ending:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
            await asyncio.wait(slow)


def say_worker() -> None:
    """Call this process a worker where processes are listed; elsewhere than on Linux do nothing."""
    if sys.platform.startswith("linux"):
        import ctypes  # noqa: PLC0415 - only here, only on Linux

        ctypes.CDLL(None).prctl(15, WORKER.encode())  # PR_SET_NAME, prctl(2)


def worker_command(arguments: Sequence[str]) -> list[str]:
    """Return the command that starts one worker: this Python, this package."""
    return [sys.executable, "-m", "service", "worker", *arguments]


def open_door() -> socket.socket:
    """Return the socket to listen on, as it was given to this worker."""
    return socket.socket(fileno=int(os.environ[DOOR]))


def end_with_parent() -> None:
    """Ask Linux to end this process when its parent is killed; elsewhere do nothing.

    A worker whose parent died would serve on without stores.
    """
    if not sys.platform.startswith("linux"):
        return
    import ctypes  # noqa: PLC0415 - only here, only on Linux

    set_parent_death_signal = 1  # PR_SET_PDEATHSIG, prctl(2)
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)
    # It may have been killed before: a worker takes half a second to come this far.
    if os.environ.get(SUPERVISOR, str(os.getppid())) != str(os.getppid()):
        os.kill(os.getpid(), signal.SIGTERM)
