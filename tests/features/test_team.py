"""The newsroom's people and the links that let them in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from service.errors import Invalid, Unavailable
from service.features.team import LINK_LIFETIME, Team, UnknownLink
from service.model import Role, Site, SiteSettings
from service.storage.accounts import AccountStore
from service.storage.postgres import connected, open_pool
from service.storage.sites import SiteStore
from tests.conftest import FreshDatabase

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)


@pytest.fixture
async def pool(
    fresh_database: FreshDatabase, template_database: str
) -> AsyncIterator[asyncpg.Pool[asyncpg.Record]]:
    async with open_pool(await fresh_database(template_database), max_size=2) as opened:
        yield opened


@pytest.fixture
async def site(pool: asyncpg.Pool[asyncpg.Record]) -> Site:
    return await _site(pool, "daily")


@pytest.fixture
def team(pool: asyncpg.Pool[asyncpg.Record]) -> Team:
    return Team(accounts=AccountStore(pool=pool))


async def _site(pool: asyncpg.Pool[asyncpg.Record], slug: str) -> Site:
    made = await SiteStore(pool=pool).create(slug, "", SiteSettings())
    assert made is not None
    return made


async def test_an_invitation_lets_its_member_in_once(
    team: Team, pool: asyncpg.Pool[asyncpg.Record], site: Site
) -> None:
    token = await team.invite("Sam@Daily.Example ", Role.MODERATOR, site, NOW)
    (sam,) = await team.of_site(site)

    taken = await team.accept(token, NOW)

    assert (sam.email, sam.role, sam.since) == ("sam@daily.example", Role.MODERATOR, NOW)
    assert taken.member_id == sam.member_id
    with pytest.raises(UnknownLink):
        await team.accept(token, NOW)
    async with connected(pool) as connection:
        kept = await connection.fetchval("SELECT token_hash FROM invitations")
    assert token.encode() not in kept


async def test_a_link_works_for_three_days(team: Team, site: Site) -> None:
    token = await team.invite("sam@daily.example", Role.MODERATOR, site, NOW)
    other = await team.invite("kim@daily.example", Role.MODERATOR, site, NOW)
    assert timedelta(hours=72) == LINK_LIFETIME

    with pytest.raises(UnknownLink):
        await team.accept(token, NOW + LINK_LIFETIME)
    with pytest.raises(UnknownLink):
        await team.accept(other[:-1], NOW)
    await team.accept(other, NOW + LINK_LIFETIME - timedelta(seconds=1))


async def test_whoever_is_invited_again_has_the_new_role_and_another_link(
    team: Team, pool: asyncpg.Pool[asyncpg.Record], site: Site
) -> None:
    weekly = await _site(pool, "weekly")
    first = await team.invite("sam@daily.example", Role.MODERATOR, site, NOW)
    second = await team.invite("sam@daily.example", Role.SENIOR, site, NOW)
    await team.invite("sam@daily.example", Role.VIEWER, weekly, NOW)

    (sam,) = await team.of_site(site)

    assert sam.role is Role.SENIOR
    assert [(each.site, each.role) for each in await team.roles(sam.member_id)] == [
        ("daily", Role.SENIOR),
        ("weekly", Role.VIEWER),
    ]
    assert first != second
    for token in (first, second):
        assert (await team.accept(token, NOW)).member_id == sam.member_id


@pytest.mark.parametrize(
    "email", ["", "sam", "@daily.example", "sam@", "sam@@x", "s am@x.y", "s\0@x.y", "a" * 255]
)
async def test_what_is_no_address_is_not_invited(team: Team, site: Site, email: str) -> None:
    with pytest.raises(Invalid):
        await team.invite(email, Role.MODERATOR, site, NOW)
    assert await team.of_site(site) == []


async def test_the_owner_gets_a_link_until_somebody_is_in(team: Team, site: Site) -> None:
    token = await team.owner_link(NOW)
    assert token is not None
    assert (await team.accept(token, NOW)).member_id is None

    await team.invite("sam@daily.example", Role.ADMIN, site, NOW)
    assert await team.owner_link(NOW) is None


async def test_nobody_is_invited_while_postgres_is_away(database_url: str) -> None:
    async with open_pool(database_url, min_size=1, max_size=1) as pool:
        site, team = await _site(pool, "daily"), Team(accounts=AccountStore(pool=pool))
    with pytest.raises(Unavailable):
        await team.invite("sam@daily.example", Role.ADMIN, site, NOW)
