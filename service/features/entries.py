"""What a moderator is shown beside a comment, to decide it: gathered from both stores at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
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


class _Around(Struct, frozen=True, kw_only=True):
    """What surrounds some comments, by their ids, as far as anybody knows."""

    known: Mapping[UUID, Surroundings]
    articles: Mapping[UUID, Article]
    parents: Mapping[UUID, Found]
    """By their own ids."""
    screened: Mapping[UUID, tuple[Screened, tuple[Why, ...]]]
    reports: Mapping[UUID, dict[str, int]]
    appeals: Mapping[UUID, Appeal]


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
        return await self.found(site, ids, await self.pending.items(site.slug, ids))

    async def found(
        self, site: Site, ids: Iterable[UUID], items: Mapping[UUID, PendingComment]
    ) -> list[Found]:
        """Return the same where it is known which of them wait."""
        # A new one that waits is all that Redis says.
        found = {
            comment_id: Found.of_pending(item)
            for comment_id, item in items.items()
            if item.kind == "new" and item.n == 0
        }
        found |= await self._known(site, [each for each in ids if each not in found])
        return [found[comment_id] for comment_id in ids if comment_id in found]

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
        around = await self._around(site, found, blind=of_lane.blind)
        return _put_together(site, found, around, leases, now=now, of_lane=of_lane)

    async def _around(self, site: Site, found: Sequence[Found], *, blind: bool) -> _Around:
        """Return what surrounds comments, `blind` without what tells how they were decided."""
        judged = [] if blind else found
        # None of these needs another: they are asked for side by side.
        known, rates, parents, screened, (reports, appeals) = await asyncio.gather(
            self._surroundings(site, found),
            self.views.per_hour(site, [*{each.article_id for each in found}]),
            self._known(site, [each.parent_id for each in found if each.parent_id]),
            self._screenings(site, judged),
            self._said_of(site, judged),
        )
        return _Around(
            known=known,
            articles=await self._articles(site, found, known, rates),
            parents=parents,
            screened=screened,
            reports=reports,
            appeals=appeals,
        )

    async def _screenings(
        self, site: Site, found: Sequence[Found]
    ) -> dict[UUID, tuple[Screened, tuple[Why, ...]]]:
        """Return what was made of comments: it travels with what waits, else it is kept."""
        travels = {
            each.comment_id: (each.waiting.screened, each.waiting.why)
            for each in found
            if each.waiting is not None and each.waiting.screened is not None
        }
        rest = [(each.article_id, each.comment_id) for each in found if each.waiting is None]
        if not rest:
            return travels
        try:
            return travels | await self.screenings.latest(site.site_id, rest)
        except Unavailable:
            return travels

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

    async def _surroundings(self, site: Site, found: Sequence[Found]) -> dict[UUID, Surroundings]:
        """Return what Postgres knows around comments; nothing while it is away."""
        places = [(each.article_id, each.comment_id, each.author_id) for each in found]
        try:
            return await in_time(self.surroundings.around(site.site_id, places))
        except Unavailable:
            return {}

    async def _articles(
        self,
        site: Site,
        found: Sequence[Found],
        known: Mapping[UUID, Surroundings],
        rates: Mapping[UUID, float],
    ) -> dict[UUID, Article]:
        """Return the article of each comment, with how often it is read."""
        articles = {
            each.comment_id: known.get(each.comment_id, UNKNOWN).article
            or self.articles.last(site, each.article_key)
            or _unseen_article(site, each)
            for each in found
        }
        asked = {each.article_id for each in found}
        if merged := {each.article_id for each in articles.values()} - asked:
            rates = {**rates, **await self.views.per_hour(site, [*merged])}
        return {
            comment_id: replace(article, views_per_hour=rate)
            if article.views_per_hour is None
            and (rate := rates.get(article.article_id)) is not None
            else article
            for comment_id, article in articles.items()
        }

    async def _known(self, site: Site, ids: Sequence[UUID]) -> dict[UUID, Found]:
        """Look comments up; while they cannot be, the queue is shown without them."""
        try:
            return await self.lookup.find_many(site, ids)
        except Unavailable:
            return {}


def _put_together(
    site: Site,
    found: Iterable[Found],
    around: _Around,
    leases: Mapping[UUID, Lease],
    *,
    now: datetime,
    of_lane: LanePage,
) -> tuple[QueueEntry, ...]:
    """Make entries of comments and what surrounds them, in this order."""
    within = of_lane.within or timedelta(minutes=site.settings.due_minutes)
    entries = []
    for each in found:
        comment_id = each.comment_id
        since = of_lane.since.get(comment_id) or _came(each)
        screened, why = around.screened.get(comment_id, (None, ()))
        known = around.known.get(comment_id, UNKNOWN)
        cluster = None if of_lane.blind else known.cluster
        article = around.articles[comment_id]
        reports = around.reports.get(comment_id, {})
        entry = QueueEntry(
            found=each,
            article=article,
            parent=around.parents.get(each.parent_id or NOBODY),
            standing=known.standing or Standing(author_id=each.author_id or NOBODY),
            lease=leases.get(comment_id),
            since=since,
            due_at=since + within,
            reports=reports,
            appeal=around.appeals.get(comment_id),
            cluster=cluster,
            blind=of_lane.blind,
            screened=screened,
            why=why,
            priority=urgency_of(
                screened,
                why=why,
                chars=len(_text(each)),
                views_per_hour=article.views_per_hour,
                waited=now - since,
                within=within,
                held=of_lane.blind or each.waiting is not None,
                reports=reports,
                cluster_size=cluster.size if cluster else 1,
            ),
        )
        entries.append(entry)
    return tuple(entries)


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
