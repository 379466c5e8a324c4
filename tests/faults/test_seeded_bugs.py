"""The checker is checked: a service that is wrong in one way is caught, and by which invariant.

Each scenario is played twice, by the service as it is, which breaks nothing, and by one into which
the bug was planted, which breaks what is named here.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest
from redis.asyncio import Redis

from tests.conftest import FreshDatabase
from tests.faults.proxy import Line, proxied
from tests.faults.stage import SITE, Stage, staged
from tests.journeys.api import wish
from tests.journeys.invariants import read_stores, violations
from tests.storage.queues import eventually, own_server
from tests.storage.replicas import AT_ONCE, CAREFUL, follow

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

HEAL_SECONDS = 6.0
"""How long the service may take to put right what it can put right."""
REDO_SECONDS = 45.0
"""The same of the log: a look that meets a store that is away comes again in 30 s."""
TOLD_SECONDS = 2.0
"""When everybody reads what was decided (I16)."""
ROUNDS = 5
WAYS = 8

REFUSED_AT_COMMIT = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '23514'; END $$;
CREATE CONSTRAINT TRIGGER refused AFTER INSERT ON decisions
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse();
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """Stores for one play, and what copies databases."""

    database_url: str
    redis_url: str
    fresh_database: FreshDatabase


@pytest.fixture
def rig(database_url: str, redis_url: str, fresh_database: FreshDatabase) -> Rig:
    return Rig(database_url=database_url, redis_url=redis_url, fresh_database=fresh_database)


async def left_broken(stage: Stage, seconds: float = HEAL_SECONDS) -> list[str]:
    """Return what is broken and stays so, whatever the service does about it."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while True:  # and no reading is cut short: the connections are needed again
        stores = await read_stores(SITE, stage.postgres, stage.redis)
        broken = violations(stage.ledger, stores)
        if not broken or loop.time() - begun > seconds:
            return broken
        await asyncio.sleep(0.1)


async def refuse_a_decision(rig: Rig, bug: str) -> list[str]:
    """A decision that Postgres turns down when it is committed.

    What a crash leaves of this bug, the redo log puts right; what is refused it cannot.
    """
    async with staged(rig.database_url, rig.redis_url, bug=bug) as stage:
        posted = await stage.post()
        await stage.at_rest()
        await stage.postgres.execute(REFUSED_AT_COMMIT)
        (result,) = await stage.decide([wish("approve", posted.id)])
        assert result["outcome"] == "conflict"
        return await left_broken(stage)


async def send_twice(rig: Rig, bug: str) -> list[str]:
    """A submission that is sent once more."""
    async with staged(rig.database_url, rig.redis_url, bug=bug) as stage:
        await stage.again(await stage.post())
        return await left_broken(stage)


async def decide_at_once(rig: Rig, bug: str) -> list[str]:
    """A moderator who holds a comment, and one who decides on it all the same."""
    async with staged(rig.database_url, rig.redis_url, bug=bug) as stage:
        claims = {"site": stage.paper.slug, "lane": "held", "limit": 1}
        token = stage.paper.keys["moderate"]
        for _ in range(ROUNDS):
            posted = await stage.post()
            claimed = await stage.surely("POST", "/v1/moderation/claims", claims, token=token)
            assert [each["comment"]["id"] for each in claimed.expect(200)["items"]] == [posted.id]
            await asyncio.gather(
                stage.decide([wish("reject", posted.id, override=True)], by="second"),
                stage.decide([wish("approve", posted.id)]),
            )
        return await left_broken(stage)


async def retry_when_emptied(rig: Rig, bug: str) -> list[str]:
    """A submission that is sent once more to a Redis that forgot everything meanwhile."""
    async with staged(rig.database_url, rig.redis_url, bug=bug) as stage:
        posted = await stage.post()
        await stage.at_rest()
        await stage.redis.flushdb()
        await stage.again(posted)
        return await left_broken(stage)


async def read_while_deciding(rig: Rig, bug: str) -> list[str]:
    """Counts that are read while comments are approved, and again when all should know."""
    async with staged(rig.database_url, rig.redis_url, bug=bug or "slow builds") as stage:
        articles = [f"story-{number}" for number in range(ROUNDS)]
        posted = [await stage.post(article=article) for article in articles]
        reading = [asyncio.create_task(stage.paper.count(article)) for article in articles]
        await stage.decide([wish("approve", each.id) for each in posted])
        await asyncio.gather(*reading)
        await asyncio.sleep(TOLD_SECONDS)
        counts = await asyncio.gather(*map(stage.paper.count, articles))
        broken = [
            f"I16 {article} is said to have {count} comments and has 1"
            for article, count in zip(articles, counts, strict=True)
            if count != 1
        ]
        return broken + await left_broken(stage)


