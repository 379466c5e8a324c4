"""The outbox: messages written in a decision's own transaction, told afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.storage.postgres import connected, load_queries
from service.storage.webhook_events import WAIT

SQL = load_queries("outbox")


class Message(Struct, frozen=True, kw_only=True):
    """One thing that happened to a comment."""

    site_id: int
    article_id: UUID
    event_id: int
    kind: str
    """As webhooks name it, e.g. `comment.approved`."""
    comment_id: UUID | None
    payload: dict[str, Any]
    at: datetime


class OutboxStore(Struct, frozen=True, kw_only=True):
    """Read messages in the order they were written, and tick them off."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def untold(self, *, limit: int) -> list[Message]:
        """Return the oldest messages that nobody has been told.

        Raises:
            DatabaseUnavailable: Postgres is away.
        """
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["untold"], limit)
        return [Message(**row) for row in rows]

    async def oldest(self) -> datetime | None:
        """Return when the oldest message was written that nobody has been told, if any."""
        async with connected(self.pool) as connection:
            at: datetime | None = await connection.fetchval(SQL["oldest"])
        return at

    async def told(self, messages: Sequence[Message], *, at: datetime) -> None:
        """Tick messages off, and leave them to webhooks in the same statement."""
        columns = (
            [message.site_id for message in messages],
            [message.article_id for message in messages],
            [message.event_id for message in messages],
        )
        async with connected(self.pool, writes=True) as connection:
            await connection.execute(SQL["told"], *columns, at, WAIT)

    async def purge(self, *, before: datetime) -> None:
        """Delete what was told before a time."""
        async with connected(self.pool) as connection:
            await connection.execute(SQL["purge"], before)
