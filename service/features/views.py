"""How often an article is read: what a wrong decision about its comments would reach.

Views are counted without saying whose they are. Every process collects them and adds them to
Redis now and then; the leader makes a rate of them that forgets what is long ago.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from msgspec import Struct, field

from service.errors import Unavailable
from service.features.sites import SiteDirectory
from service.model import Site, article_id
from service.storage.views import ViewStore

log = structlog.get_logger(__name__)

FLUSH_SECONDS = 3.0
"""Views a process that dies forgets: those of so long."""
UPDATE_SECONDS = 10.0
"""How old a rate may be."""
ARTICLES_MAX = 10_000
"""Articles a process collects views of between two flushes; of more it takes no note."""
FORGET = timedelta(minutes=30)
"""The mean age of the views in a rate: one this old weighs a third of a new one."""
LEAST_RATE = 0.5
"""Views per hour below which a rate is not told any more."""

HOUR = timedelta(hours=1)


class _Pace(Struct):
    """A site's rates, and the counts that are in them already."""

    at: datetime
    rates: dict[UUID, float]
    counted: dict[datetime, dict[UUID, int]]


class Views(Struct, frozen=True, kw_only=True):
    """Count views of articles, and tell how many there are in an hour."""

    store: ViewStore
    sites: SiteDirectory
    clock: Callable[[], datetime]
    _collected: dict[str, Counter[UUID]] = field(default_factory=dict)
    """By site's slug, then article: views since the last flush."""
    _paces: dict[str, _Pace] = field(default_factory=dict)

    def note(self, site: Site, article_key: str) -> None:
        """Count a view."""
        seen = self._collected.setdefault(site.slug, Counter())
        article = article_id(site.site_id, article_key)
        if article in seen or sum(map(len, self._collected.values())) < ARTICLES_MAX:
            seen[article] += 1

    async def per_hour(self, site: Site, article_ids: Sequence[UUID]) -> dict[UUID, float]:
        """Return the views per hour of articles, as far as any are known."""
        try:
            return await self.store.rates(site.slug, article_ids)
        except Unavailable:
            return {}

    async def run_flushes(self) -> None:
        """Add what this process has collected to Redis, without end. Every process does."""
        try:
            while True:
                await asyncio.sleep(FLUSH_SECONDS)
                await self.flush()
        finally:
            await self.flush()

    async def flush(self) -> None:
        """Add what was collected; what cannot be added is dropped: it is but a measure."""
        collected = dict(self._collected)
        self._collected.clear()
        hour = _hour(self.clock())
        try:
            for slug, views in collected.items():
                await self.store.add(slug, hour, views)
        except Unavailable as failure:
            log.warning("views_dropped", code=failure.stable_code)

    async def run(self) -> None:
        """Keep the rates of all sites, without end. Only one process may."""
        self._paces.clear()  # another process may have led since
        while True:
            try:
                for site in await self.sites.known_sites():
                    await self.update(site)
            except Unavailable as failure:
                log.warning("views_wait", code=failure.stable_code)
            await asyncio.sleep(UPDATE_SECONDS)

    async def update(self, site: Site) -> None:
        """Let a site's rates forget a little, and add what was counted since."""
        now = self.clock()
        pace = self._paces.get(site.slug) or await self._taken_over(site, now)
        hours = (_hour(now) - HOUR, _hour(now))
        counted = {hour: await self.store.counts(site.slug, hour) for hour in hours}
        left = math.exp(-max(now - pace.at, timedelta()) / FORGET)
        rates = {article: rate * left for article, rate in pace.rates.items()}
        for hour, counts in counted.items():
            before = pace.counted.get(hour, {})
            for article, count in counts.items():
                new = max(count - before.get(article, 0), 0)
                rates[article] = rates.get(article, 0.0) + new * (HOUR / FORGET)
        told = {article: rate for article, rate in rates.items() if rate >= LEAST_RATE}
        if told or pace.rates:
            await self.store.put_rates(site.slug, told)
        self._paces[site.slug] = _Pace(at=now, rates=told, counted=counted)

    async def _taken_over(self, site: Site, now: datetime) -> _Pace:
        """Go on where another leader ended: what is counted by now is in its rates."""
        rates = await self.store.all_rates(site.slug)
        if not rates:
            return _Pace(at=now, rates={}, counted={})
        hours = (_hour(now) - HOUR, _hour(now))
        counted = {hour: await self.store.counts(site.slug, hour) for hour in hours}
        return _Pace(at=now, rates=rates, counted=counted)


def _hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)
