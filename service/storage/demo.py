"""The demo's votes, as if readers had cast them, and when it all began."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.storage.postgres import connected, load_queries

SQL = load_queries("demo")


class Votes(Struct, frozen=True, kw_only=True):
    """The votes one comment has."""

    article_id: UUID
    comment_id: UUID
    up: int
    down: int
    best: float
    """Its place in the order `best` (`service.model.best_order`)."""


class DemoVotes(Struct, frozen=True, kw_only=True):
    """The demo in Postgres. Every method raises DatabaseUnavailable while it is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def began(self, site_id: int, article_id: UUID) -> datetime | None:
        """Return when an article was first heard of, by the clock of Postgres."""
        async with connected(self.pool) as connection:
            began: datetime | None = await connection.fetchval(SQL["began"], site_id, article_id)
        return began

    async def cast(self, site_id: int, votes: Sequence[Votes]) -> None:
        """Set the votes of comments that are or were public; others are left out."""
        async with connected(self.pool) as connection:
            await connection.execute(
                SQL["cast_votes"],
                site_id,
                [each.article_id for each in votes],
                [each.comment_id for each in votes],
                [each.up for each in votes],
                [each.down for each in votes],
                [each.best for each in votes],
            )
