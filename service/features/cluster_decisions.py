"""One decision for what waits in a cluster: carried out piece by piece, undone in one go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct, field

from service.errors import Conflict, Forbidden, NotFound
from service.features import text
from service.features.administration import Acts
from service.features.decisions import Decisions
from service.features.errands import Rest
from service.features.outcomes import DecisionRequest
from service.features.patience import Patience
from service.features.reasons import check_reason, known_reason
from service.features.sites import SiteDirectory
from service.model import Action, Actor, Site
from service.storage.cluster_decisions import ClusterDecision, ClusterDecisionStore, Item

__all__ = [
    "ClusterDecision",
    "ClusterDecisions",
    "DecisionEnded",
    "DecisionUndone",
    "NothingWaits",
    "Ticked",
    "UnknownOperation",
]

PIECE = 200
"""Decisions of one transaction: as many as of one request (api.md)."""
AT_ONCE_MAX = 20_000
"""Comments of one decision; what is left of a larger wave is decided again."""
PAUSE_SECONDS = 0.3
FEW = 50
"""More comments than this are a senior's to decide at once (ux.md 4.1)."""
NOTE_MAX_CHARS = 2_000


class UnknownOperation(NotFound):
    """The site has no such decision on a cluster."""

    code = "unknown_operation"
    title = "There is no such operation here."


class NothingWaits(Conflict):
    """Everything that was ticked is decided, or was never there."""

    code = "nothing_waits"
    title = "Nothing of this waits any more."


class DecisionUndone(Conflict):
    """It is undone once."""

    code = "already_undone"
    title = "This was undone before."


class DecisionEnded(Conflict):
    """There is nothing left to stop."""

    code = "already_ended"
    title = "This has come to its end already."


class Ticked(Struct, frozen=True, kw_only=True):
    """Which comments of a cluster are meant, of those that wait."""

    only: Collection[UUID] | None = None
    """These alone; None: all, but for outliers."""
    without: Collection[UUID] = field(default_factory=tuple)
    with_outliers: bool = False


