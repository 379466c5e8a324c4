"""What was acknowledged and went with Redis, until somebody has taken note of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.storage.administration import Act, note_act
from service.storage.postgres import connected, in_transaction, load_queries

SQL = load_queries("losses")

LossKind = Literal["emptied", "fell_back"]
"""Redis came back with nothing, or as it was some time before."""


class Loss(Struct, frozen=True, kw_only=True):
    """Comments of a site that are nowhere any more although they were acknowledged."""

    site_id: int
    seq: int
    """The last comment acknowledged before it."""
    kind: LossKind
    lost_at_most: int
    """What was acknowledged and is neither in the journal nor in Redis, as far as is known."""
    restored: int
    """Comments that came back from the journal."""
    at: datetime


class LossStore(Struct, frozen=True, kw_only=True):
    """Losses in Postgres. Every method raises DatabaseUnavailable while it is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def note(self, loss: Loss) -> bool:
        """Write a loss down; False when it was already."""
        async with connected(self.pool) as connection:
            noted = await connection.fetchval(
                SQL["note"],
                loss.site_id,
                loss.seq,
                loss.kind,
                loss.lost_at_most,
                loss.restored,
                loss.at,
            )
        return bool(noted)

    async def open(self, site_ids: Sequence[int]) -> list[Loss]:
        """Return what nobody has taken note of on these sites, the latest 100 first."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["open"], list(site_ids))
        return [Loss(**row) for row in rows]

    async def acknowledge(self, site_id: int, seq: int, member_id: UUID, act: Act) -> bool | None:
        """Take note of a loss; False when somebody had before, None when there was none."""
        async with in_transaction(self.pool) as connection:
            if await connection.fetchval(SQL["acknowledge"], site_id, seq, member_id, act.at):
                await note_act(connection, act)
                return True
            known = await connection.fetchval(SQL["exists"], site_id, seq)
        return False if known else None
