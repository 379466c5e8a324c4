"""Several processes on one port: started, watched, restarted, stopped together."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
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
SUPERVISOR = "POSTBAG_SUPERVISOR"
"""Tells a worker which process has started it."""
STOP_SECONDS = 30.0
"""How long workers may take to finish what they have in hand (protocol.md 3.4)."""


@dataclass(slots=True, kw_only=True)
class Workers:
    """`count` copies of one command, which share a port and the stores."""

    command: Sequence[str]
    environment: Mapping[str, str]
    count: int
    drain_seconds: float = 0.0
    """How long a worker goes on serving after it was told to stop."""
    _alive: dict[int, asyncio.subprocess.Process] = field(default_factory=dict)

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
        finally:
            await self._stop()
        raise AssertionError  # keeping ends by cancellation only

    async def _keep(self, number: int) -> None:
        loop = asyncio.get_running_loop()
        pause = 0.0
        while True:
            started = loop.time()
            process = await asyncio.create_subprocess_exec(
                *self.command,
                env={
                    **self.environment,
                    "POSTBAG_WORKER": str(number),
                    SUPERVISOR: str(os.getpid()),
                },
                stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C reaches the workers through this process only
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

    async def _stop(self) -> None:
        ending = list(self._alive.values())
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


def worker_command(arguments: Sequence[str]) -> list[str]:
    """Return the command that starts one worker: this Python, this package."""
    return [sys.executable, "-m", "service", "worker", *arguments]


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
