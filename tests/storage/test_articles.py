"""Articles in Postgres, and the keys that lead to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from service.errors import Unavailable
from service.model import Article, ArticleState, Mode, Site, SiteSettings, article_id
from service.storage.articles import ArticleStore, CircularMerge
from service.storage.postgres import connected, open_pool
from service.storage.sites import SiteStore
from tests.conftest import FreshDatabase

WHEN = datetime(2026, 11, 23, 15, tzinfo=UTC)
TOLD: dict[str, Any] = {
    "url": "https://daily.example/1",
    "title": "Budget vote",
    "lang": "fr",
    "state": ArticleState.PREMODERATED,
    "mode": Mode.POST,
    "close_at": WHEN,
    "views_per_hour": 12.5,
}


@pytest.fixture(scope="module")
async def pool(
    fresh_database: FreshDatabase, template_database: str
) -> AsyncIterator[asyncpg.Pool[asyncpg.Record]]:
    async with open_pool(await fresh_database(template_database), max_size=8) as opened:
        yield opened


@pytest.fixture
def articles(pool: asyncpg.Pool[asyncpg.Record]) -> ArticleStore:
    return ArticleStore(pool=pool)


@pytest.fixture
async def site(pool: asyncpg.Pool[asyncpg.Record], request: pytest.FixtureRequest) -> Site:
    slug = f"s{abs(hash(request.node.name))}"
    made = await SiteStore(pool=pool).create(slug, "", SiteSettings())
    assert made is not None
    return made


async def test_an_article_comes_back_as_it_was_described(
    articles: ArticleStore, site: Site
) -> None:
    await articles.put(site.site_id, "a/1 é", TOLD)

    assert await articles.find(site.site_id, "a/1 é") == Article(
        site_id=site.site_id,
        article_id=article_id(site.site_id, "a/1 é"),
        key="a/1 é",
        managed=True,
        **TOLD,
    )
    assert await articles.find(site.site_id, "other") is None
    assert await articles.find(site.site_id + 1_000, "a/1 é") is None


async def test_what_is_not_named_stays_and_none_clears(articles: ArticleStore, site: Site) -> None:
    await articles.put(site.site_id, "a", TOLD)
    await articles.put(site.site_id, "a", {"title": "Vote postponed", "lang": None})
    await articles.put(site.site_id, "a", {"state": None, "close_at": None})

    article = await articles.find(site.site_id, "a")

    assert article is not None
    assert (article.title, article.lang, article.url) == ("Vote postponed", None, TOLD["url"])
    assert (article.state, article.close_at) == (ArticleState.OPEN, None)
    assert (article.mode, article.views_per_hour) == (Mode.POST, 12.5)


async def test_an_alias_leads_to_its_article_and_the_count_is_the_sum(
    articles: ArticleStore, pool: asyncpg.Pool[asyncpg.Record], site: Site
) -> None:
    await articles.put(site.site_id, "new", {"title": "New"})
    await articles.put(site.site_id, "old", {"title": "Old"})
    for key, approved in (("new", 3), ("old", 4)):
        await _count(pool, site, key, approved)

    await articles.merge(site.site_id, "old", into="new")

    found = await articles.find(site.site_id, "old")
    assert found is not None
    assert (found.key, found.title, found.count) == ("new", "New", 7)
    assert await articles.find(site.site_id, "new") == found
    assert await articles.aliases(site.site_id, found.article_id) == ["old"]


async def test_a_chain_of_merges_leads_straight_to_its_end(
    articles: ArticleStore, site: Site
) -> None:
    await articles.merge(site.site_id, "a", into="b")
    await articles.merge(site.site_id, "b", into="c")
    await articles.merge(site.site_id, "d", into="a")
    await articles.merge(site.site_id, "d", into="c")

    for key in "abcd":
        found = await articles.find(site.site_id, key)
        assert found is not None
        assert (found.key, found.merged_into) == ("c", None)
    end = article_id(site.site_id, "c")
    assert await articles.aliases(site.site_id, end) == ["a", "b", "d"]


async def test_an_article_never_becomes_its_own_alias(articles: ArticleStore, site: Site) -> None:
    await articles.merge(site.site_id, "a", into="b")

    for key, into in (("b", "a"), ("b", "b"), ("x", "x")):
        with pytest.raises(CircularMerge):
            await articles.merge(site.site_id, key, into=into)
    with pytest.raises(CircularMerge):
        await articles.put(site.site_id, "a", {"title": "no"}, aliases=["b"])

    found = await articles.find(site.site_id, "a")
    assert found is not None
    assert (found.key, found.title) == ("b", None)


async def test_crossing_merges_end_without_chains(articles: ArticleStore, site: Site) -> None:
    keys = [f"k{number}" for number in range(6)]
    pairs = [(a, b) for a in keys for b in keys if a != b]

    async def merge(key: str, into: str) -> None:
        """Merge, and again while a busy machine has no connection for it."""
        try:
            await articles.merge(site.site_id, key, into=into)
        except Unavailable:
            await asyncio.sleep(0.05)
            await merge(key, into)

    async with asyncio.timeout(20):
        outcomes = await asyncio.gather(
            *(merge(key, into) for key, into in pairs[::3]), return_exceptions=True
        )

    assert {type(each) for each in outcomes} <= {type(None), CircularMerge}
    for key in keys:
        found = await articles.find(site.site_id, key)
        assert found is None or found.merged_into is None


async def test_aliases_are_the_whole_list(articles: ArticleStore, site: Site) -> None:
    await articles.put(site.site_id, "now", {}, aliases=["was", "before"])
    own = article_id(site.site_id, "now")
    assert await articles.aliases(site.site_id, own) == ["before", "was"]

    await articles.put(site.site_id, "was", {"title": "By its alias"}, aliases=["before", "later"])

    assert await articles.aliases(site.site_id, own) == ["before", "later"]
    article = await articles.find(site.site_id, "later")
    parted = await articles.find(site.site_id, "was")
    assert article is not None
    assert parted is not None
    assert (article.key, article.title) == ("now", "By its alias")
    assert (parted.key, parted.title) == ("was", None)

    await articles.put(site.site_id, "now", {}, aliases=[])
    assert await articles.aliases(site.site_id, own) == []


async def test_caches_are_told_of_every_key_that_leads_elsewhere(
    articles: ArticleStore, pool: asyncpg.Pool[asyncpg.Record], site: Site
) -> None:
    await articles.put(site.site_id, "a", {"views_per_hour": 1.0})
    assert await _told(pool, site) == []
    await articles.put(site.site_id, "a", {"title": "A"})
    assert await _told(pool, site) == ["a"]
    await articles.merge(site.site_id, "b", into="a")
    await articles.merge(site.site_id, "b", into="a")
    assert await _told(pool, site) == ["a", "a", "b"]
    await articles.put(site.site_id, "a", {}, aliases=["c"])
    assert await _told(pool, site) == ["a", "a", "a", "b", "b", "c"]


async def _count(pool: asyncpg.Pool[asyncpg.Record], site: Site, key: str, approved: int) -> None:
    async with connected(pool) as connection:
        await connection.execute(
            "INSERT INTO article_counts (site_id, article_id, approved) VALUES ($1, $2, $3)",
            site.site_id,
            article_id(site.site_id, key),
            approved,
        )


async def _told(pool: asyncpg.Pool[asyncpg.Record], site: Site) -> list[str]:
    async with connected(pool) as connection:
        rows = await connection.fetch(
            "SELECT article_id, kind, payload FROM outbox WHERE site_id = $1", site.site_id
        )
    assert {row["kind"] for row in rows} <= {"article.changed"}
    assert [row["article_id"] for row in rows] == [
        article_id(site.site_id, row["payload"]["article"]) for row in rows
    ]
    return sorted(row["payload"]["article"] for row in rows)
