"""What is a comment now? One answer from both stores, for readers, authors and moderators."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import structlog
from msgspec import Struct

from service.errors import Unavailable
from service.features.in_time import in_time
from service.features.transitions import status_of, waiting_of
from service.model import Comment, Decision, PendingComment, Site, Status
from service.storage.lookups import LookupStore, Record, Revision
from service.storage.pending import PendingStore

__all__ = ["Found", "Lookup", "Revision"]

log = structlog.get_logger(__name__)


class Found(Struct, frozen=True, kw_only=True):
    """A comment wherever it is: waiting, public, or decided and kept."""

    status: Status
    article_id: UUID
    article_key: str
    comment_id: UUID
    author_id: UUID | None
    """None once the author was erased."""
    waiting: PendingComment | None = None
    """The comment, or the edit of a public one, that waits."""
    public: Comment | None = None
    kept: PendingComment | None = None
    """The text of a rejected or removed comment, while it is kept."""
    decision: Decision | None = None
    """The latest."""

    @property
    def parent_id(self) -> UUID | None:
        """The comment this one answers."""
        source = self.public or self.waiting or self.kept
        return source.parent_id if source else None

    @classmethod
    def of_pending(cls, item: PendingComment) -> Found:
        """A comment that nobody has decided yet."""
        return cls(
            status=Status.PENDING,
            article_id=item.article_id,
            article_key=item.article_key,
            comment_id=item.comment_id,
            author_id=item.author.author_id,
            waiting=item,
        )


class Lookup(Struct, frozen=True, kw_only=True):
    """Find one comment of a site by its id."""

    pending: PendingStore
    lookups: LookupStore

    async def find(self, site: Site, comment_id: UUID) -> Found | None:
        """Tell where a comment is, or None if neither store of this site knows it.

        While one store is away the other answers for what it has.

        Raises:
            Unavailable: neither store can say.
        """
        failure: Unavailable | None = None
        item: PendingComment | None = None
        try:
            item = await self.pending.get(site.slug, comment_id)
        except Unavailable as unavailable:
            failure = unavailable
        asked = self.lookups.find_comment(site.site_id, comment_id)
        try:
            record = await asked if item is None else await in_time(asked)
        except Unavailable:
            if item is None:
                raise
            return Found.of_pending(item)
        found = _merge(item, record)
        if found is None and failure is not None:
            raise failure
        return found

    async def find_many(self, site: Site, comment_ids: Sequence[UUID]) -> dict[UUID, Found]:
        """Tell where comments are, by id; those that neither store of this site knows are left out.

        While one store is away the other answers for what it has.

        Raises:
            Unavailable: both are away.
        """
        ids = list(dict.fromkeys(comment_ids))
        if not ids:
            return {}
        failure: Unavailable | None = None
        items: dict[UUID, PendingComment] = {}
        records: dict[UUID, Record] = {}
        try:
            items = await self.pending.items(site.slug, ids)
        except Unavailable as unavailable:
            failure = unavailable
        try:
            records = await self.lookups.find_comments(site.site_id, ids)
        except Unavailable:
            if failure is not None:
                raise
        merged = {each: _merge(items.get(each), records.get(each)) for each in ids}
        return {comment_id: found for comment_id, found in merged.items() if found is not None}

    async def history(self, found: Found, site: Site) -> tuple[Decision, ...]:
        """Every decision on a comment, oldest first."""
        return await self.lookups.find_history(site.site_id, found.article_id, found.comment_id)

    async def revisions(self, found: Found, site: Site) -> tuple[Revision, ...]:
        """Former approved texts of a comment, oldest first."""
        return await self.lookups.find_revisions(site.site_id, found.article_id, found.comment_id)


def _merge(item: PendingComment | None, record: Record | None) -> Found | None:
    """Let the decision log speak last: an item it has settled no longer waits."""
    if record is None:
        return Found.of_pending(item) if item else None
    waiting = waiting_of((item, record.waiting), record.decision)
    status = status_of(record.public, waiting, record.decision)
    if status is None:
        return None
    return Found(
        status=status,
        article_id=record.article_id,
        article_key=record.article_key or (waiting.article_key if waiting else ""),
        comment_id=record.comment_id,
        author_id=waiting.author.author_id if waiting else record.author_id,
        waiting=waiting,
        public=record.public,
        kept=record.kept,
        decision=record.decision,
    )
