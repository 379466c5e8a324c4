"""Keys of the sites' own sign-in, in Postgres."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from service.model import Site, SiteSettings
from service.storage.postgres import open_pool
from service.storage.sites import SiteStore
from service.storage.token_keys import StoredTokenKey, TokenKeyStore
from tests.conftest import FreshDatabase

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)


@pytest.fixture(scope="module")
async def pool(
    fresh_database: FreshDatabase, template_database: str
) -> AsyncIterator[asyncpg.Pool[asyncpg.Record]]:
    async with open_pool(await fresh_database(template_database), max_size=2) as opened:
        yield opened


@pytest.fixture
async def site(pool: asyncpg.Pool[asyncpg.Record], request: pytest.FixtureRequest) -> Site:
    slug = f"s{abs(hash(request.node.name))}"
    made = await SiteStore(pool=pool).create(slug, "", SiteSettings())
    assert made is not None
    return made


@pytest.fixture
def keys(pool: asyncpg.Pool[asyncpg.Record]) -> TokenKeyStore:
    return TokenKeyStore(pool=pool)


async def _add(
    keys: TokenKeyStore, site: Site, kid: str, *, now: datetime = NOW
) -> StoredTokenKey | None:
    return await keys.add(
        site.site_id,
        kid=kid,
        issuer="https://id.daily.example",
        algorithm="ES256",
        key=b"-----BEGIN",
        now=now,
    )


async def test_a_key_is_found_by_site_and_kid(keys: TokenKeyStore, site: Site) -> None:
    added = await _add(keys, site, "2026")

    assert added is not None
    assert (added.issuer, added.algorithm, added.key) == (
        "https://id.daily.example",
        "ES256",
        b"-----BEGIN",
    )
    assert (added.created_at, added.revoked_at) == (NOW, None)
    assert await keys.find(site.site_id, "2026") == added
    assert await keys.find(site.site_id, "2027") is None
    assert await keys.find(site.site_id + 1_000, "2026") is None


async def test_a_kid_is_used_once(keys: TokenKeyStore, site: Site) -> None:
    assert await _add(keys, site, "k") is not None
    assert await _add(keys, site, "k") is None
    assert await keys.revoke(site.site_id, "k", now=NOW)
    assert await _add(keys, site, "k") is None


async def test_a_revoked_key_is_listed_but_not_found(keys: TokenKeyStore, site: Site) -> None:
    await _add(keys, site, "new", now=NOW + timedelta(days=1))
    await _add(keys, site, "old")

    assert not await keys.revoke(site.site_id + 1_000, "old", now=NOW)
    assert await keys.revoke(site.site_id, "old", now=NOW)
    assert not await keys.revoke(site.site_id, "old", now=NOW)

    assert await keys.find(site.site_id, "old") is None
    listed = await keys.of_site(site.site_id)
    assert [(each.kid, each.revoked_at) for each in listed] == [("old", NOW), ("new", None)]
