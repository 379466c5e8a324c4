"""The order of the queue, kept right while things change: views, reports, edits, and time itself.

The order stands in Redis as scores. Whatever changes the urgency of a comment asks for it to be
placed anew; the leader does so every minute for what is next, for what has waited longest, and
for a stretch of the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from msgspec import Struct, field

from service.errors import Unavailable
from service.features.articles import ArticleDirectory
from service.features.patience import Patience
from service.features.screening import priority_of, queue_score
from service.features.sites import SiteDirectory
from service.features.urgency import urgency_of, waits_since
from service.features.views import Views
from service.model import PendingComment, Site
from service.storage.pending import PendingStore
from service.storage.reports import ReportStore

log = structlog.get_logger(__name__)

EVERY_SECONDS = 60.0
TOP = 500
"""The next ones, placed anew every time."""
OLDEST = 200
"""Those that waited longest: their due time makes them rise."""
STRETCH = 500
"""Of the rest, in turn: after a while everything was looked at."""
BATCH = 50
"""Read at once: 2 ms of work at most between two looks at what else there is to do."""

SizesOf = Callable[[Site, Sequence[PendingComment]], Awaitable[Mapping[UUID, int]]]
"""Returns how many comments are alike, for those that are not alone."""


async def _all_alone(_site: Site, _items: Sequence[PendingComment]) -> Mapping[UUID, int]:
    """Stand in where nobody looks for texts alike."""
    return {}


class Order(Struct, frozen=True, kw_only=True):
    """Keep the most urgent comment first."""

    pending: PendingStore
    sites: SiteDirectory
    articles: ArticleDirectory
    reports: ReportStore
    views: Views
    clock: Callable[[], datetime]
    sizes_of: SizesOf = _all_alone
    _stretches: dict[int, int] = field(default_factory=dict)
    """By site: where the next stretch of the rest begins."""

    async def run(self) -> None:
        """Place comments anew, without end. Only one process may."""
        patience = Patience("order_waits")
        while True:
            with patience:
                for site in await self.sites.known_sites():
                    await self.renew(site)
            await asyncio.sleep(EVERY_SECONDS)

    async def renew(self, site: Site) -> int:
        """Look at what is next, what waited longest and a stretch of the rest; returns moves."""
        begin = self._stretches.get(site.site_id, TOP)
        rest = await self.pending.ranked(site.slug, first=begin, count=STRETCH)
        self._stretches[site.site_id] = begin + STRETCH if len(rest) == STRETCH else TOP
        urgent = await self.pending.ranked(site.slug, first=0, count=TOP)
        oldest, _ = await self.pending.peek(
            site.slug, order="oldest", limit=OLDEST, after=None, include_escalated=True
        )
        return await self.rescore(site, list(dict.fromkeys([*urgent, *oldest, *rest])))

    async def changed(self, site: Site, comment_ids: Sequence[UUID]) -> None:
        """Place comments anew because of what happened to them; later when a store is away."""
        try:
            await self.rescore(site, comment_ids)
        except Unavailable as failure:
            log.warning("order_waits", site=site.slug, code=failure.stable_code)

    async def rescore(self, site: Site, comment_ids: Sequence[UUID]) -> int:
        """Give those that wait the place they have now; returns how many moved.

        Raises:
            Unavailable: Redis is away.
        """
        moved = 0
        for at in range(0, len(comment_ids), BATCH):
            items = await self.pending.items(site.slug, comment_ids[at : at + BATCH])
            if items:
                moved += await self._place(site, list(items.values()))
        return moved

    async def _place(self, site: Site, items: Sequence[PendingComment]) -> int:
        now = self.clock()
        views = await self._views_per_hour(site, items, now)
        reports = await self._open_reports(site, items)
        sizes = await self._sizes(site, items)
        within = timedelta(minutes=site.settings.due_minutes)
        scores = []
        for item in items:
            since = waits_since(item)
            priority = urgency_of(
                item.screened,
                why=item.why,
                chars=len(item.text),
                views_per_hour=views.get(item.article_key),
                waited=now - since,
                within=within,
                reports=reports.get(item.comment_id),
                cluster_size=sizes.get(item.comment_id, 1),
            )
            if priority.level != priority_of(item.score):
                score = queue_score(priority.level, since)
                scores.append((item.comment_id, item.revision, score))
        return await self.pending.rescore(site.slug, scores) if scores else 0

    async def _views_per_hour(
        self, site: Site, items: Sequence[PendingComment], now: datetime
    ) -> dict[str, float | None]:
        """Return how often articles are read, by key: as the back end says, else as was counted."""
        keys = list({item.article_key for item in items})
        articles = [await self.articles.get(site, key, now=now) for key in keys]
        known = {
            key: article for key, article in zip(keys, articles, strict=True) if article is not None
        }
        rates = await self.views.per_hour(site, [each.article_id for each in known.values()])
        return {
            key: each.views_per_hour
            if each.views_per_hour is not None
            else rates.get(each.article_id)
            for key, each in known.items()
        }

    async def _sizes(self, site: Site, items: Sequence[PendingComment]) -> Mapping[UUID, int]:
        """Count what is alike; while Postgres is away everything is alone."""
        try:
            return await self.sizes_of(site, items)
        except Unavailable:
            return {}

    async def _open_reports(
        self, site: Site, items: Sequence[PendingComment]
    ) -> dict[UUID, dict[str, int]]:
        """Count reports of what was public already; none while Postgres is away."""
        known = [item.comment_id for item in items if item.n]
        if not known:
            return {}
        try:
            return await self.reports.by_reason(site.site_id, known)
        except Unavailable:
            return {}
