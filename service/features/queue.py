"""The queue as moderators meet it: look, claim, renew, release."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from service.cursors import Cursors
from service.errors import Unavailable
from service.features.articles import ArticleDirectory
from service.features.authors import Authors
from service.features.lookup import Found, Lookup
from service.model import Actor, Article, Comment, Lease, PendingComment, Site, Standing
from service.storage.lookups import BEGINNING, LookupStore
from service.storage.pending import PendingStore

LEASE_MS = 90_000
"""How long a claimed comment stays with its holder (api.md)."""
REVIEW_WITHIN = timedelta(hours=1)
"""When a waiting comment is due: an hour after it came, until a site says otherwise."""


class Lane(StrEnum):
    """One of the piles moderators work through."""

    HELD = "held"
    REPORTED = "reported"
    NEW = "new"
    APPEALS = "appeals"
    CHECK = "check"
    ALL = "all"


Sort = Literal["priority", "oldest", "newest"]
WAITING_LANES = frozenset({Lane.HELD, Lane.ALL})


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEntry:
    """A waiting comment with what a moderator needs to decide it."""

    item: PendingComment
    article: Article
    parent: Found | None
    standing: Standing
    lease: Lease | None
    due_at: datetime
    public: Comment | None = None
    """The public comment whose edit waits."""


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
        if lane not in WAITING_LANES:
            return QueuePage(entries=(), next=None, total=0)
        total = await self.pending.total(site.slug, include_escalated=actor.sees_escalated)
        purpose = f"queue:{site.site_id}:{lane}:{sort}:{phrase or ''}"
        after = None if cursor is None else self.cursors.open(purpose, cursor)
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
            return ()
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

    async def _entries(
        self, site: Site, ids: Sequence[UUID], *, now: datetime
    ) -> tuple[QueueEntry, ...]:
        if not ids:
            return ()
        items = await self.pending.items(site.slug, ids)
        leases = await self.pending.leases(site.slug, ids)
        present = [items[each] for each in ids if each in items]
        standings = await self.authors.standings(site, [each.author.author_id for each in present])
        entries = await asyncio.gather(
            *(
                self._entry(site, item, leases.get(item.comment_id), standings, now=now)
                for item in present
            )
        )
        return tuple(entries)

    async def _entry(
        self,
        site: Site,
        item: PendingComment,
        lease: Lease | None,
        standings: dict[UUID, Standing],
        *,
        now: datetime,
    ) -> QueueEntry:
        article = await self.articles.get(site, item.article_key, now=now)
        author_id = item.author.author_id
        return QueueEntry(
            item=item,
            article=article or _unseen_article(item),
            parent=await self._parent(site, item),
            standing=standings.get(author_id, Standing(author_id=author_id)),
            lease=lease,
            due_at=item.created_at + REVIEW_WITHIN,
            public=await self._public(site, item),
        )

    async def _parent(self, site: Site, item: PendingComment) -> Found | None:
        return await self._known(site, item.parent_id) if item.parent_id else None

    async def _public(self, site: Site, item: PendingComment) -> Comment | None:
        found = await self._known(site, item.comment_id) if item.kind == "edit" else None
        return found.public if found else None

    async def _known(self, site: Site, comment_id: UUID) -> Found | None:
        """Look a comment up; while it cannot be, the queue is shown without it."""
        try:
            return await self.lookup.find(site, comment_id)
        except Unavailable:
            return None


def owner(actor: Actor) -> str:
    """Name the holder of a lease: the member or the key."""
    return f"{actor.kind}:{actor.actor_id}"


def _unseen_article(item: PendingComment) -> Article:
    """An article as its first comment described it, while Postgres has not seen it."""
    return Article(
        site_id=item.site_id,
        article_id=item.article_id,
        key=item.article_key,
        url=item.article_url,
        title=item.article_title,
    )
