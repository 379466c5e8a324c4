"""What members want to search for again."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.storage.postgres import connected, load_queries
from service.storage.search import Sort

SQL = load_queries("saved_searches")


class SavedSearch(Struct, frozen=True, kw_only=True):
    """A line of the filter language with a name."""

    search_id: UUID
    name: str
    line: str
    sort: Sort
    at: datetime


class SavedSearchStore(Struct, frozen=True, kw_only=True):
    """In Postgres. Every method raises DatabaseUnavailable while it is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def of_member(self, member_id: UUID, site_id: int) -> list[SavedSearch]:
        """Return a member's searches on a site, by name."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["of_member"], member_id, site_id)
        return [SavedSearch(**row) for row in rows]

    async def keep(self, member_id: UUID, site_id: int, saved: SavedSearch, *, most: int) -> bool:
        """Keep another, in place of one of the same name; False when there are too many."""
        async with connected(self.pool) as connection:
            kept = await connection.fetchval(
                SQL["keep"],
                member_id,
                site_id,
                saved.search_id,
                saved.name,
                saved.line,
                saved.sort,
                saved.at,
                most,
            )
        return kept is not None

    async def drop(self, member_id: UUID, site_id: int, search_id: UUID) -> bool:
        """Forget one; False when there is none."""
        async with connected(self.pool) as connection:
            dropped = await connection.fetchval(SQL["drop"], member_id, site_id, search_id)
        return dropped is not None
