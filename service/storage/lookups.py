"""One comment whole, as Postgres knows it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.model import Comment, Decision, PendingComment
from service.payload import from_payload
from service.storage.postgres import connected, load_queries
from service.storage.rows import decision_of, public_comment

SQL = load_queries("lookups")

BEGINNING = (-math.inf, UUID(int=0))
"""Before every rank a search can give."""


class Record(Struct, frozen=True, kw_only=True):
    """Everything about one comment that Postgres has."""

    article_id: UUID
    article_key: str | None
    comment_id: UUID
    public: Comment | None
    decision: Decision | None
    waiting: PendingComment | None
    kept: PendingComment | None
    author_id: UUID | None
    """None before the first decision, and once erased."""


class Revision(Struct, frozen=True, kw_only=True):
    """A former approved text."""

    revision: int
    text: str
    replaced_at: datetime


class LookupStore(Struct, frozen=True, kw_only=True):
    """Read what is known of a comment."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def find_comment(self, site_id: int, comment_id: UUID) -> Record | None:
        """One comment of a site, or None.

        Raises:
            DatabaseUnavailable: Postgres is away.
        """
        return (await self.find_comments(site_id, [comment_id])).get(comment_id)

    async def find_comments(self, site_id: int, comment_ids: Sequence[UUID]) -> dict[UUID, Record]:
        """Those comments of a site that Postgres knows, in one query.

        Raises:
            DatabaseUnavailable: Postgres is away.
        """
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["find_comments"], site_id, list(comment_ids))
        return {row["comment_id"]: _record(row, site_id, row["comment_id"]) for row in rows}

    async def find_history(
        self, site_id: int, article_id: UUID, comment_id: UUID
    ) -> tuple[Decision, ...]:
        """Every decision on a comment, oldest first."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["find_history"], site_id, article_id, comment_id)
        return tuple(decision_of(row) for row in rows)

    async def find_revisions(
        self, site_id: int, article_id: UUID, comment_id: UUID
    ) -> tuple[Revision, ...]:
        """Former approved texts, oldest first."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["find_revisions"], site_id, article_id, comment_id)
        return tuple(Revision(**row) for row in rows)

    async def search_waiting(
        self,
        site_id: int,
        phrase: str,
        *,
        sort: Literal["priority", "oldest", "newest"],
        escalated: bool,
        after: tuple[float, UUID],
        limit: int,
    ) -> list[tuple[UUID, float]]:
        """Ids and ranks of waiting comments that hold a phrase, the smallest rank first.

        `escalated` includes what only seniors see; `after` is a rank and an id, `BEGINNING`
        for the first page.
        """
        escaped = phrase.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        async with connected(self.pool) as connection:
            rows = await connection.fetch(
                SQL["search_waiting"], site_id, escaped, sort, escalated, *after, limit
            )
        return [(row["comment_id"], row["rank"]) for row in rows]


def _record(row: asyncpg.Record, site_id: int, comment_id: UUID) -> Record:
    public = (
        public_comment(row, site_id, row["article_id"], comment_id)
        if row["public_status"]
        else None
    )
    decision = None
    if row["n"] is not None:
        decision = decision_of(
            {
                **row,
                "site_id": site_id,
                "comment_id": comment_id,
                "revision": row["judged_revision"],
                "status": row["decided_status"],
            }
        )
    return Record(
        article_id=row["article_id"],
        article_key=row["article_key"],
        comment_id=comment_id,
        public=public,
        decision=decision,
        waiting=from_payload(row["waiting"]) if row["waiting"] else None,
        kept=from_payload(row["kept"]) if row["kept"] else None,
        author_id=row["subject_id"],
    )
