"""Authors' records with one site."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import pytest

from service.model import Site, SiteSettings, Standing
from service.storage.postgres import connected, open_pool
from service.storage.readers import ReaderStore
from service.storage.sites import SiteStore
from tests.conftest import FreshDatabase

LATER = datetime(2031, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
async def pool(
    fresh_database: FreshDatabase, template_database: str
) -> AsyncIterator[asyncpg.Pool[asyncpg.Record]]:
    async with open_pool(await fresh_database(template_database), max_size=2) as opened:
        yield opened


@pytest.fixture(scope="module")
async def site(pool: asyncpg.Pool[asyncpg.Record]) -> Site:
    made = await SiteStore(pool=pool).create("daily", "", SiteSettings())
    assert made is not None
    return made


@pytest.fixture
def readers(pool: asyncpg.Pool[asyncpg.Record]) -> ReaderStore:
    return ReaderStore(pool=pool)


async def test_an_author_never_met_has_nothing_against_them(
    readers: ReaderStore, site: Site
) -> None:
    author = uuid4()

    assert await readers.standing(site.site_id, author) == Standing(author_id=author)


async def test_standings_come_in_the_order_asked(
    readers: ReaderStore, pool: asyncpg.Pool[asyncpg.Record], site: Site
) -> None:
    stranger, regular = uuid4(), uuid4()
    async with connected(pool) as connection:
        await connection.execute(
            "INSERT INTO readers (site_id, author_id, kind, approved, rejected, generation)"
            " VALUES ($1, $2, 'guest', 9, 4, 2)",
            site.site_id,
            regular,
        )

    found = await readers.standings(site.site_id, [stranger, regular, stranger])

    assert [each.author_id for each in found] == [stranger, regular, stranger]
    assert (found[1].approved, found[1].rejected, found[1].generation) == (9, 4, 2)
    assert found[1].first_seen is not None
    assert await readers.standings(site.site_id, []) == []


async def test_a_ban_begins_and_ends(readers: ReaderStore, site: Site) -> None:
    author = uuid4()

    banned = await readers.ban(site.site_id, author, kind="guest", until=LATER)
    assert banned.banned_until == LATER
    assert await readers.standing(site.site_id, author) == banned
    assert await readers.standing(site.site_id + 1, author) == Standing(author_id=author)

    for_good = await readers.ban(
        site.site_id, author, kind="guest", until=datetime.max.replace(tzinfo=UTC)
    )
    assert for_good.banned_until is not None
    assert for_good.banned_until > LATER

    pardoned = await readers.ban(site.site_id, author, kind="guest", until=None)
    assert pardoned.banned_until is None


async def test_trust_is_given_and_taken(readers: ReaderStore, site: Site) -> None:
    author = uuid4()

    assert (await readers.trust(site.site_id, author, kind="reader", trusted=True)).trusted
    assert (await readers.standing(site.site_id, author)).trusted
    assert not (await readers.trust(site.site_id, author, kind="reader", trusted=False)).trusted


async def test_voiding_receipts_raises_the_generation_each_time(
    readers: ReaderStore, site: Site
) -> None:
    author = uuid4()

    assert (await readers.void_receipts(site.site_id, author)).generation == 1
    assert (await readers.void_receipts(site.site_id, author)).generation == 2
    assert (await readers.standing(site.site_id, author)).generation == 2
