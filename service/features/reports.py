"""Reports: readers tell the newsroom, and enough of them raise a comment or hide it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct, field

from service.errors import Conflict, FieldError, Invalid
from service.features import text
from service.features.administration import Act, Acts
from service.features.authors import Authors
from service.features.decisions import Decisions
from service.features.lookup import Lookup
from service.features.outcomes import DecisionRequest
from service.features.own import UnknownComment
from service.features.telling import Telling
from service.model import REASONS, Action, Actor, Site
from service.storage.limits import Charge, Limits
from service.storage.reports import Report, ReportStore

PER_MINUTE = 30
"""Reports of one reader (protocol.md 3.2)."""
TEXT_MAX_CHARS = 2_000
LINE_MAX_CHARS = 254
"""Of the name and the e-mail address of whoever gives notice."""
ILLEGAL = "illegal"
THRESHOLD = Actor(kind="rule", actor_id="reports", name="reports")
"""Who hides a comment that many readers have reported, where the site wants it."""


class NothingAnswered(Conflict):
    """Somebody else answered last, a decision did, or the comment is not public any more."""

    code = "nothing_answered"
    title = "You have answered no reports of this comment that could wait again."


async def _unordered(_site: Site, _ids: Sequence[UUID]) -> None:
    """Stand in where nothing waits that a report could make more urgent."""


class Notice(Struct, frozen=True, kw_only=True):
    """What a notice of illegal content says besides (Regulation (EU) 2022/2065, Art. 16)."""

    name: str | None
    email: str | None
    good_faith: bool
    """The reporter believes that what they say is accurate and complete."""
    about_minors: bool
    """The abuse of minors: then nobody has to say who they are."""


class Reports(Struct, frozen=True, kw_only=True):
    """Take reports in, and let the newsroom answer them."""

    store: ReportStore
    decisions: Decisions
    lookup: Lookup
    authors: Authors
    limits: Limits
    acts: Acts
    new_id: Callable[[datetime], UUID]
    limits_on: bool = True
    telling: Telling = field(default_factory=Telling)
    changed: Callable[[Site, Sequence[UUID]], Awaitable[None]] = _unordered
    """Told what is more urgent now."""

    async def report(
        self,
        site: Site,
        comment_id: UUID,
        *,
        reporter_id: UUID | None,
        also: Sequence[UUID] = (),
        address_hash: str,
        reason: str,
        said: str,
        notice: Notice | None,
        now: datetime,
    ) -> UUID:
        """Keep a report and return its id; repeating it returns the same.

        `also` are other ids of the same reporter.

        Raises:
            Invalid: an unknown reason, a text that cannot be kept, a notice that lacks something.
            UnknownComment: readers see no such comment.
            AuthorBanned, RateLimited.
            Unavailable: Postgres cannot commit; repeating is safe.
        """
        clean = self._checked(site, reason, said, notice)
        given = _written(notice) if notice is not None and reason == ILLEGAL else None
        if reporter_id is not None:
            await self.authors.admitted(site, reporter_id, also=also, now=now)
        key = reporter_id.hex if reporter_id else address_hash
        if self.limits_on:
            charge = Charge.of("report", key, per_minute=PER_MINUTE, burst=PER_MINUTE)
            await self.limits.charge(site.slug, [charge])
        kept = await self.store.add(
            Report(
                site_id=site.site_id,
                comment_id=comment_id,
                reporter_key=key,
                report_id=self.new_id(now),
                reason=reason,
                text=clean,
                notice=given,
                at=now,
            )
        )
        if kept is None:
            raise UnknownComment
        self.telling.reported(site, comment_id, reason)
        await self.changed(site, [comment_id])
        if site.settings.reports_hide:  # a repeated one, too: the first may have failed here
            await self._hide(
                site, comment_id, kept.revision, open_reports=kept.open_reports, now=now
            )
        return kept.report_id

    async def dismiss(self, site: Site, comment_id: UUID, *, actor: Actor, now: datetime) -> None:
        """Answer every report of a comment: it stays as it is. Repeating changes nothing.

        Raises:
            UnknownComment: there is none.
            Unavailable: Postgres is away.
        """
        if await self.lookup.find(site, comment_id) is None:
            raise UnknownComment
        act = self._act("comment.reports_answered", site, comment_id, actor=actor, now=now)
        await self.store.close(site.site_id, comment_id, actor=actor, at=now, act=act)

    async def reopen(self, site: Site, comment_id: UUID, *, actor: Actor, now: datetime) -> None:
        """Take back that the same person answered the reports of a comment: they wait again.

        Raises:
            UnknownComment: there is none.
            NothingAnswered.
            Unavailable: Postgres cannot commit.
        """
        if await self.lookup.find(site, comment_id) is None:
            raise UnknownComment
        act = self._act("comment.reports_reopened", site, comment_id, actor=actor, now=now)
        if not await self.store.reopen(site.site_id, comment_id, actor=actor, act=act):
            raise NothingAnswered
        await self.changed(site, [comment_id])

    def _act(self, verb: str, site: Site, comment_id: UUID, *, actor: Actor, now: datetime) -> Act:
        details = {"comment_id": str(comment_id)}
        return self.acts.by(actor, verb, site=site, now=now, details=details)

    async def _hide(
        self, site: Site, comment_id: UUID, revision: int, *, open_reports: int, now: datetime
    ) -> None:
        """Take a comment down once enough have reported it; moderators see why, and may restore."""
        if open_reports < site.settings.reports_threshold:
            return
        request = DecisionRequest(
            comment_id=comment_id,
            revision=revision,
            action=Action.REMOVE,
            decision_id=self.new_id(now),
            reason="other",
            override=True,
        )
        await self.decisions.decide([site], [request], actor=THRESHOLD, now=now)

    def _checked(self, site: Site, reason: str, said: str, notice: Notice | None) -> str:
        errors = []
        if reason not in {*REASONS, *site.settings.reasons}:
            errors.append(_error("/reason", "unknown_reason", "No such reason here."))
        clean = text.clean_note(said, max_chars=TEXT_MAX_CHARS, pointer="/text")
        if reason == ILLEGAL:
            errors += _notice_errors(clean, notice)
        if errors:
            raise Invalid("The report lacks something.", errors=tuple(errors))
        return clean


def _notice_errors(said: str, notice: Notice | None) -> list[FieldError]:
    """Say what a notice of illegal content lacks."""
    errors = []
    if not said:
        errors.append(_error("/text", "missing", "Say why it is illegal."))
    if notice is None or not notice.good_faith:
        detail = "Confirm that you believe in good faith that this is accurate."
        errors.append(_error("/notice/good_faith", "missing", detail))
    if notice is not None and not notice.about_minors:
        errors += [
            _error(f"/notice/{name}", "missing", "A notice names who gives it.")
            for name, value in (("name", notice.name), ("email", notice.email))
            if not value
        ]
    return errors


def _written(notice: Notice) -> dict[str, object]:
    """Write a notice as it is kept.

    Raises:
        Invalid: a name or an address that cannot be kept.
    """
    return {
        "name": _line(notice.name, "/notice/name"),
        "email": _line(notice.email, "/notice/email"),
        "good_faith": notice.good_faith,
        "about_minors": notice.about_minors,
    }


def _line(said: str | None, pointer: str) -> str | None:
    return text.clean_line(said, max_chars=LINE_MAX_CHARS, pointer=pointer) if said else None


def _error(pointer: str, code: str, detail: str) -> FieldError:
    return FieldError(pointer=pointer, code=code, detail=detail)
