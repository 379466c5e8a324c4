"""The newsroom's people: who may do what, and who may change it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from service.errors import Invalid, Unavailable
from service.features.sessions import actor_of_member
from service.features.team import OwnersRole, OwnRole, UnknownMember
from service.model import Actor, Role
from service.storage.postgres import connected, open_pool
from service.storage.redis import connect
from tests.features.insiders import NOBODY, NOW, Insiders

SAM = "sam@daily.example"
KEY = Actor(kind="key", actor_id="samskey1", name="CMS")


@pytest.fixture
async def insiders(emptied_database_url: str, redis_url: str) -> AsyncIterator[Insiders]:
    async with open_pool(emptied_database_url, max_size=2) as pool, connect(redis_url) as redis:
        yield Insiders.over(pool, redis)


async def test_a_link_is_kept_as_a_hash_alone(insiders: Insiders) -> None:
    site = await insiders.site("daily")
    token = await insiders.invited(site, "Sam@Daily.Example ", Role.MODERATOR)
    (sam,) = await insiders.team.of_site(site)
    assert (sam.email, sam.role, sam.since, sam.arrived) == (SAM, Role.MODERATOR, NOW, False)
    async with connected(insiders.pool) as connection:
        kept = await connection.fetchval("SELECT token_hash FROM invitations")
    assert token.encode() not in kept


async def test_whoever_is_invited_again_has_the_new_role_and_another_link(
    insiders: Insiders,
) -> None:
    site = await insiders.site("daily")
    first = await insiders.invited(site, SAM, Role.MODERATOR)
    second = await insiders.invited(site, SAM, Role.SENIOR)
    (sam,) = await insiders.team.of_site(site)
    assert sam.role is Role.SENIOR
    assert first != second
    for token in (first, second):
        assert (await insiders.arrivals.look(token, now=NOW)).email == SAM


@pytest.mark.parametrize(
    "email", ["", "sam", "@daily.example", "sam@", "sam@@x", "s am@x.y", "s\0@x.y", "a" * 255]
)
async def test_what_is_no_address_is_not_invited(insiders: Insiders, email: str) -> None:
    site = await insiders.site("daily")
    with pytest.raises(Invalid):
        await insiders.team.invite(email, Role.MODERATOR, site, NOW)
    assert await insiders.team.of_site(site) == []


async def test_the_owner_gets_a_link_until_somebody_is_in(insiders: Insiders) -> None:
    site = await insiders.site("daily")
    token = await insiders.team.owner_link(NOW)
    assert token is not None
    assert (await insiders.arrivals.look(token, now=NOW)).is_owner
    await insiders.team.invite(SAM, Role.ADMIN, site, NOW)
    assert await insiders.team.owner_link(NOW) is None


async def test_a_role_is_changed_and_the_change_is_written_down(insiders: Insiders) -> None:
    site = await insiders.site("daily")
    await insiders.invited(site, SAM, Role.MODERATOR)
    (sam,) = await insiders.team.of_site(site)
    changed = await insiders.team.change_role(site, sam.member_id, Role.EDITOR, actor=KEY, now=NOW)
    assert changed.role is Role.EDITOR
    page = await insiders.administration.of_site(site, cursor=None, limit=100)
    (noted,) = [each.act for each in page.entries if each.act.act == "role.changed"]
    assert (noted.actor_kind, noted.actor_id, noted.member_id) == ("key", "samskey1", sam.member_id)
    assert noted.details == {"from": "moderator", "to": "editor"}


async def test_the_log_is_read_page_by_page_and_never_changed(insiders: Insiders) -> None:
    site, other = await insiders.site("daily"), await insiders.site("weekly")
    for number in range(5):
        await insiders.invited(site, f"{number}@daily.example", Role.VIEWER)
    await insiders.invited(other, SAM, Role.VIEWER)
    seen, cursor = [], None
    while True:
        page = await insiders.administration.of_site(site, cursor=cursor, limit=2)
        seen += [each.act.entry_id for each in page.entries]
        cursor = page.next
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 5
    assert seen == sorted(seen, reverse=True)
    for wrong in ("UPDATE administrative_acts SET act = 'a.b'", "DELETE FROM administrative_acts"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await insiders.pool.execute(wrong)


async def test_nobody_changes_their_own_role_or_the_owners(insiders: Insiders) -> None:
    site = await insiders.site("daily")
    link = await insiders.team.owner_link(NOW)
    assert link is not None
    owner = await insiders.arrive(link, email="owner@daily.example")
    sam = await insiders.arrive(await insiders.invited(site, SAM, Role.ADMIN))
    actor = actor_of_member(sam, (site,))
    for member_id, refusal in (
        (sam.member_id, OwnRole),
        (owner.member_id, OwnersRole),
        (NOBODY, UnknownMember),
    ):
        with pytest.raises(refusal):
            await insiders.team.change_role(site, member_id, Role.VIEWER, actor=actor, now=NOW)
        with pytest.raises(refusal):
            await insiders.team.remove(site, member_id, actor=actor, now=NOW)


async def test_somebody_of_another_team_is_nobody(insiders: Insiders) -> None:
    site, other = await insiders.site("daily"), await insiders.site("weekly")
    await insiders.invited(other, SAM, Role.ADMIN)
    (sam,) = await insiders.team.of_site(other)
    with pytest.raises(UnknownMember):
        await insiders.team.remove(site, sam.member_id, actor=KEY, now=NOW)
    assert await insiders.team.of_site(other) == [sam]


async def test_nobody_is_invited_while_postgres_is_away(insiders: Insiders) -> None:
    site = await insiders.site("daily")
    await insiders.pool.close()
    with pytest.raises(Unavailable):
        await insiders.team.invite(SAM, Role.ADMIN, site, NOW)
