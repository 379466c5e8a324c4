"""Bans that hold on several sites of one newsroom, for readers whom the sites sign in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from service.errors import Forbidden, Invalid
from service.features.authors import AuthorBanned, Authors
from service.features.reader_tokens import SignedIn, author_id_of
from service.features.records import Ban, Records, Wishes
from service.features.submission import Submission, sent_by_reader
from service.model import Site, SiteSettings
from service.storage.sites import SiteStore
from tests.features.test_people import ISSUER, wired
from tests.newsroom import SAM, Newsroom, real_time


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A newsroom with three sites, of which the first bans."""

    room: Newsroom
    records: Records
    daily: Site
    weekly: Site
    foreign: Site

    @property
    def authors(self) -> Authors:
        """As a process has them that has not looked yet."""
        return Authors(readers=self.room.readers)

    def who(self, site: Site, subject: str = "17", issuer: str = ISSUER) -> SignedIn:
        return SignedIn(
            author_id=author_id_of(site.site_id, issuer, subject),
            issuer=issuer,
            subject=subject,
            name="Omar",
            avatar=None,
            badge=None,
        )

    async def post(self, site: Site, subject: str = "17", issuer: str = ISSUER) -> UUID:
        """Send a comment as a reader of a site."""
        permits = replace(self.room.intake.permits, authors=self.authors)
        intake = replace(self.room.intake, permits=permits)
        who = sent_by_reader(self.who(site, subject, issuer))
        sent = Submission(site=site, article_key="story-1", body=f"Hello {uuid4()}", **who)
        return (await intake.accept(sent, now=self.room.now)).author_id

    async def rule(
        self, wishes: Wishes, *, author: UUID | None = None, senior: bool = True
    ) -> None:
        await self.records.rule(
            self.daily,
            str(author or self.who(self.daily).author_id),
            wishes,
            actor=SAM,
            is_senior=senior,
            now=self.room.now,
        )

    async def ban(self, *sites: Site) -> None:
        until = self.room.now + timedelta(days=30)
        numbers = tuple(each.site_id for each in sites)
        await self.rule(Wishes(ban=Ban(until=until, reason="Enough.", sites=numbers)))

    async def logged(self, site: Site) -> list[str]:
        async with self.room.pool.acquire() as connection:
            rows = await connection.fetch(
                "SELECT act FROM administrative_acts WHERE site_id = $1 ORDER BY at, entry_id",
                site.site_id,
            )
        return [row["act"] for row in rows]


@pytest.fixture
async def house(newsroom: Newsroom) -> House:
    newsroom.now = real_time()
    sites = SiteStore(pool=newsroom.pool)
    slugs = (f"weekly-{uuid4().hex[:8]}", f"foreign-{uuid4().hex[:8]}")
    made = [await sites.create(slug, "", SiteSettings()) for slug in slugs]
    weekly, foreign = (each for each in made if each is not None)
    for each in (weekly, foreign):
        await newsroom.journal.open_queue(each)
    return House(
        room=newsroom,
        records=wired(newsroom).records,
        daily=newsroom.site,
        weekly=weekly,
        foreign=foreign,
    )


async def test_a_ban_holds_on_every_site_it_names_and_on_no_other(house: House) -> None:
    for site in (house.daily, house.foreign):
        await house.post(site)
    await house.ban(house.weekly)
    for site in (house.daily, house.weekly):
        with pytest.raises(AuthorBanned) as banned:
            await house.post(site)
        assert banned.value.detail == "Enough."
    await house.post(house.foreign)
    await house.post(house.weekly, subject="18")


async def test_the_same_name_with_another_issuer_is_another_person(house: House) -> None:
    await house.post(house.daily)
    await house.ban(house.weekly)
    await house.post(house.weekly, issuer="https://elsewhere.example")


async def test_a_lifted_ban_holds_nowhere_and_both_logs_say_so(house: House) -> None:
    await house.post(house.daily)
    await house.ban(house.weekly)
    house.room.now += timedelta(minutes=1)
    await house.rule(Wishes(lift_ban=True))
    await house.post(house.daily)
    await house.post(house.weekly)
    assert (await house.logged(house.daily))[-2:] == ["reader.banned", "reader.readmitted"]
    elsewhere = ["reader.banned_elsewhere", "reader.readmitted_elsewhere"]
    assert await house.logged(house.weekly) == elsewhere
    assert await house.logged(house.foreign) == []


async def test_a_ban_that_is_made_narrower_ends_elsewhere_alone(house: House) -> None:
    await house.post(house.daily)
    await house.ban(house.weekly)
    house.room.now += timedelta(minutes=1)
    await house.ban()
    await house.post(house.weekly)
    with pytest.raises(AuthorBanned):
        await house.post(house.daily)
    assert (await house.logged(house.weekly))[-1] == "reader.readmitted_elsewhere"


async def test_no_site_keeps_who_its_readers_are_on_another(house: House) -> None:
    await house.post(house.daily)
    await house.ban(house.weekly)
    with pytest.raises(AuthorBanned):
        await house.post(house.weekly)
    own = house.who(house.weekly).author_id
    async with house.room.pool.acquire() as connection:
        for table in ("readers", "reader_acts"):
            known = await connection.fetchval(
                f"SELECT count(*) FROM {table} WHERE site_id = $1 OR author_id = $2",  # noqa: S608
                house.weekly.site_id,
                own,
            )
            assert known == 0, table


async def test_elsewhere_nothing_but_the_ban_is_known(house: House) -> None:
    """What one site holds against somebody beside a ban stays its own."""
    await house.post(house.daily)
    await house.ban(house.weekly)
    await house.rule(Wishes(always_hold=True))
    ids = await house.authors.ids_elsewhere(house.weekly, "17", [ISSUER])
    assert ids == (house.who(house.daily).author_id,)
    (standing,) = await house.room.readers.standings(house.weekly.site_id, ids)
    assert standing.ban_reason == "Enough."
    assert (standing.always_hold, standing.first_seen, standing.ban_sites) == (False, None, ())
    assert await house.authors.ids_elsewhere(house.foreign, "17", [ISSUER]) == ()


async def test_a_guest_is_banned_on_one_site_alone(house: House) -> None:
    guest = (await house.room.submit("Hello.", name="Omar")).author_id
    wide = Ban(until=None, reason=None, sites=(house.weekly.site_id,))
    with pytest.raises(Invalid) as refused:
        await house.rule(Wishes(ban=wide), author=guest)
    assert [each.code for each in refused.value.errors] == ["not_signed_in"]


async def test_moderators_mute_on_one_site_alone(house: House) -> None:
    await house.post(house.daily)
    until = house.room.now + timedelta(hours=12)
    await house.rule(Wishes(ban=Ban(until=until, reason=None)), senior=False)
    wide = Ban(until=until, reason=None, sites=(house.weekly.site_id,))
    with pytest.raises(Forbidden):
        await house.rule(Wishes(ban=wide), senior=False)
