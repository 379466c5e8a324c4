from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
from msgspec.structs import replace

from service.errors import Forbidden, Invalid
from service.features.administration import Acts
from service.features.authors import AuthorBanned, Authors, WarningUnacknowledged
from service.features.reader_tokens import SignedIn, author_id_of
from service.features.records import (
    FOR_GOOD,
    Ban,
    Person,
    Records,
    UnknownReader,
    UnknownWarning,
    Wishes,
)
from service.features.submission import Submission, sent_by_backend, sent_by_reader
from service.features.sweeps import Sweep, Sweeps, SweepUndone, UnknownSweep
from service.features.token_keys import TokenKeys
from service.model import Action, Actor, ApiKey, Mode, PendingComment, Scope, SiteSettings
from service.secrets import Secrets
from service.storage.records import RecordStore
from service.storage.sweeps import SweepStore
from service.storage.token_keys import TokenKeyStore
from tests.features.conftest import OpenSite
from tests.newsroom import KIM, NOON, SAM, Newsroom, new_id

ISSUER = "https://daily.example"
DAY = timedelta(days=1)
YOUNG = Actor(kind="member", actor_id=str(uuid4()), name="Nour", sees_escalated=False)
KEY = ApiKey(
    key_id="samskey1",
    site_id=0,
    site="",
    name="Back end",
    scopes=frozenset({Scope.WRITE}),
    created_at=NOON,
    expires_at=None,
)


@dataclass(slots=True, kw_only=True)
class Desk:
    """A newsroom with what it needs to deal with authors."""

    room: Newsroom
    records: Records
    sweeps: Sweeps
    token_keys: TokenKeys

    async def rule(
        self, author: UUID | str, *, by: Actor = SAM, senior: bool = True, **wishes: object
    ) -> None:
        changes = Wishes(**wishes)  # type: ignore[arg-type]
        await self.records.rule(
            self.room.site, str(author), changes, actor=by, is_senior=senior, now=self.room.now
        )

    async def ban(
        self, author: UUID | str, *, until: datetime | None = None, reason: str | None = None
    ) -> None:
        await self.rule(author, ban=Ban(until=until, reason=reason))

    async def person(self, author: UUID | str, *, sees_escalated: bool = True) -> Person:
        return await self.records.person(
            self.room.site, str(author), sees_escalated=sees_escalated, now=self.room.now
        )

    async def guest(self) -> UUID:
        """Somebody who has posted once."""
        return (await self.room.submit(f"Hello {uuid4()}.")).author_id

    async def sweep(
        self, author: UUID, *, by: Actor = SAM, senior: bool = True, sweep_id: UUID | None = None
    ) -> Sweep:
        return await self.sweeps.begin(
            self.room.site,
            str(author),
            reason="spam",
            note="A flood.",
            sweep_id=sweep_id,
            actor=by,
            is_senior=senior,
            now=self.room.now,
        )

    async def finish(self, sweep: Sweep) -> Sweep:
        """Go on until a sweep is at its end."""
        for _ in range(50):
            await self.sweeps.go_on()
            sweep = await self.sweeps.find(self.room.site, sweep.sweep_id)
            if sweep.ended_at is not None:
                return sweep
        raise AssertionError(sweep)


def wired(room: Newsroom) -> Desk:
    token_keys = TokenKeys(
        token_keys=TokenKeyStore(pool=room.pool),
        secrets=Secrets.derive("a secret of the tests" * 2),
    )
    acts = Acts(new_id=new_id)
    records = Records(
        store=RecordStore(pool=room.pool),
        authors=Authors(readers=room.readers),
        lookup=room.lookup,
        decisions=room.decisions,
        pending=room.pending,
        token_keys=token_keys,
        acts=acts,
        new_id=new_id,
    )
    sweeps = Sweeps(
        store=SweepStore(pool=room.pool),
        records=records,
        decisions=room.decisions,
        sites=room.sites,
        acts=acts,
        new_id=new_id,
        clock=lambda: room.now,
        batch=4,
    )
    permits = replace(room.intake.permits, issuers=token_keys.issuers)
    room.intake = replace(room.intake, permits=permits)
    return Desk(room=room, records=records, sweeps=sweeps, token_keys=token_keys)


@pytest.fixture
async def desk(newsroom: Newsroom) -> Desk:
    return wired(newsroom)


