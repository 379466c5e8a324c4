"""PostgreSQL over one folder: made once, started often."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote

import asyncpg
from msgspec import Struct

from service.embedded.errors import EmbeddedUnavailable
from service.embedded.layout import make_private, own, sync_folder
from service.embedded.server import Answer, first_pid, runs_in
from service.embedded.spawn import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from service.embedded.binaries import PostgresBinaries
    from service.embedded.layout import Layout
    from service.embedded.spawn import RunAs

SUPERUSER = "postgres"
PORT = "5432"
"""Part of the socket's name; nothing listens on a network."""

PROBE_SECONDS = 5.0
"""How long one attempt to connect may take."""

BUILTIN_LOCALE_MAJOR = 17
"""The first PostgreSQL whose C.UTF-8 is its own and not the C library's."""

OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # For backups while it runs: one sender for the files, one for the log, for two at once.
    "wal_level": "replica",
    "max_wal_senders": "4",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "timezone": "UTC",
    "jit": "off",
    "log_error_verbosity": "terse",  # details repeat rows, and rows hold comments
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
}
"""Nothing acknowledged is lost; small, since it shares the machine with the service."""


class Postgres(Struct, frozen=True, kw_only=True):
    """The PostgreSQL of one data folder; see `server.Server` for what each member promises."""

    binaries: PostgresBinaries
    layout: Layout
    run_as: RunAs
    database: str

    name: ClassVar[str] = "postgres"
    title: ClassVar[str] = "PostgreSQL"
    death_signal: ClassVar[int] = signal.SIGINT
    stop_signals: ClassVar[tuple[tuple[int, float], ...]] = (
        (signal.SIGINT, 10.0),
        (signal.SIGQUIT, 5.0),
        (signal.SIGKILL, 5.0),
    )

    @property
    def home(self) -> Path:
        """PGDATA."""
        return self.layout.postgres_home(self.binaries.major)

    @property
    def url(self) -> str:
        """Where the service connects to."""
        return (
            f"postgresql://{SUPERUSER}@/{quote(self.database)}"
            f"?host={self.layout.sockets}&port={PORT}"
        )

    async def prepare(self, run: Callable[[Sequence[str | Path]], Awaitable[None]]) -> None:
        """Make PGDATA when there is none, and clear what a crash left."""
        for left_over in self.layout.home.glob("init-*"):
            shutil.rmtree(left_over)
        if self.home.exists():
            own(self.home, uid=self.run_as.uid, gid=self.run_as.gid)
        else:
            self._refuse_other_majors()
            await self._make(run)
        self._forget_the_dead()

    def command(self) -> list[str | Path]:
        """Return the postmaster's command line."""
        options = {**OPTIONS, "unix_socket_directories": str(self.layout.sockets)}
        settings = [word for key, value in options.items() for word in ("-c", f"{key}={value}")]
        return [self.binaries.postgres, "-D", self.home, "-p", PORT, *settings]

    def recorded_pid(self) -> int | None:
        """Return what postmaster.pid says."""
        return first_pid(self.home / "postmaster.pid")

    async def probe(self) -> Answer:
        """Open a real session; a socket that accepts is not yet a database."""
        try:
            connection = await self._connect()
        except asyncpg.CannotConnectNowError:
            return Answer.BUSY
        except asyncpg.TooManyConnectionsError:
            return Answer.READY
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return Answer.SILENT
        await connection.close(timeout=PROBE_SECONDS)
        return Answer.READY

    async def complete(self) -> None:
        """Create the service's database when it is missing."""
        connection = await self._connect()
        try:
            known = await connection.fetchval(
                "SELECT count(*) FROM pg_database WHERE datname = $1", self.database
            )
            if not known:
                name = self.database.replace('"', '""')
                await connection.execute(f'CREATE DATABASE "{name}"')
        finally:
            await connection.close(timeout=PROBE_SECONDS)

    async def _connect(self) -> asyncpg.Connection[asyncpg.Record]:
        # Everything PG* in the environment could change is said here.
        return await asyncpg.connect(
            host=str(self.layout.sockets),
            port=int(PORT),
            user=SUPERUSER,
            password="",
            database="postgres",
            timeout=PROBE_SECONDS,
            command_timeout=60,
            target_session_attrs="any",
        )

    def _refuse_other_majors(self) -> None:
        others = sorted(folder.name for folder in self.layout.home.glob("pg-[0-9]*"))
        if others:
            old = others[-1].removeprefix("pg-")
            raise EmbeddedUnavailable(
                f"{self.layout.home} holds a database of PostgreSQL {old}, and the PostgreSQL"
                f" found here is {self.binaries.version}. Nothing was changed: point"
                f" POSTBAG_POSTGRES_BIN at a PostgreSQL {old}, or dump with it and restore."
            )

    async def _make(self, run: Callable[[Sequence[str | Path]], Awaitable[None]]) -> None:
        """Run initdb beside the final place, so that what bears its name is complete."""
        draft = self.layout.home / f"init-{os.getpid()}"
        make_private(draft, uid=self.run_as.uid, gid=self.run_as.gid)
        await run([self.binaries.initdb, "-D", draft, *self._initdb_options()])
        draft.rename(self.home)
        sync_folder(self.layout.home)

    def _initdb_options(self) -> list[str]:
        options = [
            "--username=" + SUPERUSER,
            "--auth-local=trust",  # the socket's folder lets in its owner only
            "--auth-host=reject",
            "--encoding=UTF8",
            "--data-checksums",
            "--no-instructions",
        ]
        # LC_CTYPE must know UTF-8 even where the collation is C: with C, pg_trgm
        # ignores every letter outside ASCII.
        locale = ENVIRONMENT["LC_ALL"]
        if self.binaries.major < BUILTIN_LOCALE_MAJOR:
            return [*options, "--locale-provider=libc", "--locale=C", f"--lc-ctype={locale}"]
        return [
            *options,
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            f"--lc-ctype={locale}",
        ]

    def _forget_the_dead(self) -> None:
        """Remove lock files whose pid is not this folder's server.

        Nothing of ours runs now, but after a crash, and surely after a container's
        restart, such a pid may belong to anybody, and PostgreSQL would not start.

        Raises:
            EmbeddedUnavailable: somebody started a server on this folder by hand.
        """
        pid_file = self.home / "postmaster.pid"
        pid = first_pid(pid_file)
        if pid is not None and runs_in(pid, self.home):
            raise EmbeddedUnavailable(
                f"PostgreSQL already runs on {self.home} (process {pid}); stop it first."
            )
        pid_file.unlink(missing_ok=True)
        for left_over in self.layout.sockets.glob(f".s.PGSQL.{PORT}*"):
            left_over.unlink(missing_ok=True)


async def answers(url: str) -> bool:
    """Tell whether a database answers at a URL of `Postgres.url`'s kind."""
    try:
        connection = await asyncpg.connect(url, timeout=PROBE_SECONDS)
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncpg.PostgresError):
        return False
    await connection.close(timeout=PROBE_SECONDS)
    return True
