"""A Redis that forgets everything over and over while readers write: what is kept, what is told."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis
from structlog.testing import capture_logs

from service.errors import Unavailable
from service.features.journal import NOTED_SECONDS
from service.storage.durability import Level
from service.storage.postgres import open_pool
from service.storage.redis import connect
from tests.newsroom import Newsroom, open_site, real_time, staff
from tests.storage.queues import OwnServer, own_server

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

WRITERS = 6
COMMENTS = 800
BLOWS = {"journal": 10, "local": 8}
APART = {"journal": (0.2, 0.8), "local": (0.1, 2.5)}
"""Seconds between two blows: while the queue is still shut after the one before, and right after
it was opened again."""


@dataclass(slots=True, kw_only=True)
class Readers:
    """Readers who send each comment until it is taken, and then once more."""

    room: Newsroom
    taken: dict[str, set[UUID]] = field(default_factory=dict)
    sent: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    async def write(self) -> None:
        async with asyncio.TaskGroup() as writers:
            for _ in range(WRITERS):
                writers.create_task(self._one_by_one())

    async def _one_by_one(self) -> None:
        while self.sent < COMMENTS:
            self.sent += 1
            key = f"number-{self.sent}"
            ids = self.taken.setdefault(key, set())
            for _ in range(2):
                ids.add(await self.until_taken(key))

    async def until_taken(self, key: str) -> UUID:
        """Send a comment again and again."""
        while True:
            try:
                return (await self.room.submit(f"This is {key}.", key=key)).found.comment_id
            except Unavailable as refusal:
                self.refused[refusal.stable_code] += 1
                await asyncio.sleep(0.02)


async def strike(
    server: OwnServer, redis: Redis, dice: random.Random, apart: tuple[float, float], blows: int
) -> None:
    """Empty Redis in one of two ways, again and again."""
    for _ in range(blows):
        await asyncio.sleep(dice.uniform(*apart))
        if dice.random() < 0.5:
            with suppress(Exception):
                await redis.flushall()
        else:
            await server.kill()
            await server.lose_files()
            await server.start()


async def looked_after(room: Newsroom) -> None:
    """Do what the leader and every process do."""
    async with asyncio.TaskGroup() as loops:
        loops.create_task(room.journal.run())
        loops.create_task(room.journal.run_watermarks())
        loops.create_task(room.reconcile.run())


async def endure(level: Level, database_url: str, seed: int) -> tuple[Readers, int, int]:
    """Write while Redis is emptied; return what was lost, and what the service said of that."""
    dice = random.Random(seed)  # noqa: S311 - a test's
    async with (
        own_server("--appendonly", "no") as server,
        open_pool(database_url) as pool,
    ):
        await server.start()
        async with connect(server.url) as redis:
            site = (await open_site(pool, redis)).site
            room = staff(pool, redis, site, level=level)
            room.now = real_time()
            refill = replace(room.journal.refill, noting_seconds=NOTED_SECONDS)
            room.journal = replace(room.journal, refill=refill)
            readers = Readers(room=room)
            with capture_logs() as lines:
                leader = asyncio.create_task(looked_after(room))
                await asyncio.gather(
                    readers.write(), strike(server, redis, dice, APART[level], BLOWS[level])
                )
                await asyncio.sleep(0.5)  # so that the last blow is seen
                await readers.until_taken("the-last-word")
                await asyncio.sleep(0.5)  # and what came of it
                leader.cancel()
                await asyncio.gather(leader, return_exceptions=True)
            told = sum(
                line["lost_at_most"] for line in lines if line["event"] == "rollback.detected"
            )
            return readers, await settled(room, readers), told


async def settled(room: Newsroom, readers: Readers) -> int:
    """Let everything be put right; return how many acknowledged comments are nowhere."""
    while await room.journal_all():
        pass
    await room.reconcile.put_back_missing(room.site)
    ids = [comment_id for taken in readers.taken.values() for comment_id in taken]
    there = await room.pending.items(room.site.slug, ids)
    return len(set(ids)) - len(there)


@pytest.mark.parametrize("seed", [1, 2])
async def test_level_journal_keeps_everything_however_often_redis_is_emptied(
    database_url: str, tell: Callable[[str], None], seed: int
) -> None:
    readers, lost, told = await endure("journal", database_url, seed)
    tell(f"journal, seed {seed}: {len(readers.taken)} acknowledged, {lost} lost, {readers.refused}")
    assert (lost, told) == (0, 0)
    doubled = {key: ids for key, ids in readers.taken.items() if len(ids) != 1}
    assert not doubled


def told_of(readers: Readers) -> int:
    """Count the comments that readers were told of."""
    return len({comment_id for ids in readers.taken.values() for comment_id in ids})


@pytest.mark.parametrize("seed", [1, 2])
async def test_level_local_tells_what_it_has_lost(
    database_url: str, tell: Callable[[str], None], seed: int
) -> None:
    readers, lost, told = await endure("local", database_url, seed)
    tell(
        f"local, seed {seed}: {told_of(readers)} acknowledged, {lost} lost,"
        f" {told} told at most, {readers.refused}"
    )
    assert told >= lost