async def test_a_stranger_has_no_record_and_cannot_be_ruled_on(desk: Desk) -> None:
    for ref in (str(uuid4()), "nobody", "", "reader:17", str(uuid4()).upper()):
        with pytest.raises(UnknownReader):
            await desk.person(ref)
        with pytest.raises(UnknownReader):
            await desk.ban(ref)


async def test_a_record_is_there_as_soon_as_a_comment_is_accepted(desk: Desk) -> None:
    accepted = await desk.room.submit("Hello.", name="Omar")
    person = await desk.person(accepted.author_id)
    assert (person.name, person.kind, person.waiting) == ("Omar", "guest", 1)
    assert [each.comment_id for each in person.comments] == [accepted.found.comment_id]
    await desk.room.journal_all()
    again = await desk.person(accepted.author_id)
    assert (again.name, again.kind, again.waiting) == ("Omar", "guest", 1)


async def test_a_record_tells_of_comments_decisions_and_reports(desk: Desk) -> None:
    room, omar = desk.room, uuid4()
    first, second, third = [await room.post(author=omar, article=f"story-{n}") for n in range(3)]
    await room.approve(first)
    await room.decide(Action.REJECT, second, by=KIM)
    for reporter in (uuid4(), uuid4()):
        await room.reports.report(
            room.site,
            first.comment_id,
            reporter_id=reporter,
            address_hash="here",
            reason="abuse",
            said="",
            notice=None,
            now=room.now,
        )
    await room.decide(Action.REMOVE, first)
    person = await desk.person(omar)
    shown = {each.comment_id: each.status for each in person.comments}
    assert shown == {
        third.comment_id: "pending",
        second.comment_id: "rejected",
        first.comment_id: "removed",
    }
    assert {each.action for each in person.decisions} == {"approve", "reject", "remove"}
    assert (person.standing.approved, person.standing.rejected, person.waiting) == (1, 1, 1)
    assert (person.reports.received, person.reports.received_upheld) == (2, 2)
    assert (await desk.person(omar)).reports.made == 0


async def test_who_reports_well_is_seen_in_their_record(desk: Desk) -> None:
    room, leila = desk.room, await desk.guest()
    comments = [await room.post() for _ in range(2)]
    await room.approve(*comments)
    for each in comments:
        await room.reports.report(
            room.site,
            each.comment_id,
            reporter_id=leila,
            address_hash="here",
            reason="abuse",
            said="",
            notice=None,
            now=room.now,
        )
    await room.decide(Action.REMOVE, comments[0])
    reports = (await desk.person(leila)).reports
    assert (reports.made, reports.made_upheld) == (2, 1)


async def test_what_was_escalated_is_not_shown_to_whom_it_is_kept_from(desk: Desk) -> None:
    comment = await desk.room.post()
    await desk.room.decide(Action.ESCALATE, comment)
    author = comment.author.author_id
    assert len((await desk.person(author)).comments) == 1
    assert (await desk.person(author, sees_escalated=False)).comments == ()


# Bans


def reader(room: Newsroom, subject: str = "17") -> SignedIn:
    site_id = room.site.site_id
    return SignedIn(
        author_id=author_id_of(site_id, ISSUER, subject),
        issuer=ISSUER,
        subject=subject,
        name="Omar",
        avatar=None,
        badge=None,
        also=(author_id_of(site_id, "", subject),),
    )


async def by_token(desk: Desk, text: str) -> UUID:
    omar = sent_by_reader(reader(desk.room))
    sent = Submission(site=desk.room.site, article_key="story-1", body=text, **omar)
    return (await desk.room.intake.accept(sent, now=desk.room.now)).author_id


async def by_back_end(desk: Desk, text: str, *, issuer: str | None = None) -> UUID:
    site = desk.room.site
    omar = sent_by_backend(
        site, KEY, reader_id="17", issuer=issuer, name="Omar", email=None, badge=None, avatar=None
    )
    sent = Submission(site=site, article_key="story-1", body=text, **omar)
    return (await desk.room.intake.accept(sent, now=desk.room.now)).author_id


async def with_issuer(desk: Desk) -> None:
    await desk.token_keys.add(
        desk.room.site, kid="k", issuer=ISSUER, algorithm="HS256", key=b"k" * 32, now=NOON
    )


