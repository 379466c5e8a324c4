"""What is done once costs the same however much there is: in pages and commands, not in time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest
from redis.asyncio import Redis

from service.embedded import EmbeddedStores
from service.features.queue import Lane
from service.features.screening import queue_score
from service.model import Author, PendingComment, article_id
from service.storage.comments import CommentStore, Sort
from tests.conftest import database_called
from tests.features.conftest import OpenSite
from tests.newsroom import NOON, SAM, Newsroom

pytestmark = [pytest.mark.long, pytest.mark.timeout(120)]

SMALL, LARGE = 60, 6_000
SLACK_PAGES = 60
"""One more level of each index that is touched, and pages that fill up just then."""
SLACK_COMMANDS = 6

ARTICLES = """
WITH made AS (
    INSERT INTO articles (site_id, article_id, key)
    SELECT $1, gen_random_uuid(), 'other-' || n FROM generate_series(1, $2) n
    RETURNING site_id, article_id
)
INSERT INTO article_counts (site_id, article_id) SELECT site_id, article_id FROM made
"""
COMMENTS = """
INSERT INTO comments (site_id, article_id, comment_id, root_id, depth, author_kind, author_name,
                      text, status, revision, created_at, published_at, best)
SELECT $1, $2, id, id, 0, 'guest', 'Leila', 'A comment of many.', 'approved', 1,
       now() - n * interval '1 minute', now(), n
FROM (SELECT n, gen_random_uuid() AS id FROM generate_series(1, $3) n) made
"""
COUNTED = """
UPDATE article_counts SET approved = approved + $3, shown_roots = shown_roots + $3
WHERE site_id = $1 AND article_id = $2
"""
PAGES = """
SELECT sum(heap_blks_read + heap_blks_hit + coalesce(idx_blks_read + idx_blks_hit, 0))::bigint
FROM pg_statio_user_tables
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What some work touched."""

    pages: int
    """Of Postgres' tables and indexes."""
    commands: int
    """Of Redis, those of scripts included."""


async def cost(newsroom: Newsroom, work: Callable[[], Awaitable[object]]) -> Cost:
    """Do something and count what it touched."""
    pages, commands = await _pages(newsroom), await _commands(newsroom.redis)
    await work()
    return Cost(await _pages(newsroom) - pages, await _commands(newsroom.redis) - commands)


async def _pages(newsroom: Newsroom) -> int:
    """Count pages after every session has told of its own."""
    sessions = [await newsroom.pool.acquire() for _ in range(newsroom.pool.get_size())]
    try:
        for session in sessions:
            await session.execute("SELECT pg_stat_force_next_flush()")
        counted: int = await sessions[0].fetchval(PAGES)
    finally:
        for session in sessions:
            await newsroom.pool.release(session)
    return counted


async def _commands(redis: Redis) -> int:
    told = await redis.info("commandstats")
    return sum(int(each["calls"]) for each in told.values())


async def analyzed(newsroom: Newsroom, stores: EmbeddedStores) -> None:
    """Let Postgres know what is there, as autovacuum does; the service's role may not."""
    name = await newsroom.pool.fetchval("SELECT current_database()")
    owner = await asyncpg.connect(database_called(name, beside=stores.endpoints.database_url))
    await owner.execute("ANALYZE")
    await owner.close()


async def more_comments(newsroom: Newsroom, count: int) -> None:
    """Let a thread be long."""
    site_id = newsroom.site.site_id
    home = article_id(site_id, "story-1")
    await newsroom.pool.execute(COMMENTS, site_id, home, count)
    await newsroom.pool.execute(COUNTED, site_id, home, count)


async def more_articles(newsroom: Newsroom, count: int) -> None:
    """Let a site have many articles: so many that Postgres does not rather read all counts."""
    await newsroom.pool.execute(ARTICLES, newsroom.site.site_id, 7 * count)


