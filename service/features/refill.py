"""A Redis that came back empty, or as it was some time before, is filled up from the journal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog
from msgspec import Struct, field

from service import crash
from service.features.losses import Losses
from service.features.transitions import still_waits
from service.model import PendingComment, Site
from service.storage.journal import JournalStore, Submitted, Watermark
from service.storage.pending import PendingStore, QueueState, Remembered

log = structlog.get_logger(__name__)

REMEMBER = timedelta(hours=48)
"""How long an idempotency key stands for its comment (api.md)."""
GAP = 1_000
"""How far beyond what it knew `accept` goes on counting after a fall (`scripts/accept.lua`)."""
HELD = 202
"""The first answer to what waits."""
SAME_TEXT = timedelta(seconds=60)
"""How long a text without a key does."""


class Refill(Struct, frozen=True, kw_only=True):
    """See that a site's queue is open, and never emptier than the journal."""

    store: JournalStore
    pending: PendingStore
    losses: Losses
    new_epoch: Callable[[], str]
    clock: Callable[[], datetime]
    journaled_first: bool = False
    """True where Postgres had everything before it was acknowledged (level `journal`)."""
    noting_seconds: float = 0.0
    """How long it may take until every process has noted what it acknowledged. An emptied queue
    stays shut until then: what is lost is told whole, even if Redis is emptied again at once."""
    known: dict[int, int] = field(default_factory=dict)
    """By site: a sequence number that Redis must not be behind."""
    refilled: set[int] = field(default_factory=set)
    """Sites whose queues may hold what is decided long since: whoever looks for that takes them."""
    _empty_since: dict[int, float] = field(default_factory=dict)
    """By site: when its queue was first seen without an epoch, on the loop's clock."""

    def begin(self) -> None:
        """Forget what was seen before: another process may have led since."""
        self.known.clear()
        self._empty_since.clear()

    async def is_noted(self, site: Site, state: QueueState) -> bool:
        """Tell whether Postgres knows by now all that was acknowledged on a site.

        Raises:
            Unavailable: Postgres is away.
        """
        if state.epoch is not None:
            self._empty_since.pop(site.site_id, None)
            return True
        if self.journaled_first or not await self._known(site):
            return True  # nothing was lost, or nothing was there
        now = asyncio.get_running_loop().time()
        return now - self._empty_since.setdefault(site.site_id, now) >= self.noting_seconds

    async def open_queue(self, site: Site, state: QueueState | None = None) -> int:
        """Give a site's queue an epoch; fill it from the journal first where it was lost.

        A queue that went back in time, as from a backup or by a failover, is filled up while it
        goes on. May be repeated, and be done by two at once. Returns how many comments were put
        back; where Redis has forgotten them already it stays shut, and is filled up again.
        `state` is what the queue was a moment ago, where that was looked at.

        Raises:
            Unavailable: a store is away; what was put back stays.
        """
        state = state or await self.pending.state(site.slug)
        known = await self._known(site)
        if state.seq < known:
            # It fell only if it is behind now: more was acknowledged since that look.
            state = await self.pending.state(site.slug)
        fell = state.seq < known or state.fell_from is not None
        if state.epoch is not None and not fell:
            self.known[site.site_id] = state.seq
            return 0
        mark = await self.store.watermark(site.site_id)
        sequence = _acknowledged(state, max(known, mark.seq if mark else 0))
        # What came after a fall was noticed has numbers far beyond, and hides nothing before it.
        upto = None if state.fell_from is None else sequence
        highest = await self.store.highest_seq(site.site_id, upto=upto)
        sequence = max(sequence, highest)
        await self.pending.begin_epoch(site.slug, epoch="", seq=sequence)
        restored = await self._put_back(site) if mark is not None or highest else 0
        self.refilled.add(site.site_id)
        crash.reached(crash.Point.REFILL_RESTORED)
        if sequence:
            await self._tell(site, state, sequence=sequence, highest=highest, restored=restored)
        epoch = await self.pending.begin_epoch(
            site.slug,
            epoch=self.new_epoch(),
            seq=sequence,
            fell_from=state.fell_from,
            refilled=True,
        )
        if not epoch:
            log.warning("emptied_while_refilled", site=site.slug)
            return restored
        await self.store.raise_watermark(
            site.site_id,
            Watermark(epoch=epoch, seq=sequence),
            settled=sequence if state.fell_from is None else state.fell_from + GAP,
        )
        self.known[site.site_id] = max(sequence, state.seq)
        self._empty_since.pop(site.site_id, None)
        return restored

    async def _known(self, site: Site) -> int:
        """Return how far Redis has been at the last look, or was known to be by others."""
        known = self.known.get(site.site_id)
        if known is None:
            mark = await self.store.watermark(site.site_id)
            known = mark.seq if mark else 0
        return known

    async def _tell(
        self, site: Site, state: QueueState, *, sequence: int, highest: int, restored: int
    ) -> None:
        emptied = state.epoch is None
        kept = highest if emptied else max(highest, state.lowest)
        lost = 0 if self.journaled_first else max(0, sequence - kept)
        log.warning("queue_refilled", site=site.slug, restored=restored, lost_at_most=lost)
        await self.losses.note(
            site,
            kind="emptied" if emptied else "fell_back",
            seq=sequence,
            lost_at_most=lost,
            restored=restored,
            now=self.clock(),
        )

    async def _put_back(self, site: Site) -> int:
        """Put everything that waits back under its id, and every idempotency record."""
        now = self.clock()
        restored = 0
        async for batch in self.store.waiting(site.site_id):
            latest = await self.store.latest(site.site_id, [item.comment_id for item in batch])
            waiting = [item for item in batch if still_waits(item, latest.get(item.comment_id))]
            await self.pending.requeue_all(site.slug, waiting)
            texts = [submitted for item in waiting if (submitted := _as_submitted(item))]
            await self._remember(site, texts, SAME_TEXT, now)
            restored += len(waiting)
        async for records in self.store.decided_lately(site.site_id, since=now - SAME_TEXT):
            await self._remember(site, records, SAME_TEXT, now)
        async for records in self.store.submissions(site.site_id, since=now - REMEMBER):
            await self._remember(site, records, REMEMBER, now)
        return restored

    async def _remember(
        self, site: Site, records: Sequence[Submitted], kept: timedelta, now: datetime
    ) -> None:
        """Let submissions be known again for what is left of their time."""
        left = [(record, record.at + kept - now) for record in records]
        await self.pending.restore_submissions(
            site.slug,
            [
                Remembered(
                    dk=record.dk,
                    comment_id=record.comment_id,
                    fingerprint=record.fingerprint,
                    author_id=record.author_id,
                    status=record.status,
                    ttl_ms=int(time / timedelta(milliseconds=1)),
                )
                for record, time in left
                if time > timedelta()
            ],
        )


def _acknowledged(state: QueueState, known: int) -> int:
    """Return the last number that was given before Redis lost something.

    What `accept` gives after it has noticed a fall has a number far beyond.
    """
    if state.fell_from is None:
        return known
    return known if state.fell_from <= known < state.fell_from + GAP else state.fell_from


def _as_submitted(item: PendingComment) -> Submitted | None:
    """Return what a text without a key stands for: itself, for a minute."""
    if item.keyed or item.dk is None or item.fingerprint is None:
        return None
    return Submitted(
        dk=item.dk,
        comment_id=item.comment_id,
        fingerprint=item.fingerprint,
        author_id=item.author.author_id,
        status=HELD,
        at=item.created_at,
    )
