"""What is promised by a 202 at each level, while stores fail between any two steps."""

from __future__ import annotations

import asyncio
import dataclasses
import signal
from collections.abc import Callable
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from msgspec.structs import replace

from service.errors import RateLimited, Unavailable
from service.features.intake import Accepted, KeyReused, NotDurable, QueueFull
from service.features.own import StaleRevision
from service.model import PendingComment, SiteSettings, Status
from service.storage.durability import Level
from service.storage.pending import Acceptance, EditOutcome, PendingStore
from service.storage.postgres import DatabaseUnavailable
from service.storage.redis import NotReplicated, QueueUnavailable, connect
from tests.features.conftest import OpenSite, SharedStores
from tests.newsroom import Newsroom, open_site, real_time, without_postgres, without_redis
from tests.storage.replicas import replicated

LEILA = UUID(int=7)


def at_level(newsroom: Newsroom, level: Level, **changed: Any) -> Newsroom:
    """Let a newsroom promise more; `changed` is of its promise."""
    promise = replace(newsroom.intake.promise, level=level, **changed)
    return dataclasses.replace(
        newsroom,
        intake=replace(newsroom.intake, promise=promise),
        own=replace(newsroom.own, promise=promise),
    )


@pytest.fixture
def journaled(newsroom: Newsroom) -> Newsroom:
    """A site at level `journal`."""
    return at_level(newsroom, "journal")


async def journal_rows(newsroom: Newsroom) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await newsroom.pool.fetch(
        "SELECT comment_id, revision, seq, state, payload ->> 'text' AS text FROM intake_journal"
        " WHERE site_id = $1",
        newsroom.site.site_id,
    )
    return rows


async def rows_of(newsroom: Newsroom, table: str) -> int:
    counted: int = await newsroom.pool.fetchval(
        f"SELECT count(*) FROM {table} WHERE site_id = $1",  # noqa: S608 - ours
        newsroom.site.site_id,
    )
    return counted


async def waiting(newsroom: Newsroom) -> int:
    return await newsroom.pending.total(newsroom.site.slug, include_escalated=True)


def id_of(accepted: Accepted) -> UUID:
    return accepted.found.comment_id


class Watched(PendingStore, frozen=True, kw_only=True):
    """A queue that looks around before it takes anything."""

    before: Callable[[], Any]

    async def accept(self, item: PendingComment, **how: Any) -> Acceptance:
        await self.before()
        return await super().accept(item, **how)

    async def edit(self, item: PendingComment, **how: Any) -> EditOutcome:
        await self.before()
        return await super().edit(item, **how)


def watched(newsroom: Newsroom, before: Callable[[], Any]) -> Newsroom:
    pending = Watched(redis=newsroom.redis, scripts=newsroom.pending.scripts, before=before)
    return at_level(newsroom, "journal", pending=pending)


# Level `journal`


async def test_postgres_has_a_comment_before_redis_has_it(newsroom: Newsroom) -> None:
    seen = []

    async def look() -> None:
        seen.append((await journal_rows(newsroom), await waiting(newsroom)))

    accepted = await watched(newsroom, look).submit("First in Postgres.", key="one")
    (rows, in_redis), (now,) = seen[0], await journal_rows(newsroom)
    assert ([row["text"] for row in rows], in_redis) == (["First in Postgres."], 0)
    assert now["comment_id"] == id_of(accepted)
    await newsroom.journal_all()
    assert [row["seq"] for row in await journal_rows(newsroom)] == [1]
    assert await rows_of(newsroom, "submissions") == 1


async def test_the_whole_redis_may_be_lost_right_after_the_202(journaled: Newsroom) -> None:
    accepted = await journaled.submit("Kept.", key="one")
    await journaled.lose_redis()
    again = await journaled.submit("Kept.", key="one")
    assert (id_of(again), again.replayed) == (id_of(accepted), True)
    await journaled.journal.open_queue(journaled.site)
    assert await waiting(journaled) == 1
    item = await journaled.pending.get(journaled.site.slug, id_of(accepted))
    assert item is not None
    assert item.text == "Kept."


async def test_a_key_is_one_comment_however_many_send_it_at_once(journaled: Newsroom) -> None:
    sent = [journaled.submit("Once.", key="one") for _ in range(8)]
    ids = {id_of(accepted) for accepted in await asyncio.gather(*sent)}
    assert len(ids) == 1
    assert [row["comment_id"] for row in await journal_rows(journaled)] == [*ids]
    assert (await rows_of(journaled, "submissions"), await waiting(journaled)) == (1, 1)