async def longer_queue(newsroom: Newsroom, count: int) -> None:
    """Let comments wait."""
    for first in range(0, count, 50):
        await asyncio.gather(
            *(
                newsroom.pending.requeue(waiting(newsroom, n), journaled=True, guarded=False)
                for n in range(first, min(first + 50, count))
            )
        )


def waiting(newsroom: Newsroom, number: int) -> PendingComment:
    at = NOON - timedelta(seconds=number)
    return PendingComment(
        site_id=newsroom.site.site_id,
        site=newsroom.site.slug,
        article_id=article_id(newsroom.site.site_id, f"other-{number % 7}"),
        article_key=f"other-{number % 7}",
        comment_id=uuid4(),
        parent_id=None,
        author=Author(author_id=uuid4(), kind="guest", name="Leila"),
        text="One of many.",
        lang="en",
        created_at=at,
        score=queue_score(0, at),
    )


@pytest.mark.parametrize("grow", [more_comments, more_articles, longer_queue])
async def test_a_post_and_its_decision_cost_the_same_however_much_there_is(
    new_site: OpenSite,
    stores: EmbeddedStores,
    grow: Callable[[Newsroom, int], Awaitable[None]],
) -> None:
    costs = []
    for size in (SMALL, LARGE):
        newsroom = await new_site()
        await newsroom.approve(await newsroom.post("The first one."))
        await grow(newsroom, size)
        await analyzed(newsroom, stores)
        await newsroom.approve(await newsroom.post("One that lets statements be planned."))

        async def one(newsroom: Newsroom = newsroom) -> None:
            for number in range(5):
                await newsroom.approve(await newsroom.post(f"Comment {number}."))

        costs.append(await cost(newsroom, one))
    small, large = costs
    assert small.pages
    assert small.commands
    assert large.pages <= 1.5 * small.pages + SLACK_PAGES
    assert large.commands <= small.commands + SLACK_COMMANDS


async def test_a_claim_costs_the_same_however_many_wait(new_site: OpenSite) -> None:
    costs = []
    for size in (SMALL, LARGE):
        newsroom = await new_site()
        await longer_queue(newsroom, size)

        async def claim(newsroom: Newsroom = newsroom) -> None:
            for _ in range(3):
                page = await newsroom.queue.claim(
                    newsroom.site, lane=Lane.HELD, limit=10, actor=SAM, now=newsroom.now
                )
                assert len(page) == 10

        costs.append(await cost(newsroom, claim))
    small, large = costs
    assert large.commands <= small.commands + SLACK_COMMANDS
    assert large.pages <= 1.5 * small.pages + SLACK_PAGES


async def test_a_page_costs_the_same_at_any_depth_of_any_thread(new_site: OpenSite) -> None:
    costs = []
    for size, depth in ((SMALL, 0), (LARGE, 0), (LARGE, LARGE - 51)):
        newsroom = await new_site()
        await newsroom.approve(await newsroom.post("The first one."))
        await more_comments(newsroom, size)
        await newsroom.pool.execute("ANALYZE comments")
        site_id = newsroom.site.site_id
        home = article_id(site_id, "story-1")
        row = await newsroom.pool.fetchrow(
            "SELECT created_at, comment_id FROM comments WHERE site_id = $1 AND article_id = $2"
            " ORDER BY created_at DESC, comment_id DESC OFFSET $3 LIMIT 1",
            *(site_id, home, depth),
        )
        assert row is not None

        async def read(
            newsroom: Newsroom = newsroom,
            key: tuple[object, ...] = (row["created_at"], row["comment_id"]),
        ) -> None:
            async with CommentStore(pool=newsroom.pool).reading(newsroom.site.site_id) as reader:
                thread = await reader.find_thread(article_id(newsroom.site.site_id, "story-1"))
                assert thread is not None
                roots = await reader.roots(thread, Sort.NEWEST, limit=50, after=key)
                assert len(roots) == 50

        costs.append(await cost(newsroom, read))
    first = costs[0].pages
    assert first
    assert all(each.pages <= 1.5 * first + SLACK_PAGES for each in costs)
