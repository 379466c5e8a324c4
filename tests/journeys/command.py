"""The real command, `postbag serve`, in a folder of its own with stores of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from service.app import open_service
from service.secrets import open_secrets
from service.settings import Settings
from service.workers import NURSERY, WORKER
from tests.journeys.api import Api, Paper
from tests.journeys.house import SCOPES, SECRET_KEY, House, client

READY_SECONDS = 60.0
"""A first start with both stores takes two seconds on an idle machine."""
STOP_SECONDS = 15.0
ROOT = Path(__file__).parents[2]
POSTBAG = (sys.executable, "-m", "service")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A command that has ended."""

    status: int
    out: str
    err: str


@dataclass(slots=True, kw_only=True)
class Running:
    """A service that was started by its command, and what it is made of."""

    process: Process
    folder: Path
    base_url: str
    api: Api
    said: str
    """What it printed until it was ready."""
    environment: Mapping[str, str] = field(repr=False)

    @property
    def pid(self) -> int:
        """The process of the command itself."""
        return self.process.pid

    @property
    def family(self) -> list[int]:
        """The command and everything it has started, however deep."""
        top = psutil.Process(self.pid)
        return [self.pid, *(child.pid for child in top.children(recursive=True))]

    @property
    def postgres_pid(self) -> int:
        """The postmaster."""
        return self._child("postgres")

    @property
    def valkey_pid(self) -> int:
        """The queue's server."""
        return self._child("valkey-server", "redis-server")

    @property
    def worker_pids(self) -> list[int]:
        """The workers, the eldest first; with one worker the command itself."""
        children = psutil.Process(self.pid).children(recursive=True)
        found = [child for child in children if _name(child) == WORKER and lives(child.pid)]
        found.sort(key=lambda child: float(child.create_time()))
        return [child.pid for child in found] or [self.pid]

    @property
    def nursery_pid(self) -> int:
        """The process that makes the workers."""
        children = psutil.Process(self.pid).children()
        return next(int(child.pid) for child in children if _name(child) == NURSERY)

    @property
    def endpoints(self) -> tuple[str, str]:
        """The URLs of its database and its Redis."""
        given = self.environment
        if "POSTBAG_DATABASE_URL" in given:
            return given["POSTBAG_DATABASE_URL"], given["POSTBAG_REDIS_URL"]
        said = json.loads((self.folder / "endpoints.json").read_text(encoding="utf-8"))
        return said["database_url"], said["redis_url"]

    async def run(self, *words: str, status: int = 0) -> str:
        """Run another command on the same folder and return what it printed."""
        ran = await run(*words, environment=self.environment)
        assert ran.status == status, ran
        return ran.out

    async def found(self, slug: str = "daily") -> Paper:
        """Make a site with keys as the command line does, without the time it takes to start."""
        database_url, redis_url = self.endpoints
        settings = Settings(secret_key=SECRET_KEY, database_url=database_url, redis_url=redis_url)
        async with open_service(
            settings, open_secrets(settings), database_url=database_url, redis_url=redis_url
        ) as service:
            return await House(service=service, api=self.api).found(slug)

    async def found_by_hand(self, slug: str = "daily") -> Paper:
        """Make a site, and one key that may do everything, by the command line."""
        await self.run("site", "create", slug, "--origin", "https://daily.example")
        scopes = [word for scope in ("read", "write", "moderate", "manage") for word in _of(scope)]
        key = (await self.run("key", "create", "--site", slug, "--name", "all", *scopes)).strip()
        return Paper(api=self.api, slug=slug, keys=dict.fromkeys(SCOPES, key))

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to stop and return its exit code; it has to be quick."""
        self.process.send_signal(number)
        async with asyncio.timeout(STOP_SECONDS):
            return await self.process.wait()

    async def kill(self) -> None:
        """End it without a word, and with it, in a moment, all that it has started.

        Its output ends with the last of its workers, and so does the wait.
        """
        self.process.kill()
        async with asyncio.timeout(STOP_SECONDS):
            await self.process.wait()

    def _child(self, *programs: str) -> int:
        for child in psutil.Process(self.pid).children():
            line = _command_line(child)
            if line and Path(line[0]).name in programs and lives(child.pid):
                return int(child.pid)
        raise AssertionError(f"{programs[0]} does not run.")


@contextmanager
def data_folder() -> Iterator[Path]:
    """A folder for a service; root's lets the servers through, who are another user."""
    with tempfile.TemporaryDirectory(prefix="postbag-journey-") as made:
        if os.geteuid() == 0:
            Path(made).chmod(0o711)
        yield Path(made) / "data"


