"""The log of what was done to accounts, keys and sites: written, and read, never changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg
from msgspec import Struct, field

from service import telemetry
from service.storage.postgres import Connection, connected, load_queries

SQL = load_queries("administration")

ActorKind = Literal["member", "key", "operator", "service"]
"""An operator is whoever may use the command line; the service is nobody, by itself."""


class Act(Struct, frozen=True, kw_only=True):
    """One thing that was done, by whom and to whom."""

    entry_id: UUID
    """A UUIDv7: entries sort by time."""
    at: datetime
    actor_kind: ActorKind
    actor_id: str
    """The member's UUID, the key's id, or empty."""
    act: str
    """`thing.verb`, in the past tense: `member.invited`."""
    site_id: int | None = None
    member_id: UUID | None = None
    """Whom it was done to."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """Never a secret, an address or a text."""


class NotedAct(Struct, frozen=True, kw_only=True):
    """An entry with what people are called by now."""

    act: Act
    actor_name: str
    member_name: str


class AdministrationStore(Struct, frozen=True, kw_only=True):
    """The log in Postgres. Every method raises DatabaseUnavailable while it is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def note(self, act: Act) -> None:
        """Add an entry for something that is written elsewhere."""
        async with connected(self.pool) as connection:
            await note_act(connection, act)

    async def of_site(self, site_id: int, *, before: UUID, limit: int) -> list[NotedAct]:
        """What was done on a site before an entry, latest first."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["acts_of_site"], site_id, before, limit)
        return [
            NotedAct(
                act=Act(
                    entry_id=row["entry_id"],
                    at=row["at"],
                    actor_kind=row["actor_kind"],
                    actor_id=row["actor_id"],
                    act=row["act"],
                    site_id=row["site_id"],
                    member_id=row["member_id"],
                    details=row["details"],
                ),
                actor_name=row["actor_name"],
                member_name=row["member_name"],
            )
            for row in rows
        ]


async def note_act(connection: Connection, act: Act) -> None:
    """Add an entry in the transaction that does what it tells."""
    await connection.execute(
        SQL["note_act"],
        act.entry_id,
        act.at,
        act.actor_kind,
        act.actor_id,
        act.act,
        act.site_id,
        act.member_id,
        dict(act.details),
        telemetry.request_id(),
    )
