"""Counts that have drifted, as no transaction of ours lets them, are found and put right."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from service.features.recount import Recount
from service.model import Action, article_id
from service.storage.recounts import RecountStore
from tests.newsroom import Newsroom


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """An article with a root, a reply, and a tombstone that a reply keeps shown."""

    room: Newsroom

    @classmethod
    async def begun(cls, room: Newsroom) -> Thread:
        root, tomb = await room.post("Root."), await room.post("Soon a tombstone.")
        reply = await room.post("Reply.", parent=root.comment_id)
        below = await room.post("Below.", parent=tomb.comment_id)
        deeper = await room.post("Deeper.", parent=below.comment_id)
        await room.approve(root, tomb, reply, below, deeper)
        await room.decide(Action.REMOVE, tomb, below)
        return cls(room=room)

    @property
    def place(self) -> tuple[int, Any]:
        return self.room.site.site_id, article_id(self.room.site.site_id, "story-1")

    async def counters(self) -> tuple[Any, ...]:
        counts = await self.room.pool.fetchrow(
            "SELECT approved, shown_roots FROM article_counts WHERE site_id = $1"
            " AND article_id = $2",
            *self.place,
        )
        replies = await self.room.pool.fetch(
            "SELECT comment_id, reply_count, shown_replies, shown FROM comments"
            " WHERE site_id = $1 AND article_id = $2 ORDER BY comment_id",
            *self.place,
        )
        return tuple(counts), [tuple(row) for row in replies]

    async def version(self) -> int:
        version: int = await self.room.pool.fetchval(
            "SELECT version FROM article_counts WHERE site_id = $1 AND article_id = $2",
            *self.place,
        )
        return version

    async def spoil(self, statement: str) -> None:
        await self.room.pool.execute(
            f"UPDATE {statement} WHERE site_id = $1 AND article_id = $2", *self.place
        )


def recount_of(room: Newsroom) -> Recount:
    return Recount(
        store=RecountStore(pool=room.pool),
        invalidations=room.invalidations,
        clock=lambda: room.now,
    )


async def test_counts_that_are_right_are_left_alone(newsroom: Newsroom) -> None:
    thread = await Thread.begun(newsroom)
    before = await thread.counters(), await thread.version()
    assert before[0][0] == (3, 2)
    assert await recount_of(newsroom).touched(newsroom.site) == 0
    assert (await thread.counters(), await thread.version()) == before


@pytest.mark.parametrize(
    "statement",
    [
        "article_counts SET approved = approved + 3",
        "article_counts SET shown_roots = 0",
        "comments SET shown_replies = shown_replies + 1",
        "comments SET reply_count = 0, shown_replies = 0",
    ],
)
async def test_a_drift_is_put_right_and_told(newsroom: Newsroom, statement: str) -> None:
    thread = await Thread.begun(newsroom)
    wanted, version = await thread.counters(), await thread.version()
    await thread.spoil(statement)
    assert await thread.counters() != wanted
    with capture_logs() as lines:
        assert await recount_of(newsroom).touched(newsroom.site) > 0
    assert [line["event"] for line in lines] == ["counts_drifted"]
    assert await thread.counters() == wanted
    assert await thread.version() > version
    assert await recount_of(newsroom).touched(newsroom.site) == 0


async def test_only_what_was_decided_on_lately_is_counted_unless_everything_is(
    newsroom: Newsroom,
) -> None:
    thread = await Thread.begun(newsroom)
    await thread.spoil("article_counts SET approved = 9")
    later = replace(recount_of(newsroom), clock=lambda: newsroom.now + timedelta(hours=1))
    assert await later.touched(newsroom.site) == 0
    assert await later.every(newsroom.site) == 1
    assert (await thread.counters())[0] == (3, 2)


async def test_a_count_beside_decisions_changes_nothing_that_is_right(newsroom: Newsroom) -> None:
    comments = [await newsroom.post(f"Number {number}.") for number in range(20)]
    recount = recount_of(newsroom)
    found = await asyncio.gather(
        *(newsroom.approve(comment) for comment in comments),
        *(recount.touched(newsroom.site) for _ in range(5)),
    )
    assert found[-5:] == [0] * 5
    assert await newsroom.count() == 20


async def test_an_article_of_another_site_is_not_counted(newsroom: Newsroom, new_site: Any) -> None:
    thread = await Thread.begun(newsroom)
    other = await new_site()
    await thread.spoil("article_counts SET approved = 9")
    assert await recount_of(other).every(other.site) == 0
    assert (await thread.counters())[0] == (9, 2)
