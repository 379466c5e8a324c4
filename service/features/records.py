"""Authors' records: what a site knows of them, what it allows them, and what colleagues noted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from service.errors import FieldError, Forbidden, Invalid, NotFound, Unavailable
from service.features import text
from service.features.administration import Act, Acts
from service.features.authors import Authors
from service.features.decisions import Decisions
from service.features.lookup import Found, Lookup
from service.features.reader_tokens import BACKEND_ISSUER, author_id_of
from service.features.token_keys import TokenKeys
from service.model import Actor, AuthorKind, Decision, PendingComment, Site, Standing
from service.storage.pending import PendingStore
from service.storage.records import Done, Note, RecordStore, Reports, Rulings, Warned

__all__ = [
    "FOR_GOOD",
    "Ban",
    "Done",
    "Note",
    "Person",
    "Records",
    "Reports",
    "Told",
    "UnknownReader",
    "UnknownWarning",
    "Warned",
    "Wishes",
]

FOR_GOOD = datetime.max.replace(tzinfo=UTC)
"""When a ban without an end ends."""
MUTE = timedelta(hours=24)
"""A ban this short is a mute, which any moderator may give."""
REASON_MAX_CHARS = 1_000
WARNING_MAX_CHARS = 1_000
NOTE_MAX_CHARS = 2_000
COMMENTS_SHOWN = 20
DECISIONS_SHOWN = 50
WAITING_MAX = 10_000
"""Waiting comments of one author that are counted."""
RECENT_MAX = 200
"""Comments the journal has yet to copy that are looked through: half a second's, in a rush."""
SUBJECT = "reader:"
"""Before what the site itself calls its reader."""


class UnknownReader(NotFound):
    """The site never met this author."""

    code = "unknown_reader"
    title = "There is no such reader here."


class UnknownWarning(NotFound):
    """Whoever asks was not given this warning."""

    code = "unknown_warning"
    title = "There is no such warning here."


class Ban(Struct, frozen=True, kw_only=True):
    """An author may not write, vote or report."""

    until: datetime | None
    """None: for good."""
    reason: str | None
    """What the author is told."""
    sites: tuple[int, ...] = ()
    """Other sites on which it holds, too."""

    @classmethod
    def of(cls, standing: Standing, *, now: datetime) -> Ban | None:
        """Return the ban that holds now, if one does."""
        until = standing.banned_until
        if until is None or until <= now:
            return None
        endless = until.year >= FOR_GOOD.year
        return cls(
            until=None if endless else until,
            reason=standing.ban_reason,
            sites=standing.ban_sites,
        )


class Wishes(Struct, frozen=True, kw_only=True):
    """What is to be changed of an author's standing; None: it stays."""

    ban: Ban | None = None
    lift_ban: bool = False
    trusted: bool | None = None
    always_hold: bool | None = None


class Told(Struct, frozen=True, kw_only=True):
    """What an author is told of their own standing."""

    ban: Ban | None
    warnings: tuple[Warned, ...]
    """Those they have not acknowledged."""


Names = Mapping[tuple[str, str], str]
"""What keys and members are called, by (kind, id)."""


class Person(Struct, frozen=True, kw_only=True):
    """An author as the newsroom sees them."""

    author_id: UUID
    kind: AuthorKind
    name: str
    standing: Standing
    ban: Ban | None
    waiting: int
    reports: Reports
    comments: tuple[Found, ...]
    """The newest."""
    decisions: tuple[Decision, ...]
    """On their comments, the newest first."""
    notes: tuple[Note, ...]
    warnings: tuple[Warned, ...]
    acts: tuple[Done, ...]
    names: Names


