"""What waits in Postgres for whoever works behind the requests: one look at all of it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, get_args

import asyncpg
from msgspec import Struct

from service.storage.postgres import connected, load_queries

SQL = load_queries("errands")

Errand = Literal[
    "outbox",
    "search",
    "clusters",
    "cluster_decisions",
    "sweeps",
    "dry_runs",
    "alerts",
    "seal",
    "webhooks",
]
"""A kind of work."""
ERRANDS: tuple[Errand, ...] = get_args(Errand)


class ErrandStore(Struct, frozen=True, kw_only=True):
    """Look at what waits. Raises DatabaseUnavailable while Postgres is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def waiting(self, *, now: datetime) -> list[Errand]:
        """Return the kinds of work of which there is any."""
        async with connected(self.pool) as connection:
            row = await connection.fetchrow(SQL["waiting"], now)
        return [errand for errand in ERRANDS if row is not None and row[errand]]
