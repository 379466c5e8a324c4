"""Sites as the features see them: remembered, changed, and there while Postgres is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from redis.asyncio import Redis

from service.errors import Invalid, Unavailable
from service.features.sites import SettingsChanged, SiteDirectory, SiteExists, UnknownSite
from service.model import Mode, Site, SiteSettings
from service.storage.pending import PendingStore
from service.storage.postgres import connected, open_pool
from service.storage.redis import Scripts, connect
from service.storage.sites import SiteStore
from tests.conftest import FreshDatabase

POST = SiteSettings(mode=Mode.POST)


@pytest.fixture(scope="module")
async def pool(
    fresh_database: FreshDatabase, template_database: str
) -> AsyncIterator[asyncpg.Pool[asyncpg.Record]]:
    async with open_pool(await fresh_database(template_database), max_size=2) as opened:
        yield opened


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


def _directory(
    pool: asyncpg.Pool[asyncpg.Record], pending: PendingStore | None = None
) -> SiteDirectory:
    return SiteDirectory(sites=SiteStore(pool=pool), pending=pending)


async def _within_a_second(directory: SiteDirectory, slug: str, wanted: Site) -> None:
    async with asyncio.timeout(1):
        while True:
            try:
                if await directory.get(slug) == wanted:
                    return
            except UnknownSite:
                pass
            await asyncio.sleep(0.02)


async def test_all_sites_are_known_at_once_here_and_within_a_second_elsewhere(
    pool: asyncpg.Pool[asyncpg.Record],
) -> None:
    here, elsewhere = _directory(pool), _directory(pool)
    for directory in (here, elsewhere):
        await directory.known_sites()
    made = await here.create("evening", "The Evening")
    assert made in await here.known_sites()
    changed = await here.change_settings(made, POST, made.settings_version)
    assert changed in await here.known_sites()
    async with asyncio.timeout(1):
        while True:
            if changed in await elsewhere.known_sites():
                return
            await asyncio.sleep(0.02)


async def test_a_new_site_is_found_at_once_here_and_within_a_second_elsewhere(
    pool: asyncpg.Pool[asyncpg.Record],
) -> None:
    here, elsewhere = _directory(pool), _directory(pool)
    for directory in (here, elsewhere):
        with pytest.raises(UnknownSite) as unknown:
            await directory.get("daily-1")
        assert unknown.value.stable_code == "unknown_site"

    made = await here.create("daily-1", "The Daily")

    assert (made.name, made.settings) == ("The Daily", SiteSettings())
    assert await here.get("daily-1") == made
    await _within_a_second(elsewhere, "daily-1", made)


async def test_new_settings_are_seen_at_once_here_and_within_a_second_elsewhere(
    pool: asyncpg.Pool[asyncpg.Record],
) -> None:
    here, elsewhere = _directory(pool), _directory(pool)
    made = await here.create("daily-2", "")
    assert made.name == "daily-2"
    assert await elsewhere.get("daily-2") == made

    changed = await here.change_settings(made, POST, 1)

    assert (changed.settings, changed.settings_version) == (POST, 2)
    assert await here.get("daily-2") == changed
    await _within_a_second(elsewhere, "daily-2", changed)
    with pytest.raises(SettingsChanged):
        await elsewhere.change_settings(made, SiteSettings(), 1)


async def test_sites_are_there_while_postgres_is_away(database_url: str) -> None:
    async with open_pool(database_url, min_size=1, max_size=2) as pool:
        directory = _directory(pool)
        asked = await directory.create("asked", "")
        listed = await _directory(pool).create("listed", "")
        assert await directory.all_sites() == [asked, listed]
        with pytest.raises(UnknownSite):
            await directory.get("unknown")

    async with asyncio.timeout(5):  # "unknown" is believed for less than a second
        while True:
            try:
                await directory.get("unknown")
            except UnknownSite:
                await asyncio.sleep(0.05)
            except Unavailable:
                break

    assert await directory.get("asked") == asked
    assert await directory.get("listed") == listed
    with pytest.raises(Unavailable):
        await directory.all_sites()
    with pytest.raises(Unavailable):
        await directory.create("later", "")


@pytest.mark.parametrize("slug", ["", "Daily", "-daily", "a" * 41, "da ily", "daily\n", "é", "a/b"])
async def test_what_is_no_slug_is_no_site_and_asks_nobody(slug: str, database_url: str) -> None:
    async with open_pool(database_url, min_size=1, max_size=1) as pool:
        directory = _directory(pool)
    with pytest.raises(UnknownSite):
        await directory.get(slug)
    with pytest.raises(Invalid):
        await directory.create(slug, "")


async def test_a_slug_is_taken_once(pool: asyncpg.Pool[asyncpg.Record]) -> None:
    first = await _directory(pool).create("daily-3", "First")
    with pytest.raises(SiteExists):
        await _directory(pool).create("daily-3", "Second")
    assert await _directory(pool).get("daily-3") == first


async def test_a_new_site_has_an_open_queue_that_postgres_knows(
    pool: asyncpg.Pool[asyncpg.Record], redis: Redis
) -> None:
    pending = PendingStore(redis=redis, scripts=Scripts.load())

    site = await _directory(pool, pending).create("daily-4", "")

    epoch = await pending.epoch("daily-4")
    assert epoch
    assert await _watermarks(pool, site) == [(epoch, 0)]


async def test_a_site_is_made_while_redis_is_away(pool: asyncpg.Pool[asyncpg.Record]) -> None:
    nobody = connect("redis://127.0.0.1:1")
    pending = PendingStore(redis=nobody, scripts=Scripts.load())

    site = await _directory(pool, pending).create("daily-5", "")

    assert await _directory(pool).get("daily-5") == site
    assert await _watermarks(pool, site) == []
    await nobody.aclose()


async def _watermarks(pool: asyncpg.Pool[asyncpg.Record], site: Site) -> list[tuple[str, int]]:
    async with connected(pool) as connection:
        rows = await connection.fetch(
            "SELECT epoch, seq FROM watermarks WHERE site_id = $1", site.site_id
        )
    return [(row["epoch"], row["seq"]) for row in rows]
