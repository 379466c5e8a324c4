"""Settling what a rule has decided: within the request if it can be, soon after if not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import structlog
from msgspec import Struct

from service import crash
from service.errors import Unavailable
from service.features.decisions import Decisions
from service.features.outcomes import DecisionRequest, Outcome, Result
from service.features.patience import Patience
from service.features.reasons import OTHER_REASON, known_reason
from service.features.sites import SiteDirectory
from service.model import Action, Actor, PendingComment, Site, Status
from service.storage.changes import Place
from service.storage.decisions import DecisionStore
from service.storage.pending import PendingStore

log = structlog.get_logger(__name__)

COMMIT_WITHIN_SECONDS = 1.0
"""Longer than this and the answer is 202: the settle worker finishes (protocol.md Ruling 8)."""
BATCH = 50
HOLD_MS = 30_000
"""How long a batch belongs to the worker that took it."""
PAUSE_SECONDS = 1.0
GIVE_BACK_SECONDS = 0.5
"""How long a worker that was told to stop may take for it."""
SCREENING = Actor(kind="rule", actor_id="screening", name="screening")
"""Who publishes where the site, the article or the author's standing lets a comment through."""


class Settle(Struct, frozen=True, kw_only=True):
    """Finish what screening has decided to publish, or to turn down."""

    decisions: Decisions
    store: DecisionStore
    pending: PendingStore
    sites: SiteDirectory
    new_id: Callable[[datetime], UUID]
    clock: Callable[[], datetime]

    async def settle_now(self, site: Site, item: PendingComment, *, now: datetime) -> bool:
        """Decide within the request; False leaves it with the settle worker, or with people."""
        try:
            async with asyncio.timeout(COMMIT_WITHIN_SECONDS):
                results = await self.decisions.decide(
                    [site], [self._request(site, item, now)], actor=_rule_of(item), now=now
                )
        except (TimeoutError, Unavailable):
            return False
        if results[0].outcome is not Outcome.APPLIED:
            await self._leave_to_people(site, results[0])
            return False
        if not turned_down(item):
            await self._remember_published(site, item)
        return True

    async def run(self) -> None:
        """Settle, without end, what requests could not."""
        patience = Patience("settling_waits")
        while True:
            with patience:
                sites = await self.sites.known_sites()
                settling = await self.pending.with_settling([site.slug for site in sites])
                for site in sites:
                    if site.slug in settling:
                        await self.settle(site)
            await asyncio.sleep(PAUSE_SECONDS)

    async def settle(self, site: Site) -> int:
        """Settle what is due on one site and return how many comments that was."""
        ids = await self.pending.settle_claim(site.slug, limit=BATCH, ttl_ms=HOLD_MS)
        if not ids:
            return 0
        crash.reached(crash.Point.SETTLE_CLAIMED)
        try:
            return await self._settle(site, ids)
        except (Unavailable, asyncio.CancelledError):
            await self._give_back(site, ids)
            raise

    async def _settle(self, site: Site, ids: Sequence[UUID]) -> int:
        items = await self.pending.items(site.slug, ids)
        now = self.clock()
        by_rule: dict[Actor, list[DecisionRequest]] = {}
        for item in items.values():
            by_rule.setdefault(_rule_of(item), []).append(self._request(site, item, now))
        for rule, requests in by_rule.items():
            for result in await self.decisions.decide([site], requests, actor=rule, now=now):
                if result.outcome is not Outcome.APPLIED:
                    await self._leave_to_people(site, result)
        crash.reached(crash.Point.SETTLE_DECIDED)
        return len(items)

    async def _give_back(self, site: Site, ids: Sequence[UUID]) -> None:
        """Spare the next worker, or the next turn, the wait until what is held is due again."""
        try:
            async with asyncio.timeout(GIVE_BACK_SECONDS):
                await self.pending.settle_release(site.slug, ids)
        except (TimeoutError, Unavailable):
            log.warning("settling_not_given_back", site=site.slug, comments=len(ids))

    def _request(self, site: Site, item: PendingComment, now: datetime) -> DecisionRequest:
        down, reason = turned_down(item), item.screened.reason if item.screened else None
        return DecisionRequest(
            comment_id=item.comment_id,
            revision=item.revision,
            action=Action.REJECT if down else Action.APPROVE,
            decision_id=self.new_id(now),
            reason=known_reason(site, reason or OTHER_REASON) if down else None,
        )

    async def _leave_to_people(self, site: Site, result: Result) -> None:
        """Let moderators have what a rule could not settle, unless it is settled already."""
        if result.status is not Status.PENDING:
            return
        try:
            await self.pending.move(site.slug, result.comment_id, aside=False)
        except Unavailable:
            log.warning("left_with_worker", comment=str(result.comment_id))

    async def _remember_published(self, site: Site, item: PendingComment) -> None:
        """Note that the first answer was 201, so that a repeated one is too."""
        if item.dk is None:
            return
        try:
            await self.pending.answered(site.slug, item.dk, 201)
            if item.keyed:
                place = Place(item.site_id, item.article_id, item.comment_id)
                await self.store.answered_published(place, item.dk)
        except Unavailable:
            log.warning("answer_not_remembered", comment=str(item.comment_id))


def turned_down(item: PendingComment) -> bool:
    """Whether a rule rejects it."""
    return item.screened is not None and item.screened.ruling == "reject"


def _rule_of(item: PendingComment) -> Actor:
    """Name who decides: the rule that gave the ruling, else the site's mode."""
    seen = item.screened
    if seen is None or seen.rule is None or seen.ruling not in ("reject", "approve"):
        return SCREENING
    return Actor(kind="rule", actor_id=seen.rule, name=seen.rule, rule_version=seen.rule_version)
