"""A Postgres that goes back in time: restored from a real copy of it, taken a while ago."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import asyncpg
import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from service.model import Action, Decision, PendingComment, Site
from service.secrets import Secrets
from service.storage.postgres import open_pool
from service.storage.redis import Keys, connect
from tests.conftest import FreshDatabase
from tests.newsroom import KIM, Newsroom, open_newsroom, real_time, staff
from tests.storage.queues import eventually

LEILA = UUID(int=7)

TABLES = {
    "decisions": "site_id, article_id, comment_id, n, decision_id, action, revision, kind, status,"
    " reason, note, actor_kind, actor_id, rule_version, reverses, content_hash, at, lang, risk",
    "comments": "comment_id, parent_id, root_id, depth, author_id, author_name, text, status,"
    " revision, created_at, published_at, edited_at, reply_count, shown_replies, unseen",
    "article_counts": "article_id, approved, shown_roots",
    "kept_texts": "comment_id, revision, payload",
    "readers": "author_id, approved, rejected",
}
"""What has to be as it was."""


async def contents(pool: asyncpg.Pool) -> dict[str, list[tuple[Any, ...]]]:
    found = {}
    for table, columns in TABLES.items():
        rows = await pool.fetch(f"SELECT {columns} FROM {table}")  # noqa: S608 - ours
        found[table] = sorted((tuple(row) for row in rows), key=str)
    return found


@dataclass(slots=True, kw_only=True)
class Times:
    """One Redis, and a Postgres as it is now and as it was."""

    database_url: str
    redis_url: str
    fresh_database: FreshDatabase
    site: Site | None = None
    backup: str = ""

    @asynccontextmanager
    async def begun(self) -> AsyncIterator[Newsroom]:
        """Lend the site before the copy, which is made when the block ends."""
        async with open_newsroom(self.database_url, self.redis_url) as room:
            self.site = room.site
            yield room
        name = urlsplit(self.database_url).path.removeprefix("/")
        self.backup = await self.fresh_database(name)

    @asynccontextmanager
    async def gone_on(self) -> AsyncIterator[Newsroom]:
        """Lend it as it goes on."""
        async with self._over(self.database_url) as room:
            yield room

    @asynccontextmanager
    async def restored(self) -> AsyncIterator[Newsroom]:
        """Lend it over the copy, with the Redis of today."""
        async with self._over(self.backup) as room:
            yield room

    @asynccontextmanager
    async def _over(self, url: str) -> AsyncIterator[Newsroom]:
        assert self.site is not None
        async with open_pool(url) as pool, connect(self.redis_url) as redis:
            yield staff(pool, redis, self.site)


@pytest.fixture
def times(database_url: str, redis_url: str, fresh_database: FreshDatabase) -> Times:
    return Times(database_url=database_url, redis_url=redis_url, fresh_database=fresh_database)


async def reverse(room: Newsroom, decision: Decision | None) -> None:
    assert decision is not None
    await room.decisions.reverse([room.site], decision.decision_id, actor=KIM, now=room.now)


async def edit(room: Newsroom, comment: PendingComment, body: str) -> None:
    await room.own.edit(
        room.site,
        comment.comment_id,
        comment.author.author_id,
        body=body,
        revision=1,
        now=comment.created_at,
    )


async def compare(room: Newsroom, *, wholly: bool = False) -> int:
    return await room.redoing.compare(room.site, wholly=wholly)


async def journal_all(room: Newsroom) -> None:
    while await room.journal_all():
        pass


async def test_what_was_decided_since_is_decided_again_as_it_was(times: Times) -> None:
    async with times.begun() as room:
        waited = await room.post("Waited before.")
        public = await room.post("Public before.")
        await room.approve(public)
        await journal_all(room)
    async with times.gone_on() as room:
        root = await room.post("A root.")
        reply = await room.post("A reply.", parent=root.comment_id)
        spam, hard = await room.post("Spam."), await room.post("Hard to say.")
        await room.approve(waited, root)
        await room.decide(Action.APPROVE, reply, by=KIM)
        await room.decide(Action.REJECT, spam, by=KIM)
        await room.decide(Action.ESCALATE, hard)
        await room.decide(Action.REMOVE, public)
        await journal_all(room)
        wanted = await contents(room.pool)
    async with times.restored() as room:
        assert await contents(room.pool) != wanted
        with capture_logs() as lines:
            assert await compare(room) == 6
        assert await contents(room.pool) == wanted
        assert [(line["event"], line["made_again"]) for line in lines] == [
            ("postgres.rollback_detected", 6)
        ]
        assert await compare(room, wholly=True) == 0
        item = await room.pending.get(room.site.slug, hard.comment_id)
        assert item is not None
        assert (item.escalated, item.n) == (True, 1)


@pytest.mark.parametrize("before", [True, False], ids=["known before", "all of it since"])
async def test_a_long_life_is_lived_again_in_its_order(times: Times, *, before: bool) -> None:
    comment: PendingComment | None = None
    async with times.begun() as room:
        if before:
            comment = await room.post("Whole life.")
            await journal_all(room)
    async with times.gone_on() as room:
        comment = comment or await room.post("Whole life.")
        await reverse(room, (await room.approve(comment))[0].decision)
        await reverse(room, (await room.decide(Action.REJECT, comment, by=KIM))[0].decision)
        await room.approve(comment)
        await room.decide(Action.REMOVE, comment)
        await room.decide(Action.RESTORE, comment, by=KIM)
        await edit(room, comment, "Edited.")
        await room.decide(Action.APPROVE, comment, revision=2)
        wanted = await contents(room.pool)
        assert len(wanted["decisions"]) == 8
    async with times.restored() as room:
        assert await compare(room) == 8
        assert await contents(room.pool) == wanted
        assert await compare(room, wholly=True) == 0


async def test_nothing_comes_back_that_its_author_took_away(times: Times) -> None:
    async with times.begun() as room:
        public, kept = await room.post("Public."), await room.post("Waits.")
        await room.approve(public)
        await journal_all(room)
    async with times.gone_on() as room:
        brief = await room.post("Approved and deleted.")
        await room.approve(brief)
        await room.decide(Action.DELETE, public)
        await room.decide(Action.DELETE, brief)
        await room.decide(Action.WITHDRAW, kept)
    async with times.restored() as room:
        assert await compare(room) == 2
        assert [await room.status(each) for each in (public, brief, kept)] == [
            "deleted",
            None,
            "deleted",
        ]
        texts = await room.pool.fetchval("SELECT count(*) FROM comments WHERE text IS NOT NULL")
        assert (texts, await room.count()) == (0, 0)
        await room.reconcile.put_back_missing(room.site)
        assert await room.pending.total(room.site.slug, include_escalated=True) == 0
        assert await compare(room, wholly=True) == 0


async def test_nothing_comes_back_of_whom_the_service_has_forgotten(times: Times) -> None:
    async with times.begun():
        pass
    async with times.gone_on() as room:
        forgotten, other = await room.post("Forgotten.", author=LEILA), await room.post("Other.")
        await room.approve(forgotten, other)
    async with times.restored() as room:
        await room.pool.execute(
            "INSERT INTO erasures (site_id, subject) VALUES ($1, $2)",
            room.site.site_id,
            Secrets.derive("k" * 32).subject(room.site.site_id, LEILA),
        )
        assert await compare(room) == 1
        assert [await room.status(each) for each in (forgotten, other)] == [None, "approved"]


async def test_whoever_has_decided_since_the_restore_has_decided(times: Times) -> None:
    async with times.begun() as room:
        comment = await room.post("Judged twice.")
        await journal_all(room)
    async with times.gone_on() as room:
        await room.approve(comment)
    async with times.restored() as room:
        await room.decide(Action.REJECT, comment, by=KIM)
        assert await compare(room, wholly=True) == 0
        assert await room.status(comment) == "rejected"


async def test_a_restored_postgres_shows_nobody_what_was_decided(times: Times) -> None:
    """What waits again because the journal is older does not wait once it is decided again."""
    async with times.begun() as room:
        comment = await room.post("Waits in the copy.")
        await journal_all(room)
    async with times.gone_on() as room:
        await room.approve(comment)
    async with times.restored() as room:
        await room.reconcile.put_back_missing(room.site)
        assert await room.pending.total(room.site.slug, include_escalated=True) == 1
        assert await compare(room) == 1
        assert await room.pending.total(room.site.slug, include_escalated=True) == 0
        assert await room.count() == 1


async def test_what_waits_is_journaled_again(times: Times) -> None:
    async with times.begun():
        pass
    async with times.gone_on() as room:
        decided, waits = await room.post("Decided."), await room.post("Waits.", key="one")
        await journal_all(room)
        await room.approve(decided)
    async with times.restored() as room:
        assert await compare(room) == 1
        await journal_all(room)
        rows = await room.pool.fetch("SELECT comment_id, state FROM intake_journal")
        states = {row["comment_id"]: row["state"] for row in rows}
        assert states == {decided.comment_id: "decided", waits.comment_id: "waiting"}
        assert await room.pool.fetchval("SELECT count(*) FROM submissions") == 1


async def test_a_key_stands_for_its_comment_also_after_the_restore(times: Times) -> None:
    async with times.begun():
        pass
    async with times.gone_on() as room:
        room.now = real_time()
        accepted = await room.submit("Once.", key="one")
        await room.decide(Action.APPROVE, accepted.found.comment_id)
    async with times.restored() as room:
        room.now = real_time()
        assert await compare(room) == 1
        await room.lose_redis()
        await room.journal.open_queue(room.site)
        again = await room.submit("Once.", key="one")
        assert again.found.comment_id == accepted.found.comment_id


async def test_the_latest_decisions_are_enough_to_notice_it(
    times: Times, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.features.redo.NEWEST", 1)
    async with times.begun() as room:
        early = await room.post("Early.")
        await room.approve(early)
        assert await compare(room) == 0
    async with times.gone_on() as room:
        comments = [await room.post(f"Number {number}.") for number in range(4)]
        await room.approve(*comments)
    async with times.restored() as room:
        assert await compare(room) == 4
        assert await room.count() == 5


async def test_a_leader_compares_by_itself(times: Times) -> None:
    async with times.begun():
        pass
    async with times.gone_on() as room:
        await room.approve(await room.post("Lost with Postgres."))
    async with times.restored() as room:
        told: list[int] = []
        redoing = replace(room.redoing, made_again=told.append)
        task = asyncio.create_task(redoing.run())

        async def is_told() -> bool:
            return bool(told)

        await eventually(is_told)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert (told, await room.count()) == ([1], 1)


async def test_an_entry_that_says_too_little_is_left_alone(newsroom: Newsroom) -> None:
    fields = {"id": str(uuid4()), "decision_n": 1, "judged": 1, "action": "approve"}
    await newsroom.redis.xadd(
        Keys(newsroom.site.slug).redo,
        {**fields, "decision": str(uuid4())},  # type: ignore[dict-item]
    )
    assert await compare(newsroom, wholly=True) == 0


async def test_a_postgres_that_does_not_say_which_it_is_is_compared_all_the_same(
    times: Times,
) -> None:
    async with times.begun():
        pass
    async with times.gone_on() as room:
        await room.approve(await room.post("Lost with Postgres."))
    root = await asyncpg.connect(times.backup)
    await root.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
    await root.close()
    async with times.restored() as room:
        assert await room.redoing.store.identity() is None
        task = asyncio.create_task(room.redoing.run())

        async def is_back() -> bool:
            return await room.count() == 1

        await eventually(is_back)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_postgres_says_which_it_is(newsroom: Newsroom) -> None:
    identity = await newsroom.redoing.store.identity()
    assert identity is not None
    assert identity == await newsroom.redoing.store.identity()
    assert identity.timeline >= 1
