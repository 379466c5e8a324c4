"""The checker of the invariants finds every fault that is planted, by its name."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from redis.asyncio import Redis

from tests.journeys.api import Paper, within
from tests.journeys.house import open_house
from tests.journeys.invariants import Ledger, Stores, Told, read_stores, unsettled, violations

QUIET_SECONDS = 10.0
STORY = {"root": "approve", "reply": "approve", "rejected": "reject", "waiting": None}
"""Comment's name -> what is decided of it."""

PLANTED_IN_POSTGRES = [
    ("I1", "DELETE FROM decisions WHERE comment_id = $1", "rejected"),
    ("I3", "UPDATE comments SET status = 'deleted', text = NULL WHERE comment_id = $1", "reply"),
    ("I3", "UPDATE decisions SET status = 'rejected' WHERE comment_id = $1", "reply"),
    ("I4", "UPDATE decisions SET action = 'restore' WHERE comment_id = $1", "reply"),
    ("I7", "UPDATE decisions SET decision_id = gen_random_uuid() WHERE comment_id = $1", "reply"),
    ("I8", "UPDATE decisions SET n = 2 WHERE comment_id = $1", "rejected"),
    (
        "I8",
        (
            "INSERT INTO decisions (site_id, article_id, comment_id, n, decision_id, action,"
            " revision, status, actor_kind, actor_id, content_hash)"
            " SELECT site_id, article_id, comment_id, 2, gen_random_uuid(), 'approve', revision,"
            " 'rejected', 'key', 'x', content_hash"
            " FROM decisions WHERE comment_id = $1"
        ),
        "rejected",
    ),
    ("I9", "UPDATE article_counts SET approved = approved + 1 WHERE $1::uuid IS NOT NULL", "reply"),
    ("I9", "UPDATE comments SET reply_count = 0 WHERE comment_id = $1", "root"),
    ("I10", "DELETE FROM outbox WHERE comment_id = $1", "reply"),
    ("I11", "UPDATE comments SET text = text || ' ' WHERE comment_id = $1", "reply"),
    ("I11", "UPDATE decisions SET content_hash = sha256('x') WHERE comment_id = $1", "reply"),
    (
        "I12",
        (
            "UPDATE comments SET status = 'removed', text = NULL, reply_count = 0,"
            " shown_replies = 0 WHERE comment_id = $1"
        ),
        "root",
    ),
    ("I18", "UPDATE intake_journal SET seq = 17 WHERE comment_id = $1", "reply"),
    ("I18", "DELETE FROM intake_journal WHERE comment_id = $1", "root"),
    (
        "I17",
        "UPDATE sites SET settings = '{\"pending_max\": 0}' WHERE $1::uuid IS NOT NULL",
        "root",
    ),
]
"""Invariant, what breaks it, and of which comment."""

PLANTED_IN_REDIS = [
    ("I1", ["DEL c:waiting", "ZREM q waiting", "ZREM t waiting"]),
    ("I2", ["COPY c:waiting c:rejected", "ZADD q 0 rejected", "ZADD t 0 rejected"]),
    ("I5", ["ZADD x 0 waiting"]),
    ("I5", ["ZREM q waiting"]),
    ("I5", ["ZREM t waiting"]),
    ("I5", ["ZADD q 0 nobody"]),
    ("I6", ["COPY c:waiting c:nobody", "ZADD q 0 nobody", "ZADD t 0 nobody"]),
    ("I19", ["COPY c:waiting c:nobody", "ZADD q 0 nobody", "ZADD t 0 nobody"]),
]
"""Invariant, and the commands that break it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A site that has come to rest, and what was promised to its people."""

    ledger: Ledger
    names: Mapping[str, str]
    postgres: asyncpg.Connection
    redis: Redis

    async def stores(self) -> Stores:
        """Read both stores."""
        return await read_stores("daily", self.postgres, self.redis)

    async def command(self, line: str) -> None:
        """Send Redis a command; `c:waiting` is the key of the comment of that name."""
        send: Any = self.redis.execute_command
        await send(*_words(line, self.names))

    async def broken(self) -> set[str]:
        """Return the names of the invariants that do not hold."""
        return {each.split()[0] for each in violations(self.ledger, await self.stores())}


