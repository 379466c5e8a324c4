"""Whatever is killed, nothing that was promised is lost or doubled."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import asyncpg
import psutil
import pytest
from redis.asyncio import Redis

from tests.journeys.api import Api, Paper, within
from tests.journeys.command import Running, data_folder, free_ports, served
from tests.journeys.house import client
from tests.journeys.invariants import Stores, read_stores, unsettled, violations
from tests.journeys.storm import Storm

pytestmark = pytest.mark.long

READERS = 4
BACK_SECONDS = 25.0
"""When posting and deciding go on after any kill (protocol.md Ruling 14)."""
QUIET_SECONDS = 15.0
"""When the journal, the settle worker and the reconciler have done what was left to do."""
FREEZE_SECONDS = 3.0
"""Longer than a request waits for a store."""
KILLS = ("service", "valkey", "postgres")
FAULTS = (*KILLS, "worker", "worker", "frozen valkey", "frozen postgres")


@dataclass(slots=True, kw_only=True)
class Assassin:
    """Kills one after the other, and starts the service again as an init system would."""

    running: Running
    stack: AsyncExitStack
    storm: Storm
    words: Sequence[str] = ()
    struck: Counter[str] = field(default_factory=Counter)
    longest_seconds: float = 0.0
    """From a fault until readers and moderator were promised something again."""

    async def strike(self, victim: str) -> None:
        """Kill or freeze somebody, then wait until everybody works again."""
        await asyncio.sleep(self.storm.dice.uniform(0.0, 0.4))  # in the middle of something
        begun = monotonic()
        await self._kill(victim)
        self.struck[victim] += 1
        self.storm.note_fault()
        if victim == "service":
            await self._start()

        async def all_work() -> bool:
            return self.storm.at_work == {"reader", "moderator"}

        await within(BACK_SECONDS, all_work)
        self.longest_seconds = max(self.longest_seconds, monotonic() - begun)

    async def _kill(self, victim: str) -> None:
        match victim:
            case "service":
                await self.running.kill()
            case "worker":
                os.kill(self.storm.dice.choice(self.running.worker_pids), signal.SIGKILL)
            case "valkey":
                os.kill(self.running.valkey_pid, signal.SIGKILL)
            case "postgres":
                os.kill(self.running.postgres_pid, signal.SIGKILL)
            case "frozen valkey":
                await _freeze([self.running.valkey_pid])
            case "frozen postgres":
                postmaster = psutil.Process(self.running.postgres_pid)
                sessions = [child.pid for child in postmaster.children()]
                await _freeze([postmaster.pid, *sessions])

    async def _start(self) -> None:
        port = self.running.base_url.rpartition(":")[2]
        self.running = await self.stack.enter_async_context(
            served(self.running.folder, *self.words, port=port)
        )


async def test_kills_lose_and_double_nothing_that_was_promised(
    tell: Callable[[str], None],
) -> None:
    with data_folder() as folder:
        await _survive(folder, tell, seed=20261125, seconds=8, faults=KILLS)


@pytest.mark.faults
@pytest.mark.timeout(400)
@pytest.mark.parametrize("seed", [1, 2])
async def test_minutes_of_kills_and_freezes_lose_and_double_nothing(
    tell: Callable[[str], None], seed: int
) -> None:
    with data_folder() as folder:
        words = ("--workers", "2")
        await _survive(folder, tell, seed=seed, seconds=120, faults=FAULTS, words=words)


async def _survive(
    folder: Path,
    tell: Callable[[str], None],
    *,
    seed: int,
    seconds: float,
    faults: Sequence[str],
    words: Sequence[str] = (),
) -> None:
    """Kill for some seconds, each at least once; then let all come to rest and look."""
    async with AsyncExitStack() as stack:
        port = str(free_ports())
        running = await stack.enter_async_context(served(folder, *words, port=port))
        keys = (await running.found("daily")).keys
        session = await stack.enter_async_context(client())
        api = Api(session=session, base_url=running.base_url)
        storm = Storm(
            paper=Paper(api=api, slug="daily", keys=keys),
            dice=random.Random(seed),  # noqa: S311 - a schedule, no secret
        )
        assassin = Assassin(running=running, stack=stack, storm=storm, words=words)
        async with asyncio.TaskGroup() as people:
            for number in range(READERS):
                people.create_task(storm.read(number))
            people.create_task(storm.moderate())
            end = monotonic() + seconds
            for victim in _victims(faults, storm.dice):
                if monotonic() > end and all(assassin.struck[each] for each in faults):
                    break
                await assassin.strike(victim)
            storm.over = True
        stores = await _at_rest(assassin.running)
        tell(
            f"Seed {seed}: {storm.posts} posts and {storm.decisions} decisions promised;"
            f" {dict(assassin.struck)}, all back after {assassin.longest_seconds:.1f} s at most;"
            f" met on the way: {dict(storm.met)}."
        )
        assert violations(storm.ledger, stores) == []
        assert storm.met, "Nobody noticed anything: there was no storm."
        for article, article_id in stores.articles.items():
            public = [
                row
                for row in stores.comments.values()
                if row["status"] == "approved" and row["article_id"] == article_id
            ]
            assert await storm.paper.count(article) == len(public)
        assert _unexpected(folder) == []


def _victims(faults: Sequence[str], dice: random.Random) -> Iterator[str]:
    """Name one after the other, without end: each once, then each once again."""
    while True:
        yield from dice.sample(faults, len(faults))


async def _freeze(pids: Sequence[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    await asyncio.sleep(FREEZE_SECONDS)
    for pid in pids:
        os.kill(pid, signal.SIGCONT)


async def _at_rest(running: Running) -> Stores:
    """Wait until nothing is left to do behind the requests, and return what is there."""
    database_url, redis_url = running.endpoints
    connection = await asyncpg.connect(database_url)
    async with Redis.from_url(redis_url, decode_responses=True) as redis:

        async def is_quiet() -> bool:
            return unsettled(await read_stores("daily", connection, redis)) == []

        await within(QUIET_SECONDS, is_quiet, pause=0.1)
        stores = await read_stores("daily", connection, redis)
    await connection.close()
    return stores


def _unexpected(folder: Path) -> list[str]:
    """Return the errors in the log: that a store is away is none, nobody is to blame."""
    lines = folder.with_suffix(".log").read_text(encoding="utf-8").split("\n")
    grave = [line for line in lines if '"level":"error"' in line or '"level"' not in line]
    return [line for line in grave if line]
