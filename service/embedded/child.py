"""One server as our child: started, watched, restarted, stopped."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from service.embedded.errors import EmbeddedUnavailable
from service.embedded.layout import open_log, take_lock
from service.embedded.server import Answer, runs_in
from service.embedded.spawn import spawn

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Sequence
    from pathlib import Path
    from typing import NoReturn

    from service.embedded.layout import Layout
    from service.embedded.server import Server
    from service.embedded.spawn import RunAs

log = logging.getLogger(__name__)

PROBE_FIRST_SECONDS = 0.005
PROBE_LAST_SECONDS = 0.1
"""Pauses between two questions to a server that starts; both start within 0.1 s usually."""

SILENT_SECONDS = 120.0
"""How long a starting server may say nothing at all; one that says "recovering" may take longer."""

ORPHAN_SECONDS = 30.0
"""How long an older server of this folder is given to end."""

LOCK_POLL_SECONDS = 0.02
"""How often a lock that a dying server holds is tried."""

STEADY_SECONDS = 10.0
"""A server that ran this long is restarted without a pause."""

RESTART_FIRST_SECONDS = 0.2
"""The pause before the first restart; doubled after each start that never became ready."""

RESTART_FAILURES_MAX = 5
"""After so many starts in a row that never became ready, the pause stays the same."""

RESTART_LAST_SECONDS = 10.0
"""That pause: long enough to spare the machine, short enough for a repair to show."""


@dataclass(slots=True, kw_only=True)
class Child:
    """Keeps one server alive.

    The server inherits a lock of its own, `data/<name>.lock`. That lock is free
    exactly when no process of the server lives, be it an orphan of an earlier
    service or a backend of a postmaster that was killed a moment ago.
    """

    server: Server
    layout: Layout
    run_as: RunAs
    _running: Process | None = field(default=None, init=False)
    _log_start: int = field(default=0, init=False)

    @property
    def pid(self) -> int | None:
        """The server's process while it lives."""
        running = self._running
        return running.pid if running is not None and running.returncode is None else None

    async def start(self) -> None:
        """Start the server and return when it answers.

        Raises:
            EmbeddedUnavailable: it cannot; the last line of its log is in the text.
        """
        lock = await self._lock()
        try:
            await self.server.prepare(lambda command: self._run(command, lock=lock))
            self._running = await self._spawn(self.server.command(), lock=lock)
        finally:
            os.close(lock)
        await self._until_ready(self._running)
        await self.server.complete()

    async def watch(self) -> NoReturn:
        """Restart the server whenever it ends, without end, until cancelled."""
        loop = asyncio.get_running_loop()
        failures = 0
        ready_at = loop.time()
        while True:
            if self._running is not None:
                await self._running.wait()
            steady = failures == 0 and loop.time() - ready_at >= STEADY_SECONDS
            pause = 0.0 if steady else _pause_after(failures)
            log.warning(
                "embedded server ended",
                extra={
                    "server": self.server.name,
                    "status": self._running.returncode if self._running else None,
                    "failed_starts": failures,
                    "restart_in_seconds": pause,
                },
            )
            await asyncio.sleep(pause)
            try:
                await self.start()
            except (EmbeddedUnavailable, OSError) as error:
                failures += 1
                await self._kill()
                log.error(  # noqa: TRY400 - the text is the whole story
                    "embedded server did not start",
                    extra={"server": self.server.name, "error": str(error)},
                )
            else:
                failures = 0
                ready_at = loop.time()
                log.warning("embedded server is back", extra={"server": self.server.name})

    async def stop(self) -> None:
        """End the server in good order; by force when it will not."""
        running = self._running
        if running is None:
            return
        for number, seconds in self.server.stop_signals:
            if running.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    running.send_signal(number)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(running.wait(), seconds)
                return

    async def _kill(self) -> None:
        """End a start that never became ready."""
        running = self._running
        if running is not None and running.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                running.kill()
            await running.wait()

    async def _lock(self) -> int:
        """Take the server's lock, ending older servers of this folder if there are any.

        Raises:
            EmbeddedUnavailable: one will not end.
        """
        path = self.layout.lock_of(self.server.name)
        signals = iter(self.server.stop_signals)
        deadlines = asyncio.get_running_loop().time()
        end = deadlines + ORPHAN_SECONDS
        while (lock := take_lock(path)) is None:
            now = asyncio.get_running_loop().time()
            if now >= end:
                raise EmbeddedUnavailable(
                    f"An older {self.server.title} (process {self.server.recorded_pid()}) of"
                    f" {self.server.home} does not end; stop it and start again."
                )
            if now >= deadlines:
                number, seconds = next(signals, self.server.stop_signals[-1])
                deadlines = now + seconds
                self._tell_orphan(number)
            await asyncio.sleep(LOCK_POLL_SECONDS)
        return lock

    def _tell_orphan(self, number: int) -> None:
        pid = self.server.recorded_pid()
        if pid is None or not runs_in(pid, self.server.home):
            return
        log.warning(
            "ending an older embedded server", extra={"server": self.server.name, "pid": pid}
        )
        # Someone else's server cannot be told; the wait then ends with an error.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)

    async def _spawn(self, command: Sequence[str | Path], *, lock: int) -> Process:
        output = open_log(self.layout.log_of(self.server.name))
        self._log_start = os.fstat(output).st_size
        try:
            return await spawn(
                command,
                run_as=self.run_as,
                log=output,
                lock=lock,
                death_signal=self.server.death_signal,
            )
        finally:
            os.close(output)

    async def _run(self, command: Sequence[str | Path], *, lock: int) -> None:
        """Run a program that ends by itself, under the same conditions as the server."""
        running = await self._spawn(command, lock=lock)
        try:
            status = await running.wait()
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                running.kill()
            await running.wait()
            raise
        if status != 0:
            raise self._did_not_start()

    async def _until_ready(self, running: Process) -> None:
        loop = asyncio.get_running_loop()
        silent_until = loop.time() + SILENT_SECONDS
        pause = PROBE_FIRST_SECONDS
        while (answer := await self.server.probe()) is not Answer.READY:
            if answer is Answer.BUSY:
                silent_until = loop.time() + SILENT_SECONDS
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(running.wait(), pause)
            if running.returncode is not None or loop.time() >= silent_until:
                raise self._did_not_start()
            pause = min(2 * pause, PROBE_LAST_SECONDS)

    def _did_not_start(self) -> EmbeddedUnavailable:
        path = self.layout.log_of(self.server.name)
        said = path.read_bytes()[self._log_start :].decode(errors="replace").splitlines()
        lines = [line.strip() for line in said if line.strip()]
        grave = [line for line in lines if "FATAL" in line or "rror" in line]
        last = (grave or lines or ["it said nothing"])[-1]
        return EmbeddedUnavailable(f"{self.server.title} did not start: {last} (see {path})")


def _pause_after(failures: int) -> float:
    """Seconds to wait before a restart, after so many starts that never became ready."""
    if failures >= RESTART_FAILURES_MAX:
        return RESTART_LAST_SECONDS
    return RESTART_FIRST_SECONDS * float(2**failures)
