"""The write-behind journal, and the refill of a Redis that came back empty."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from service import crash
from service.errors import Unavailable
from service.features.patience import Patience
from service.features.sites import SiteDirectory
from service.features.transitions import still_waits
from service.model import Site
from service.storage.journal import JournalStore, Watermark
from service.storage.pending import PendingStore

log = structlog.get_logger(__name__)

BATCH = 200
PAUSE_SECONDS = 0.25
"""Well under the half second that may be missing after the loss of a whole Redis."""
REMEMBER = timedelta(hours=48)
"""How long an idempotency key stands for its comment (api.md)."""


@dataclass(slots=True)
class Acknowledged:
    """The highest sequence number this process has acknowledged, by site.

    Kept so that a Redis that went back in time is noticed (protocol.md 2.9).
    """

    highest: dict[int, int] = field(default_factory=dict)

    def note(self, site_id: int, seq: int) -> None:
        """Remember one acknowledgement."""
        if seq > self.highest.get(site_id, 0):
            self.highest[site_id] = seq

    def take(self) -> dict[int, int]:
        """Hand over what was noted since the last time."""
        taken, self.highest = self.highest, {}
        return taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """Keep Postgres half a second behind Redis, and Redis never emptier than Postgres."""

    store: JournalStore
    pending: PendingStore
    sites: SiteDirectory
    acknowledged: Acknowledged
    new_epoch: Callable[[], str]
    clock: Callable[[], datetime]
    known: dict[int, int] = field(default_factory=dict)
    """By site: a sequence number that Redis must not be behind."""

    async def run(self) -> None:
        """Copy what waits, without end. Only one process may."""
        self.known.clear()  # another process may have led since
        patience = Patience("journal_waits")
        while True:
            full = False
            with patience:
                for site in await self.sites.all_sites():
                    await self.open_queue(site)
                    full |= await self.copy(site) == BATCH
            if not full or patience.missed:
                await asyncio.sleep(PAUSE_SECONDS)

    async def run_watermarks(self) -> None:
        """Note, without end, what this process has acknowledged. Every process does."""
        while True:
            await asyncio.sleep(1.0)
            await self.note_acknowledged()

    async def note_acknowledged(self) -> None:
        """Let Postgres know how far Redis must be; what cannot be written is kept for later."""
        taken = self.acknowledged.take()
        if not taken:
            return
        try:
            for site in await self.sites.all_sites():
                if site.site_id in taken:
                    await self._raise(site, taken[site.site_id])
        except Unavailable:
            for site_id, seq in taken.items():
                self.acknowledged.note(site_id, seq)

    async def copy(self, site: Site) -> int:
        """Copy one batch of what is not in the journal yet and return its size."""
        ids = await self.pending.unjournaled(site.slug, limit=BATCH)
        if not ids:
            return 0
        items = await self.pending.items(site.slug, ids)
        crash.reached(crash.Point.JOURNAL_READ)
        for item in await self.store.record(list(items.values())):
            log.error("not_journaled", comment=str(item.comment_id))
        written = [(item.comment_id, item.revision, item.n) for item in items.values()]
        gone = [(comment_id, 0, 0) for comment_id in ids if comment_id not in items]
        crash.reached(crash.Point.JOURNAL_WRITTEN)
        await self.pending.clear_marks(site.slug, written + gone)
        crash.reached(crash.Point.JOURNAL_CLEARED)
        return len(ids)

    async def open_queue(self, site: Site) -> None:
        """Give a site's queue an epoch; fill it from the journal first where it was lost.

        A queue that went back in time, as from a backup, is filled up while it goes on.
        """
        if await self.pending.epoch(site.slug) is not None and not await self._went_back(site):
            return
        mark = await self.store.watermark(site.site_id)
        highest = await self.store.highest_seq(site.site_id)
        sequence = max(highest, mark.seq if mark else 0, self.known.get(site.site_id, 0))
        restored = await self._refill(site) if mark is not None or highest else 0
        crash.reached(crash.Point.REFILL_RESTORED)
        epoch = await self.pending.begin_epoch(site.slug, epoch=self.new_epoch(), seq=sequence)
        await self.store.raise_watermark(site.site_id, Watermark(epoch=epoch, seq=sequence))
        self.known[site.site_id] = sequence
        if sequence:
            log.warning(
                "queue_refilled",
                site=site.slug,
                restored=restored,
                lost_at_most=sequence - highest,
            )

    async def _went_back(self, site: Site) -> bool:
        """Tell whether Redis knows of fewer comments than were acknowledged."""
        known = self.known.get(site.site_id)
        if known is None:
            mark = await self.store.watermark(site.site_id)
            known = mark.seq if mark else 0
        sequence = await self.pending.sequence(site.slug)
        self.known[site.site_id] = max(known, sequence)
        return sequence < known

    async def _refill(self, site: Site) -> int:
        """Put everything that waits back under its id, and every idempotency record."""
        now = self.clock()
        restored = 0
        async for batch in self.store.waiting(site.site_id):
            latest = await self.store.latest(site.site_id, [item.comment_id for item in batch])
            for item in batch:
                if still_waits(item, latest.get(item.comment_id)):
                    await self.pending.requeue(item, journaled=True, guarded=False)
                    restored += 1
        async for records in self.store.submissions(site.site_id, since=now - REMEMBER):
            for record in records:
                left = record.at + REMEMBER - now
                await self.pending.restore_submission(
                    site.slug,
                    record.dk,
                    comment_id=record.comment_id,
                    fingerprint=record.fingerprint,
                    author_id=record.author_id,
                    status=record.status,
                    ttl_ms=max(1, int(left.total_seconds() * 1000)),
                )
        return restored

    async def _raise(self, site: Site, seq: int) -> None:
        epoch = await self.pending.epoch(site.slug)
        if epoch is not None:
            await self.store.raise_watermark(site.site_id, Watermark(epoch=epoch, seq=seq))
