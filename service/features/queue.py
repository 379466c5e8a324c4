"""The queue as moderators meet it: look, claim, renew, release."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from service import crash
from service.cursors import Cursors
from service.errors import Unavailable
from service.features.appeals import Appeal, Appeals
from service.features.articles import ArticleDirectory
from service.features.authors import Authors
from service.features.clusters import Cluster, Clusters
from service.features.lanes import (
    BESIDE,
    BLIND,
    EMPTY,
    WAITING_LANES,
    Lane,
    LanePage,
    Lanes,
    counted,
)
from service.features.lookup import Found, Lookup
from service.features.screening.priority import Priority
from service.features.telling import Telling
from service.features.urgency import urgency_of
from service.features.views import Views
from service.model import (
    Actor,
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
from service.storage.lookups import BEGINNING, LookupStore
from service.storage.pending import Claimed, PendingStore
from service.storage.screenings import ScreeningStore, Spoke, spoken

__all__ = ["Lane", "Queue", "QueueEntry", "QueuePage", "Sort", "Spoke"]

NOBODY = UUID(int=0)
LOOK_BEYOND = 100
"""How many held comments of a pile are passed over at most to find free ones."""
ROOM_BESIDE = 4
"""Of a page of `all`, a fourth is for each pile that is no waiting one."""
LEASE_MS = 90_000
"""How long a claimed comment stays with its holder (api.md)."""

Sort = Literal["priority", "oldest", "newest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEntry:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePage:
    """A page of the queue, looked at without claiming."""

    entries: tuple[QueueEntry, ...]
    next: str | None
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Hand out waiting comments, one holder each."""

    pending: PendingStore
    lookup: Lookup
    lookups: LookupStore
    articles: ArticleDirectory
    authors: Authors
    lanes: Lanes
    appeals: Appeals
    views: Views
    screenings: ScreeningStore
    clusters: Clusters
    cursors: Cursors
    telling: Telling = field(default_factory=Telling)

    async def look(
        self,
        site: Site,
        *,
        lane: Lane,
        sort: Sort,
        phrase: str | None,
        limit: int,
        cursor: str | None,
        actor: Actor,
        now: datetime,
    ) -> QueuePage:
        """Show what waits, leased or not, without claiming anything.

        Raises:
            Invalid: the cursor is not one of this list's (`bad_cursor`).
            Unavailable: Redis is away; with a phrase also when Postgres is.
        """
        purpose = f"queue:{site.site_id}:{lane}:{sort}:{phrase or ''}"
        after = None if cursor is None else self.cursors.open(purpose, cursor)
        if lane not in WAITING_LANES:
            return await self._look_at_lane(
                site, lane, actor=actor, after=after, limit=limit, purpose=purpose, now=now
            )
        total = await self.pending.total(site.slug, include_escalated=actor.sees_escalated)
        beside: tuple[QueueEntry, ...] = ()
        if lane is Lane.ALL and not phrase:
            total += await self._total_beside(site, actor)
            if after is None and limit >= ROOM_BESIDE:
                beside = await self._beside(site, actor=actor, limit=limit // ROOM_BESIDE, now=now)
                limit -= len(beside)
        if phrase:
            ids, following = await self._search(
                site, phrase, sort=sort, limit=limit, after=after, actor=actor
            )
        else:
            ids, following = await self.pending.peek(
                site.slug,
                order=sort,
                limit=limit,
                after=after,
                include_escalated=actor.sees_escalated,
            )
        entries = await self._entries(site, ids, now=now)
        if beside:
            entries = _ranked(entries, beside, sort)
        following_cursor = self.cursors.sign(purpose, following) if following else None
        return QueuePage(entries=entries, next=following_cursor, total=total)

    async def totals(self, site: Site, *, actor: Actor) -> dict[Lane, int]:
        """Count what lies in each lane for an actor; lanes that cannot be counted are left out."""
        totals: dict[Lane, int] = {}
        with suppress(Unavailable):
            waiting = await self.pending.total(site.slug, include_escalated=actor.sees_escalated)
            totals[Lane.HELD] = waiting
        with suppress(Unavailable):  # one after the other: a page is no reason to hurry a database
            for lane in Lane:
                if lane not in WAITING_LANES:
                    totals[lane] = await self.lanes.total(site, lane, actor=actor)
        return counted(totals)

    async def claim(
        self,
        site: Site,
        *,
        lane: Lane,
        limit: int,
        only: Sequence[UUID] | None = None,
        actor: Actor,
        now: datetime,
    ) -> tuple[QueueEntry, ...]:
        """Lease the next comments, or only these; nobody is handed them until the lease ends.

        Raises:
            Unavailable: Redis is away.
        """
        if only is not None:
            shown = BLIND if lane is Lane.CHECK else EMPTY
            return await self._claim_only(site, only, limit, actor, shown, now=now)
        if lane not in WAITING_LANES:
            return await self._claim_of_lane(site, lane, limit, actor, now=now)
        claimed = await self.pending.claim(
            site.slug,
            owner=owner(actor),
            name=actor.name,
            limit=limit,
            ttl_ms=LEASE_MS,
            senior=actor.sees_escalated,
        )
        crash.reached(crash.Point.CLAIM_LEASED)
        return await self._claimed(site, claimed, actor, EMPTY, now=now)

    async def renew(
        self, site: Site, comment_ids: Sequence[UUID], *, actor: Actor
    ) -> tuple[list[UUID], list[UUID]]:
        """Hold on to leases: those renewed, and those lost meanwhile."""
        renewed, lost = await self.pending.renew(
            site.slug, owner=owner(actor), ids=comment_ids, ttl_ms=LEASE_MS
        )
        for lease in (await self.pending.leases(site.slug, renewed[:1])).values():
            self.telling.claimed(site, renewed, by=actor.name, until=lease.until)
        return renewed, lost

    async def release(self, site: Site, comment_ids: Sequence[UUID], *, actor: Actor) -> None:
        """Give leases back; those of others stay."""
        leases = await self.pending.leases(site.slug, comment_ids)
        await self.pending.release(site.slug, owner=owner(actor), ids=comment_ids)
        own = [each for each, lease in leases.items() if lease.owner == owner(actor)]
        self.telling.released(site, own)

    async def entry(self, site: Site, comment_id: UUID, *, now: datetime) -> QueueEntry | None:
        """One waiting comment with its surroundings, or None."""
        entries = await self._entries(site, [comment_id], now=now)
        return entries[0] if entries else None

    async def standing(self, site: Site, found: Found) -> Standing:
        """An author's record; zeros for one that was erased or never met."""
        author_id = found.author_id or UUID(int=0)
        standings = await self.authors.standings(site, [author_id])
        return standings.get(author_id, Standing(author_id=author_id))

    async def signals(self, site: Site, found: Found) -> tuple[Spoke, ...]:
        """Return what every rule said about each text of a comment, the latest text first.

        Raises:
            Unavailable: Postgres is away.
        """
        kept = await self.screenings.signals(site.site_id, found.article_id, found.comment_id)
        item = found.waiting
        if item is None or any(spoke.revision == item.revision for spoke in kept):
            return kept
        return (*spoken(item), *kept)  # the journal is half a second behind

    async def _claimed(
        self,
        site: Site,
        claimed: Sequence[Claimed],
        actor: Actor,
        of_lane: LanePage,
        *,
        now: datetime,
    ) -> tuple[QueueEntry, ...]:
        """Show what was leased just now, and let colleagues see who has it open."""
        if not claimed:
            return ()
        leases = {
            each.comment_id: Lease(owner=owner(actor), name=actor.name, until=each.until)
            for each in claimed
        }
        self.telling.claimed(site, [*leases], by=actor.name, until=claimed[0].until)
        return await self._entries(site, [*leases], now=now, of_lane=of_lane, leases=leases)

    async def _search(
        self, site: Site, phrase: str, *, sort: Sort, limit: int, after: Any, actor: Actor
    ) -> tuple[list[UUID], list[Any] | None]:
        rows = await self.lookups.search_waiting(
            site.site_id,
            phrase,
            sort=sort,
            escalated=actor.sees_escalated,
            after=(after[0], UUID(after[1])) if after else BEGINNING,
            limit=limit + 1,
        )
        page = rows[:limit]
        following = [page[-1][1], str(page[-1][0])] if len(rows) > limit else None
        return [comment_id for comment_id, _ in page], following

    async def _look_at_lane(
        self,
        site: Site,
        lane: Lane,
        *,
        actor: Actor,
        after: Any,
        limit: int,
        purpose: str,
        now: datetime,
    ) -> QueuePage:
        page = await self.lanes.page(site, lane, actor=actor, after=after, limit=limit)
        entries = await self._entries(site, page.ids, now=now, of_lane=page)
        following = self.cursors.sign(purpose, page.following) if page.following else None
        total = await self.lanes.total(site, lane, actor=actor)
        return QueuePage(entries=entries, next=following, total=total)

    async def _beside(
        self, site: Site, *, actor: Actor, limit: int, now: datetime
    ) -> tuple[QueueEntry, ...]:
        """Return the first of what lies in `all` and waits for something else than a decision."""
        entries: list[QueueEntry] = []
        with suppress(Unavailable):
            for lane in BESIDE:
                page = await self.lanes.page(site, lane, actor=actor, after=None, limit=limit)
                entries += await self._entries(site, page.ids, now=now, of_lane=page)
        return tuple(entries)

    async def _total_beside(self, site: Site, actor: Actor) -> int:
        with suppress(Unavailable):
            return sum([await self.lanes.total(site, lane, actor=actor) for lane in BESIDE])
        return 0

    async def _claim_only(
        self,
        site: Site,
        ids: Sequence[UUID],
        limit: int,
        actor: Actor,
        shown: LanePage,
        *,
        now: datetime,
    ) -> tuple[QueueEntry, ...]:
        """Lease the free ones of those that are there and that the actor may see."""
        there = [
            each.found.comment_id
            for each in await self._entries(site, ids, now=now)
            if actor.sees_escalated or each.item is None or not each.item.escalated
        ]
        claimed = await self.pending.lease(
            site.slug,
            owner=owner(actor),
            name=actor.name,
            ids=there,
            limit=limit,
            ttl_ms=LEASE_MS,
        )
        return await self._claimed(site, claimed, actor, shown, now=now)

    async def _claim_of_lane(
        self, site: Site, lane: Lane, limit: int, actor: Actor, *, now: datetime
    ) -> tuple[QueueEntry, ...]:
        """Lease the first of a pile that nobody holds, looking a little further than needed."""
        page = await self.lanes.page(site, lane, actor=actor, after=None, limit=limit + LOOK_BEYOND)
        if not page.ids:
            return ()
        claimed = await self.pending.lease(
            site.slug,
            owner=owner(actor),
            name=actor.name,
            ids=page.ids,
            limit=limit,
            ttl_ms=LEASE_MS,
        )
        return await self._claimed(site, claimed, actor, page, now=now)

    async def _entries(
        self,
        site: Site,
        ids: Sequence[UUID],
        *,
        now: datetime,
        of_lane: LanePage = EMPTY,
        leases: Mapping[UUID, Lease] | None = None,
    ) -> tuple[QueueEntry, ...]:
        """Show comments with their surroundings; `leases` where they are known."""
        if not ids:
            return ()
        items, held = await asyncio.gather(
            self.pending.items(site.slug, ids), self._held(site, ids, leases)
        )
        present = await self._found(site, ids, items)
        if of_lane is not EMPTY:
            present = [_without_edit(each) for each in present]
        judged = [] if of_lane.blind else present
        # None of these needs another: they are asked for side by side.
        standings, said, parents, articles, clusters, saw = await asyncio.gather(
            self.authors.standings(site, [each.author_id for each in present if each.author_id]),
            self._said_of(site, judged),
            self._known(site, [each.parent_id for each in present if each.parent_id]),
            self._articles(site, present, now=now),
            self._clusters(site, judged),
            self._screenings(site, judged),
        )
        reports, appeals = said
        within = of_lane.within or timedelta(minutes=site.settings.due_minutes)
        since = {
            each.comment_id: of_lane.since.get(each.comment_id, _came(each)) for each in present
        }
        entries = []
        for each in present:
            screened, why = saw.get(each.comment_id, (None, ()))
            cluster = clusters.get(each.comment_id)
            entry = QueueEntry(
                found=each,
                article=articles[each.article_key],
                parent=parents.get(each.parent_id or NOBODY),
                standing=standings.get(each.author_id or NOBODY)
                or Standing(author_id=each.author_id or NOBODY),
                lease=held.get(each.comment_id),
                since=since[each.comment_id],
                due_at=since[each.comment_id] + within,
                reports=reports.get(each.comment_id, {}),
                appeal=appeals.get(each.comment_id),
                cluster=cluster,
                blind=of_lane.blind,
                screened=screened,
                why=why,
                priority=urgency_of(
                    screened,
                    why=why,
                    chars=len(_text(each)),
                    views_per_hour=articles[each.article_key].views_per_hour,
                    waited=now - since[each.comment_id],
                    within=within,
                    held=of_lane.blind or each.waiting is not None,
                    reports=reports.get(each.comment_id),
                    cluster_size=cluster.size if cluster else 1,
                ),
            )
            entries.append(entry)
        return tuple(entries)

    async def _held(
        self, site: Site, ids: Sequence[UUID], leases: Mapping[UUID, Lease] | None
    ) -> Mapping[UUID, Lease]:
        return await self.pending.leases(site.slug, ids) if leases is None else leases

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

    async def _found(
        self, site: Site, ids: Sequence[UUID], items: Mapping[UUID, PendingComment]
    ) -> list[Found]:
        """Return comments wherever they are; a new one that waits is all that Redis says."""
        new = {
            comment_id: Found.of_pending(item)
            for comment_id, item in items.items()
            if item.kind == "new" and item.n == 0
        }
        found = new | await self._known(site, [each for each in ids if each not in new])
        return [found[comment_id] for comment_id in ids if comment_id in found]

    async def _said_of(
        self, site: Site, found: Sequence[Found]
    ) -> tuple[dict[UUID, dict[str, int]], dict[UUID, Appeal]]:
        """Return reports and appeals of comments; nothing while Postgres is away."""
        decided = [each for each in found if each.decision is not None]
        if not decided:
            return {}, {}
        try:
            return (
                await self.lanes.reports.by_reason(
                    site.site_id, [each.comment_id for each in decided]
                ),
                await self.appeals.of(site, decided),
            )
        except Unavailable:
            return {}, {}

    async def _articles(
        self, site: Site, found: Sequence[Found], *, now: datetime
    ) -> dict[str, Article]:
        """Return the articles of comments by key, each with how often it is read."""
        by_key = {each.article_key: each for each in found}
        known = await self.articles.get_many(site, by_key, now=now)
        articles = {
            key: known.get(key) or _unseen_article(site, each) for key, each in by_key.items()
        }
        counted = [each.article_id for each in articles.values() if each.views_per_hour is None]
        rates = await self.views.per_hour(site, counted)
        return {
            key: replace(article, views_per_hour=rates[article.article_id])
            if article.article_id in rates
            else article
            for key, article in articles.items()
        }

    async def _clusters(self, site: Site, found: Sequence[Found]) -> dict[UUID, Cluster]:
        """Return the clusters of comments; none while Postgres is away."""
        try:
            return await self.clusters.of(site, found)
        except Unavailable:
            return {}

    async def _known(self, site: Site, ids: Sequence[UUID]) -> dict[UUID, Found]:
        """Look comments up; while they cannot be, the queue is shown without them."""
        try:
            return await self.lookup.find_many(site, ids)
        except Unavailable:
            return {}


def owner(actor: Actor) -> str:
    """Name the holder of a lease: the member or the key."""
    return f"{actor.kind}:{actor.actor_id}"


def _ranked(
    waiting: Sequence[QueueEntry], beside: Sequence[QueueEntry], sort: Sort
) -> tuple[QueueEntry, ...]:
    """Bring two lists into one order; whatever waits for a decision is there once, as that."""
    known = {each.found.comment_id for each in waiting}
    entries = [*waiting, *(each for each in beside if each.found.comment_id not in known)]
    if sort == "priority":
        entries.sort(key=lambda each: each.priority.level, reverse=True)
    else:
        entries.sort(key=lambda each: each.since, reverse=sort == "newest")
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
