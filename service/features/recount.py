"""Counts are compared with what they count; what has drifted is put right and told (R5)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from msgspec import Struct

from service.features.invalidation import Invalidations
from service.model import Site
from service.storage.recounts import RecountStore

log = structlog.get_logger(__name__)

LOOK_BACK = timedelta(minutes=15)
"""Three times as long as between two counts: a decision's time is its process' own."""


class Recount(Struct, frozen=True, kw_only=True):
    """Count again what was decided on lately."""

    store: RecountStore
    invalidations: Invalidations
    clock: Callable[[], datetime]

    async def touched(self, site: Site) -> int:
        """Count again the articles decided on lately; returns how many counters were wrong.

        Raises:
            Unavailable: Postgres is away.
        """
        return await self._count(site, since=self.clock() - LOOK_BACK)

    async def every(self, site: Site) -> int:
        """Count again all articles of a site; returns how many counters were wrong.

        Raises:
            Unavailable: Postgres is away.
        """
        return await self._count(site, since=None)

    async def _count(self, site: Site, *, since: datetime | None) -> int:
        wrong = 0
        drifted: list[UUID] = []
        async for article_ids in self.store.articles(site.site_id, since=since):
            for article_id in article_ids:
                found = await self.store.mend(site.site_id, article_id)
                if found:
                    drifted.append(article_id)
                    wrong += found
        if drifted:
            log.error("counts_drifted", site=site.slug, counters=wrong, articles=len(drifted))
            await self.invalidations.tell(site, drifted, drop=False)
        return wrong
