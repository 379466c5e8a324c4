"""Appeals: an author asks once for a second look, and another moderator decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service.errors import Conflict, Forbidden
from service.features import text
from service.features.decisions import Decisions
from service.features.lookup import Found, Lookup
from service.features.outcomes import DecisionRequest, Outcome
from service.features.own import NotYours, UnknownComment
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
]

PER_DAY = 3
"""Appeals of one author (protocol.md 3.2)."""
TEXT_MAX_CHARS = 2_000


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Appeals:
    """Take appeals in, and let the newsroom answer them."""

    store: AppealStore
    lookup: Lookup
    decisions: Decisions
    limits: Limits
    new_id: Callable[[datetime], UUID]
    limits_on: bool = True

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
        if not added:
            raise AlreadyAppealed
        return (await self.of(site, [found]))[comment_id]

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
            Conflict: the comment's text is gone, or it was decided since.
            Unavailable: Postgres cannot commit; repeating is safe.
        """
        clean = text.clean_note(note, max_chars=TEXT_MAX_CHARS, pointer="/note")
        found = await self.lookup.find(site, comment_id)
        if found is None:
            raise UnknownComment
        appeal = (await self.of(site, [found])).get(comment_id)
        if appeal is None or appeal.answered_at is not None:
            raise AppealAnswered
        decision = found.decision
        assert decision is not None
        if (decision.actor_kind, decision.actor_id) == (actor.kind, actor.actor_id):
            raise OwnDecision
        if grant:
            await self._make_public(site, found, actor, now=now)
        answered = await self.store.answer(
            site.site_id,
            found.article_id,
            comment_id,
            granted=grant,
            note=clean,
            actor=actor,
            at=now,
        )
        if not answered:
            raise AppealAnswered
        return await self.lookup.find(site, comment_id) or found

    async def _make_public(self, site: Site, found: Found, actor: Actor, *, now: datetime) -> None:
        """Undo what the appeal is against; a rejected comment then still has to be approved.

        After a crash between the two it waits, and the appeal is open: both can be repeated.
        """
        decision = found.decision
        assert decision is not None
        comment_id = found.comment_id
        if found.status is not Status.PENDING:
            await self.decisions.reverse(
                [site], decision.decision_id, comment_id=comment_id, actor=actor, now=now
            )
        again = await self.lookup.find(site, comment_id)
        if again is None or again.status is not Status.PENDING or again.waiting is None:
            return
        request = DecisionRequest(
            comment_id=comment_id,
            revision=again.waiting.revision,
            action=Action.APPROVE,
            decision_id=self.new_id(now),
            override=True,
        )
        result = (await self.decisions.decide([site], [request], actor=actor, now=now))[0]
        if result.outcome is not Outcome.APPLIED:
            raise Conflict(f"The comment waits again but could not be approved: {result.outcome}.")