async def go_back_in_time(rig: Rig, bug: str) -> list[str]:
    """A Postgres that is restored as it was before a decision."""
    async with AsyncExitStack() as running:
        line = await running.enter_async_context(
            proxied(_socket(rig.database_url), random.Random(7))  # noqa: S311 - a test's
        )
        name = urlsplit(rig.database_url).path.removeprefix("/")
        address = f"postgresql://postgres@127.0.0.1:{line.port}/"
        stage = await running.enter_async_context(staged(address + name, rig.redis_url, bug=bug))
        posted = await stage.post()
        await stage.at_rest()
        line.become(Line.SILENT)
        line.reset()  # nobody may be connected to what is copied
        past = urlsplit(await rig.fresh_database(name)).path.removeprefix("/")
        line.mend()
        await stage.decide([wish("approve", posted.id)])
        settings = stage.service.settings
        stage.service.settings = settings.model_copy(update={"database_url": address + past})
        os.kill(stage.service.pid, signal.SIGKILL)
        then = dataclasses.replace(stage, postgres=await asyncpg.connect(address + past))
        running.push_async_callback(then.postgres.close)
        await then.post()  # the next process serves
        await then.at_rest()  # and leads
        return await left_broken(then, REDO_SECONDS)


def _socket(database_url: str) -> Path:
    (folder,) = parse_qs(urlsplit(database_url).query)["host"]
    return Path(folder) / ".s.PGSQL.5432"


async def decide_when_full(rig: Rig, bug: str) -> list[str]:
    """Comments that are decided while Redis has no memory left."""
    async with staged(rig.database_url, rig.redis_url, bug=bug) as stage:
        posted = [await stage.post() for _ in range(ROUNDS)]
        await stage.at_rest()
        async with full(stage.redis):
            await stage.decide([wish("approve", each.id) for each in posted])
            return await left_broken(stage)


@asynccontextmanager
async def full(redis: Redis) -> AsyncIterator[None]:
    """Leave no memory to a Redis until the block ends."""
    await redis.config_set("maxmemory", 1)
    try:
        yield
    finally:
        await redis.config_set("maxmemory", 0)


async def repeat_behind_a_partition(rig: Rig, bug: str) -> list[str]:
    """A submission that is sent again and again while no replica hears of it."""
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
        stage = await running.enter_async_context(
            staged(rig.database_url, first.url, bug=bug, durability="replica", replicas=1)
        )
        copy = await running.enter_async_context(Redis.from_url(replica.url, decode_responses=True))
        line.become(Line.SILENT)
        key, text = "sent-again", "Was this heard?"
        stage.ledger.sent[key] = text
        assert (await stage.paper.send(text, key=key)).refused(503) == "queue_unavailable"
        answers = await asyncio.gather(*(stage.paper.send(text, key=key) for _ in range(WAYS)))
        told = {each.json["comment"]["id"] for each in answers if each.status == 202}
        stage.ledger.posts[key] |= told
        broken = [
            f"I20 {comment_id} was acknowledged and no replica has it"
            for comment_id in told
            if not await copy.exists(f"pb:{{{SITE}}}:c:{comment_id}")
        ]
        line.mend()
        path = f"{stage.paper.article('story-1')}/comments"
        body = {"body": text, "author": {"name": "Leila"}}
        answer = await stage.surely("POST", path, body, key=key)
        stage.ledger.posts[key].add(answer.expect(202)["comment"]["id"])
        return broken + await left_broken(stage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A bug, where it shows, and what names it."""

    play: Callable[[Rig, str], Awaitable[list[str]]]
    named: str


CASES = {
    "finish before commit": Case(play=refuse_a_decision, named="I1"),
    "no idempotency": Case(play=send_twice, named="I6"),
    "lease as the lock": Case(play=decide_at_once, named="I8"),
    "dedupe index dropped": Case(play=retry_when_emptied, named="I6"),
    "cache stored after invalidation": Case(play=read_while_deciding, named="I16"),
    "redo missing": Case(play=go_back_in_time, named="I7"),
    "refused when full": Case(play=decide_when_full, named="I2"),
    "no write before WAIT": Case(play=repeat_behind_a_partition, named="I20"),
}


@pytest.mark.parametrize("bug", CASES)
async def test_the_service_as_it_is_breaks_nothing(rig: Rig, bug: str) -> None:
    assert await CASES[bug].play(rig, "") == []


@pytest.mark.parametrize("bug", CASES)
async def test_a_seeded_bug_is_found(rig: Rig, tell: Callable[[str], None], bug: str) -> None:
    broken = await CASES[bug].play(rig, bug)

    names = {each.split()[0] for each in broken}
    tell(f"{bug}: {len(broken)} violations of {', '.join(sorted(names)) or 'nothing'}.")
    assert CASES[bug].named in names
