"""Sites in Postgres: one row each, their settings as JSON."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest
from msgspec.structs import replace

from service.model import Mode, SiteSettings
from service.storage.postgres import DatabaseUnavailable, connected, open_pool
from service.storage.sites import SiteStore
from tests.conftest import FreshDatabase

PICKY = SiteSettings(
    mode=Mode.TRUSTED,
    guests_allowed=False,
    body_max_chars=1_000,
    origins=("https://daily.example", "https://www.daily.example"),
    reasons=("spoiler",),
)


@pytest.fixture(scope="module")
async def pool(
    fresh_database: FreshDatabase, template_database: str
) -> AsyncIterator[asyncpg.Pool[asyncpg.Record]]:
    async with open_pool(await fresh_database(template_database), max_size=4) as opened:
        yield opened


@pytest.fixture
def sites(pool: asyncpg.Pool[asyncpg.Record]) -> SiteStore:
    return SiteStore(pool=pool)


async def test_a_site_comes_back_as_it_was_made(sites: SiteStore) -> None:
    made = await sites.create("daily", "The Daily", PICKY)

    assert made is not None
    assert (made.slug, made.name, made.settings, made.settings_version) == (
        "daily",
        "The Daily",
        PICKY,
        1,
    )
    assert await sites.by_slug("daily") == made
    assert made in await sites.all_sites()


async def test_a_slug_belongs_to_one_site(sites: SiteStore) -> None:
    assert await sites.create("once", "First", SiteSettings()) is not None
    assert await sites.create("once", "Second", SiteSettings()) is None
    first = await sites.by_slug("once")
    assert first is not None
    assert first.name == "First"
    assert await sites.by_slug("never") is None


async def test_settings_are_changed_by_whoever_read_the_latest(sites: SiteStore) -> None:
    site = await sites.create("changing", "", SiteSettings())
    assert site is not None

    changed = await sites.update_settings(site.site_id, PICKY, version=1)
    late = await sites.update_settings(site.site_id, SiteSettings(), version=1)

    assert changed == replace(site, settings=PICKY, settings_version=2)
    assert late is None
    assert await sites.by_slug("changing") == changed


async def test_settings_of_another_release_are_read_with_what_is_known(
    sites: SiteStore, pool: asyncpg.Pool[asyncpg.Record]
) -> None:
    async with connected(pool) as connection:
        await connection.execute(
            "INSERT INTO sites (slug, name, settings) VALUES ('mixed', '', $1)",
            {"mode": "post", "invented_later": [1, 2]},
        )

    site = await sites.by_slug("mixed")

    assert site is not None
    assert site.settings == SiteSettings(mode=Mode.POST)


async def test_the_first_epoch_of_a_queue_stays(
    sites: SiteStore, pool: asyncpg.Pool[asyncpg.Record]
) -> None:
    site = await sites.create("queued", "", SiteSettings())
    assert site is not None

    await sites.note_epoch(site.site_id, "one")
    await sites.note_epoch(site.site_id, "two")

    async with connected(pool) as connection:
        rows = await connection.fetch(
            "SELECT epoch, seq FROM watermarks WHERE site_id = $1", site.site_id
        )
    assert [tuple(row) for row in rows] == [("one", 0)]


async def test_a_store_says_when_postgres_is_away(database_url: str) -> None:
    async with open_pool(database_url, min_size=1, max_size=1) as pool:
        sites = SiteStore(pool=pool)
    with pytest.raises(DatabaseUnavailable):
        await sites.by_slug("daily")
