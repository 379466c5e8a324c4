"""How members like to work, in Postgres."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.storage.postgres import connected, load_queries

SQL = load_queries("wishes")


class WishStore(Struct, frozen=True, kw_only=True):
    """Keep wishes. Every method raises DatabaseUnavailable while Postgres is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def find(self, member_id: UUID) -> dict[str, Any]:
        """Return a member's wishes; nothing of one who never said any."""
        async with connected(self.pool) as connection:
            found = await connection.fetchval(SQL["find"], member_id)
        return dict(found or {})

    async def keep(self, member_id: UUID, wishes: Mapping[str, Any], *, at: datetime) -> None:
        """Keep a member's wishes, in place of earlier ones."""
        async with connected(self.pool) as connection:
            await connection.execute(SQL["keep"], member_id, dict(wishes), at)
