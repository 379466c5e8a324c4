"""A replica takes over behind a partition: what was acknowledged at each level, and what is left.

The line between both drops everything, as a firewall does; a frozen replica would prove nothing,
for the kernel keeps what it is sent (protocol.md F5).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from service.errors import Unavailable
from service.storage.durability import Level
from service.storage.postgres import open_pool
from service.storage.redis import connect
from tests.faults.proxy import Line, Proxy, proxied
from tests.newsroom import Newsroom, open_site, staff
from tests.storage.queues import OwnServer, eventually, own_server
from tests.storage.replicas import AT_ONCE, CAREFUL, follow

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

WRITERS = 8
BEFORE, BEHIND = 400, 120
"""Comments acknowledged, or refused, before the partition and behind it."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """What writers were told."""

    acknowledged: dict[str, UUID] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    sent: int = 0

    async def write(self, room: Newsroom, upto: int) -> None:
        """Send comments, each under a key of its own, until so many were answered."""

        async def one_by_one() -> None:
            while self.sent < upto:
                self.sent += 1
                key = f"number-{self.sent}"
                try:
                    accepted = await room.submit(f"This is {key}.", key=key)
                except Unavailable:
                    self.refused.add(key)
                else:
                    self.acknowledged[key] = accepted.found.comment_id

        await asyncio.gather(*(one_by_one() for _ in range(WRITERS)))

    async def write_again(self, room: Newsroom) -> None:
        """Send once more what was refused: on a busy machine a replica is late now and then.

        Raises:
            Unavailable: it is refused again.
        """
        for key in sorted(self.refused):
            accepted = await room.submit(f"This is {key}.", key=key)
            self.acknowledged[key] = accepted.found.comment_id
        self.refused.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A Redis, its replica, and the line between them."""

    first: OwnServer
    replica: OwnServer
    line: Proxy


@asynccontextmanager
async def behind_a_line() -> AsyncIterator[Pair]:
    async with AsyncExitStack() as running:
        first = await running.enter_async_context(own_server(*CAREFUL, *AT_ONCE))
        await first.start()
        line = await running.enter_async_context(
            proxied(first.folder / "socket", random.Random(7))  # noqa: S311 - a test's
        )
        options = (*CAREFUL, "--replicaof", f"127.0.0.1 {line.port}")
        replica = await running.enter_async_context(own_server(*options))
        await replica.start()
        await eventually(lambda: follow(first, 1))
        yield Pair(first=first, replica=replica, line=line)


async def lost_of(room: Newsroom, tally: Tally) -> int:
    """Count what was acknowledged and is not there any more."""
    ids = [*tally.acknowledged.values()]
    there = await room.pending.items(room.site.slug, ids)
    return len(ids) - len(there)


async def fail_over(level: Level, database_url: str) -> tuple[Tally, int, int]:
    """Write, partition, write on, kill the first, promote the replica; return what was lost.

    The last number is what the service itself says was lost, at most.
    """
    tally = Tally()
    async with behind_a_line() as pair, open_pool(database_url) as pool:
        async with connect(pair.first.url) as redis:
            site = (await open_site(pool, redis)).site
            room = staff(pool, redis, site, level=level, replicas=int(level == "replica"))
            await tally.write(room, BEFORE)
            await tally.write_again(room)
            pair.line.become(Line.SILENT)
            await tally.write(room, BEFORE + BEHIND)
            await room.journal.note_acknowledged()
        await pair.first.kill()
        async with connect(pair.replica.url) as redis:
            await redis.replicaof("NO", "ONE")
            room = staff(pool, redis, site, level="local")
            lost = await lost_of(room, tally)
            with capture_logs() as lines:
                await room.journal.open_queue(site)
            told = [line["lost_at_most"] for line in lines if line["event"] == "rollback.detected"]
            for key in tally.refused:  # what was refused is taken now, and once
                again = await room.submit(f"This is {key}.", key=key)
                once_more = await room.submit(f"This is {key}.", key=key)
                assert again.found.comment_id == once_more.found.comment_id
            everything = await room.pending.total(site.slug, include_escalated=True)
            assert everything == tally.sent - lost, "nothing is there twice"
            return tally, lost, sum(told)


async def test_a_failover_behind_a_partition_loses_nothing_that_replicas_confirmed(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    replicated, lost, told = await fail_over("replica", database_url)
    beside, lost_beside, told_beside = await fail_over("local", database_url)
    with capsys.disabled():
        for level, tally, gone in (
            ("replica", replicated, lost),
            ("local", beside, lost_beside),
        ):
            print(  # noqa: T201 - the figures are what the run is for
                f"\n{level:8} acknowledged {len(tally.acknowledged):5}, answered 503"
                f" {len(tally.refused):4}, lost {gone:4}",
                end="",
            )
    assert (lost, told) == (0, 0)
    assert len(replicated.acknowledged) >= BEFORE
    assert len(replicated.refused) == BEHIND, "no 202 while the level was not met"
    assert lost_beside == BEHIND, "the partition was one"
    assert told_beside >= lost_beside, "what is lost is told, never too low"
