"""What one author wrote, found by who they are."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.storage.postgres import connected, load_queries

SQL = load_queries("own")


class OwnStore(Struct, frozen=True, kw_only=True):
    """Find an author's comments."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def under_articles(
        self, site_id: int, article_ids: Sequence[UUID], author_id: UUID, *, limit: int
    ) -> list[UUID]:
        """Return ids of an author's comments under some articles.

        The newest first, whatever became of them; what was accepted in the last half second
        may be missing.

        Raises:
            DatabaseUnavailable: Postgres is away.
        """
        async with connected(self.pool) as connection:
            found = await connection.fetch(
                SQL["under_articles"], site_id, list(article_ids), author_id, limit
            )
        return [row["comment_id"] for row in found]

    async def thread_ids(self, site_id: int, article_id: UUID) -> list[UUID]:
        """Return the article and all that are read as one with it.

        Raises:
            DatabaseUnavailable: Postgres is away.
        """
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["thread_ids"], site_id, article_id)
        return list({article_id, *(row["article_id"] for row in rows)})
