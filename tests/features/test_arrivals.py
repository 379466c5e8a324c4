"""Following a one-time link: the owner's, an invitation, or the command line's way back in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from service.errors import Failure, Invalid, Unauthenticated
from service.features.arrivals import Wish
from service.features.sessions import SignedInMember, actor_of_member
from service.features.sign_in import WrongPassword
from service.features.team import LINK_LIFETIME, UnknownLink
from service.model import Role
from service.storage.postgres import open_pool
from service.storage.redis import connect
from tests.features.insiders import AGENT, NOW, PARTY, PASSWORD, Insiders

SAM = "sam@daily.example"


@pytest.fixture
async def insiders(emptied_database_url: str, redis_url: str) -> AsyncIterator[Insiders]:
    async with open_pool(emptied_database_url, max_size=6) as pool, connect(redis_url) as redis:
        yield Insiders.over(pool, redis)


async def test_an_invitation_lets_its_member_in_once(insiders: Insiders) -> None:
    site = await insiders.site("daily")
    token = await insiders.invited(site, " Sam@Daily.Example", Role.MODERATOR)
    invitee = await insiders.arrivals.look(token, now=NOW)
    assert (invitee.email, invitee.is_owner) == (SAM, False)
    assert [(each.site, each.role) for each in invitee.memberships] == [("daily", Role.MODERATOR)]

    sam = await insiders.arrive(token)

    assert (sam.email, sam.name, sam.owner) == (SAM, "Sam", False)
    assert [(each.site, each.role) for each in sam.memberships] == [("daily", Role.MODERATOR)]
    for again in (insiders.arrivals.look(token, now=NOW), insiders.arrive(token)):
        with pytest.raises(UnknownLink):
            await again
    assert (await insiders.sign(SAM)).member_id == sam.member_id
    assert set(await insiders.acts_on(sam.member_id)) == {"member.invited", "member.arrived"}


async def test_a_link_that_is_followed_many_times_at_once_lets_one_in(insiders: Insiders) -> None:
    site = await insiders.site("daily")
    token = await insiders.invited(site, SAM, Role.MODERATOR)

    outcomes = await asyncio.gather(
        *(insiders.arrive(token, password=f"{PASSWORD} {number}") for number in range(4)),
        return_exceptions=True,
    )

    arrived = [each for each in outcomes if isinstance(each, SignedInMember)]
    assert len(arrived) == 1
    assert all(isinstance(each, UnknownLink) for each in outcomes if each is not arrived[0])
    winner = outcomes.index(arrived[0])
    for number in range(4):
        if number == winner:
            assert await insiders.sign(SAM, f"{PASSWORD} {number}")
        else:
            with pytest.raises(WrongPassword):
                await insiders.sign(SAM, f"{PASSWORD} {number}")


async def test_two_links_of_one_member_followed_at_once_let_one_in(insiders: Insiders) -> None:
    site = await insiders.site("daily")
    links = [await insiders.invited(site, SAM, Role.MODERATOR) for _ in range(4)]
    outcomes = await asyncio.gather(*map(insiders.arrive, links), return_exceptions=True)
    assert sum(isinstance(each, SignedInMember) for each in outcomes) == 1
    assert sum(isinstance(each, UnknownLink) for each in outcomes) == 3


async def test_the_owner_is_one_whatever_many_links_there_are(insiders: Insiders) -> None:
    links = [await insiders.team.owner_link(NOW) for _ in range(3)]

    async def follow(number: int) -> SignedInMember:
        link = links[number]
        assert link is not None
        return await insiders.arrive(link, email=f"owner-{number}@daily.example")

    outcomes = await asyncio.gather(*map(follow, range(3)), return_exceptions=True)

    (owner,) = [each for each in outcomes if isinstance(each, SignedInMember)]
    assert sum(isinstance(each, UnknownLink) for each in outcomes) == 2
    assert owner.owner
    assert await insiders.team.owner_link(NOW) is None


async def test_an_owner_is_an_admin_of_every_site_also_of_those_to_come(
    insiders: Insiders,
) -> None:
    link = await insiders.team.owner_link(NOW)
    assert link is not None
    await insiders.site("daily")
    assert (await insiders.arrive(link, email="Owner@Daily.Example")).memberships
    weekly = await insiders.site("weekly")

    owner = await insiders.sign("owner@daily.example")

    assert [(each.site, each.role) for each in owner.memberships] == [
        ("daily", Role.ADMIN),
        ("weekly", Role.ADMIN),
    ]
    (listed,) = await insiders.team.of_site(weekly)
    assert (listed.role, listed.owner, listed.arrived) == (Role.ADMIN, True, True)


async def test_a_link_works_for_three_days(insiders: Insiders) -> None:
    site = await insiders.site("daily")
    token = await insiders.invited(site, SAM, Role.MODERATOR)
    assert timedelta(hours=72) == LINK_LIFETIME
    for wrong, now in ((token, NOW + LINK_LIFETIME), (token[:-1], NOW), ("", NOW)):
        with pytest.raises(UnknownLink):
            await insiders.arrive(wrong, now=now)
    assert await insiders.arrive(token, now=NOW + LINK_LIFETIME - timedelta(seconds=1))


@pytest.mark.parametrize(
    ("wish", "pointer", "code"),
    [
        (Wish(name="Sam"), "/password", "missing"),
        (Wish(name=" ", password=PASSWORD), "/name", "blank"),
        (Wish(name="Sam", password="too short"), "/password", "length"),
        (Wish(name="Sam", password="sam@daily.example"), "/password", "guessable"),
        (Wish(name="Sam", password="password1234"), "/password", "guessable"),
        (Wish(name="Sam", email="kim@x.y", password=PASSWORD), "/email", "not_yours"),
        (Wish(name="Sam", credential={"rawId": "x"}), "/credential", "wrong_credential"),
        (Wish(name="Sam", credential={"response": 1}), "/credential", "wrong_credential"),
    ],
)
async def test_a_wish_that_cannot_be_met_leaves_the_link_good(
    insiders: Insiders, wish: Wish, pointer: str, code: str
) -> None:
    site = await insiders.site("daily")
    token = await insiders.invited(site, SAM, Role.MODERATOR)
    with pytest.raises(Invalid) as refused:
        await insiders.arrivals.arrive(token, wish, party=PARTY, agent=AGENT, now=NOW)
    assert [(each.pointer, each.code) for each in refused.value.errors] == [(pointer, code)]
    assert await insiders.arrive(token)


@pytest.mark.parametrize("email", [None, "", "owner", "a@b@c"])
async def test_an_owner_needs_an_address(insiders: Insiders, email: str | None) -> None:
    link = await insiders.team.owner_link(NOW)
    assert link is not None
    with pytest.raises(Invalid):
        await insiders.arrive(link, email=email)


async def test_whoever_is_in_gets_another_role_and_no_other_link(insiders: Insiders) -> None:
    """Else an admin of one site could get into accounts of people who are on another, too."""
    daily, weekly = await insiders.site("daily"), await insiders.site("weekly")
    await insiders.arrive(await insiders.invited(daily, SAM, Role.ADMIN))

    assert await insiders.team.invite(SAM, Role.VIEWER, weekly, NOW) is None

    sam = await insiders.sign(SAM)
    assert [(each.site, each.role) for each in sam.memberships] == [
        ("daily", Role.ADMIN),
        ("weekly", Role.VIEWER),
    ]


async def test_a_sites_link_gives_nothing_on_another_site(insiders: Insiders) -> None:
    """Whoever holds the weekly's link may be the weekly's admin, who made it."""
    daily, weekly = await insiders.site("daily"), await insiders.site("weekly")
    first = await insiders.invited(daily, SAM, Role.ADMIN)
    second = await insiders.invited(weekly, SAM, Role.VIEWER)

    sam = await insiders.arrive(second)

    assert [(each.site, each.role) for each in sam.memberships] == [("weekly", Role.VIEWER)]
    with pytest.raises(UnknownLink):
        await insiders.arrive(first)


async def test_the_command_lines_link_replaces_what_its_member_signed_in_with(
    insiders: Insiders,
) -> None:
    site = await insiders.site("daily")
    before = await insiders.arrive(await insiders.invited(site, SAM, Role.SENIOR))
    token = await insiders.invited(site, SAM, Role.SENIOR, resets=True)
    assert await insiders.sign(SAM), "an unused link changes nothing"

    after = await insiders.arrive(token, password="another otter and seven clouds")

    assert after.member_id == before.member_id
    with pytest.raises(WrongPassword):
        await insiders.sign(SAM)
    assert await insiders.sign(SAM, "another otter and seven clouds")
    found = await insiders.sessions.of_member(before.member_id, now=NOW)
    assert before.session.session_id not in {each.session_id for each in found}


async def test_whoever_was_taken_off_the_last_team_is_signed_out_and_their_link_is_void(
    insiders: Insiders,
) -> None:
    site = await insiders.site("daily")
    kim = await insiders.arrive(await insiders.invited(site, "kim@daily.example", Role.ADMIN))
    sam = await insiders.arrive(await insiders.invited(site, SAM, Role.MODERATOR))
    lee = await insiders.invited(site, "lee@daily.example", Role.MODERATOR)
    waiting = next(each for each in await insiders.team.of_site(site) if not each.arrived)

    actor = actor_of_member(kim, (site,))
    for member_id in (sam.member_id, waiting.member_id):
        await insiders.team.remove(site, member_id, actor=actor, now=NOW)

    assert await insiders.sessions.of_member(sam.member_id, now=NOW) == []
    for refused in (insiders.sign(SAM), insiders.arrive(lee)):
        with pytest.raises((Unauthenticated, UnknownLink)):
            await refused
    assert [each.email for each in await insiders.team.of_site(site)] == ["kim@daily.example"]
    assert (await insiders.acts_of(site)).count("member.removed") == 2
    assert await insiders.team.invite(SAM, Role.VIEWER, site, NOW) is None
    assert (await insiders.sign(SAM)).memberships[0].role is Role.VIEWER


async def test_nobody_is_let_in_while_postgres_is_away(insiders: Insiders) -> None:
    site = await insiders.site("daily")
    token = await insiders.invited(site, SAM, Role.MODERATOR)
    await insiders.pool.close()
    with pytest.raises(Failure) as refused:
        await insiders.arrive(token)
    assert not isinstance(refused.value, UnknownLink)
