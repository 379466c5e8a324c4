"""Data folders the servers' user can reach, and a process of its own that runs the servers."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import psutil
import pytest

KEEPER = "tests.embedded.keeper"
READY_SECONDS = 20.0

StartKeeper = Callable[..., Awaitable["Keeper"]]


class Keeper:
    """Another process that runs the servers of one folder."""

    def __init__(self, process: Process, said: dict[str, int]) -> None:
        self.process = process
        self.pids = tuple(said.values())

    async def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for servers; root's lets others through, as pytest's own do not."""
    with tempfile.TemporaryDirectory(prefix="postbag-embedded-") as made:
        if os.geteuid() == 0:
            Path(made).chmod(0o711)
        yield Path(made) / "data"


@pytest.fixture
async def start_keeper() -> AsyncIterator[StartKeeper]:
    """Start a keeper on a folder and wait until its servers answer; all end with the test."""
    started: list[Process] = []

    async def start(folder: Path, *arguments: str) -> Keeper:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", KEEPER, str(folder), *arguments, stdin=PIPE, stdout=PIPE
        )
        started.append(process)
        assert process.stdout
        async with asyncio.timeout(READY_SECONDS):
            return Keeper(process, json.loads(await process.stdout.readline()))

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def until(holds: Callable[[], bool], *, seconds: float = 10.0) -> None:
    """Wait for a condition that no event tells of, such as the end of a stranger's process."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.005)


def lives(pid: int | None) -> bool:
    """Whether a process runs; one that ended and was not waited for does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
