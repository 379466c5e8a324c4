"""Copies of the two servers' files, taken while they run."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import asyncpg
from msgspec import Struct
from redis.asyncio.client import Redis

from service.embedded.binaries import find_postgres
from service.embedded.errors import BackupFailed
from service.embedded.layout import sync_folder
from service.embedded.manifest import CHUNK_BYTES, Tell, open_private, write_private
from service.embedded.spawn import ENVIRONMENT

REWRITE_AT = 100
"""`auto-aof-rewrite-percentage` of an embedded server, as it comes."""
REWRITE_SECONDS = 600.0
"""How long a rewrite of the append-only file that is under way may take."""
POLL_SECONDS = 0.1
HOLD_TRIES = 50
"""A list of files that changes between two looks is read again; once is usual after a rewrite."""
CONNECT_SECONDS = 5.0

Progress = Callable[[int, int], None]
"""Told how many bytes are done, and of how many."""


class _Held(Struct, frozen=True):
    """A file that stays what it is, whatever becomes of its name."""

    name: str
    file: BinaryIO
    bytes: int
    """Up to here everything was acknowledged when we looked."""


async def copy_redis(url: str, to: Path, tell: Tell) -> None:
    """Copy the queue's append-only files, as they are at one moment, and FLAVOR.

    Rewrites wait until the files are held open. That is what Redis' manual says of backups,
    with open files for hard links: an open file outlives its name, and leaves nothing behind.

    Raises:
        BackupFailed: the server keeps no such file, or rewrites it for too long.
    """
    async with Redis.from_url(url, decode_responses=True) as redis:
        said = await redis.config_get("dir", "appenddirname", "appendfilename", "appendonly")
        if said["appendonly"] != "yes":
            raise BackupFailed("This Redis keeps no append-only file; see docs/operating.md.")
        home = Path(str(said["dir"]))
        folder = home / str(said["appenddirname"])
        with ExitStack() as opened:
            async with _no_rewrite(redis):
                listed, held = _hold(folder, f"{said['appendfilename']}.manifest", opened)
            target = _private(_private(to) / folder.name)
            for each in held:
                await asyncio.to_thread(_copy, each, target / each.name, tell)
            write_private(target / f"{said['appendfilename']}.manifest", listed)
    write_private(to / "FLAVOR", (home / "FLAVOR").read_bytes())
    for written in (target, to):
        sync_folder(written)


async def copy_postgres(url: str, to: Path, progress: Progress) -> str:
    """Copy a running PostgreSQL with the log it needs, as it is at the end; return its version.

    Raises:
        BackupFailed: it cannot be copied; the text says why.
    """
    connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS)
    try:
        if await connection.fetchval("SHOW wal_level") == "minimal":
            raise BackupFailed(
                "This PostgreSQL was started by an earlier release: restart the service first."
            )
        version: str = await connection.fetchval("SHOW server_version")
        async with _running(url, to) as copying:
            saying = asyncio.create_task(copying.communicate())
            while not saying.done():
                await asyncio.wait([saying], timeout=POLL_SECONDS)
                row = await connection.fetchrow(
                    "SELECT backup_streamed, backup_total FROM pg_stat_progress_basebackup LIMIT 1"
                )
                if row and row["backup_total"]:
                    progress(row["backup_streamed"], row["backup_total"])
            _, errors = saying.result()
    finally:
        await connection.close(timeout=CONNECT_SECONDS)
    if copying.returncode != 0:
        lines = errors.decode(errors="replace").strip().splitlines()
        raise BackupFailed(f"PostgreSQL was not copied: {lines[-1] if lines else 'no reason'}")
    return version.split(maxsplit=1)[0]


@asynccontextmanager
async def _running(url: str, to: Path) -> AsyncIterator[Process]:
    program = find_postgres(os.environ).base_backup
    if not program.is_file():
        raise BackupFailed(f"There is no {program}: install all of that PostgreSQL's programs.")
    running = await asyncio.create_subprocess_exec(
        program, "--pgdata", to, "--dbname", url, "--no-password",
        "--wal-method=stream", "--checkpoint=fast",
        env=ENVIRONMENT, umask=0o077, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE,
    )  # fmt: skip
    try:
        yield running
    finally:
        if running.returncode is None:
            with suppress(ProcessLookupError):
                running.kill()
            await running.wait()


@asynccontextmanager
async def _no_rewrite(redis: Redis) -> AsyncIterator[None]:
    """Keep Redis from writing its file anew meanwhile.

    A backup that is killed here leaves it so until the server's next start.
    """
    await redis.config_set("auto-aof-rewrite-percentage", 0)
    try:
        async with asyncio.timeout(REWRITE_SECONDS):
            while _rewrites(await redis.info("persistence")):  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(POLL_SECONDS)
        yield
    except TimeoutError as error:
        raise BackupFailed("Redis has been rewriting its file for ten minutes.") from error
    finally:
        await redis.config_set("auto-aof-rewrite-percentage", REWRITE_AT)


def _rewrites(said: dict[str, int]) -> bool:
    return bool(said["aof_rewrite_in_progress"] or said["aof_rewrite_scheduled"])


def _hold(folder: Path, name: str, opened: ExitStack) -> tuple[bytes, list[_Held]]:
    """Open every file that Redis would read now; a rewrite that somebody asked for is noticed."""
    for _ in range(HOLD_TRIES):
        listed = (folder / name).read_bytes()
        # file appendonly.aof.1.base.rdb seq 1 type b
        lines = [line for line in listed.splitlines() if line.split()[-1:] != [b"h"]]
        try:
            files = [
                opened.enter_context((folder / line.split()[1].decode()).open("rb"))
                for line in lines
            ]
        except FileNotFoundError:
            continue
        if (folder / name).read_bytes() == listed:
            held = [
                _Held(Path(file.name).name, file, os.fstat(file.fileno()).st_size) for file in files
            ]
            return b"".join(line + b"\n" for line in lines), held
    raise BackupFailed("Redis goes on rewriting its file; try again.")


def _private(folder: Path) -> Path:
    folder.mkdir(mode=0o700)
    return folder


def _copy(held: _Held, to: Path, tell: Tell) -> None:
    left = held.bytes
    with open_private(to) as copy:
        while left and (chunk := held.file.read(min(left, CHUNK_BYTES))):
            copy.write(chunk)
            left -= len(chunk)
            tell(len(chunk))
        copy.flush()
        os.fsync(copy.fileno())
