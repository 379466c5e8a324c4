"""What the newsroom puts forward, in Postgres."""

from __future__ import annotations

from uuid import UUID

import asyncpg
from msgspec import Struct

from service.storage.administration import Act, note_act
from service.storage.postgres import TURN_SECONDS, in_transaction, load_queries

SQL = load_queries("featured")


class FeaturedStore(Struct, frozen=True, kw_only=True):
    """Put comments forward. Methods raise DatabaseUnavailable while Postgres is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def feature(
        self, site_id: int, comment_id: UUID, *, featured: bool, act: Act
    ) -> UUID | None:
        """Put a public comment forward, or no longer, and log that.

        Returns the article whose thread that changes; None where nothing changes.
        """
        async with in_transaction(self.pool, wait_seconds=TURN_SECONDS) as connection:
            article_id = await connection.fetchval(SQL["hold_article"], site_id, comment_id)
            if article_id is None:
                return None
            place = (site_id, article_id, comment_id)
            if await connection.fetchval(SQL["feature"], *place, featured) is None:
                return None
            await connection.execute(SQL["renew_thread"], site_id, article_id)
            if featured:
                await connection.execute(SQL["tell"], *place, {})
            await note_act(connection, act)
        return UUID(str(article_id))
