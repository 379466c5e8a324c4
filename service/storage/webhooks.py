"""Endpoints of sites' own programs, and what is sent to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.storage.administration import Act, note_act
from service.storage.postgres import connected, in_transaction, load_queries
from service.storage.webhook_events import SQL as EVENTS

SQL = load_queries("webhooks")
DELIVERIES = load_queries("webhook_deliveries")

WebhookState = Literal["active", "paused", "failing", "gone"]
"""Paused by a person; stopped by us: it failed for days, or said that it is gone."""
DeliveryState = Literal["waiting", "delivered", "failed", "stopped"]
"""Stopped: its endpoint was, before it came to this."""

ATTEMPTS_KEPT = 30
"""Of one delivery; a whole round has eight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWebhook:
    """An endpoint as it lies in Postgres."""

    site_id: int
    webhook_id: UUID
    url: str
    name: str
    events: Sequence[str]
    state: WebhookState
    secret: bytes = field(repr=False)
    """Sealed."""
    old_secret: bytes | None = field(repr=False)
    old_secret_until: datetime | None
    failing_since: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """Something that is to be sent now, and where."""

    site_id: int
    webhook_id: UUID
    url: str
    secret: bytes = field(repr=False)
    old_secret: bytes | None = field(repr=False)
    old_secret_until: datetime | None
    event_id: UUID
    tries: int
    """Before this one."""
    kind: str
    article_id: UUID | None
    comment_id: UUID | None
    facts: dict[str, Any]
    at: datetime
    author_id: UUID | None
    """Whom a ban is about; None also once they are forgotten."""


class Delivery(Struct, frozen=True, kw_only=True):
    """What came of sending an event to an endpoint."""

    webhook_id: UUID
    event_id: UUID
    seq: int
    kind: str
    state: DeliveryState
    due_at: datetime
    tries: int
    attempts: Sequence[dict[str, Any]]
    """Oldest first: `at`, `result`, `status`, `milliseconds`."""
    created_at: datetime
    comment_id: UUID | None
    article: str | None


class WebhookStore(Struct, frozen=True, kw_only=True):
    """Endpoints in Postgres. Every method raises DatabaseUnavailable while it is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def add(
        self,
        site_id: int,
        webhook_id: UUID,
        *,
        url: str,
        name: str,
        events: Sequence[str],
        secret: bytes,
        act: Act,
    ) -> None:
        """Add an endpoint, and log it."""
        async with in_transaction(self.pool) as connection:
            await connection.execute(
                SQL["add"], site_id, webhook_id, url, name, list(events), secret, act.at
            )
            await note_act(connection, act)

    async def of_site(self, site_id: int) -> list[StoredWebhook]:
        """Every endpoint of a site, oldest first."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["of_site"], site_id)
        return [StoredWebhook(**row) for row in rows]

    async def find(self, site_id: int, webhook_id: UUID) -> StoredWebhook | None:
        """One endpoint, or None."""
        async with connected(self.pool) as connection:
            row = await connection.fetchrow(SQL["find"], site_id, webhook_id)
        return StoredWebhook(**row) if row else None

    async def change(
        self,
        site_id: int,
        webhook_id: UUID,
        *,
        url: str,
        name: str,
        events: Sequence[str],
        state: WebhookState,
        act: Act,
    ) -> None:
        """Say what an endpoint is from now on, and log it; a paused one is sent nothing more."""
        async with in_transaction(self.pool) as connection:
            await connection.execute(
                SQL["change"], site_id, webhook_id, url, name, list(events), state
            )
            if state != "active":
                await connection.execute(DELIVERIES["stop"], site_id, webhook_id)
            await note_act(connection, act)

    async def rotate(
        self,
        site_id: int,
        webhook_id: UUID,
        *,
        secret: bytes,
        old_secret_until: datetime | None,
        act: Act,
    ) -> None:
        """Replace an endpoint's secret, and log it; None: the former one is not used again."""
        async with in_transaction(self.pool) as connection:
            await connection.execute(SQL["rotate"], site_id, webhook_id, secret, old_secret_until)
            await note_act(connection, act)

    async def remove(self, site_id: int, webhook_id: UUID, *, act: Act) -> bool:
        """End an endpoint with its log of deliveries; False when there is none."""
        async with in_transaction(self.pool) as connection:
            ended = await connection.fetchval(SQL["remove"], site_id, webhook_id) is not None
            if ended:
                await note_act(connection, act)
        return ended

    async def disable(
        self, site_id: int, webhook_id: UUID, *, state: WebhookState, act: Act
    ) -> bool:
        """Send nothing more to an active endpoint, and log it; False when it was not active."""
        async with in_transaction(self.pool) as connection:
            ended = await connection.fetchval(SQL["disable"], site_id, webhook_id, state)
            if ended is None:
                return False
            await connection.execute(DELIVERIES["stop"], site_id, webhook_id)
            await note_act(connection, act)
        return True


