"""Repair: what a crash left between Postgres and Redis is put right, again and again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import structlog
from msgspec import Struct, field

from service import crash
from service.features.pace import Pace, at_leisure, at_once
from service.features.patience import Patience
from service.features.recount import Recount
from service.features.sites import SiteDirectory
from service.features.transitions import still_waits
from service.model import Action, Decision, Site, Status
from service.storage.decisions import DecisionStore
from service.storage.journal import JournalStore, Outline
from service.storage.outbox import OutboxStore
from service.storage.pending import Finished, PendingStore
from service.storage.redo import said_of
from service.storage.screenings import ScreeningStore

log = structlog.get_logger(__name__)

FINISH_SECONDS = 3.0
"""R1: how often what was decided lately is looked for in Redis."""
LATELY = timedelta(seconds=10)
"""How much later than it is dated a decision may be committed and yet be looked for so soon."""
WALK_SECONDS = 60.0
"""R1: how often everything that waits is looked for in the log."""
FINISH_BATCH = 500
EXPIRE_SECONDS = 1.0
"""R2: how often leases that ran out are ended."""
STRUCTURE_SECONDS = 60.0
"""R4: how often items and places are compared."""
RECOUNT_SECONDS = 300.0
"""R5: how often what was decided on lately is counted again."""
MISSING_SECONDS = 30.0
"""R6: how often the journal is compared with Redis."""
PURGE_SECONDS = 600.0
"""R8: how often what is too old is deleted."""
MISSING_AFTER = timedelta(seconds=30)
"""A journal row this old that waits and is not in Redis was lost on its way."""
SUBMISSIONS_KEPT = timedelta(hours=48)
DECIDED_KEPT = timedelta(days=7)
"""Journal rows of what was decided: longer than any Redis that could come back."""
TOLD_KEPT = timedelta(days=1)
SCREENINGS_KEPT = timedelta(days=730)
"""As long as the log of decisions (protocol.md 2.10)."""
EXPIRE_BATCH = 500


class Reconcile(Struct, frozen=True, kw_only=True):
    """The rules of protocol.md 2.9 that undo and crash safety rest on."""

    decisions: DecisionStore
    journal: JournalStore
    outbox: OutboxStore
    screenings: ScreeningStore
    pending: PendingStore
    sites: SiteDirectory
    recount: Recount
    mended: Callable[[str, int], None]
    """Told which rule put how much right."""
    clock: Callable[[], datetime]
    refilled: set[int] = field(default_factory=set)
    """Sites whose queues were filled up since the last look: those that `Refill` names."""

    async def run(self) -> None:
        """Repair without end. Only one process may."""
        async with asyncio.TaskGroup() as rules:
            rules.create_task(self._finish_without_end())
            rules.create_task(self._finish_at_leisure())
            rules.create_task(self._forever(EXPIRE_SECONDS, self._expire_everywhere))
            rules.create_task(self._forever(STRUCTURE_SECONDS, self._mend_everywhere))
            put_back = partial(self.put_back_missing, pace=at_leisure)
            rules.create_task(self._every(MISSING_SECONDS, put_back))
            rules.create_task(self._every(RECOUNT_SECONDS, self.count_again))
            rules.create_task(self._forever(PURGE_SECONDS, self.purge))

    async def finish_decided(self, site: Site, *, pace: Pace = at_once) -> int:
        """R1: clean Redis of what the log has decided; returns how many items that was."""
        cleaned = 0
        async for ids in pace(self.pending.waiting_ids(site.slug)):
            cleaned += await self._finish(site, ids)
        return self._cleaned(site, cleaned)

    async def finish_decided_on(self, sites: Sequence[Site], *, since: datetime | None) -> None:
        """R1 on some sites: of what was decided since then; of everything without a time.

        And of everything where a queue that went back in time was filled up.
        """
        refilled = {site.site_id for site in sites} & self.refilled
        for site in sites:
            if since is None or site.site_id in refilled:
                await self.finish_decided(site)
        self.refilled.difference_update(refilled)
        if since is not None:
            await self.finish_decided_since(sites, since)

    async def finish_decided_since(self, sites: Sequence[Site], since: datetime) -> int:
        """R1: the same on some sites for what was decided since then, however much waits."""
        decided = await self.decisions.lately([site.site_id for site in sites], since)
        cleaned = 0
        for site in sites:
            of_site, cleaned_here = decided.get(site.site_id, []), 0
            for at in range(0, len(of_site), FINISH_BATCH):
                ids = await self.pending.listed(site.slug, of_site[at : at + FINISH_BATCH])
                cleaned_here += await self._finish(site, ids) if ids else 0
            cleaned += self._cleaned(site, cleaned_here)
        return cleaned

    async def _finish(self, site: Site, ids: Sequence[UUID]) -> int:
        latest = await self.decisions.latest(site.site_id, ids)
        items = await self.pending.items(site.slug, [each for each in ids if each in latest])
        finished = [
            _finished(latest[comment_id])
            for comment_id, item in items.items()
            if item.n < latest[comment_id].n
        ]
        if finished:
            await self.pending.finish(site.slug, finished)
            crash.reached(crash.Point.RECONCILE_FINISHED)
        return len(finished)

    def _cleaned(self, site: Site, cleaned: int) -> int:
        if cleaned:
            self.mended("finish_decided", cleaned)
            log.info("decided_items_finished", site=site.slug, items=cleaned)
        return cleaned

    async def expire_leases(self, site: Site) -> int:
        """R2: let what was held too long be claimed again."""
        return await self.pending.expire(site.slug, limit=EXPIRE_BATCH)

    async def _expire_everywhere(self) -> None:
        sites = await self.sites.known_sites()
        leased = await self.pending.with_leases([site.slug for site in sites])
        for site in sites:
            if site.slug in leased:
                await self.expire_leases(site)

    async def mend_structure(self, *sites: Site, pace: Pace = at_once) -> tuple[int, int]:
        """R4: give items of some sites without a place one; drop places without an item."""
        returned, dropped = Counter[str](), Counter[str]()

        async def mend(slug: str, ids: Sequence[UUID]) -> None:
            put_back, forgotten = await self.pending.mend(slug, ids)
            returned[slug] += put_back
            dropped[slug] += forgotten

        slugs = [site.slug for site in sites]
        for slug in slugs:
            async for ids in pace(self.pending.amiss_ids(slug)):
                await mend(slug, ids)
        async for unlisted in pace(self.pending.unlisted_ids(slugs)):
            for slug, ids in unlisted.items():
                await mend(slug, ids)
        for slug in slugs:
            if returned[slug] or dropped[slug]:
                self.mended("mend_structure", returned[slug] + dropped[slug])
                log.warning(
                    "queue_mended", site=slug, returned=returned[slug], dropped=dropped[slug]
                )
        return returned.total(), dropped.total()

    async def _mend_everywhere(self) -> None:
        await self.mend_structure(*await self.sites.known_sites(), pace=at_leisure)

    async def put_back_missing(self, site: Site, *, pace: Pace = at_once) -> int:
        """R6: put what waits in the journal and is not in Redis back under its id.

        Of what the log has closed, the journal does not keep the text.
        """
        put_back = 0
        before = self.clock() - MISSING_AFTER
        async for batch in pace(self.journal.outlines(site.site_id, before=before)):
            present = await self.pending.revisions(site.slug, [each.comment_id for each in batch])
            behind = [each for each in batch if _is_behind(present.get(each.comment_id), each)]
            if behind:
                put_back += await self._put_back(site, behind)
        if put_back:
            self.mended("put_back_missing", put_back)
            log.warning("missing_items_put_back", site=site.slug, items=put_back)
        return put_back

    async def _put_back(self, site: Site, outlines: Sequence[Outline]) -> int:
        items = await self.journal.read(site.site_id, outlines)
        latest = await self.decisions.latest(site.site_id, [item.comment_id for item in items])
        closed = [item for item in items if not still_waits(item, latest.get(item.comment_id))]
        put_back = 0
        for item in items:
            if item not in closed:
                outcome = await self.pending.requeue(item, journaled=True, guarded=True)
                put_back += outcome in ("NEW", "REPLACED")
        if closed:
            await self.journal.settle(closed)
        return put_back

    async def count_again(self, site: Site) -> int:
        """R5: put right what counts of articles decided on lately have drifted to."""
        wrong = await self.recount.touched(site)
        if wrong:
            self.mended("count_again", wrong)
        return wrong

    async def purge(self) -> None:
        """R8: delete what is too old."""
        now = self.clock()
        await self.journal.purge(
            now=now,
            submissions_before=now - SUBMISSIONS_KEPT,
            decided_before=now - DECIDED_KEPT,
        )
        await self.outbox.purge(before=now - TOLD_KEPT)
        await self.screenings.purge(before=now - SCREENINGS_KEPT)

    async def _finish_without_end(self) -> None:
        """Apply R1: to everything that waits at first, and whenever a look may have missed it."""
        patience = Patience("repair_waits")
        looked: datetime | None = None
        while True:
            since = looked - LATELY if looked is not None and patience.missed is None else None
            with patience:
                begun = self.clock()
                await self.finish_decided_on(await self.sites.known_sites(), since=since)
                looked = begun
            await asyncio.sleep(FINISH_SECONDS)

    async def _finish_at_leisure(self) -> None:
        """Apply R1 to everything that waits, behind what is looked for at once."""
        await asyncio.sleep(WALK_SECONDS)
        await self._every(WALK_SECONDS, partial(self.finish_decided, pace=at_leisure))

    async def _every(self, seconds: float, rule: Callable[[Site], Awaitable[object]]) -> None:
        async def on_every_site() -> None:
            for site in await self.sites.known_sites():
                await rule(site)

        await self._forever(seconds, on_every_site)

    async def _forever(self, seconds: float, rule: Callable[[], Awaitable[object]]) -> None:
        """Apply a rule now and then; a store that is away only makes it wait."""
        patience = Patience("repair_waits")
        while True:
            with patience:
                await rule()
            await asyncio.sleep(seconds)


def _is_behind(present: tuple[int, int] | None, journaled: Outline) -> bool:
    """Tell whether Redis lacks what the journal has, or went back to what it had before."""
    if present is None:
        return True
    revision, n = present
    return revision < journaled.revision or n < journaled.n


def _finished(decision: Decision) -> Finished:
    return Finished(
        comment_id=decision.comment_id,
        n=decision.n,
        revision=decision.revision,
        action=decision.action,
        decision_id=decision.decision_id,
        waits=decision.action is Action.ESCALATE or decision.status is Status.PENDING,
        said=said_of(decision),
    )
