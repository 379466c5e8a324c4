"""The queue as moderators meet it: look, claim, renew, release."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal
from uuid import UUID

from service.cursors import Cursors
from service.errors import Unavailable
from service.features.appeals import Appeal, Appeals
from service.features.articles import ArticleDirectory
from service.features.authors import Authors
from service.features.lanes import WAITING_LANES, Lane, Lanes
from service.features.lookup import Found, Lookup
from service.model import (
    Actor,
    Article,
    Lease,
    PendingComment,
    Site,
    Standing,
    made_at,
)
from service.storage.lookups import BEGINNING, LookupStore
from service.storage.pending import PendingStore

__all__ = ["Lane", "Queue", "QueueEntry", "QueuePage", "Sort"]

NOBODY = UUID(int=0)
NO_TIMES: Mapping[UUID, datetime] = MappingProxyType({})
LOOK_BEYOND = 100
"""How many held comments of a pile are passed over at most to find free ones."""
LEASE_MS = 90_000
"""How long a claimed comment stays with its holder (api.md)."""
REVIEW_WITHIN = timedelta(hours=1)
"""When a waiting comment is due: an hour after it came, until a site says otherwise."""


Sort = Literal["priority", "oldest", "newest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEntry:
    """A comment with what a moderator needs to decide it."""

    found: Found
    article: Article
    parent: Found | None
    standing: Standing
    lease: Lease | None
    due_at: datetime
    reports: Mapping[str, int]
    """Open reports, by reason."""
    appeal: Appeal | None = None

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
    cursors: Cursors

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
            return await self._look_at_lane(site, lane, after, limit, purpose, now=now)
        total = await self.pending.total(site.slug, include_escalated=actor.sees_escalated)
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
        following_cursor = self.cursors.sign(purpose, following) if following else None
        return QueuePage(entries=entries, next=following_cursor, total=total)

    async def claim(
        self, site: Site, *, lane: Lane, limit: int, actor: Actor, now: datetime
    ) -> tuple[QueueEntry, ...]:
        """Lease the next comments; nobody is handed them again until the lease ends.

        Raises:
            Unavailable: Redis is away.
        """
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
        return await self._entries(site, [each.comment_id for each in claimed], now=now)

    async def renew(
        self, site: Site, comment_ids: Sequence[UUID], *, actor: Actor
    ) -> tuple[list[UUID], list[UUID]]:
        """Hold on to leases: those renewed, and those lost meanwhile."""
        return await self.pending.renew(
            site.slug, owner=owner(actor), ids=comment_ids, ttl_ms=LEASE_MS
        )

    async def release(self, site: Site, comment_ids: Sequence[UUID], *, actor: Actor) -> None:
        """Give leases back; those of others stay."""
        await self.pending.release(site.slug, owner=owner(actor), ids=comment_ids)

    async def entry(self, site: Site, comment_id: UUID, *, now: datetime) -> QueueEntry | None:
        """One waiting comment with its surroundings, or None."""
        entries = await self._entries(site, [comment_id], now=now)
        return entries[0] if entries else None

    async def standing(self, site: Site, found: Found) -> Standing:
        """An author's record; zeros for one that was erased or never met."""
        author_id = found.author_id or UUID(int=0)
        standings = await self.authors.standings(site, [author_id])
        return standings.get(author_id, Standing(author_id=author_id))

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
        self, site: Site, lane: Lane, after: Any, limit: int, purpose: str, *, now: datetime
    ) -> QueuePage:
        page = await self.lanes.page(site, lane, after=after, limit=limit)
        entries = await self._entries(site, page.ids, now=now, since=page.since)
        following = self.cursors.sign(purpose, page.following) if page.following else None
        return QueuePage(entries=entries, next=following, total=await self.lanes.total(site, lane))

    async def _claim_of_lane(
        self, site: Site, lane: Lane, limit: int, actor: Actor, *, now: datetime
    ) -> tuple[QueueEntry, ...]:
        """Lease the first of a pile that nobody holds, looking a little further than needed."""
        page = await self.lanes.page(site, lane, after=None, limit=limit + LOOK_BEYOND)
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
        ids = [each.comment_id for each in claimed]
        return await self._entries(site, ids, now=now, since=page.since)

    async def _entries(
        self,
        site: Site,
        ids: Sequence[UUID],
        *,
        now: datetime,
        since: Mapping[UUID, datetime] = NO_TIMES,
    ) -> tuple[QueueEntry, ...]:
        if not ids:
            return ()
        items = await self.pending.items(site.slug, ids)
        leases = await self.pending.leases(site.slug, ids)
        found = await asyncio.gather(
            *(self._found(site, comment_id, items.get(comment_id)) for comment_id in ids)
        )
        present = [each for each in found if each is not None]
        standings = await self.authors.standings(
            site, [each.author_id for each in present if each.author_id is not None]
        )
        reports, appeals = await self._said_of(site, present)
        entries = await asyncio.gather(
            *(
                self._entry(
                    site,
                    each,
                    lease=leases.get(each.comment_id),
                    standing=standings.get(each.author_id or NOBODY),
                    reports=reports.get(each.comment_id, {}),
                    appeal=appeals.get(each.comment_id),
                    since=since.get(each.comment_id) or made_at(each.comment_id),
                    now=now,
                )
                for each in present
            )
        )
        return tuple(entries)

    async def _found(
        self, site: Site, comment_id: UUID, item: PendingComment | None
    ) -> Found | None:
        """Return a comment wherever it is; a new one that waits is all that Redis says."""
        if item is not None and item.kind == "new" and item.n == 0:
            return Found.of_pending(item)
        known = await self._known(site, comment_id)
        return known or (Found.of_pending(item) if item else None)

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

    async def _entry(
        self,
        site: Site,
        found: Found,
        *,
        lease: Lease | None,
        standing: Standing | None,
        reports: Mapping[str, int],
        appeal: Appeal | None,
        since: datetime,
        now: datetime,
    ) -> QueueEntry:
        article = await self.articles.get(site, found.article_key, now=now)
        return QueueEntry(
            found=found,
            article=article or _unseen_article(site, found),
            parent=await self._parent(site, found),
            standing=standing or Standing(author_id=found.author_id or NOBODY),
            lease=lease,
            due_at=since + REVIEW_WITHIN,
            reports=reports,
            appeal=appeal,
        )

    async def _parent(self, site: Site, found: Found) -> Found | None:
        return await self._known(site, found.parent_id) if found.parent_id else None

    async def _known(self, site: Site, comment_id: UUID) -> Found | None:
        """Look a comment up; while it cannot be, the queue is shown without it."""
        try:
            return await self.lookup.find(site, comment_id)
        except Unavailable:
            return None


def owner(actor: Actor) -> str:
    """Name the holder of a lease: the member or the key."""
    return f"{actor.kind}:{actor.actor_id}"


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
