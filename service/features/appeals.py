"""Appeals: an author asks once for a second look, and another moderator decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from service.errors import Conflict, Forbidden
from service.features import text
from service.features.decisions import Decisions
from service.features.lookup import Found, Lookup
from service.features.outcomes import DecidedSince, DecisionRequest, Outcome, TextGone
from service.features.own import NotYours, UnknownComment
from service.features.telling import Telling
from service.model import Action, Actor, Site, Status
from service.storage.appeals import Appeal, AppealStore
from service.storage.limits import Charge, Limits

__all__ = [
    "AlreadyAppealed",
    "Appeal",
    "AppealAnswered",
    "Appeals",
    "NotAppealable",
    "OwnDecision",
    "ParentNotPublic",
]

PER_DAY = 3
"""Appeals of one author (protocol.md 3.2)."""
TEXT_MAX_CHARS = 2_000
AGAINST = frozenset({Action.REJECT, Action.REMOVE, Action.DUPLICATE})
"""Decisions that take a comment from its readers."""


class NotAppealable(Conflict):
    """Only a rejection or a removal by the newsroom is appealed."""

    code = "not_appealable"
    title = "There is nothing to review: this comment was not rejected or removed."


class AlreadyAppealed(Conflict):
    """An author asks once."""

    code = "already_appealed"
    title = "You have asked for a review of this comment before."


class AppealAnswered(Conflict):
    """A colleague was faster, or there is no open appeal."""

    code = "appeal_answered"
    title = "There is no open appeal for this comment."


class OwnDecision(Forbidden):
    """Nobody answers an appeal against what they decided themselves."""

    code = "own_decision"
    title = "An appeal is answered by another moderator than the one who decided."


class ParentNotPublic(Conflict):
    """What the comment answers is not public: it waits again, and the appeal with it."""

    code = "parent_not_public"
    title = "The comment waits again: what it answers has to be approved first."


@dataclass(frozen=True, slots=True, kw_only=True)
class Appeals:
    """Take appeals in, and let the newsroom answer them."""

    store: AppealStore
    lookup: Lookup
    decisions: Decisions
    limits: Limits
    new_id: Callable[[datetime], UUID]
    limits_on: bool = True
    telling: Telling = field(default_factory=Telling)

    async def of(self, site: Site, found: Sequence[Found]) -> dict[UUID, Appeal]:
        """Return the appeals of comments, by comment.

        Raises:
            Unavailable: Postgres is away.
        """
        places = [(each.article_id, each.comment_id) for each in found if each.decision]
        return await self.store.find(site.site_id, places) if places else {}

    async def appeal(
        self, site: Site, comment_id: UUID, author_id: UUID, *, said: str, now: datetime
    ) -> Appeal:
        """Ask for a second look.

        Raises:
            Invalid: the text.
            UnknownComment, NotYours, NotAppealable, AlreadyAppealed.
            RateLimited: too many appeals in a day.
            Unavailable: Postgres cannot commit; repeating is safe.
        """
        clean = text.clean_body(said, max_chars=TEXT_MAX_CHARS, pointer="/text")
        found = await self.lookup.find(site, comment_id)
        if found is None:
            raise UnknownComment
        if found.author_id != author_id:
            raise NotYours if found.status is Status.APPROVED else UnknownComment
        decision = found.decision
        if decision is None or found.status not in {Status.REJECTED, Status.REMOVED}:
            raise NotAppealable
        if self.limits_on:
            charge = Charge.of("appeal", author_id.hex, per_day=PER_DAY, burst=PER_DAY)
            await self.limits.charge(site.slug, [charge])
        appeal_id = self.new_id(now)
        added = await self.store.add(
            site.site_id,
            found.article_id,
            comment_id,
            appeal_id=appeal_id,
            n=decision.n,
            text=clean,
            at=now,
        )
        appeal = (await self.of(site, [found])).get(comment_id)
        if appeal is None:
            raise NotAppealable  # decided again between our look and our lock
        if not added:
            raise AlreadyAppealed
        self.telling.appealed(site, comment_id, "open")
        return appeal

    async def answer(
        self,
        site: Site,
        comment_id: UUID,
        *,
        grant: bool,
        note: str,
        actor: Actor,
        now: datetime,
    ) -> Found:
        """Grant an appeal, and the comment is public again; or deny it, and it stays as it is.

        Raises:
            UnknownComment, AppealAnswered, OwnDecision.
            TextGone, DecidedSince, ParentNotPublic: it cannot be made public now.
            Unavailable: Postgres cannot commit; repeating is safe.
        """
        clean = text.clean_note(note, max_chars=TEXT_MAX_CHARS, pointer="/note")
        found = await self.lookup.find(site, comment_id)
        if found is None:
            raise UnknownComment
        appeal = (await self.of(site, [found])).get(comment_id)
        if appeal is None or appeal.answered_at is not None:
            raise AppealAnswered
        if await self._has_judged(site, found, appeal, actor):
            raise OwnDecision
        if grant:
            public = await self._make_public(site, found, actor, note=clean, now=now)
            self.telling.appealed(site, comment_id, "granted")
            return public
        denied = await self.store.deny(
            site.site_id, found.article_id, comment_id, note=clean, actor=actor, at=now
        )
        if not denied:
            raise AppealAnswered
        self.telling.appealed(site, comment_id, "denied")
        return found

    async def _has_judged(self, site: Site, found: Found, appeal: Appeal, actor: Actor) -> bool:
        """Tell whether somebody made the decision that is appealed, or one like it since."""
        return any(
            (each.actor_kind, each.actor_id) == (actor.kind, actor.actor_id)
            for each in await self.lookup.history(found, site)
            if each.n == appeal.n or (each.n > appeal.n and each.action in AGAINST)
        )

    async def _make_public(
        self, site: Site, found: Found, actor: Actor, *, note: str, now: datetime
    ) -> Found:
        """Decide otherwise; the transaction that makes the comment public answers the appeal.

        A rejected comment waits first. After a crash between the two steps it waits still, and
        the appeal is open: both can be repeated.
        """
        if found.status is Status.REJECTED and found.decision is not None:
            await self.decisions.reverse(
                [site],
                found.decision.decision_id,
                comment_id=found.comment_id,
                actor=actor,
                now=now,
            )
            found = await self.lookup.find(site, found.comment_id) or found
        source = found.waiting if found.status is Status.PENDING else found.kept
        if source is None:
            raise TextGone
        request = DecisionRequest(
            comment_id=found.comment_id,
            revision=source.revision,
            action=Action.APPROVE if found.status is Status.PENDING else Action.RESTORE,
            decision_id=self.new_id(now),
            note=note or None,
            override=True,
        )
        result = (await self.decisions.decide([site], [request], actor=actor, now=now))[0]
        if result.outcome is Outcome.PARENT_PENDING:
            raise ParentNotPublic
        changed = await self.lookup.find(site, found.comment_id)
        if changed is None or changed.status is not Status.APPROVED:
            raise DecidedSince
        return changed