@asynccontextmanager
async def served(folder: Path, *words: str, **variables: str) -> AsyncIterator[Running]:
    """Run `postbag serve` until the block ends; request limits are off unless asked for."""
    environment = surroundings(folder, **variables)
    log = folder.with_suffix(".log")
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *POSTBAG, "serve", *words, env=environment, cwd=ROOT,
            stdin=DEVNULL, stdout=PIPE, stderr=errors,
        )  # fmt: skip
    try:
        base_url, said = await _until_it_says_where(process, log)
        async with client() as session:
            yield Running(
                process=process,
                folder=folder,
                base_url=base_url,
                api=Api(session=session, base_url=base_url),
                said=said,
                environment=environment,
            )
    finally:
        await _ended(process)


async def run(*words: str, environment: Mapping[str, str]) -> Ran:
    """Run a command to its end."""
    process = await asyncio.create_subprocess_exec(
        *POSTBAG, *words, env=environment, cwd=ROOT, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )
    async with asyncio.timeout(READY_SECONDS):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Ran(status=process.returncode, out=out.decode(), err=err.decode())


def surroundings(folder: Path, **variables: str) -> dict[str, str]:
    """Return an environment without this machine's settings, and with some of our own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("POSTBAG_")}
    ours = {
        "data_dir": str(folder),
        "port": "0",
        "metrics_port": "0",
        "rate_limits": "off",
        **variables,
    }
    return kept | {f"POSTBAG_{name.upper()}": value for name, value in ours.items()}


def free_ports(number: int = 1) -> int:
    """Return the first of so many ports in a row that nobody listens on now."""
    while True:
        with contextlib.ExitStack() as held:
            first = held.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
            try:
                for port in range(first + 1, first + number):
                    held.enter_context(socket.create_server(("127.0.0.1", port)))
            except OSError:
                continue
            return int(first)


def lives(pid: int) -> bool:
    """Whether a process runs; one that ended and was not waited for does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


async def _until_it_says_where(process: Process, log: Path) -> tuple[str, str]:
    """Read what it prints until it says where it is, or, with the demo, all of its welcome."""
    assert process.stdout is not None
    said = ""
    async with asyncio.timeout(READY_SECONDS):
        while line := (await process.stdout.readline()).decode():
            said += line
            if line.startswith("Postbag is running on "):
                return line.split()[-1], said
            if line.rstrip().endswith("/count"):
                where = next(word for word in said.split() if word.endswith("/docs"))
                return where.removesuffix("/docs"), said
    raise AssertionError(f"It ended: {_last_words(log)}")


def _last_words(log: Path) -> str:
    return log.read_text(encoding="utf-8")[-3_000:]


async def _ended(process: Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise
    # What it has printed since is of no interest, but its pipe has to be closed.
    transport = getattr(process, "_transport", None)
    if transport is not None:
        transport.close()


def _name(child: psutil.Process) -> str:
    try:
        return str(child.name())
    except psutil.Error:
        return ""


def _command_line(child: psutil.Process) -> list[str]:
    try:
        return list(child.cmdline())
    except psutil.Error:
        return []


def _of(scope: str) -> tuple[str, str]:
    return "--scope", scope