async def test_a_banned_guest_is_refused_with_the_reason_and_no_longer_than_that(
    desk: Desk,
) -> None:
    omar = await desk.guest()
    await desk.ban(omar, until=NOON + DAY, reason="Please calm down.")
    with pytest.raises(AuthorBanned) as refused:
        await desk.room.submit("Again.", author_id=omar)
    assert refused.value.detail == "Please calm down."
    desk.room.now += DAY
    await desk.room.submit("Again.", author_id=omar)
    assert (await desk.person(omar)).ban is None


async def test_a_ban_for_good_ends_when_it_is_lifted(desk: Desk) -> None:
    omar = await desk.guest()
    await desk.ban(omar)
    assert (await desk.person(omar)).ban == Ban(until=None, reason=None)
    desk.room.now = datetime(2090, 1, 1, tzinfo=UTC)
    with pytest.raises(AuthorBanned):
        await desk.room.submit("Again.", author_id=omar)
    await desk.rule(omar, lift_ban=True)
    await desk.room.submit("Again.", author_id=omar)


@pytest.mark.parametrize("banned_by", ["token", "back end", "back end with issuer"])
@pytest.mark.parametrize("then_by", ["token", "back end", "back end with issuer"])
async def test_a_ban_holds_by_whatever_route_a_reader_posts(
    desk: Desk, banned_by: str, then_by: str
) -> None:
    await with_issuer(desk)
    routes: dict[str, Callable[[str], object]] = {
        "token": lambda text: by_token(desk, text),
        "back end": lambda text: by_back_end(desk, text),
        "back end with issuer": lambda text: by_back_end(desk, text, issuer=ISSUER),
    }
    author = await routes[banned_by]("First.")  # type: ignore[misc]
    await desk.ban(author)
    with pytest.raises(AuthorBanned):
        await routes[then_by]("Second.")  # type: ignore[misc]
    await desk.rule(author, lift_ban=True)
    await routes[then_by]("Second.")  # type: ignore[misc]


async def test_a_site_names_its_reader_by_its_own_id(desk: Desk) -> None:
    await with_issuer(desk)
    author = await by_token(desk, "First.")
    await desk.ban("reader:17")
    assert (await desk.person(author)).ban is not None
    assert (await desk.person("reader:17")).author_id == author
    with pytest.raises(AuthorBanned):
        await by_back_end(desk, "Second.")


async def test_who_is_banned_does_not_vote_report_or_edit(desk: Desk) -> None:
    room, omar = desk.room, reader(desk.room)
    await by_back_end(desk, "First.")
    other = await room.post()
    own = await room.post(author=omar.author_id)
    await room.approve(other, own)
    await desk.ban("reader:17")
    room.now = own.created_at + timedelta(minutes=1)
    with pytest.raises(AuthorBanned):
        await room.votes.cast(
            room.site, other.comment_id, omar, value=1, address_hash="", now=room.now
        )
    with pytest.raises(AuthorBanned):
        await room.reports.report(
            room.site,
            other.comment_id,
            reporter_id=omar.author_id,
            also=omar.also,
            address_hash="",
            reason="spam",
            said="",
            notice=None,
            now=room.now,
        )
    with pytest.raises(AuthorBanned):
        await room.own.edit(
            room.site,
            own.comment_id,
            omar.author_id,
            also=omar.also,
            body="Another.",
            revision=1,
            now=room.now,
        )


async def test_a_ban_ends_in_time_to_come_and_its_reason_is_a_text(desk: Desk) -> None:
    omar = await desk.guest()
    for ban in (Ban(until=NOON, reason=None), Ban(until=None, reason="a\0b")):
        with pytest.raises(Invalid):
            await desk.rule(omar, ban=ban)
    assert (await desk.person(omar)).ban is None


async def test_moderators_mute_for_a_day_and_seniors_do_the_rest(desk: Desk) -> None:
    omar = await desk.guest()
    short = Ban(until=NOON + DAY, reason=None)
    await desk.rule(omar, by=YOUNG, senior=False, ban=short)
    await desk.rule(omar, by=YOUNG, senior=False, lift_ban=True)
    for wishes in (
        {"ban": Ban(until=NOON + DAY + timedelta(seconds=1), reason=None)},
        {"ban": Ban(until=None, reason=None)},
        {"trusted": True},
        {"always_hold": True},
    ):
        with pytest.raises(Forbidden):
            await desk.rule(omar, by=YOUNG, senior=False, **wishes)
    await desk.ban(omar)
    for wishes in ({"lift_ban": True}, {"ban": short}):
        with pytest.raises(Forbidden):
            await desk.rule(omar, by=YOUNG, senior=False, **wishes)
    assert (await desk.person(omar)).ban == Ban(until=None, reason=None)