class DeliveryStore(Struct, frozen=True, kw_only=True):
    """What is sent, and what came of it. Methods raise DatabaseUnavailable while Postgres is away.

    A delivery is named by its endpoint and the event it tells of.
    """

    pool: asyncpg.Pool[asyncpg.Record]

    async def add_for(
        self, site_id: int, webhook_id: UUID, *, event_id: UUID, kind: str, now: datetime
    ) -> None:
        """Send an event to one endpoint alone, at once."""
        async with in_transaction(self.pool) as connection:
            seq = await connection.fetchval(EVENTS["add_released"], site_id, event_id, kind, now)
            await connection.execute(
                DELIVERIES["add"], site_id, webhook_id, event_id, seq, kind, now
            )

    async def due(self, *, now: datetime, limit_each: int) -> list[Due]:
        """What is to be sent now, of each endpoint a few; the longest due first."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(DELIVERIES["due"], now, limit_each)
        return [Due(**row) for row in rows]

    async def record(
        self, due: Due, *, state: DeliveryState, due_at: datetime, attempt: dict[str, Any]
    ) -> datetime | None:
        """Note what came of a try; return since when the endpoint takes nothing, if it does not.

        What would be tried again is stopped where the endpoint was, meanwhile.
        """
        place = (due.site_id, due.webhook_id)
        since: datetime | None = None
        async with in_transaction(self.pool) as connection:
            if state == "delivered":
                await connection.execute(SQL["recovered"], *place)
            else:
                since = await connection.fetchval(
                    SQL["failed"], *place, datetime.fromisoformat(attempt["at"])
                )
            stopped = state == "waiting" and since is None
            await connection.execute(
                DELIVERIES["record"],
                *place,
                due.event_id,
                "stopped" if stopped else state,
                due_at,
                attempt,
                ATTEMPTS_KEPT,
            )
        return since

    async def again(self, site_id: int, webhook_id: UUID, event_id: UUID, *, now: datetime) -> bool:
        """Send something once more under its id; False when there is no such delivery."""
        async with connected(self.pool) as connection:
            found = await connection.fetchval(
                DELIVERIES["again"], site_id, webhook_id, event_id, now
            )
        return found is not None

    async def find(self, site_id: int, webhook_id: UUID, event_id: UUID) -> Delivery | None:
        """One delivery, or None."""
        async with connected(self.pool) as connection:
            row = await connection.fetchrow(DELIVERIES["find"], site_id, webhook_id, event_id)
        return Delivery(**row) if row else None

    async def page(
        self,
        site_id: int,
        webhook_id: UUID,
        *,
        state: DeliveryState | None,
        before: int,
        limit: int,
    ) -> list[Delivery]:
        """A page of an endpoint's deliveries, latest event first."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(
                DELIVERIES["page"], site_id, webhook_id, state, before, limit
            )
        return [Delivery(**row) for row in rows]

    async def latest(self, site_id: int) -> dict[UUID, Delivery]:
        """The latest delivery of each endpoint of a site, by endpoint."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(DELIVERIES["latest"], site_id)
        return {row["webhook_id"]: Delivery(**row) for row in rows}