@pytest.fixture
async def world(database_url: str, redis_url: str) -> AsyncIterator[World]:
    """A thread of two, a rejected comment and a waiting one; nobody works on them any more."""
    postgres = await asyncpg.connect(database_url)
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        made = World(ledger=Ledger(), names={}, postgres=postgres, redis=redis)
        async with open_house(database_url, redis_url) as house:
            names = await _live(await house.found("daily"), made.ledger)

            async def is_quiet() -> bool:
                return unsettled(await made.stores()) == []

            await within(QUIET_SECONDS, is_quiet)
        yield dataclasses.replace(made, names=names)
    await postgres.close()


async def test_each_fault_planted_in_postgres_is_named(world: World) -> None:
    assert await world.broken() == set()
    for invariant, statement, name in PLANTED_IN_POSTGRES:
        planting = world.postgres.transaction()
        await planting.start()
        await world.postgres.execute(statement, UUID(world.names[name]))

        assert invariant in await world.broken(), statement

        await planting.rollback()
    assert await world.broken() == set()


async def test_each_fault_planted_in_redis_is_named(world: World) -> None:
    assert await world.broken() == set()
    await world.command("COPY c:waiting kept")
    for invariant, commands in PLANTED_IN_REDIS:
        for command in commands:
            await world.command(command)

        assert invariant in await world.broken(), commands

        for name in ("rejected", "nobody"):
            await world.command(f"DEL c:{name}")
            for place in ("q", "t", "x"):
                await world.command(f"ZREM {place} {name}")
        for command in ("ZREM x waiting", "ZADD q 0 waiting", "ZADD t 0 waiting"):
            await world.command(command)
        await world.command("COPY kept c:waiting")
        assert await world.broken() == set(), commands


async def test_a_promise_that_was_not_kept_is_named(world: World) -> None:
    world.ledger.sent["a key"] = "never stored"
    world.ledger.posts["a key"].add(str(uuid4()))
    assert await world.broken() == {"I1"}
    world.ledger.posts["a key"].add(str(uuid4()))
    assert await world.broken() == {"I1", "I6"}
    del world.ledger.posts["a key"]
    world.ledger.decisions.append(Told(world.names["waiting"], str(uuid4()), "approve", 1))
    assert await world.broken() == {"I7"}
    world.ledger.decisions.clear()
    world.ledger.edits[world.names["waiting"]].append("Better words.")
    assert await world.broken() == set()
    world.ledger.edited[world.names["waiting"]] = "Better words."
    assert await world.broken() == {"I13"}
    world.ledger.taken_back.add(world.names["waiting"])
    assert await world.broken() == {"I14"}


async def _live(paper: Paper, ledger: Ledger) -> dict[str, str]:
    """Post and decide; return what each comment of the story is called."""
    names = {"nobody": str(uuid4())}
    for name, action in STORY.items():
        key, text = str(uuid4()), f"This is the {name} one."
        parent = names["root"] if name == "reply" else None
        posted = await paper.post(text, key=key, parent=parent)
        ledger.sent[key] = text
        ledger.posts[key].add(posted.id)
        names[name] = posted.id
        if action is not None:
            (result,) = await paper.decide(action, posted)
            decision_id = result["decision"]["decision_id"]
            ledger.decisions.append(Told(posted.id, decision_id, action, 1))
    return names


def _words(command: str, names: Mapping[str, str]) -> list[str]:
    words = []
    for word in command.split():
        name = word.removeprefix("c:")
        if word in names:
            words.append(names[word])
        elif word != name:
            words.append(f"pb:{{daily}}:c:{names[name]}")
        elif word.islower() and not word.isdigit():
            words.append(f"pb:{{daily}}:{word}")
        else:
            words.append(word)
    return words
