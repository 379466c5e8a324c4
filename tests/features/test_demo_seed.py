"""The demo site is filled once, whole, and also after a start that stopped in the middle."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from service.demo.content import Demo, load
from service.demo.seed import DEMO_SITE, seed
from service.features.articles import ArticleDirectory
from service.features.sites import SiteDirectory
from service.model import Action, Site, SiteSettings, article_id, best_order
from service.storage.articles import ArticleStore
from service.storage.demo import DemoVotes
from service.storage.sites import SiteStore
from tests.newsroom import Newsroom, open_newsroom

pytestmark = pytest.mark.long

NOW = datetime.now(UTC)  # noqa: TID251 - the demo tells its ages from the clock of Postgres


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What the demo site holds."""

    public: list[tuple[Any, ...]]
    counts: list[tuple[Any, ...]]
    decisions: list[tuple[Any, ...]]
    waiting: list[UUID]


@dataclass(slots=True, kw_only=True)
class Start:
    """One start of the service, with a memory of its own."""

    room: Newsroom
    base_url: str = "http://127.0.0.1:8080"

    async def seed(self) -> bool:
        room = self.room
        return await seed(
            sites=SiteDirectory(sites=SiteStore(pool=room.pool), pending=room.pending),
            articles=ArticleDirectory(articles=ArticleStore(pool=room.pool)),
            pending=room.pending,
            decisions=room.decisions,
            votes=DemoVotes(pool=room.pool),
            now=NOW,
            base_url=self.base_url,
        )

    async def stop_at(self, stage: Callable[[Newsroom], Awaitable[bool]]) -> None:
        """Seed until a stage is reached, and stop as a crash would, with the round under way."""
        before = asyncio.all_tasks()
        seeding = asyncio.create_task(self.seed())
        async with asyncio.timeout(20):
            while not await stage(self.room):  # noqa: ASYNC110 - no event tells how far it is
                await asyncio.sleep(0)
        stopped = {seeding} | {
            each for each in asyncio.all_tasks() - before if "Rounds._round" in repr(each)
        }
        for each in stopped:
            each.cancel()
        await asyncio.wait(stopped)

    async def site(self) -> Site:
        found = await SiteStore(pool=self.room.pool).by_slug(DEMO_SITE)
        assert found
        return found

    async def snapshot(self) -> Snapshot:
        """Everything a second filling could change."""
        site, room = await self.site(), self.room
        rows = await room.pool.fetch(
            "SELECT comment_id, parent_id, author_id, author_name, text, lang, created_at, up,"
            " down, best, status FROM comments WHERE site_id = $1 ORDER BY comment_id",
            site.site_id,
        )
        counts = await room.pool.fetch(
            "SELECT article_id, approved, shown_roots FROM article_counts WHERE site_id = $1"
            " AND approved > 0 ORDER BY article_id",
            site.site_id,
        )
        decisions = await room.pool.fetch(
            "SELECT comment_id, n, action, reason FROM decisions WHERE site_id = $1"
            " ORDER BY comment_id, n",
            site.site_id,
        )
        waiting, _ = await room.pending.peek(
            DEMO_SITE, order="oldest", limit=500, after=None, include_escalated=True
        )
        return Snapshot(
            public=[tuple(row) for row in rows],
            counts=[tuple(row) for row in counts],
            decisions=[tuple(row) for row in decisions],
            waiting=waiting,
        )


@pytest.fixture(scope="module")
def demo() -> Demo:
    return load()


@pytest.fixture
async def start(database_url: str, redis_url: str) -> AsyncIterator[Start]:
    async with open_newsroom(database_url, redis_url) as room:
        yield Start(room=room)


async def test_the_demo_is_filled_with_all_it_has(start: Start, demo: Demo) -> None:
    assert await start.seed()
    site, said = await start.site(), Counter(comment.status for comment in demo.comments)
    assert await start.room.pending.total(DEMO_SITE, include_escalated=True) == said["pending"]
    decided = await start.room.pool.fetch(
        "SELECT action, count(*) AS times FROM decisions WHERE site_id = $1 GROUP BY action",
        site.site_id,
    )
    assert {row["action"]: row["times"] for row in decided} == {
        "approve": said["approved"],
        "reject": said["rejected"],
    }
    directory = ArticleDirectory(articles=ArticleStore(pool=start.room.pool))
    for article in demo.articles:
        found = await directory.describe(site, article.key, now=NOW)
        assert found.managed
        assert (found.title, found.lang, found.state) == (
            article.title,
            article.lang,
            article.state,
        )
        assert found.url == f"http://127.0.0.1:8080{article.url}"
        approved = [c for c in demo.comments if (c.article, c.status) == (article.key, "approved")]
        assert found.count == len(approved)


