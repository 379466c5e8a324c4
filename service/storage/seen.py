"""Public comments that no person decided, in Postgres: who has looked at them since."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.model import Actor
from service.storage.postgres import connected, in_transaction, load_queries

SQL = load_queries("seen")

COUNTED_MAX = 10_000
"""Unseen comments that are counted: where more wait, nobody sees them all anyway."""


class SeenStore(Struct, frozen=True, kw_only=True):
    """Keep what was seen. Every method raises DatabaseUnavailable while Postgres is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def lane(
        self, site_id: int, *, after: tuple[datetime, UUID] | None, limit: int
    ) -> list[tuple[UUID, datetime]]:
        """Return unseen comments as (id, public since), the longest public first."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["lane"], site_id, *(after or (None, None)), limit)
        return [(row["comment_id"], row["published_at"]) for row in rows]

    async def count_lane(self, site_id: int) -> int:
        """Count the unseen comments, up to `COUNTED_MAX`."""
        async with connected(self.pool) as connection:
            return int(await connection.fetchval(SQL["count_lane"], site_id, COUNTED_MAX))

    async def mark(
        self, site_id: int, comment_ids: Sequence[UUID], *, actor: Actor, at: datetime
    ) -> list[UUID]:
        """Note that somebody has seen comments, and return those that nobody had."""
        async with in_transaction(self.pool) as connection:
            rows = await connection.fetch(
                SQL["mark"], site_id, list(comment_ids), actor.kind, actor.actor_id, at
            )
        return [row["comment_id"] for row in rows]

    async def unmark(
        self, site_id: int, comment_ids: Sequence[UUID], *, actor: Actor
    ) -> list[UUID]:
        """Take back what the same person had seen, and return what is unseen again."""
        async with in_transaction(self.pool) as connection:
            rows = await connection.fetch(
                SQL["unmark"], site_id, list(comment_ids), actor.kind, actor.actor_id
            )
        return [row["comment_id"] for row in rows]
