"""Articles as the features see them: with their state now, under all their keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from service.errors import Invalid, Unavailable
from service.features.articles import ALIASES_MAX, ArticleChanges, ArticleDirectory, OwnAlias
from service.model import Article, ArticleState, Mode, Site, SiteSettings, article_id
from service.storage.articles import ArticleStore
from service.storage.postgres import open_pool
from service.storage.sites import SiteStore
from tests.conftest import FreshDatabase

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
async def pool(
    fresh_database: FreshDatabase, template_database: str
) -> AsyncIterator[asyncpg.Pool[asyncpg.Record]]:
    async with open_pool(await fresh_database(template_database), max_size=2) as opened:
        yield opened


@pytest.fixture
async def site(pool: asyncpg.Pool[asyncpg.Record]) -> Site:
    return await _site(pool)


@pytest.fixture
def articles(pool: asyncpg.Pool[asyncpg.Record]) -> ArticleDirectory:
    return _directory(pool)


async def _site(pool: asyncpg.Pool[asyncpg.Record]) -> Site:
    made = await SiteStore(pool=pool).create(f"s{uuid4().hex[:8]}", "", SiteSettings())
    assert made is not None
    return made


def _directory(pool: asyncpg.Pool[asyncpg.Record]) -> ArticleDirectory:
    return ArticleDirectory(articles=ArticleStore(pool=pool))


async def test_an_article_never_seen_has_the_defaults(
    articles: ArticleDirectory, site: Site
) -> None:
    assert await articles.get(site, "new", now=NOW) == Article(
        site_id=site.site_id, article_id=article_id(site.site_id, "new"), key="new"
    )


async def test_a_change_is_seen_at_once_here_and_within_a_second_elsewhere(
    articles: ArticleDirectory, pool: asyncpg.Pool[asyncpg.Record], site: Site
) -> None:
    elsewhere = _directory(pool)
    await articles.get(site, "a", now=NOW)
    await elsewhere.get(site, "a", now=NOW)

    put = await articles.put(site, "a", {"state": ArticleState.CLOSED, "title": "A"}, NOW)

    assert (put.state, put.title, put.managed) == (ArticleState.CLOSED, "A", True)
    assert await articles.get(site, "a", now=NOW) == put
    async with asyncio.timeout(1):
        while True:
            if await elsewhere.get(site, "a", now=NOW) == put:
                break
            await asyncio.sleep(0.02)


async def test_what_is_absent_stays_and_none_clears(articles: ArticleDirectory, site: Site) -> None:
    told: ArticleChanges = {"title": "A", "lang": "fr", "mode": Mode.POST, "close_at": NOW}
    await articles.put(site, "a", told, NOW)

    put = await articles.put(site, "a", {"lang": None, "close_at": None, "url": "https://x.y"}, NOW)

    assert (put.title, put.lang, put.mode, put.close_at, put.url) == (
        "A",
        None,
        Mode.POST,
        None,
        "https://x.y",
    )


@pytest.mark.parametrize("state", [ArticleState.OPEN, ArticleState.PREMODERATED])
async def test_an_article_reads_closed_from_its_hour_on(
    articles: ArticleDirectory, site: Site, state: ArticleState
) -> None:
    put = await articles.put(site, "a", {"state": state, "close_at": NOW + HOUR}, NOW)
    assert put.state is state

    before = await articles.get(site, "a", now=NOW + HOUR - timedelta(milliseconds=1))
    at = await articles.get(site, "a", now=NOW + HOUR)

    assert before is not None
    assert at is not None
    assert (before.state, at.state) == (state, ArticleState.CLOSED)


async def test_an_article_that_is_off_stays_off_after_its_hour(
    articles: ArticleDirectory, site: Site
) -> None:
    put = await articles.put(site, "a", {"state": ArticleState.OFF, "close_at": NOW}, NOW)

    assert put.state is ArticleState.OFF


async def test_every_alias_reads_as_its_article(articles: ArticleDirectory, site: Site) -> None:
    await articles.get(site, "was", now=NOW)
    put = await articles.put(site, "a", {"title": "A", "aliases": ["was", "older", "was"]}, NOW)

    assert await articles.aliases(site, put) == ["older", "was"]
    for key in ("was", "older"):
        assert await articles.get(site, key, now=NOW) == put

    through = await articles.put(site, "was", {"title": "B"}, NOW)
    assert (through.key, through.title) == ("a", "B")

    await articles.put(site, "a", {"title": "C"}, NOW)
    assert await articles.aliases(site, put) == ["older", "was"]
    await articles.put(site, "a", {"aliases": None}, NOW)
    assert await articles.aliases(site, put) == []


async def test_merges_of_merges_lead_to_the_last(articles: ArticleDirectory, site: Site) -> None:
    await articles.merge(site, "a", "b", NOW)
    merged = await articles.merge(site, "b", "c", NOW)

    assert merged.key == "c"
    for key in ("a", "b", "c"):
        assert await articles.get(site, key, now=NOW) == merged
    assert await articles.merge(site, "a", "b", NOW) == merged
    with pytest.raises(OwnAlias) as refused:
        await articles.merge(site, "c", "a", NOW)
    assert refused.value.stable_code == "circular_merge"
    with pytest.raises(OwnAlias):
        await articles.put(site, "c", {"aliases": ["c"]}, NOW)


@pytest.mark.parametrize("key", ["", "k" * 201, "tab\t", "nul\0", "\ud800"])
async def test_what_is_no_key_is_refused(articles: ArticleDirectory, site: Site, key: str) -> None:
    for refused in (
        articles.put(site, key, {}, NOW),
        articles.put(site, "a", {"aliases": [key]}, NOW),
        articles.merge(site, key, "a", NOW),
        articles.merge(site, "a", key, NOW),
    ):
        with pytest.raises(Invalid):
            await refused


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "t" * 301},
        {"title": "nul\0"},
        {"title": " "},
        {"url": "javascript:alert(1)"},
        {"url": "https://"},
        {"url": "https://[x"},
        {"url": "https://u:p@daily.example/"},
        {"url": "https://daily.example/a b"},
        {"url": "https://daily.example/\n"},
        {"url": "https://daily.example/" + "a" * 2_048},
        {"lang": "english!"},
        {"lang": ""},
        {"views_per_hour": -1.0},
        {"views_per_hour": float("nan")},
        {"views_per_hour": float("inf")},
    ],
)
async def test_what_cannot_be_said_of_an_article_is_refused(
    articles: ArticleDirectory, site: Site, changes: ArticleChanges
) -> None:
    with pytest.raises(Invalid) as refused:
        await articles.put(site, "a", changes, NOW)
    assert [error.pointer for error in refused.value.errors] == [f"/{name}" for name in changes]


async def test_an_article_has_a_bounded_number_of_aliases(
    articles: ArticleDirectory, site: Site
) -> None:
    aliases = [f"k{number}" for number in range(ALIASES_MAX + 1)]

    await articles.put(site, "a", {"aliases": aliases[1:]}, NOW)
    with pytest.raises(Invalid):
        await articles.put(site, "a", {"aliases": aliases}, NOW)


async def test_while_postgres_is_away_articles_met_before_are_there(database_url: str) -> None:
    async with open_pool(database_url, min_size=1, max_size=2) as pool:
        site, articles = await _site(pool), _directory(pool)
        put = await articles.put(site, "a", {"title": "A", "close_at": NOW + HOUR}, NOW)
        await articles.get(site, "unseen", now=NOW)

    later = await articles.get(site, "a", now=NOW + HOUR)
    unseen = await articles.get(site, "unseen", now=NOW)

    assert later is not None
    assert (later.title, later.state) == (put.title, ArticleState.CLOSED)
    assert unseen is not None
    assert unseen.state is ArticleState.OPEN
    assert await articles.get(site, "never", now=NOW) is None
    with pytest.raises(Unavailable):
        await articles.put(site, "a", {"title": "B"}, NOW)
    with pytest.raises(Unavailable):
        await articles.merge(site, "a", "b", NOW)
