"""Counters compared with what they count, and put right."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.storage.postgres import TURN_SECONDS, connected, in_transaction, load_queries

SQL = load_queries("recounts")

BATCH = 500
"""Articles asked for at once."""
COUNT_SECONDS = 30.0
"""Longer than other statements may take: an article may have tens of thousands of comments."""
DEPTH_MAX = 200
"""Times the replies of an article are counted anew: a tombstone shown wrongly may hide another
above it, so each pass puts one level right."""
NONE = UUID(int=0)


class RecountStore(Struct, frozen=True, kw_only=True):
    """Count anew. Every method raises DatabaseUnavailable while Postgres is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def articles(self, site_id: int, *, since: datetime | None) -> AsyncIterator[list[UUID]]:
        """Yield the articles of a site that were decided on since a time, or all of them."""
        after = NONE
        while True:
            async with connected(self.pool) as connection:
                if since is None:
                    rows = await connection.fetch(SQL["every"], site_id, after, BATCH)
                else:
                    rows = await connection.fetch(SQL["touched"], site_id, since, after, BATCH)
            if not rows:
                return
            yield [row["article_id"] for row in rows]
            after = rows[-1]["article_id"]

    async def mend(self, site_id: int, article_id: UUID) -> int:
        """Count an article's comments anew under its lock; returns how many counters were wrong."""
        wrong = 0
        async with in_transaction(self.pool, wait_seconds=TURN_SECONDS) as connection:
            place = (site_id, article_id)
            if not await connection.fetchval(SQL["hold"], *place):
                return 0
            # Without fresh statistics the planner takes an article for one row and compares each
            # comment with each, for seconds, while nobody may decide.
            await connection.execute("SET LOCAL enable_nestloop = off")
            for _ in range(DEPTH_MAX):
                found: int = await connection.fetchval(
                    SQL["mend_replies"], *place, timeout=COUNT_SECONDS
                )
                wrong += found
                if not found:
                    break
            if await connection.fetchval(SQL["mend_counts"], *place, timeout=COUNT_SECONDS):
                return wrong + 1
            if wrong:
                await connection.execute(SQL["renew"], *place)
        return wrong