class Records(Struct, frozen=True, kw_only=True):
    """Read authors' records and rule on authors. Methods raise Unavailable while Postgres is away.

    A `ref` names an author: by the id the service gave them, or `reader:` and what the site's
    own tokens or back end call them.
    """

    store: RecordStore
    authors: Authors
    lookup: Lookup
    decisions: Decisions
    pending: PendingStore
    token_keys: TokenKeys
    acts: Acts
    new_id: Callable[[datetime], UUID]

    async def person(self, site: Site, ref: str, *, sees_escalated: bool, now: datetime) -> Person:
        """Show an author's record.

        Raises:
            UnknownReader: the site never met them.
        """
        author_id, kind, name = await self.find(site, ref)
        store, site_id = self.store, site.site_id
        standing = await self.authors.readers.standing(site_id, author_id)
        just_sent = await self.just_sent(site, author_id)
        ids = await store.recent(site_id, author_id, limit=COMMENTS_SHOWN)
        ids = list(dict.fromkeys([*(each.comment_id for each in just_sent), *ids]))
        found = await self.lookup.find_many(site, ids[:COMMENTS_SHOWN])
        shown = [each for each in found.values() if sees_escalated or not _escalated(each)]
        decisions = await store.decisions(site_id, author_id, limit=DECISIONS_SHOWN)
        notes = await store.notes(site_id, author_id)
        warnings = await store.warnings(site_id, [author_id])
        acts = await store.acts(site_id, author_id)
        said: list[Note | Warned | Done | Decision] = [*notes, *warnings, *acts, *decisions]
        actors = {(each.actor_kind, each.actor_id) for each in said}
        return Person(
            author_id=author_id,
            kind=kind,
            name=name,
            standing=standing,
            ban=Ban.of(standing, now=now),
            waiting=len(await self.waiting(site, author_id)),
            reports=await store.reports(site_id, author_id),
            comments=tuple(shown),
            decisions=tuple(decisions),
            notes=tuple(notes),
            warnings=tuple(warnings),
            acts=tuple(acts),
            names=await self.decisions.store.names(actors),
        )

    async def rule(
        self,
        site: Site,
        ref: str,
        wishes: Wishes,
        *,
        actor: Actor,
        is_senior: bool,
        now: datetime,
    ) -> None:
        """Change an author's standing; it holds with the next thing they send.

        Raises:
            UnknownReader: the site never met them.
            Invalid: the ban would have ended already, or its reason cannot be kept.
            Forbidden: only seniors may do more than mute for a day here, or anything elsewhere.
        """
        author_id, kind, _ = await self.find(site, ref)
        standing = await self.authors.readers.standing(site.site_id, author_id)
        wishes = _checked(wishes, now=now)
        if wishes.ban is not None and wishes.ban.sites and kind != "reader":
            raise _unknown_elsewhere()
        if not is_senior and not _is_muting(wishes, standing, now=now):
            raise Forbidden("This needs the role `senior`; moderators mute for up to a day.")
        rulings, said = _rulings(wishes, standing, now=now)
        acts = [
            self.acts.by(actor, act, site=site, now=now, details=details) for act, details in said
        ]
        if acts:
            elsewhere = self._elsewhere(wishes, standing, acts[0])
            await self.store.rule(
                site.site_id,
                author_id,
                kind=kind,
                rulings=rulings,
                acts=acts,
                elsewhere=elsewhere,
            )

    def _elsewhere(self, wishes: Wishes, standing: Standing, first: Act) -> list[Act]:
        """Return what the logs of other sites say: that a ban holds there, or does no longer.

        Not whose: no site is told who its readers are on another.
        """
        if wishes.ban is None and not wishes.lift_ban:
            return []
        before = Ban.of(standing, now=first.at)
        former = set(before.sites) if before else set()
        present = set(wishes.ban.sites) if wishes.ban else set()
        until = wishes.ban.until.isoformat() if wishes.ban and wishes.ban.until else None
        said: list[tuple[str, int, dict[str, Any]]] = [
            ("reader.readmitted_elsewhere", each, {}) for each in sorted(former - present)
        ]
        if wishes.ban != before:
            said += [
                ("reader.banned_elsewhere", each, {"until": until}) for each in sorted(present)
            ]
        return [
            replace(first, entry_id=self.new_id(first.at), act=act, site_id=each, details=details)
            for act, each, details in said
        ]

    async def warn(self, site: Site, ref: str, said: str, *, actor: Actor, now: datetime) -> Warned:
        """Warn an author: they post again once they have acknowledged it.

        Raises:
            UnknownReader, Invalid.
        """
        clean = _required(said, max_chars=WARNING_MAX_CHARS)
        author_id, kind, _ = await self.find(site, ref)
        warning = Warned(
            warning_id=self.new_id(now),
            text=clean,
            actor_kind=actor.kind,
            actor_id=actor.actor_id,
            at=now,
        )
        details = {"warning_id": str(warning.warning_id)}
        act = self.acts.by(actor, "reader.warned", site=site, now=now, details=details)
        await self.store.warn(site.site_id, author_id, kind=kind, warning=warning, act=act)
        return warning

    async def note(self, site: Site, ref: str, said: str, *, actor: Actor, now: datetime) -> Note:
        """Keep a note for colleagues; it is never changed.

        Raises:
            UnknownReader, Invalid.
        """
        clean = _required(said, max_chars=NOTE_MAX_CHARS)
        author_id, _, _ = await self.find(site, ref)
        note = Note(
            note_id=self.new_id(now),
            text=clean,
            actor_kind=actor.kind,
            actor_id=actor.actor_id,
            at=now,
        )
        details = {"note_id": str(note.note_id)}
        act = self.acts.by(actor, "reader.noted", site=site, now=now, details=details)
        await self.store.add_note(site.site_id, author_id, note=note, act=act)
        return note

    async def acknowledge(
        self, site: Site, warning_id: UUID, author_ids: Sequence[UUID] | None, *, now: datetime
    ) -> None:
        """Note that an author has read a warning; None for `author_ids`: their back end says so.

        Raises:
            UnknownWarning: it is not theirs.
        """
        known = await self.store.acknowledge(
            site.site_id, warning_id, author_ids=author_ids, at=now
        )
        if not known:
            raise UnknownWarning

    async def told(
        self, site: Site, author_id: UUID, *, also: Sequence[UUID] = (), now: datetime
    ) -> Told:
        """Return what an author is told of their own standing."""
        ids = [author_id, *also]
        standings = await self.authors.readers.standings(site.site_id, ids)
        bans = [ban for each in standings if (ban := Ban.of(each, now=now)) is not None]
        warnings: list[Warned] = []
        if any(each.warning is not None for each in standings):
            warnings = await self.store.warnings(site.site_id, ids)
        waiting = tuple(each for each in warnings if each.acknowledged_at is None)
        return Told(ban=bans[0] if bans else None, warnings=waiting)

    async def waiting(self, site: Site, author_id: UUID) -> list[tuple[UUID, int]]:
        """Return what an author has waiting as (id, revision), the newest at the end."""
        recent = {each.comment_id: each.revision for each in await self.just_sent(site, author_id)}
        journaled = dict(await self.store.waiting(site.site_id, author_id, limit=WAITING_MAX))
        return sorted((journaled | recent).items())

    async def just_sent(self, site: Site, author_id: UUID) -> list[PendingComment]:
        """Return what Postgres has not heard of yet, the newest first; nothing without Redis."""
        try:
            ids = await self.pending.unjournaled(site.slug, limit=RECENT_MAX)
            items = await self.pending.items(site.slug, ids)
        except Unavailable:
            return []
        return [each for each in reversed(items.values()) if each.author.author_id == author_id]

    async def find(self, site: Site, ref: str) -> tuple[UUID, AuthorKind, str]:
        """Return an author's id, kind and name.

        Raises:
            UnknownReader: the site never met them.
        """
        for author_id in await self._author_ids(site, ref):
            # First Redis, then the journal: a comment goes from one to the other.
            just_sent = await self.just_sent(site, author_id)
            who = await self.store.who(site.site_id, author_id)
            if who is not None:
                return author_id, *who
            if just_sent:
                return author_id, just_sent[0].author.kind, just_sent[0].author.name
        raise UnknownReader

    async def _author_ids(self, site: Site, ref: str) -> list[UUID]:
        """Return whom a ref may mean, the likeliest first."""
        if not ref.startswith(SUBJECT):
            try:
                author_id = UUID(ref)
            except ValueError:
                return []
            return [author_id] if str(author_id) == ref else []
        issuers = (*await self.token_keys.issuers(site), BACKEND_ISSUER)
        subject = ref.removeprefix(SUBJECT)
        return [author_id_of(site.site_id, issuer, subject) for issuer in issuers]