async def test_every_act_is_logged_once_with_who_did_it(desk: Desk) -> None:
    omar = await desk.guest()
    for _ in range(2):
        await desk.rule(omar, by=KIM, ban=Ban(until=NOON + DAY, reason="Calm."), trusted=True)
    await desk.rule(omar, ban=Ban(until=FOR_GOOD - DAY, reason="Calm."))
    await desk.rule(omar, lift_ban=True, trusted=False, always_hold=True)
    await desk.rule(omar, lift_ban=True, always_hold=False)
    await desk.records.warn(desk.room.site, str(omar), "Stop.", actor=SAM, now=NOON)
    await desk.records.note(desk.room.site, str(omar), "Known.", actor=SAM, now=NOON)
    person = await desk.person(omar)
    assert sorted(each.act for each in person.acts) == sorted(
        [
            "reader.muted",
            "reader.trusted",
            "reader.banned",
            "reader.readmitted",
            "reader.trust_ended",
            "reader.held",
            "reader.hold_ended",
            "reader.warned",
            "reader.noted",
        ]
    )
    muted = next(each for each in person.acts if each.act == "reader.muted")
    assert (muted.actor_kind, muted.actor_id) == ("key", KIM.actor_id)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await desk.room.pool.execute("DELETE FROM administrative_acts")


# Holding and trusting


@pytest.mark.parametrize("mode", [Mode.POST, Mode.TRUSTED])
async def test_who_is_always_held_waits_whatever_the_mode(new_site: OpenSite, mode: Mode) -> None:
    desk = wired(await new_site(SiteSettings(mode=mode)))
    omar = await desk.guest()
    await desk.rule(omar, trusted=True)
    assert (await desk.room.submit("One.", author_id=omar)).at_once
    await desk.rule(omar, always_hold=True)
    held = await desk.room.submit("Two.", author_id=omar)
    assert (held.at_once, held.found.status) == (False, "pending")
    await desk.rule(omar, always_hold=False)
    assert (await desk.room.submit("Three.", author_id=omar)).at_once


async def test_an_edit_of_who_is_always_held_waits(new_site: OpenSite) -> None:
    desk = wired(await new_site(SiteSettings(mode=Mode.POST)))
    accepted = await desk.room.submit("One.")
    await desk.rule(accepted.author_id, always_hold=True)
    found = await desk.room.own.edit(
        desk.room.site,
        accepted.found.comment_id,
        accepted.author_id,
        body="Two.",
        revision=1,
        now=desk.room.now,
    )
    assert found.public is not None
    assert found.waiting is not None
    assert (found.public.text, found.waiting.text) == ("One.", "Two.")


# Warnings and notes


async def test_a_warning_is_acknowledged_before_the_next_comment(desk: Desk) -> None:
    room, omar = desk.room, await desk.guest()
    first = await desk.records.warn(room.site, str(omar), "Be kind.", actor=SAM, now=NOON)
    later = NOON + timedelta(seconds=1)
    second = await desk.records.warn(room.site, str(omar), "Be kinder.", actor=KIM, now=later)
    for warning in (first, second):
        with pytest.raises(WarningUnacknowledged) as refused:
            await room.submit("Again.", author_id=omar)
        assert refused.value.detail == warning.text
        told = await desk.records.told(room.site, omar, now=NOON)
        assert warning.text in {each.text for each in told.warnings}
        for at in (NOON, NOON + DAY):
            await desk.records.acknowledge(room.site, warning.warning_id, [omar], now=at)
    await room.submit("Again.", author_id=omar)
    assert (await desk.records.told(room.site, omar, now=NOON)).warnings == ()
    kept = (await desk.person(omar)).warnings
    assert [(each.text, each.acknowledged_at) for each in kept] == [
        ("Be kind.", NOON),
        ("Be kinder.", NOON),
    ]


async def test_a_warning_is_acknowledged_by_whom_it_was_given(desk: Desk) -> None:
    omar, other = await desk.guest(), await desk.guest()
    warning = await desk.records.warn(desk.room.site, str(omar), "Be kind.", actor=SAM, now=NOON)
    for warning_id, author in ((warning.warning_id, other), (uuid4(), omar)):
        with pytest.raises(UnknownWarning):
            await desk.records.acknowledge(desk.room.site, warning_id, [author], now=NOON)
    with pytest.raises(WarningUnacknowledged):
        await desk.room.submit("Again.", author_id=omar)
    await desk.records.acknowledge(desk.room.site, warning.warning_id, None, now=NOON)
    await desk.room.submit("Again.", author_id=omar)


