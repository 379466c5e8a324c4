"""How long comments waited, as the log of decisions tells."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.storage.postgres import connected, load_queries

SQL = load_queries("waits")


class WaitStore(Struct, frozen=True, kw_only=True):
    """Read when comments were first decided. Every method raises DatabaseUnavailable."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def first_rulings(
        self, site_id: int, *, since: datetime, limit: int
    ) -> Sequence[tuple[UUID, datetime]]:
        """Return which comments people first ruled on, and when, newest first.

        `limit` is how many decisions are looked through, those of rules among them.
        """
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["first_rulings"], site_id, since, limit)
        return [(row["comment_id"], row["at"]) for row in rows]
