"""Sweeps: everything an author has waiting is rejected in one go, and undone in one go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from service.errors import Conflict, Forbidden, NotFound
from service.features import text
from service.features.administration import Acts
from service.features.decisions import Decisions
from service.features.errands import Rest
from service.features.outcomes import DecisionRequest
from service.features.patience import Patience
from service.features.reasons import check_reason, known_reason
from service.features.records import Records
from service.features.sites import SiteDirectory
from service.model import Action, Actor, Site
from service.storage.sweeps import Sweep, SweepItem, SweepStore

__all__ = ["Sweep", "SweepUndone", "Sweeps", "UnknownSweep"]

BATCH = 50
"""Decisions of one transaction: others wait no longer than for a page of bulk decisions."""
PAUSE_SECONDS = 0.5
FEW = 50
"""More waiting comments than this are a senior's to sweep (ux.md 4.1)."""
NOTE_MAX_CHARS = 2_000


class UnknownSweep(NotFound):
    """The site has no such sweep."""

    code = "unknown_operation"
    title = "There is no such operation here."


class SweepUndone(Conflict):
    """A sweep is undone once."""

    code = "already_undone"
    title = "This was undone before."


class Sweeps(Struct, frozen=True, kw_only=True):
    """Begin sweeps, and carry them through. Methods raise Unavailable while Postgres is away."""

    store: SweepStore
    records: Records
    decisions: Decisions
    sites: SiteDirectory
    acts: Acts
    new_id: Callable[[datetime], UUID]
    clock: Callable[[], datetime]
    batch: int = BATCH
    rest: Rest = asyncio.sleep
    """How it waits for more to do."""

    async def begin(
        self,
        site: Site,
        ref: str,
        *,
        reason: str,
        note: str,
        sweep_id: UUID | None,
        actor: Actor,
        is_senior: bool,
        now: datetime,
    ) -> Sweep:
        """Begin to reject all that an author has waiting now; repeated with its id it is the same.

        Raises:
            UnknownReader: the site never met them.
            Invalid: the reason or the note.
            Forbidden: it is too many for a member who is no senior.
        """
        clean = text.clean_note(note, max_chars=NOTE_MAX_CHARS, pointer="/note")
        check_reason(site, reason, is_needed=True)
        if sweep_id is not None:
            earlier = await self.store.find(site.site_id, sweep_id)
            if earlier is not None:
                return earlier
        author_id, _, _ = await self.records.find(site, ref)
        waiting = await self.records.waiting(site, author_id)
        _check_size(len(waiting), is_senior=is_senior)
        sweep = Sweep(
            sweep_id=sweep_id or self.new_id(now),
            author_id=author_id,
            state="running",
            reason=reason,
            note=clean or None,
            actor_kind=actor.kind,
            actor_id=actor.actor_id,
            sees_escalated=actor.sees_escalated,
            undone_kind=None,
            undone_by=None,
            at=now,
            ended_at=None,
            total=len(waiting),
            rejected=0,
            skipped=0,
            restored=0,
        )
        items = [
            SweepItem(comment_id=comment_id, revision=revision, decision_id=self.new_id(now))
            for comment_id, revision in waiting
        ]
        details = {"operation_id": str(sweep.sweep_id), "comments": len(items)}
        act = self.acts.by(actor, "reader.swept", site=site, now=now, details=details)
        await self.store.begin(site.site_id, sweep, items, act=act)
        return await self.find(site, sweep.sweep_id)

    async def find(self, site: Site, sweep_id: UUID) -> Sweep:
        """Tell how far a sweep is.

        Raises:
            UnknownSweep: there is none.
        """
        sweep = await self.store.find(site.site_id, sweep_id)
        if sweep is None:
            raise UnknownSweep
        return sweep

    async def undo(
        self, site: Site, sweep_id: UUID, *, actor: Actor, is_senior: bool, now: datetime
    ) -> Sweep:
        """Let what a sweep rejected wait again, but for what was decided since.

        Raises:
            UnknownSweep: there is none.
            Forbidden: it is too large for a member who is no senior.
            SweepUndone: that was asked before.
        """
        sweep = await self.find(site, sweep_id)
        _check_size(sweep.total, is_senior=is_senior)
        details = {"operation_id": str(sweep_id)}
        act = self.acts.by(actor, "reader.sweep_undone", site=site, now=now, details=details)
        if not await self.store.undo(site.site_id, sweep, act=act):
            raise SweepUndone
        return await self.find(site, sweep_id)

    async def run(self) -> None:
        """Carry sweeps through, without end. Only one process may."""
        patience = Patience("sweeps_wait")
        while True:
            went_on = False
            with patience:
                went_on = await self.go_on()
            if not went_on:
                await self.rest(PAUSE_SECONDS)

    async def go_on(self) -> bool:
        """Take one batch of each site's oldest sweep; False when there is none.

        A batch that was cut short is taken again: its decisions have their ids beforehand.
        """
        under_way = await self.store.under_way()
        if not under_way:
            return False
        sites = {site.site_id: site for site in await self.sites.all_sites()}
        for site_id, sweep_id in under_way.items():
            sweep = await self.store.find(site_id, sweep_id)
            if sweep is None or site_id not in sites:
                continue
            if sweep.state == "running":
                await self._reject(sites[site_id], sweep)
            else:
                await self._put_back(sites[site_id], sweep)
        return True

    async def _reject(self, site: Site, sweep: Sweep) -> None:
        items = await self.store.untried(site.site_id, sweep.sweep_id, limit=self.batch)
        now = self.clock()
        if not items:
            await self.store.end(site.site_id, sweep.sweep_id, state="done", at=now)
            return
        reason = known_reason(site, sweep.reason)
        requests = [_rejection(each, sweep, reason) for each in items]
        actor = Actor(
            kind=sweep.actor_kind,
            actor_id=sweep.actor_id,
            name="",
            sees_escalated=sweep.sees_escalated,
        )
        results = await self.decisions.decide([site], requests, actor=actor, now=now)
        outcomes = {each.comment_id: str(each.outcome) for each in results}
        await self.store.note_outcomes(site.site_id, sweep.sweep_id, outcomes)

    async def _put_back(self, site: Site, sweep: Sweep) -> None:
        items = await self.store.to_undo(site.site_id, sweep.sweep_id, limit=self.batch)
        now = self.clock()
        if not items:
            await self.store.end(site.site_id, sweep.sweep_id, state="undone", at=now)
            return
        actor = Actor(
            kind=sweep.undone_kind or sweep.actor_kind,
            actor_id=sweep.undone_by or sweep.actor_id,
            name="",
        )
        pairs = [(each.decision_id, each.comment_id) for each in items]
        undone = await self.decisions.reverse_each(site, pairs, actor=actor, now=now)
        await self.store.note_undone(site.site_id, sweep.sweep_id, undone)


def _check_size(comments: int, *, is_senior: bool) -> None:
    """Refuse what only a senior may do at once: rejecting as well as taking it back."""
    if comments > FEW and not is_senior:
        raise Forbidden(f"More than {FEW} comments at once need the role `senior`.")


def _rejection(item: SweepItem, sweep: Sweep, reason: str | None) -> DecisionRequest:
    return DecisionRequest(
        comment_id=item.comment_id,
        revision=item.revision,
        action=Action.REJECT,
        decision_id=item.decision_id,
        reason=reason,
        note=sweep.note,
    )
