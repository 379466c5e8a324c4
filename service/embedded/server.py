"""What the supervisor asks of a server, be it PostgreSQL or Valkey."""

from __future__ import annotations

import contextlib
import enum
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

PROC = Path("/proc")

PS_SECONDS = 5.0
"""How long `ps` may take where there is no /proc."""


class Answer(enum.Enum):
    """What a server says when asked whether it is there."""

    READY = "ready"
    BUSY = "recovering or loading; it will be ready"
    SILENT = "no answer"


class Server(Protocol):
    """One kind of server over one folder."""

    @property
    def name(self) -> str:
        """`postgres` or `redis`: its lock and log are called so."""

    @property
    def title(self) -> str:
        """What a person calls it."""

    @property
    def death_signal(self) -> int:
        """Asks for an orderly end without waiting for clients."""

    @property
    def stop_signals(self) -> tuple[tuple[int, float], ...]:
        """Signals to stop it and the seconds each is given; SIGKILL is last."""

    @property
    def home(self) -> Path:
        """Its folder; its command line names it."""

    @property
    def url(self) -> str:
        """Where the service connects to."""

    async def prepare(self, run: Callable[[Sequence[str | Path]], Awaitable[None]]) -> None:
        """Make its folder ready; nothing of it runs now. `run` runs a program to its end.

        Raises:
            EmbeddedUnavailable: the folder belongs to another version or family.
        """

    def command(self) -> list[str | Path]:
        """Return the server's command line."""

    def recorded_pid(self) -> int | None:
        """Return the pid its last start left behind, alive or not."""

    async def probe(self) -> Answer:
        """Ask it over its socket."""

    async def complete(self) -> None:
        """Finish the first start, once it answers."""


def first_pid(path: Path) -> int | None:
    """Return the number on a pid file's first line, if there is one."""
    try:
        return abs(int(path.read_text(encoding="ascii", errors="replace").split("\n", 1)[0]))
    except (OSError, ValueError):
        return None


def runs_in(pid: int, folder: Path) -> bool:
    """Tell whether a live process' command line names a folder of ours."""
    if PROC.is_dir():
        with contextlib.suppress(OSError):
            return os.fsencode(folder) in (PROC / str(pid) / "cmdline").read_bytes()
        return False
    said = subprocess.run(  # noqa: S603 - a number is its only argument
        ["/bin/ps", "-o", "command=", "-p", str(pid)],
        capture_output=True,
        check=False,
        timeout=PS_SECONDS,
    )
    return os.fsencode(folder) in said.stdout