def _escalated(found: Found) -> bool:
    return found.waiting is not None and found.waiting.escalated


def _unknown_elsewhere() -> Invalid:
    detail = "Only readers whom the sites themselves sign in are known to be the same on several."
    error = FieldError(pointer="/ban/everywhere", code="not_signed_in", detail=detail)
    return Invalid(detail, errors=(error,))


def _checked(wishes: Wishes, *, now: datetime) -> Wishes:
    """Return wishes whose ban is one."""
    ban = wishes.ban
    if ban is None:
        return wishes
    if ban.until is not None and ban.until <= now:
        detail = "A time to come; null is for good."
        error = FieldError(pointer="/ban/until", code="past", detail=detail)
        raise Invalid(detail, errors=(error,))
    reason = ban.reason
    if reason is not None:
        pointer = "/ban/reason"
        reason = text.clean_note(reason, max_chars=REASON_MAX_CHARS, pointer=pointer) or None
    return Wishes(
        ban=replace(ban, reason=reason),
        trusted=wishes.trusted,
        always_hold=wishes.always_hold,
    )


def _is_muting(wishes: Wishes, standing: Standing, *, now: datetime) -> bool:
    """Tell whether nothing more is asked than to mute for a day, or to end a mute."""
    present = Ban.of(standing, now=now)
    return (
        wishes.trusted is None
        and wishes.always_hold is None
        and all(
            each is None or (_is_mute(each, now=now) and not each.sites)
            for each in (present, wishes.ban)
        )
    )