async def test_a_text_without_a_key_is_one_comment_within_a_minute(journaled: Newsroom) -> None:
    sent = [journaled.submit("Once.", author_id=LEILA, kind="reader") for _ in range(8)]
    ids = {id_of(accepted) for accepted in await asyncio.gather(*sent)}
    assert len(ids) == 1
    assert [row["comment_id"] for row in await journal_rows(journaled)] == [*ids]
    assert await rows_of(journaled, "comment_places") == 1


async def test_a_key_that_postgres_alone_remembers_stands_for_its_text(
    journaled: Newsroom,
) -> None:
    await journaled.submit("One text.", key="one")
    await journaled.lose_redis()
    with pytest.raises(KeyReused):
        await journaled.submit("Another text.", key="one")


async def test_what_redis_does_not_take_leaves_nothing_in_postgres(new_site: OpenSite) -> None:
    small = at_level(await new_site(SiteSettings(pending_max=1)), "journal")
    await small.submit("One.")
    with pytest.raises(QueueFull):
        await small.submit("Two.", key="two")
    assert [row["text"] for row in await journal_rows(small)] == ["One."]
    assert (await rows_of(small, "submissions"), await rows_of(small, "comment_places")) == (0, 1)
    await small.lose_redis()
    with pytest.raises(Unavailable):
        await small.submit("Three.")
    assert [row["text"] for row in await journal_rows(small)] == ["One."]


async def test_what_lost_the_race_for_a_limit_leaves_nothing_in_postgres(
    new_site: OpenSite,
) -> None:
    limited = at_level(await new_site(limits_on=True), "journal")
    answers = await asyncio.gather(
        *(limited.submit(f"Number {number}.", key=f"{number}") for number in range(8)),
        return_exceptions=True,
    )
    assert sum(isinstance(each, RateLimited) for each in answers) == 3
    assert len(await journal_rows(limited)) == 5
    assert await rows_of(limited, "submissions") == 5


@pytest.mark.parametrize("key", ["one", None])
async def test_what_the_refill_put_in_first_is_kept(newsroom: Newsroom, key: str | None) -> None:
    newsroom.now = real_time()

    async def is_emptied_and_filled() -> None:
        await newsroom.lose_redis()
        await newsroom.journal.open_queue(newsroom.site)

    accepted = await watched(newsroom, is_emptied_and_filled).submit("Once.", key=key)
    assert [row["comment_id"] for row in await journal_rows(newsroom)] == [id_of(accepted)]
    await newsroom.lose_redis()
    await newsroom.journal.open_queue(newsroom.site)
    assert await newsroom.pending.get(newsroom.site.slug, id_of(accepted)) is not None
    assert await waiting(newsroom) == 1


async def test_what_met_an_empty_redis_is_found_by_its_key(journaled: Newsroom) -> None:
    await journaled.lose_redis()
    with pytest.raises(QueueUnavailable):
        await journaled.submit("Once.", key="one")
    again = await journaled.submit("Once.", key="one")
    await journaled.journal.open_queue(journaled.site)
    assert [row["comment_id"] for row in await journal_rows(journaled)] == [id_of(again)]
    assert await waiting(journaled) == 1


async def test_what_redis_may_have_taken_is_one_comment_when_it_is_sent_again(
    newsroom: Newsroom,
) -> None:
    async def goes_away() -> None:
        raise QueueUnavailable

    broken = watched(newsroom, goes_away)
    with pytest.raises(QueueUnavailable):
        await broken.submit("Once.", key="one")
    again = await at_level(newsroom, "journal").submit("Once.", key="one")
    assert again.replayed
    assert await newsroom.status(id_of(again)) == Status.PENDING
    assert await newsroom.reconcile.put_back_missing(newsroom.site) == 1
    assert (await waiting(newsroom), len(await journal_rows(newsroom))) == (1, 1)


async def test_nothing_is_accepted_without_postgres(newsroom: Newsroom) -> None:
    async with without_postgres(newsroom) as alone:
        with pytest.raises(DatabaseUnavailable):
            await at_level(alone, "journal").submit("Lost?", key="one")
    assert await waiting(newsroom) == 0


async def test_nothing_is_accepted_without_redis(newsroom: Newsroom) -> None:
    async with without_redis(newsroom) as alone:
        with pytest.raises(QueueUnavailable):
            await at_level(alone, "journal").submit("Lost?", key="one")
    assert await journal_rows(newsroom) == []


# Edits at level `journal`


async def edit(newsroom: Newsroom, comment: PendingComment, body: str, revision: int = 1) -> Any:
    return await newsroom.own.edit(
        newsroom.site,
        comment.comment_id,
        comment.author.author_id,
        body=body,
        revision=revision,
        now=comment.created_at,
    )


