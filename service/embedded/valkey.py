"""Valkey or Redis over one folder."""

from __future__ import annotations

import asyncio
import re
import signal
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from msgspec import Struct

from service.embedded.errors import EmbeddedUnavailable
from service.embedded.layout import make_private
from service.embedded.server import Answer, first_pid, runs_in

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from service.embedded.binaries import RedisBinary
    from service.embedded.layout import Layout
    from service.embedded.spawn import RunAs

PROBE_SECONDS = 5.0
"""How long one PING may take."""

OPTIONS = (
    ("--port", "0"),
    ("--unixsocketperm", "700"),
    # `everysec` loses acknowledged writes even when only the process is killed.
    ("--appendonly", "yes"),
    ("--appendfsync", "always"),
    ("--no-appendfsync-on-rewrite", "no"),
    ("--save", ""),
    # The queue must never be thrown away to make room.
    ("--maxmemory-policy", "noeviction"),
    # Keeps the arguments readable in the table of processes: orphans are known by them.
    ("--set-proc-title", "no"),
    ("--daemonize", "no"),
)


class Valkey(Struct, frozen=True, kw_only=True):
    """The Valkey of one data folder; see `server.Server` for what each member promises."""

    binary: RedisBinary
    layout: Layout
    run_as: RunAs

    name: ClassVar[str] = "redis"
    title: ClassVar[str] = "Valkey"
    death_signal: ClassVar[int] = signal.SIGTERM
    stop_signals: ClassVar[tuple[tuple[int, float], ...]] = (
        (signal.SIGTERM, 10.0),
        (signal.SIGKILL, 5.0),
    )

    @property
    def home(self) -> Path:
        """The working directory: append-only files, FLAVOR, server.pid."""
        return self.layout.redis_home

    @property
    def url(self) -> str:
        """Where the service connects to."""
        return f"unix://{self.layout.redis_socket}?db=0"

    async def prepare(self, run: Callable[[Sequence[str | Path]], Awaitable[None]]) -> None:
        """Make the folder, and refuse one another family or a newer version wrote."""
        del run  # nothing to run: Valkey makes its own files
        make_private(self.home, uid=self.run_as.uid, gid=self.run_as.gid)
        pid = self.recorded_pid()
        if pid is not None and runs_in(pid, self.home):
            raise EmbeddedUnavailable(
                f"{self.title} already runs on {self.home} (process {pid}); stop it first."
            )
        flavor = self.home / "FLAVOR"
        if (self.home / "appendonlydir").exists() and flavor.exists():
            self._refuse_foreign_files(flavor.read_text(encoding="ascii").strip())
        flavor.write_text(self.binary.flavor + "\n", encoding="ascii")

    def command(self) -> list[str | Path]:
        """Return the server's command line."""
        places: tuple[tuple[str, Path], ...] = (
            ("--unixsocket", self.layout.redis_socket),
            ("--dir", self.home),
            ("--pidfile", self.home / "server.pid"),
        )
        options: tuple[tuple[str | Path, ...], ...] = (*OPTIONS, *places)
        return [self.binary.server, *(word for option in options for word in option)]

    def recorded_pid(self) -> int | None:
        """Return what server.pid says."""
        return first_pid(self.home / "server.pid")

    async def probe(self) -> Answer:
        """Send PING over the socket."""
        return await ping(self.layout.redis_socket)

    async def complete(self) -> None:
        """Nothing is missing once it answers."""

    def _refuse_foreign_files(self, written_by: str) -> None:
        said = re.fullmatch(r"(redis|valkey) ([\d.]+)", written_by)
        if said is None:
            return
        newer = [int(number) for number in said[2].split(".")[:2]] > [*self.binary.version[:2]]
        if said[1] != self.binary.family or newer:
            raise EmbeddedUnavailable(
                f"{self.home} was written by {written_by}, which {self.binary.flavor} cannot be"
                " trusted to read. Nothing was changed: point POSTBAG_REDIS_BIN at the former"
                " server."
            )


async def ping(socket: Path | str) -> Answer:
    """Ask the server behind a unix socket whether it serves."""
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            reader, writer = await asyncio.open_unix_connection(str(socket))
            try:
                writer.write(b"PING\r\n")
                said = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return Answer.SILENT
    if said.startswith(b"+PONG"):
        return Answer.READY
    return Answer.BUSY if said.startswith(b"-LOADING") else Answer.SILENT


async def answers(url: str) -> bool:
    """Tell whether a server answers at a URL of `Valkey.url`'s kind."""
    return await ping(urlsplit(url).path) is Answer.READY
