"""The write-behind journal."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import structlog
from msgspec import Struct, field

from service import crash
from service.errors import Unavailable
from service.features.patience import Patience
from service.features.refill import Refill
from service.features.sites import SiteDirectory
from service.model import Site
from service.storage.journal import JournalStore
from service.storage.pending import PendingStore

log = structlog.get_logger(__name__)

BATCH = 200
PAUSE_SECONDS = 0.25
"""Well under the half second that may be missing after the loss of a whole Redis."""
NOTE_SECONDS = 1.0
"""How often each process notes how far it has acknowledged."""
NOTED_SECONDS = 1.5 * NOTE_SECONDS
"""When all have: for `Refill.noting_seconds`."""


class Acknowledged(Struct):
    """The highest sequence number this process has acknowledged, by site.

    Kept so that a Redis that went back in time is noticed (protocol.md 2.9).
    """

    highest: dict[int, int] = field(default_factory=dict)
    unwritten: set[int] = field(default_factory=set)
    """Sites of which Postgres is still to be told."""

    def known(self, site_id: int) -> int:
        """Return what a site's Redis must not be behind, as far as this process knows."""
        return self.highest.get(site_id, 0)

    def note(self, site_id: int, seq: int) -> None:
        """Remember one acknowledgement."""
        if seq > self.known(site_id):
            self.highest[site_id] = seq
            self.unwritten.add(site_id)

    def take(self) -> dict[int, int]:
        """Hand over what was noted since the last time."""
        taken = {site_id: self.highest[site_id] for site_id in self.unwritten}
        self.unwritten.clear()
        return taken

    def put_back(self, taken: Iterable[int]) -> None:
        """Hand sites over once more the next time: Postgres was not told."""
        self.unwritten.update(taken)


class Journal(Struct, frozen=True, kw_only=True):
    """Keep Postgres half a second behind Redis, and Redis never emptier than Postgres."""

    store: JournalStore
    pending: PendingStore
    sites: SiteDirectory
    refill: Refill
    acknowledged: Acknowledged

    async def run(self) -> None:
        """Copy what waits, without end. Only one process may."""
        self.refill.begin()
        patience = Patience("journal_waits")
        while True:
            full = False
            with patience:
                full = await self._copy_everywhere()
            if not full or patience.missed:
                await asyncio.sleep(PAUSE_SECONDS)

    async def run_watermarks(self) -> None:
        """Note, without end, what this process has acknowledged. Every process does."""
        while True:
            await asyncio.sleep(NOTE_SECONDS)
            await self.note_acknowledged()

    async def note_acknowledged(self) -> None:
        """Let Postgres know how far Redis must be; what cannot be written is kept for later."""
        taken = self.acknowledged.take()
        if not taken:
            return
        try:
            for site_id, seq in taken.items():
                await self.store.note_acknowledged(site_id, seq)
        except Unavailable:
            self.acknowledged.put_back(taken)

    async def _copy_everywhere(self) -> bool:
        """Look at all queues in one question, and copy where something is to be copied.

        Tells whether there is more.
        """
        sites = await self.sites.known_sites()
        states = await self.pending.states([site.slug for site in sites])
        full = False
        for site, (state, marked) in zip(sites, states, strict=True):
            if await self.refill.is_noted(site, state):
                await self.refill.open_queue(site, state)
            if marked:
                full |= await self.copy(site) == BATCH
        return full

    async def open_queue(self, site: Site) -> None:
        """See that a site takes comments, and that Redis lacks nothing that the journal has."""
        await self.refill.open_queue(site)

    async def copy(self, site: Site) -> int:
        """Copy one batch of what is not in the journal yet and return its size."""
        marked = await self.pending.to_copy(site.slug, limit=BATCH)
        if not marked:
            return 0
        crash.reached(crash.Point.JOURNAL_READ)
        payloads = {each.comment_id: each.written.payload for each in marked if each.written}
        for comment_id in await self.store.record(payloads):
            log.error("not_journaled", comment=comment_id)
        crash.reached(crash.Point.JOURNAL_WRITTEN)
        await self.pending.clear_marks(site.slug, [each.version for each in marked])
        crash.reached(crash.Point.JOURNAL_CLEARED)
        return len(marked)