async def test_a_comment_has_the_age_the_votes_and_the_place_the_demo_gives_it(
    start: Start, demo: Demo
) -> None:
    await start.seed()
    site = await start.site()
    began = await DemoVotes(pool=start.room.pool).began(
        site.site_id, article_id(site.site_id, demo.articles[0].key)
    )
    assert began
    rows = await start.room.pool.fetch(
        "SELECT text, lang, author_name, up, down, best, created_at, comment_id, parent_id"
        " FROM comments WHERE site_id = $1",
        site.site_id,
    )
    by_text = {row["text"]: row for row in rows}
    names = {author.id: author.name for author in demo.authors}
    text_of = {comment.id: comment.text for comment in demo.comments}
    for comment in demo.comments:
        if comment.status != "approved":
            assert comment.text not in by_text
            continue
        row = by_text[comment.text]
        assert (row["up"], row["down"], row["lang"]) == (comment.up, comment.down, comment.lang)
        assert row["author_name"] == names[comment.author]
        age = began - row["created_at"] - timedelta(minutes=comment.minutes_ago)
        assert timedelta(0) <= age < timedelta(milliseconds=1)
        assert row["best"] == best_order(comment.up, comment.down, row["created_at"])
        assert row["comment_id"].version == 7
        assert row["comment_id"].int >> 80 == int(row["created_at"].timestamp() * 1_000)
        parent = by_text[text_of[comment.parent]]["comment_id"] if comment.parent else None
        assert row["parent_id"] == parent


async def test_a_second_start_changes_nothing(start: Start) -> None:
    await start.seed()
    before = await start.snapshot()
    assert await start.seed()
    assert await start.snapshot() == before


async def test_links_follow_a_start_on_another_port_and_nothing_else_changes(
    start: Start,
) -> None:
    await start.seed()
    await start.room.pool.execute("UPDATE articles SET state = 'closed'")
    start.base_url = "http://127.0.0.1:9090"
    assert await start.seed()
    rows = await start.room.pool.fetch("SELECT url, state FROM articles")
    assert len(rows) == 9
    assert {row["state"] for row in rows} == {"closed"}
    assert all(row["url"].startswith("http://127.0.0.1:9090/demo/") for row in rows)


async def has_site(room: Newsroom) -> bool:
    return await SiteStore(pool=room.pool).by_slug(DEMO_SITE) is not None


async def has_half_of_the_comments(room: Newsroom) -> bool:
    return await room.pending.total(DEMO_SITE, include_escalated=True) > 90


async def has_all_the_comments(room: Newsroom) -> bool:
    return await room.pending.total(DEMO_SITE, include_escalated=True) == len(load().comments)


async def has_decisions(room: Newsroom) -> bool:
    return bool(await room.pool.fetchval("SELECT EXISTS (SELECT 1 FROM decisions)"))


async def has_votes(room: Newsroom) -> bool:
    return bool(await room.pool.fetchval("SELECT EXISTS (SELECT 1 FROM comments WHERE up > 0)"))


@pytest.mark.parametrize("stage", [has_site, has_half_of_the_comments, has_decisions, has_votes])
async def test_a_start_that_stopped_in_the_middle_is_finished_by_the_next(
    start: Start, demo: Demo, stage: Callable[[Newsroom], Awaitable[bool]]
) -> None:
    await start.stop_at(stage)
    assert await start.seed()
    snapshot = await start.snapshot()
    statuses = Counter(comment.status for comment in demo.comments)
    assert len(snapshot.public) == statuses["approved"]
    assert len(snapshot.waiting) == statuses["pending"]
    assert len(snapshot.decisions) == statuses["approved"] + statuses["rejected"]
    assert await has_votes(start.room)


async def test_the_next_start_leaves_what_a_moderator_decided_meanwhile(
    start: Start, demo: Demo, database_url: str
) -> None:
    administrator = await asyncpg.connect(database_url)
    async with administrator.transaction():
        await administrator.execute("LOCK TABLE decisions IN SHARE MODE")  # nothing is decided
        await start.stop_at(has_all_the_comments)
    await administrator.close()
    answered = {comment.parent for comment in demo.comments}
    lone = next(c for c in demo.comments if c.status == "approved" and c.id not in answered)
    start.room.site = await start.site()
    waiting = (await start.snapshot()).waiting
    items = await start.room.pending.items(DEMO_SITE, waiting)
    (item,) = [item for item in items.values() if item.text == lone.text]
    await start.room.decide(Action.REJECT, item)

    assert await start.seed()
    snapshot = await start.snapshot()
    assert item.comment_id not in {row[0] for row in snapshot.public}
    assert len(snapshot.public) == sum(c.status == "approved" for c in demo.comments) - 1


async def test_a_queue_that_takes_no_comments_is_tried_again_by_the_next_start(
    start: Start,
) -> None:
    await SiteStore(pool=start.room.pool).create(DEMO_SITE, "Demo", SiteSettings())
    assert not await start.seed()
    await start.room.pending.begin_epoch(DEMO_SITE, epoch="opened", seq=0)
    assert await start.seed()
    assert len((await start.snapshot()).public) > 100


async def test_two_starts_at_once_fill_it_once(start: Start, demo: Demo) -> None:
    outcomes = await asyncio.gather(start.seed(), start.seed(), return_exceptions=True)
    assert True in outcomes
    assert await start.seed()
    assert await start.room.pending.total(DEMO_SITE, include_escalated=True) == sum(
        comment.status == "pending" for comment in demo.comments
    )