async def test_notes_stay_as_they_were_written(desk: Desk) -> None:
    omar = await desk.guest()
    for said, by in (("Warned in May.", SAM), ("Calmer since.", KIM)):
        await desk.records.note(desk.room.site, str(omar), said, actor=by, now=NOON)
    person = await desk.person(omar)
    assert {(each.text, each.actor_id, each.at) for each in person.notes} == {
        ("Warned in May.", SAM.actor_id, NOON),
        ("Calmer since.", KIM.actor_id, NOON),
    }
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await desk.room.pool.execute("UPDATE reader_notes SET text = 'Never.'")


async def test_nothing_is_neither_a_warning_nor_a_note(desk: Desk) -> None:
    omar = str(await desk.guest())
    for said in ("", " \n", "a\0b", "x" * 2_001):
        with pytest.raises(Invalid):
            await desk.records.warn(desk.room.site, omar, said, actor=SAM, now=NOON)
        with pytest.raises(Invalid):
            await desk.records.note(desk.room.site, omar, said, actor=SAM, now=NOON)
    person = await desk.person(omar)
    assert (person.notes, person.warnings, person.acts) == ((), (), ())


# Sweeps


async def flood(desk: Desk, author: UUID, size: int = 10) -> list[PendingComment]:
    return [await desk.room.post(f"Flood {n}.", author=author) for n in range(size)]


async def test_a_sweep_rejects_all_that_waits_and_is_undone_once(desk: Desk) -> None:
    omar = uuid4()
    comments = await flood(desk, omar)
    other = await desk.room.post()
    await desk.room.journal_all()
    late = await flood(desk, omar, 2)
    sweep = await desk.sweep(omar)
    assert (sweep.state, sweep.total, sweep.rejected) == ("running", 12, 0)
    await desk.sweeps.go_on()
    assert (await desk.sweeps.find(desk.room.site, sweep.sweep_id)).rejected == 4
    sweep = await desk.finish(sweep)
    assert (sweep.state, sweep.rejected, sweep.skipped) == ("done", 12, 0)
    for each in (*comments, *late):
        assert await desk.room.status(each) == "rejected"
    assert await desk.room.status(other) == "pending"
    await desk.sweeps.undo(
        desk.room.site, sweep.sweep_id, actor=KIM, is_senior=True, now=desk.room.now
    )
    sweep = await desk.finish(sweep)
    assert (sweep.state, sweep.restored) == ("undone", 12)
    for each in (*comments, *late):
        assert await desk.room.status(each) == "pending"
    with pytest.raises(SweepUndone):
        await desk.sweeps.undo(
            desk.room.site, sweep.sweep_id, actor=KIM, is_senior=True, now=desk.room.now
        )
    person = await desk.person(omar)
    assert {each.act for each in person.acts} == {"reader.swept", "reader.sweep_undone"}
    assert {(each.action, each.actor_id) for each in person.decisions} == {
        ("reject", SAM.actor_id),
        ("reverse", KIM.actor_id),
    }


async def test_a_sweep_leaves_alone_what_colleagues_hold_decide_or_authors_edit(
    desk: Desk,
) -> None:
    room, omar = desk.room, uuid4()
    held, decided, edited, free = await flood(desk, omar, 4)
    sweep = await desk.sweep(omar)
    await room.pending.lease(
        room.site.slug,
        owner="key:kimskey1",
        name="Kim",
        ids=[held.comment_id],
        limit=1,
        ttl_ms=9_000,
    )
    await room.approve(decided)
    await room.pending.edit(replace(edited, text="Sorry.", revision=2), expected_revision=1)
    sweep = await desk.finish(sweep)
    assert (sweep.rejected, sweep.skipped) == (1, 3)
    statuses = [await room.status(each) for each in (held, decided, edited, free)]
    assert statuses == ["pending", "approved", "pending", "rejected"]