def _is_mute(ban: Ban, *, now: datetime) -> bool:
    return ban.until is not None and ban.until <= now + MUTE


def _rulings(
    wishes: Wishes, standing: Standing, *, now: datetime
) -> tuple[Rulings, list[tuple[str, dict[str, Any]]]]:
    """Return what really changes, and what the log says of it."""
    said: list[tuple[str, dict[str, Any]]] = []
    present = Ban.of(standing, now=now)
    ban: tuple[datetime | None, str | None, list[int] | None] | None = None
    if wishes.ban is not None and wishes.ban != present:
        others = sorted(wishes.ban.sites)
        ban = (wishes.ban.until or FOR_GOOD, wishes.ban.reason, others or None)
        act = "reader.muted" if _is_mute(wishes.ban, now=now) else "reader.banned"
        until = wishes.ban.until
        details: dict[str, Any] = {"until": until.isoformat() if until else None}
        said.append((act, details | ({"sites": len(others) + 1} if others else {})))
    elif wishes.lift_ban and present is not None:
        ban = (None, None, None)
        said.append(("reader.readmitted", {}))
    trusted = wishes.trusted if wishes.trusted != standing.trusted else None
    if trusted is not None:
        said.append(("reader.trusted" if trusted else "reader.trust_ended", {}))
    always_hold = wishes.always_hold if wishes.always_hold != standing.always_hold else None
    if always_hold is not None:
        said.append(("reader.held" if always_hold else "reader.hold_ended", {}))
    return Rulings(ban=ban, trusted=trusted, always_hold=always_hold), said


def _required(said: str, *, max_chars: int) -> str:
    clean = text.clean_note(said, max_chars=max_chars, pointer="/text")
    if not clean:
        detail = "Say something."
        raise Invalid(detail, errors=(FieldError(pointer="/text", code="missing", detail=detail),))
    return clean
