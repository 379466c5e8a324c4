"""Publishing what a rule has decided: within the request if it can be, soon after if not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from service.errors import Unavailable
from service.features.decisions import Decisions
from service.features.outcomes import DecisionRequest, Outcome, Result
from service.features.patience import Patience
from service.features.sites import SiteDirectory
from service.model import Action, Actor, PendingComment, Site, Status
from service.storage.decisions import DecisionStore, Place
from service.storage.pending import PendingStore

log = structlog.get_logger(__name__)

COMMIT_WITHIN_SECONDS = 1.0
"""Longer than this and the answer is 202: the settle worker finishes (protocol.md Ruling 8)."""
BATCH = 50
HOLD_MS = 30_000
"""How long a batch belongs to the worker that took it."""
PAUSE_SECONDS = 1.0
SCREENING = Actor(kind="rule", actor_id="screening", name="screening")
"""Who publishes where the site, the article or the author's standing lets a comment through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle:
    """Finish what screening has decided to publish."""

    decisions: Decisions
    store: DecisionStore
    pending: PendingStore
    sites: SiteDirectory
    new_id: Callable[[datetime], UUID]
    clock: Callable[[], datetime]

    async def publish_now(self, site: Site, item: PendingComment, *, now: datetime) -> bool:
        """Publish within the request; False leaves it with the settle worker, or with people."""
        try:
            async with asyncio.timeout(COMMIT_WITHIN_SECONDS):
                results = await self.decisions.decide(
                    [site], [self._approval(item, now)], actor=SCREENING, now=now
                )
        except (TimeoutError, Unavailable):
            return False
        if results[0].outcome is not Outcome.APPLIED:
            await self._leave_to_people(site, results[0])
            return False
        await self._remember_published(site, item)
        return True

    async def run(self) -> None:
        """Settle, without end, what requests could not."""
        patience = Patience("settling_waits")
        while True:
            with patience:
                for site in await self.sites.all_sites():
                    await self.settle(site)
            await asyncio.sleep(PAUSE_SECONDS)

    async def settle(self, site: Site) -> int:
        """Settle what is due on one site and return how many comments that was."""
        ids = await self.pending.settle_claim(site.slug, limit=BATCH, ttl_ms=HOLD_MS)
        if not ids:
            return 0
        items = await self.pending.items(site.slug, ids)
        now = self.clock()
        requests = [self._approval(item, now) for item in items.values()]
        if not requests:
            return 0
        for result in await self.decisions.decide([site], requests, actor=SCREENING, now=now):
            if result.outcome is not Outcome.APPLIED:
                await self._leave_to_people(site, result)
        return len(requests)

    def _approval(self, item: PendingComment, now: datetime) -> DecisionRequest:
        return DecisionRequest(
            comment_id=item.comment_id,
            revision=item.revision,
            action=Action.APPROVE,
            decision_id=self.new_id(now),
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
