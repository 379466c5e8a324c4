"""How much waits, and for how long: the levels an operator watches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from msgspec import Struct

from service.errors import Unavailable
from service.features.losses import Losses
from service.features.sites import SiteDirectory
from service.storage.accounts import AccountStore
from service.storage.outbox import OutboxStore
from service.storage.pending import PendingStore
from service.telemetry import Metrics

log = structlog.get_logger(__name__)

PAUSE_SECONDS = 5.0
SOON = timedelta(days=14)
"""How long before a key ends its site should have another (security.md 6.4)."""


class Levels(Struct, frozen=True, kw_only=True):
    """Read the levels of queue, journal and outbox now and then."""

    pending: PendingStore
    outbox: OutboxStore
    accounts: AccountStore
    losses: Losses
    sites: SiteDirectory
    metrics: Metrics
    clock: Callable[[], datetime]

    async def run(self) -> None:
        """Read them without end. Only one process does: they are the same for all."""
        try:
            while True:
                try:
                    await self.read()
                except Unavailable as failure:
                    log.warning("levels_wait", code=failure.stable_code)
                await asyncio.sleep(PAUSE_SECONDS)
        finally:
            self.metrics.pending.clear()
            self.metrics.oldest_pending_seconds.clear()
            self.metrics.losses_open.set(0)

    async def read(self) -> None:
        """Read all of them once."""
        now = self.clock()
        lag = 0.0
        held = aside = 0
        sites = await self.sites.known_sites()
        self.metrics.losses_open.set(len(await self.losses.open(sites)))
        for site in sites:
            waiting = await self.pending.total(site.slug, include_escalated=True)
            self.metrics.pending.labels(site.slug).set(waiting)
            oldest = await self.pending.oldest(site.slug)
            self.metrics.oldest_pending_seconds.labels(site.slug).set(_age(oldest, now))
            of_site = await self.pending.set_apart(site.slug)
            held, aside = held + of_site[0], aside + of_site[1]
            lag = max(lag, _age(await self.pending.oldest_mark(site.slug), now))
        self.metrics.stores.leases.set(held)
        self.metrics.stores.quarantine.set(aside)
        self.metrics.journal_lag_seconds.set(lag)
        self.metrics.outbox_lag_seconds.set(_age(await self.outbox.oldest(), now))
        ending = await self.accounts.keys_ending(now, now + SOON)
        self.metrics.stores.keys_expiring.set(ending)


def _age(at: datetime | None, now: datetime) -> float:
    """Return seconds since a time; 0 when there is none, or a clock is behind."""
    return max(0.0, (now - at).total_seconds()) if at else 0.0
