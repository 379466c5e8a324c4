"""Sealing the log: behind the decisions, by the leader alone; and a look at all of it each day."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from msgspec import Struct

from service.features.audit import AuditLog
from service.features.audit_chain import BEGINNING, hash_of
from service.features.errands import Rest
from service.features.patience import Patience
from service.features.sites import SiteDirectory
from service.storage.audit_chain import WHOLE_SERVICE, ChainStore

log = structlog.get_logger(__name__)

BATCH = 500
PAUSE_SECONDS = 0.8
"""Between looks: what was decided is sealed within a second (docs/moderating.md)."""
CHECKED_EVERY = timedelta(days=1)
REST_SECONDS = 0.05
"""Between stretches of the daily look, which nobody waits for."""


class AuditSeal(Struct, frozen=True, kw_only=True):
    """Seal what was written. Only one process may."""

    store: ChainStore
    audit: AuditLog
    sites: SiteDirectory
    clock: Callable[[], datetime]
    rest: Rest = asyncio.sleep
    """How it waits for more to do."""

    async def run(self) -> None:
        """Seal, without end; what another process seals at the same time is theirs."""
        patience = Patience("sealing_waits")
        while True:
            sealed = 0
            with patience:
                sealed = await self.seal()
            if sealed < BATCH:
                await self.rest(PAUSE_SECONDS)

    async def seal(self) -> int:
        """Seal some of what is not sealed; returns how much."""
        return await self.store.seal(hash_of, beginning=BEGINNING, limit=BATCH)

    async def run_checks(self) -> None:
        """Look at all chains when this process begins to lead, and each day, without end.

        The lines it logs name each chain's head: whoever keeps them elsewhere can tell later
        that nobody made a chain anew (`postbag audit verify --head`).
        """
        patience = Patience("audit_check_waits")
        due = self.clock()
        while True:
            if self.clock() >= due:
                with patience:
                    await self.check()
                    due = self.clock() + CHECKED_EVERY
            await asyncio.sleep(PAUSE_SECONDS)

    async def check(self) -> bool:
        """Look at all chains and log what is found; True if all hold."""
        slugs = {site.site_id: site.slug for site in await self.sites.all_sites()}
        whole = True
        for site_id in (WHOLE_SERVICE, *slugs):
            seen = await self.audit.verify_all(site_id, pause_seconds=REST_SECONDS)
            named = {"site": slugs.get(site_id), "position": seen.position, "head": seen.hash.hex()}
            if seen.broken is None:
                log.info("audit_verified", **named)
            else:
                whole = False
                log.error("audit_broken", **named, fault=seen.broken.fault)
        return whole