class ClusterDecisions(Struct, frozen=True, kw_only=True):
    """Begin decisions on clusters, and carry them through.

    Methods raise Unavailable while Postgres is away.
    """

    store: ClusterDecisionStore
    decisions: Decisions
    sites: SiteDirectory
    acts: Acts
    new_id: Callable[[datetime], UUID]
    clock: Callable[[], datetime]
    piece: int = PIECE
    at_once_max: int = AT_ONCE_MAX
    rest: Rest = asyncio.sleep
    """How it waits for more to do."""

    async def begin(
        self,
        site: Site,
        cluster_id: UUID,
        *,
        action: Literal["approve", "reject"],
        reason: str | None,
        note: str,
        ticked: Ticked,
        operation_id: UUID | None,
        actor: Actor,
        is_senior: bool,
        now: datetime,
    ) -> ClusterDecision:
        """Begin to decide what was ticked; repeated with its id it is the same.

        Raises:
            Invalid: the reason or the note.
            NothingWaits: nothing of what was ticked is left to decide.
            Forbidden: it is too many for a member who is no senior.
        """
        clean = text.clean_note(note, max_chars=NOTE_MAX_CHARS, pointer="/note")
        check_reason(site, reason, is_needed=action == "reject")
        if operation_id is not None:
            earlier = await self.store.find(site.site_id, operation_id)
            if earlier is not None:
                return earlier
        waiting = await self.store.to_decide(
            site.site_id,
            cluster_id,
            see_escalated=actor.sees_escalated_on(site.site_id),
            with_outliers=ticked.with_outliers,
            only=ticked.only,
            without=ticked.without,
            limit=self.at_once_max,
        )
        if not waiting:
            raise NothingWaits
        _check_size(len(waiting), is_senior=is_senior)
        operation = ClusterDecision(
            operation_id=operation_id or self.new_id(now),
            cluster_id=cluster_id,
            state="running",
            action=action,
            reason=reason,
            note=clean or None,
            actor_kind=actor.kind,
            actor_id=actor.actor_id,
            sees_escalated=actor.sees_escalated_on(site.site_id),
            undone_kind=None,
            undone_by=None,
            at=now,
            ended_at=None,
            total=len(waiting),
            decided=0,
            skipped=0,
            restored=0,
        )
        items = [
            Item(comment_id=comment_id, revision=revision, decision_id=self.new_id(now))
            for comment_id, revision in waiting
        ]
        details = {
            "operation_id": str(operation.operation_id),
            "cluster_id": str(cluster_id),
            "action": action,
            "comments": len(items),
        }
        act = self.acts.by(actor, "cluster.decided", site=site, now=now, details=details)
        await self.store.begin(site.site_id, operation, items, act=act)
        return await self.find(site, operation.operation_id)

    async def find(self, site: Site, operation_id: UUID) -> ClusterDecision:
        """Tell how far an operation is.

        Raises:
            UnknownOperation: there is none.
        """
        operation = await self.store.find(site.site_id, operation_id)
        if operation is None:
            raise UnknownOperation
        return operation

    async def stop(
        self, site: Site, operation_id: UUID, *, actor: Actor, is_senior: bool, now: datetime
    ) -> ClusterDecision:
        """Leave undecided what was not decided so far.

        Raises:
            UnknownOperation: there is none.
            Forbidden: it is too large for a member who is no senior.
            DecisionEnded: it was at its end.
        """
        operation = await self.find(site, operation_id)
        _check_size(operation.total, is_senior=is_senior)
        details = {"operation_id": str(operation_id)}
        act = self.acts.by(actor, "cluster.decision_stopped", site=site, now=now, details=details)
        if not await self.store.end(
            site.site_id, operation_id, before="running", after="stopped", at=now, act=act
        ):
            raise DecisionEnded
        return await self.find(site, operation_id)

    async def undo(
        self, site: Site, operation_id: UUID, *, actor: Actor, is_senior: bool, now: datetime
    ) -> ClusterDecision:
        """Let what was decided wait again, but for what was decided since.

        Raises:
            UnknownOperation: there is none.
            Forbidden: it is too large for a member who is no senior.
            DecisionUndone: that was asked before.
        """
        operation = await self.find(site, operation_id)
        _check_size(operation.total, is_senior=is_senior)
        details = {"operation_id": str(operation_id)}
        act = self.acts.by(actor, "cluster.decision_undone", site=site, now=now, details=details)
        if not await self.store.undo(site.site_id, operation_id, act=act):
            raise DecisionUndone
        return await self.find(site, operation_id)

    async def run(self) -> None:
        """Carry operations through, without end. Only one process may."""
        patience = Patience("cluster_decisions_wait")
        while True:
            went_on = False
            with patience:
                went_on = await self.go_on()
            if not went_on:
                await self.rest(PAUSE_SECONDS)

    async def go_on(self) -> bool:
        """Take one piece of each site's oldest operation; False when there is none.

        A piece that was cut short is taken again: its decisions have their ids beforehand.
        """
        under_way = await self.store.under_way()
        if not under_way:
            return False
        sites = {site.site_id: site for site in await self.sites.all_sites()}
        for site_id, operation_id in under_way.items():
            operation = await self.store.find(site_id, operation_id)
            if operation is None or site_id not in sites:
                continue
            if operation.state == "running":
                await self._decide(sites[site_id], operation)
            else:
                await self._put_back(sites[site_id], operation)
        return True

    async def _decide(self, site: Site, operation: ClusterDecision) -> None:
        operation_id, now = operation.operation_id, self.clock()
        items = await self.store.untried(site.site_id, operation_id, limit=self.piece)
        if not items:
            await self.store.end(site.site_id, operation_id, before="running", after="done", at=now)
            return
        reason = known_reason(site, operation.reason)
        requests = [_request(each, operation, reason) for each in items]
        actor = Actor(
            kind=operation.actor_kind,
            actor_id=operation.actor_id,
            name="",
            sees_escalated=operation.sees_escalated,
        )
        results = await self.decisions.decide([site], requests, actor=actor, now=now)
        outcomes = {each.comment_id: str(each.outcome) for each in results}
        await self.store.note_outcomes(site.site_id, operation_id, outcomes)

    async def _put_back(self, site: Site, operation: ClusterDecision) -> None:
        operation_id, now = operation.operation_id, self.clock()
        items = await self.store.to_undo(site.site_id, operation_id, limit=self.piece)
        if not items:
            await self.store.end(
                site.site_id, operation_id, before="undoing", after="undone", at=now
            )
            return
        actor = Actor(
            kind=operation.undone_kind or operation.actor_kind,
            actor_id=operation.undone_by or operation.actor_id,
            name="",
        )
        pairs = [(each.decision_id, each.comment_id) for each in items]
        undone = await self.decisions.reverse_each(site, pairs, actor=actor, now=now)
        await self.store.note_undone(site.site_id, operation_id, undone)


def _check_size(comments: int, *, is_senior: bool) -> None:
    """Refuse what only a senior may do at once: deciding as well as taking it back."""
    if comments > FEW and not is_senior:
        raise Forbidden(f"More than {FEW} comments at once need the role `senior`.")


def _request(item: Item, operation: ClusterDecision, reason: str | None) -> DecisionRequest:
    return DecisionRequest(
        comment_id=item.comment_id,
        revision=item.revision,
        action=Action(operation.action),
        decision_id=item.decision_id,
        reason=reason,
        note=operation.note,
    )
