"""What a moderator is shown beside a comment, to decide it: gathered from both stores at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from service.errors import Unavailable
from service.features.appeals import Appeal, Appeals
from service.features.articles import ArticleDirectory
from service.features.clusters import Cluster
from service.features.in_time import in_time
from service.features.lanes import EMPTY, LanePage
from service.features.lookup import Found, Lookup
from service.features.screening.priority import Priority
from service.features.urgency import urgency_of
from service.features.views import Views
from service.model import (
    Article,
    Lease,
    PendingComment,
    Screened,
    Site,
    Standing,
    Status,
    Why,
    made_at,
)
from service.storage.pending import PendingStore
from service.storage.reports import ReportStore
from service.storage.screenings import ScreeningStore
from service.storage.surroundings import Surroundings, SurroundingStore

NOBODY = UUID(int=0)
UNKNOWN = Surroundings(article=None, standing=None, cluster=None)
NO_LEASES: Final[Mapping[UUID, Lease]] = MappingProxyType({})
NO_REPORTS: Final[Mapping[str, int]] = MappingProxyType({})


class QueueEntry(Struct, frozen=True, kw_only=True):
    """A comment with what a moderator needs to decide it."""

    found: Found
    article: Article
    parent: Found | None
    standing: Standing
    lease: Lease | None
    since: datetime
    """When it came into its lane."""
    due_at: datetime
    reports: Mapping[str, int]
    """Open reports, by reason."""
    appeal: Appeal | None = None
    cluster: Cluster | None = None
    """Where others say nearly the same."""
    blind: bool = False
    """It is shown as if nobody had decided it."""
    priority: Priority
    screened: Screened | None = None
    """What was made of the text that is shown; None when nobody is told, or nothing was."""
    why: tuple[Why, ...] = ()

    @property
    def item(self) -> PendingComment | None:
        """What waits: the comment, or the edit of a public one."""
        return self.found.waiting


class Entries(Struct, frozen=True, kw_only=True):
    """Gather what surrounds comments."""

    pending: PendingStore
    lookup: Lookup
    surroundings: SurroundingStore
    articles: ArticleDirectory
    reports: ReportStore
    appeals: Appeals
    views: Views
    screenings: ScreeningStore

    async def of(
        self,
        site: Site,
        ids: Sequence[UUID],
        *,
        now: datetime,
        of_lane: LanePage = EMPTY,
        leases: Mapping[UUID, Lease] | None = None,
    ) -> tuple[QueueEntry, ...]:
        """Return comments with what surrounds them, in this order, as far as they are known.

        `leases` where it is known who holds them. What only Postgres knows is left out while it
        is away.

        Raises:
            Unavailable: Redis is away.
        """
        if not ids:
            return ()
        found, held = await asyncio.gather(
            self.there(site, ids), self.pending.leases(site.slug, ids if leases is None else ())
        )
        if of_lane is not EMPTY:
            found = [_without_edit(each) for each in found]
        leases = leases or held
        return await self.surrounded(site, found, now=now, of_lane=of_lane, leases=leases)

    async def there(self, site: Site, ids: Sequence[UUID]) -> list[Found]:
        """Return comments alone, in this order, as far as they are known.

        Raises:
            Unavailable: Redis is away.
        """
        items = await self.pending.items(site.slug, ids)
        found = {
            comment_id: Found.of_pending(item)
            for comment_id, item in items.items()
            if _is_new(item)
        }
        found |= await self._known(site, [each for each in ids if each not in found])
        return [found[comment_id] for comment_id in ids if comment_id in found]

    async def waiting(self, site: Site, items: Sequence[PendingComment]) -> list[Found]:
        """Return comments alone, of which Redis just said that they wait."""
        known = await self._known(site, [each.comment_id for each in items if not _is_new(each)])
        found = (
            Found.of_pending(each) if _is_new(each) else known.get(each.comment_id)
            for each in items
        )
        return [each for each in found if each is not None]

    async def surrounded(
        self,
        site: Site,
        found: Sequence[Found],
        *,
        now: datetime,
        of_lane: LanePage = EMPTY,
        leases: Mapping[UUID, Lease] = NO_LEASES,
    ) -> tuple[QueueEntry, ...]:
        """Return comments with what surrounds them; what a store that is away knows is left out."""
        judged = [] if of_lane.blind else found
        # None of these needs another: they are asked for side by side.
        around, rates, parents, kept, (reports, appeals) = await asyncio.gather(
            self._around(site, found),
            self.views.per_hour(site, [each.article_id for each in found]),
            self._known(site, [each.parent_id for each in found if each.parent_id]),
            self._screenings(site, judged),
            self._said_of(site, judged),
        )
        articles = await self._articles(site, found, around, rates)
        entries = []
        # Most comments are new ones, of which only their surroundings are looked up by an id.
        for each, known, article in zip(found, around, articles, strict=True):
            comment_id, decided = each.comment_id, each.decision is not None
            screened, why = _seen(each, kept) if judged else (None, ())
            entry = _entry(
                each,
                article=article,
                parent=parents.get(each.parent_id) if each.parent_id else None,
                around=known,
                lease=leases.get(comment_id) if leases else None,
                reports=reports.get(comment_id, NO_REPORTS) if decided else NO_REPORTS,
                appeal=appeals.get(comment_id) if decided else None,
                screened=screened,
                why=why,
                of_lane=of_lane,
                within=of_lane.within or timedelta(minutes=site.settings.due_minutes),
                now=now,
            )
            entries.append(entry)
        return tuple(entries)

    async def _screenings(
        self, site: Site, found: Sequence[Found]
    ) -> Mapping[UUID, tuple[Screened, tuple[Why, ...]]]:
        """Return what is kept of how comments were screened that do not wait."""
        places = [(each.article_id, each.comment_id) for each in found if each.waiting is None]
        if not places:
            return {}
        try:
            return await self.screenings.latest(site.site_id, places)
        except Unavailable:
            return {}

    async def _said_of(
        self, site: Site, found: Sequence[Found]
    ) -> tuple[dict[UUID, dict[str, int]], dict[UUID, Appeal]]:
        """Return reports and appeals of comments; nothing while Postgres is away."""
        decided = [each for each in found if each.decision is not None]
        if not decided:
            return {}, {}
        try:
            return (
                await self.reports.by_reason(site.site_id, [each.comment_id for each in decided]),
                await self.appeals.of(site, decided),
            )
        except Unavailable:
            return {}, {}

    async def _around(self, site: Site, found: Sequence[Found]) -> list[Surroundings]:
        """Return what Postgres knows around each comment; nothing while it is away."""
        places = [(each.article_id, each.comment_id, each.author_id) for each in found]
        try:
            around = await in_time(self.surroundings.around(site.site_id, places))
        except Unavailable:
            around = {}
        return [around.get(each.comment_id, UNKNOWN) for each in found]

    async def _articles(
        self,
        site: Site,
        found: Sequence[Found],
        around: Sequence[Surroundings],
        rates: Mapping[UUID, float],
    ) -> list[Article]:
        """Return the article of each comment, with how often it is read."""
        articles = [
            known.article
            or self.articles.last(site, each.article_key)
            or _unseen_article(site, each)
            for each, known in zip(found, around, strict=True)
        ]
        merged = [
            article.article_id
            for each, article in zip(found, articles, strict=True)
            if article.article_id != each.article_id
        ]
        if merged:
            rates = {**rates, **await self.views.per_hour(site, merged)}
        if not rates:
            return articles
        return [
            replace(article, views_per_hour=rates.get(article.article_id))
            if article.views_per_hour is None
            else article
            for article in articles
        ]

    async def _known(self, site: Site, ids: Sequence[UUID]) -> dict[UUID, Found]:
        """Look comments up; while they cannot be, the queue is shown without them."""
        try:
            return await self.lookup.find_many(site, ids)
        except Unavailable:
            return {}


def _entry(
    found: Found,
    *,
    article: Article,
    parent: Found | None,
    around: Surroundings,
    lease: Lease | None,
    reports: Mapping[str, int],
    appeal: Appeal | None,
    screened: Screened | None,
    why: tuple[Why, ...],
    of_lane: LanePage,
    within: timedelta,
    now: datetime,
) -> QueueEntry:
    since = of_lane.since.get(found.comment_id) if of_lane.since else None
    since = since or _came(found)
    cluster = None if of_lane.blind else around.cluster
    return QueueEntry(
        found=found,
        article=article,
        parent=parent,
        standing=around.standing or Standing(author_id=found.author_id or NOBODY),
        lease=lease,
        since=since,
        due_at=since + within,
        reports=reports,
        appeal=appeal,
        cluster=cluster,
        blind=of_lane.blind,
        screened=screened,
        why=why,
        priority=urgency_of(
            screened,
            why=why,
            chars=len(_text(found)),
            views_per_hour=article.views_per_hour,
            waited=now - since,
            within=within,
            held=of_lane.blind or found.waiting is not None,
            reports=reports,
            cluster_size=cluster.size if cluster else 1,
        ),
    )


def _is_new(item: PendingComment) -> bool:
    """Tell what nobody decided before: of that, what waits in Redis is all there is."""
    return item.kind == "new" and item.n == 0


def _seen(
    found: Found, kept: Mapping[UUID, tuple[Screened, tuple[Why, ...]]]
) -> tuple[Screened | None, tuple[Why, ...]]:
    """Return how a comment was screened: that travels with what waits, else it is kept."""
    if found.waiting is None:
        return kept.get(found.comment_id, (None, ()))
    screened = found.waiting.screened
    return screened, found.waiting.why if screened else ()


def _without_edit(found: Found) -> Found:
    """Leave out the edit that waits: in the piles of public comments their own text is judged."""
    return found if found.status is Status.PENDING else replace(found, waiting=None)


def _text(found: Found) -> str:
    source = found.waiting or found.public or found.kept
    return (source.text or "") if source else ""


def _came(found: Found) -> datetime:
    """Return since when a comment waits, or else when it was accepted."""
    return found.waiting.created_at if found.waiting else made_at(found.comment_id)


def _unseen_article(site: Site, found: Found) -> Article:
    """An article as its first comment described it, while Postgres has not seen it."""
    item = found.waiting
    return Article(
        site_id=site.site_id,
        article_id=found.article_id,
        key=found.article_key,
        url=item.article_url if item else None,
        title=item.article_title if item else None,
    )