async def test_postgres_has_an_edit_before_redis_has_it(newsroom: Newsroom) -> None:
    comment = await newsroom.post("Before.")
    seen = []

    async def look() -> None:
        item = await newsroom.pending.get(newsroom.site.slug, comment.comment_id)
        seen.append((await journal_rows(newsroom), item))

    await edit(watched(newsroom, look), comment, "After.")
    ((row,), item) = seen[0]
    assert (row["text"], row["revision"]) == ("After.", 2)
    assert item is not None
    assert item.text == "Before."
    await newsroom.lose_redis()
    await newsroom.journal.open_queue(newsroom.site)
    restored = await newsroom.pending.get(newsroom.site.slug, comment.comment_id)
    assert restored is not None
    assert (restored.text, restored.revision) == ("After.", 2)


@pytest.mark.parametrize("public", [False, True])
async def test_of_edits_at_once_one_wins_in_both_stores(
    journaled: Newsroom, *, public: bool
) -> None:
    comment = await journaled.post("Before.")
    if public:
        await journaled.approve(comment)
    edits = [edit(journaled, comment, f"After {number}.") for number in range(6)]
    outcomes = await asyncio.gather(*edits, return_exceptions=True)
    won = [number for number, each in enumerate(outcomes) if not isinstance(each, Exception)]
    assert len(won) == 1
    assert all(isinstance(each, StaleRevision) for each in outcomes if isinstance(each, Exception))
    item = await journaled.pending.get(journaled.site.slug, comment.comment_id)
    (row,) = await journal_rows(journaled)
    assert item is not None
    assert item.text == row["text"] == f"After {won[0]}."


async def test_an_edit_that_redis_did_not_hear_of_is_there_when_it_is_sent_again(
    newsroom: Newsroom,
) -> None:
    comment = await newsroom.post("Before.")

    async def goes_away() -> None:
        raise QueueUnavailable

    with pytest.raises(QueueUnavailable):
        await edit(watched(newsroom, goes_away), comment, "After.")
    again = await edit(at_level(newsroom, "journal"), comment, "After.")
    assert again.waiting.text == "After."
    assert await newsroom.reconcile.put_back_missing(newsroom.site) == 1
    item = await newsroom.pending.get(newsroom.site.slug, comment.comment_id)
    assert item is not None
    assert (item.text, item.revision) == ("After.", 2)


async def test_no_edit_is_accepted_without_postgres(newsroom: Newsroom) -> None:
    comment = await newsroom.post("Before.")
    async with without_postgres(newsroom) as alone:
        with pytest.raises(DatabaseUnavailable):
            await edit(at_level(alone, "journal"), comment, "After.")
    item = await newsroom.pending.get(newsroom.site.slug, comment.comment_id)
    assert item is not None
    assert item.text == "Before."


async def test_no_edit_is_accepted_while_the_level_is_not_met(newsroom: Newsroom) -> None:
    comment = await newsroom.post("Before.")
    unmet = dataclasses.replace(newsroom, own=replace(newsroom.own, durable=lambda: False))
    with pytest.raises(NotDurable):
        await edit(unmet, comment, "After.")
    found = await newsroom.find(comment)
    assert found is not None
    assert found.waiting is not None
    assert found.waiting.text == "Before."


# Level `replica`


@pytest.mark.long
async def test_what_no_replica_has_is_not_acknowledged_and_is_one_comment_afterwards(
    shared_stores: SharedStores,
) -> None:
    async with replicated() as pair, connect(pair.first.url) as redis:
        local = await open_site(shared_stores.pool, redis)
        pending = replace(local.pending, replicas=1)
        shortened, taken = [], []
        room = at_level(
            local,
            "replica",
            pending=pending,
            fell_short=lambda: shortened.append(1),
            took=lambda _: taken.append(1),
        )
        well = await room.submit("Replicated.", key="well")
        running = pair.replicas[0].running
        assert running is not None
        running.send_signal(signal.SIGSTOP)
        for key, text in (("new", "Not yet."), ("new", "Not yet."), ("well", "Replicated.")):
            with pytest.raises(NotReplicated):
                await room.submit(text, key=key)
        comment = well.found.waiting
        assert comment is not None
        with pytest.raises(NotReplicated):
            await edit(room, comment, "Changed.")
        with pytest.raises(NotReplicated):
            await edit(room, comment, "Changed.")
        running.send_signal(signal.SIGCONT)
        again = await room.submit("Not yet.", key="new")
        changed = await edit(room, comment, "Changed.")
        assert again.replayed
        assert changed.waiting.text == "Changed."
        assert await waiting(room) == 2
        assert (len(shortened), len(taken)) == (5, 1)
