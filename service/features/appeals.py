"""Appeals: an author asks once for a second look, and another moderator decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct, field

from service.errors import Conflict, Forbidden
from service.features import text
from service.features.administration import Act, Acts
from service.features.decisions import Decisions
from service.features.lookup import Found, Lookup
from service.features.outcomes import DecidedSince, DecisionRequest, Outcome, TextGone
from service.features.own import NotYours, UnknownComment
from service.features.reasons import known_reason
from service.features.telling import Telling
from service.model import Action, Actor, Decision, Site, Status
from service.storage.appeals import Appeal, AppealStore
from service.storage.limits import Charge, Limits

__all__ = [
    "AlreadyAppealed",
    "Appeal",
    "AppealAnswered",
    "Appeals",
    "NotAnsweredByYou",
    "NotAppealable",
    "OwnDecision",
    "ParentNotPublic",
]

PER_DAY = 3
"""Appeals of one author (protocol.md 3.2)."""
TEXT_MAX_CHARS = 2_000
AGAINST = frozenset({Action.REJECT, Action.REMOVE, Action.DUPLICATE})
"""Decisions that take a comment from its readers."""
GRANTS = frozenset({Action.APPROVE, Action.RESTORE})
"""Decisions that give it back to them."""


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


class NotAnsweredByYou(Conflict):
    """Only whoever answered takes the answer back."""

    code = "not_answered_by_you"
    title = "You have not answered an appeal for this comment."


class OwnDecision(Forbidden):
    """Nobody answers an appeal against what they decided themselves."""

    code = "own_decision"
    title = "An appeal is answered by another moderator than the one who decided."


class ParentNotPublic(Conflict):
    """What the comment answers is not public: it waits again, and the appeal with it."""

    code = "parent_not_public"
    title = "The comment waits again: what it answers has to be approved first."


class Appeals(Struct, frozen=True, kw_only=True):
    """Take appeals in, and let the newsroom answer them."""

    store: AppealStore
    lookup: Lookup
    decisions: Decisions
    limits: Limits
    acts: Acts
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
            site.site_id,
            found.article_id,
            comment_id,
            note=clean,
            actor=actor,
            at=now,
            act=self._act("comment.appeal_denied", site, comment_id, actor=actor, now=now),
        )
        if not denied:
            raise AppealAnswered
        self.telling.appealed(site, comment_id, "denied")
        return found

    async def reopen(self, site: Site, comment_id: UUID, *, actor: Actor, now: datetime) -> Found:
        """Take back what the same person answered: the appeal is open, the comment as it was.

        What was granted is undone by new decisions; a rejection is put back with its reason, unless
        the author has edited since: then the new text waits.

        Raises:
            UnknownComment, NotAnsweredByYou.
            DecidedSince, TextGone: the answer is not the latest any more.
            Unavailable: Postgres cannot commit.
        """
        found = await self.lookup.find(site, comment_id)
        if found is None:
            raise UnknownComment
        appeal = (await self.of(site, [found])).get(comment_id)
        latest = found.decision
        if appeal is None or appeal.answered_at is None or latest is None:
            raise NotAnsweredByYou
        if (appeal.actor_kind, appeal.actor_id) != (actor.kind, actor.actor_id):
            raise NotAnsweredByYou
        if appeal.granted:
            if latest.at != appeal.answered_at or latest.action not in GRANTS:
                raise DecidedSince
            found = await self._take_grant_back(site, found, latest, actor=actor, now=now)
        else:
            if latest.at > appeal.answered_at or found.status is Status.APPROVED:
                raise DecidedSince
            opened = await self.store.reopen(
                site.site_id,
                found.article_id,
                comment_id,
                n=latest.n,
                answered_at=appeal.answered_at,
                act=self._act("comment.appeal_reopened", site, comment_id, actor=actor, now=now),
            )
            if not opened:
                raise DecidedSince
        self.telling.appealed(site, comment_id, "open")
        return found

    async def _has_judged(self, site: Site, found: Found, appeal: Appeal, actor: Actor) -> bool:
        """Tell whether somebody made the decision that is appealed, or one like it since."""
        history = await self.lookup.history(found, site)
        return any(
            (each.actor_kind, each.actor_id) == (actor.kind, actor.actor_id)
            for each, before in zip(history, [None, *history], strict=False)
            if each.n == appeal.n
            or (each.n > appeal.n and each.action in AGAINST and not _puts_back(each, before))
        )

    async def _take_grant_back(
        self, site: Site, found: Found, granted: Decision, *, actor: Actor, now: datetime
    ) -> Found:
        comment_id = found.comment_id
        history = await self.lookup.history(found, site)
        await self.decisions.reverse(
            [site], granted.decision_id, comment_id=comment_id, actor=actor, now=now
        )
        rejection = _rejection_before(granted, history)
        waits = await self.lookup.find(site, comment_id)
        if rejection is None or waits is None or waits.waiting is None:
            return waits or found
        if waits.waiting.revision == rejection.revision:
            request = DecisionRequest(
                comment_id=comment_id,
                revision=rejection.revision,
                action=Action.REJECT,
                decision_id=self.new_id(now),
                reason=known_reason(site, rejection.reason),
                note=rejection.note,
                override=True,
            )
            await self.decisions.decide([site], [request], actor=actor, now=now)
        return await self.lookup.find(site, comment_id) or waits

    def _act(self, verb: str, site: Site, comment_id: UUID, *, actor: Actor, now: datetime) -> Act:
        details = {"comment_id": str(comment_id)}
        return self.acts.by(actor, verb, site=site, now=now, details=details)

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


def _rejection_before(granted: Decision, history: Sequence[Decision]) -> Decision | None:
    """Return the rejection that was undone so that its comment could be granted, if there was."""
    before = next((each for each in history if each.n == granted.n - 1), None)
    if before is None or before.action is not Action.REVERSE or before.at != granted.at:
        return None
    undone = [each for each in history if each.decision_id == before.reverses]
    return undone[0] if undone and undone[0].action is Action.REJECT else None


def _puts_back(each: Decision, before: Decision | None) -> bool:
    """Tell whether a rejection is only the one that a grant, taken back, had undone."""
    if before is None or before.action is not Action.REVERSE:
        return False
    return (before.at, before.actor_kind, before.actor_id) == (
        each.at,
        each.actor_kind,
        each.actor_id,
    )
