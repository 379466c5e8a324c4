"""Bridges of sites to other systems, in Postgres."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import asyncpg
from msgspec import Struct

from service.storage.administration import Act, note_act
from service.storage.postgres import connected, in_transaction, load_queries

SQL = load_queries("bridges")

Kind = Literal["coral", "perspective", "check"]
OnFailure = Literal["hold", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBridge:
    """A bridge as it lies in Postgres."""

    kind: Kind
    version: int
    """Rises with every change."""
    enabled: bool
    secret: bytes | None = field(repr=False)
    """Sealed; of `perspective` the SHA-256 of its key; None once it ended."""
    url: str | None
    timeout_ms: int | None
    on_failure: OnFailure | None
    changed_at: datetime


class BridgeStore(Struct, frozen=True, kw_only=True):
    """Keep bridges. Every method raises DatabaseUnavailable while Postgres is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def of_site(self, site_id: int) -> tuple[StoredBridge, ...]:
        """Return every bridge that a site ever set up, by kind."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["of_site"], site_id)
        return tuple(StoredBridge(**row) for row in rows)

    async def set(
        self,
        site_id: int,
        kind: Kind,
        *,
        secret: bytes | None,
        act: Act,
        now: datetime,
        url: str | None = None,
        timeout_ms: int | None = None,
        on_failure: OnFailure | None = None,
    ) -> StoredBridge | None:
        """Set a bridge up, or change it; None when it has no secret and none is given."""
        async with in_transaction(self.pool) as connection:
            row = await connection.fetchrow(
                SQL["set"], site_id, kind, secret, url, timeout_ms, on_failure, now
            )
            if row is not None:
                await note_act(connection, act)
        return StoredBridge(**row) if row else None

    async def end(self, site_id: int, kind: Kind, *, act: Act, now: datetime) -> bool:
        """End a bridge; False when there is none or it ended before."""
        async with in_transaction(self.pool) as connection:
            ended = await connection.fetchval(SQL["end"], site_id, kind, now) is not None
            if ended:
                await note_act(connection, act)
        return ended