async def test_undoing_leaves_alone_what_was_decided_since(desk: Desk) -> None:
    room, omar = desk.room, uuid4()
    kept, other = await flood(desk, omar, 2)
    sweep = await desk.finish(await desk.sweep(omar))
    found = await room.find(kept)
    assert found is not None
    assert found.decision is not None
    await room.decisions.reverse([room.site], found.decision.decision_id, actor=KIM, now=room.now)
    await room.approve(kept)
    await desk.sweeps.undo(room.site, sweep.sweep_id, actor=SAM, is_senior=True, now=room.now)
    sweep = await desk.finish(sweep)
    assert (sweep.state, sweep.restored) == ("undone", 1)
    assert [await room.status(each) for each in (kept, other)] == ["approved", "pending"]


async def test_a_sweep_that_was_cut_short_goes_on_and_decides_nothing_twice(desk: Desk) -> None:
    omar = uuid4()
    comments = await flood(desk, omar, 6)
    sweep = await desk.sweep(omar)
    await desk.sweeps.go_on()
    # The process dies between the decisions and the note of what became of them.
    await desk.room.pool.execute(
        "UPDATE sweep_items SET outcome = NULL WHERE sweep_id = $1", sweep.sweep_id
    )
    sweep = await desk.finish(sweep)
    assert (sweep.state, sweep.rejected, sweep.skipped) == ("done", 6, 0)
    for each in comments:
        found = await desk.room.find(each)
        assert found is not None
        assert found.decision is not None
        assert (found.status, found.decision.n) == ("rejected", 1)


async def test_a_sweep_undone_on_its_way_stops_and_puts_everything_back(desk: Desk) -> None:
    omar = uuid4()
    comments = await flood(desk, omar, 10)
    sweep = await desk.sweep(omar)
    await desk.sweeps.go_on()
    await desk.room.pool.execute(
        "UPDATE sweep_items SET outcome = NULL WHERE sweep_id = $1", sweep.sweep_id
    )
    await desk.sweeps.undo(
        desk.room.site, sweep.sweep_id, actor=SAM, is_senior=True, now=desk.room.now
    )
    sweep = await desk.finish(sweep)
    assert (sweep.state, sweep.restored) == ("undone", 4)
    assert {await desk.room.status(each) for each in comments} == {"pending"}


async def test_beginning_the_same_sweep_again_begins_nothing(desk: Desk) -> None:
    omar, sweep_id = uuid4(), uuid4()
    await flood(desk, omar, 3)
    begun = await asyncio.gather(*(desk.sweep(omar, sweep_id=sweep_id) for _ in range(4)))
    assert {each.total for each in begun} == {3}
    await desk.finish(begun[0])
    await flood(desk, omar, 1)
    again = await desk.sweep(omar, sweep_id=sweep_id)
    assert (again.state, again.total) == ("done", 3)
    assert len([each for each in (await desk.person(omar)).acts if each.act == "reader.swept"]) == 1


async def test_more_than_fifty_are_swept_by_a_senior(desk: Desk) -> None:
    omar = uuid4()
    await flood(desk, omar, 51)
    with pytest.raises(Forbidden):
        await desk.sweep(omar, by=YOUNG, senior=False)
    sweep = await desk.sweep(omar)
    assert sweep.total == 51
    with pytest.raises(Forbidden):
        await desk.sweeps.undo(
            desk.room.site, sweep.sweep_id, actor=YOUNG, is_senior=False, now=NOON
        )


async def test_a_sweep_ends_also_when_the_site_takes_its_reason_back(new_site: OpenSite) -> None:
    room = await new_site(SiteSettings(reasons=("vulgar",)))
    desk = wired(room)
    omar = uuid4()
    comments = await flood(desk, omar, 2)
    sweep = await desk.sweeps.begin(
        room.site,
        str(omar),
        reason="vulgar",
        note="",
        sweep_id=None,
        actor=SAM,
        is_senior=True,
        now=room.now,
    )
    await room.sites.change_settings(room.site, SiteSettings(), room.site.settings_version)
    ended = await desk.finish(sweep)
    assert (ended.state, ended.rejected) == ("done", 2)
    for each in comments:
        assert await room.status(each) == "rejected"


async def test_a_sweep_needs_a_reason_that_there_is_and_an_id_that_is_known(desk: Desk) -> None:
    omar = await desk.guest()
    with pytest.raises(Invalid):
        await desk.sweeps.begin(
            desk.room.site,
            str(omar),
            reason="boring",
            note="",
            sweep_id=None,
            actor=SAM,
            is_senior=True,
            now=NOON,
        )
    with pytest.raises(UnknownSweep):
        await desk.sweeps.undo(desk.room.site, uuid4(), actor=SAM, is_senior=True, now=NOON)
