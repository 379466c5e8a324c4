"""Keys, members and their links, in Postgres."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid4

import asyncpg
import pytest

from service.model import Role, Scope, Site, SiteSettings
from service.storage.accounts import AccountStore
from service.storage.administration import Act
from service.storage.postgres import connected, open_pool
from service.storage.sites import SiteStore
from tests.conftest import FreshDatabase

NOW = datetime(2026, 11, 23, 15, 29, tzinfo=UTC)
SOON = NOW + timedelta(hours=72)


@pytest.fixture
async def pool(
    fresh_database: FreshDatabase, template_database: str
) -> AsyncIterator[asyncpg.Pool[asyncpg.Record]]:
    async with open_pool(await fresh_database(template_database), max_size=4) as opened:
        yield opened


@pytest.fixture
async def site(pool: asyncpg.Pool[asyncpg.Record]) -> Site:
    return await _site(pool, "daily")


@pytest.fixture
def accounts(pool: asyncpg.Pool[asyncpg.Record]) -> AccountStore:
    return AccountStore(pool=pool)


async def _site(pool: asyncpg.Pool[asyncpg.Record], slug: str) -> Site:
    made = await SiteStore(pool=pool).create(slug, "", SiteSettings())
    assert made is not None
    return made


async def _key(accounts: AccountStore, site: Site, key_id: str, *, at: datetime = NOW) -> bool:
    return await accounts.create_key(
        site.site_id,
        key_id=key_id,
        name="CMS",
        secret_hash=_hash(key_id),
        scopes={Scope.WRITE, Scope.READ},
        created_at=at,
        expires_at=SOON,
    )


async def _invite(
    accounts: AccountStore, site: Site, email: str, role: Role, link: str, *, at: datetime = NOW
) -> UUID:
    invited = await accounts.invite(
        site.site_id,
        member_id=uuid4(),
        email=email,
        role=role,
        token_hash=_hash(link),
        resets=False,
        act=_act(at),
        expires_at=at + timedelta(hours=72),
    )
    return invited.member_id


def _act(at: datetime) -> Act:
    return Act(entry_id=uuid4(), at=at, actor_kind="operator", actor_id="", act="member.invited")


def _hash(secret: str) -> bytes:
    return sha256(secret.encode()).digest()


async def test_a_key_comes_back_with_its_site_and_without_its_secret(
    accounts: AccountStore, site: Site
) -> None:
    assert await _key(accounts, site, "AAAAaaaa")

    stored = await accounts.find_key("AAAAaaaa")

    assert stored is not None
    assert stored.secret_hash == _hash("AAAAaaaa")
    assert (stored.key.site_id, stored.key.site) == (site.site_id, "daily")
    assert stored.key.scopes == {Scope.READ, Scope.WRITE}
    assert (stored.key.created_at, stored.key.expires_at) == (NOW, SOON)
    assert await accounts.find_key("BBBBbbbb") is None


async def test_an_id_belongs_to_one_key(accounts: AccountStore, site: Site) -> None:
    assert await _key(accounts, site, "AAAAaaaa")
    assert not await _key(accounts, site, "AAAAaaaa")


async def test_a_key_is_ended_by_its_own_site_once(
    accounts: AccountStore, pool: asyncpg.Pool[asyncpg.Record], site: Site
) -> None:
    other = await _site(pool, "weekly")
    await _key(accounts, site, "AAAAaaaa")

    assert not await accounts.revoke_key(other.site_id, "AAAAaaaa", now=NOW)
    assert await accounts.find_key("AAAAaaaa") is not None
    assert await accounts.revoke_key(site.site_id, "AAAAaaaa", now=NOW)
    assert not await accounts.revoke_key(site.site_id, "AAAAaaaa", now=NOW)
    assert await accounts.find_key("AAAAaaaa") is None


async def test_a_site_lists_its_keys_oldest_first_ended_ones_included(
    accounts: AccountStore, pool: asyncpg.Pool[asyncpg.Record], site: Site
) -> None:
    await _key(accounts, site, "NEWnew00", at=NOW + timedelta(days=1))
    await _key(accounts, site, "OLDold00")
    await _key(accounts, await _site(pool, "weekly"), "OTHER000")
    await accounts.revoke_key(site.site_id, "OLDold00", now=NOW)

    listed = await accounts.keys_of_site(site.site_id)

    assert [(key.key_id, key.revoked_at) for key in listed] == [
        ("OLDold00", NOW),
        ("NEWnew00", None),
    ]


async def test_the_hour_of_a_keys_use_only_goes_forward(accounts: AccountStore, site: Site) -> None:
    await _key(accounts, site, "AAAAaaaa")
    hour = NOW.replace(minute=0)

    await accounts.touch_key("AAAAaaaa", hour=hour)
    await accounts.touch_key("AAAAaaaa", hour=hour - timedelta(hours=1))

    stored = await accounts.find_key("AAAAaaaa")
    assert stored is not None
    assert stored.key.last_used_at == hour


async def test_an_address_is_one_member_with_a_role_on_each_site(
    accounts: AccountStore, pool: asyncpg.Pool[asyncpg.Record], site: Site
) -> None:
    other = await _site(pool, "weekly")
    sam = await _invite(accounts, site, "sam@daily.example", Role.MODERATOR, "1")
    assert await _invite(accounts, other, "sam@daily.example", Role.ADMIN, "2") == sam
    later = NOW + timedelta(days=1)
    assert await _invite(accounts, site, "sam@daily.example", Role.EDITOR, "3", at=later) == sam

    roles = await accounts.roles_of_member(sam)
    team = await accounts.members_of_site(site.site_id)

    assert [(each.site, each.role) for each in roles] == [
        ("daily", Role.EDITOR),
        ("weekly", Role.ADMIN),
    ]
    assert [(each.member_id, each.email, each.role, each.since) for each in team] == [
        (sam, "sam@daily.example", Role.EDITOR, later)
    ]


async def test_whoever_was_removed_comes_back_with_the_new_role_alone(
    accounts: AccountStore, pool: asyncpg.Pool[asyncpg.Record], site: Site
) -> None:
    other = await _site(pool, "weekly")
    sam = await _invite(accounts, other, "sam@daily.example", Role.ADMIN, "1")
    async with connected(pool) as connection:
        await connection.execute("UPDATE members SET removed_at = $1", NOW)
    assert await accounts.roles_of_member(sam) == []
    assert await accounts.members_of_site(other.site_id) == []

    assert await _invite(accounts, site, "sam@daily.example", Role.VIEWER, "2") == sam

    assert [(each.site, each.role) for each in await accounts.roles_of_member(sam)] == [
        ("daily", Role.VIEWER)
    ]


async def test_an_owner_link_is_given_until_somebody_is_in(
    accounts: AccountStore, site: Site
) -> None:
    assert await accounts.add_owner_link(_hash("owner"), now=NOW, expires_at=SOON)
    await _invite(accounts, site, "sam@daily.example", Role.ADMIN, "1")
    assert not await accounts.add_owner_link(_hash("second"), now=NOW, expires_at=SOON)
