"""Sweeps in Postgres: what is to be rejected, how far it is, and what was undone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.model import ActorKind
from service.storage.administration import Act
from service.storage.postgres import connected, in_transaction, load_queries
from service.storage.records import note_act_about

SQL = load_queries("sweeps")

State = Literal["running", "done", "undoing", "undone"]


class Sweep(Struct, frozen=True, kw_only=True):
    """Everything one author had waiting, rejected in one go."""

    sweep_id: UUID
    author_id: UUID
    state: State
    reason: str
    note: str | None
    actor_kind: ActorKind
    actor_id: str
    sees_escalated: bool
    undone_kind: ActorKind | None
    undone_by: str | None
    at: datetime
    ended_at: datetime | None
    total: int
    rejected: int
    skipped: int
    """Decided meanwhile, edited, or held by a colleague."""
    restored: int
    """Waiting again after the undoing."""


class SweepItem(Struct, frozen=True, kw_only=True):
    """One comment of a sweep, and the id of its decision."""

    comment_id: UUID
    revision: int
    decision_id: UUID


class SweepStore(Struct, frozen=True, kw_only=True):
    """Keep sweeps. Every method raises DatabaseUnavailable while Postgres is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def begin(
        self, site_id: int, sweep: Sweep, items: Sequence[SweepItem], *, act: Act
    ) -> None:
        """Keep a new sweep and log it; one of the same id stays as it is."""
        async with in_transaction(self.pool) as connection:
            begun = await connection.fetchval(
                SQL["begin"],
                site_id,
                sweep.sweep_id,
                sweep.author_id,
                sweep.reason,
                sweep.note,
                sweep.actor_kind,
                sweep.actor_id,
                sweep.sees_escalated,
                sweep.at,
            )
            if begun is None:
                return
            await connection.execute(
                SQL["add_items"],
                site_id,
                sweep.sweep_id,
                [each.comment_id for each in items],
                [each.revision for each in items],
                [each.decision_id for each in items],
            )
            await note_act_about(connection, sweep.author_id, act)

    async def find(self, site_id: int, sweep_id: UUID) -> Sweep | None:
        """One sweep of a site, or None."""
        async with connected(self.pool) as connection:
            row = await connection.fetchrow(SQL["find"], site_id, sweep_id)
        return Sweep(**row) if row else None

    async def under_way(self) -> dict[int, UUID]:
        """The oldest sweep of each site that is not at its end."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["under_way"])
        return {row["site_id"]: row["sweep_id"] for row in rows}

    async def untried(self, site_id: int, sweep_id: UUID, *, limit: int) -> list[SweepItem]:
        """What is still to be rejected."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["untried"], site_id, sweep_id, limit)
        return [SweepItem(**row) for row in rows]

    async def note_outcomes(
        self, site_id: int, sweep_id: UUID, outcomes: Mapping[UUID, str]
    ) -> None:
        """Note what became of some decisions."""
        async with connected(self.pool) as connection:
            await connection.execute(
                SQL["note_outcomes"], site_id, sweep_id, [*outcomes], [*outcomes.values()]
            )

    async def to_undo(self, site_id: int, sweep_id: UUID, *, limit: int) -> list[SweepItem]:
        """What is still to be undone."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["to_undo"], site_id, sweep_id, limit)
        return [SweepItem(**row) for row in rows]

    async def note_undone(
        self, site_id: int, sweep_id: UUID, undone: Mapping[UUID, Literal["undone", "kept"]]
    ) -> None:
        """Note what became of undoing some."""
        async with connected(self.pool) as connection:
            await connection.execute(
                SQL["note_undone"], site_id, sweep_id, [*undone], [*undone.values()]
            )

    async def end(self, site_id: int, sweep_id: UUID, *, state: State, at: datetime) -> None:
        """Note that a sweep is `done` or `undone`."""
        before: State = "running" if state == "done" else "undoing"
        async with connected(self.pool) as connection:
            await connection.execute(SQL["end"], site_id, sweep_id, before, state, at)

    async def undo(self, site_id: int, sweep: Sweep, *, act: Act) -> bool:
        """Ask for a sweep to be undone, and log it; False when it was asked before."""
        async with in_transaction(self.pool) as connection:
            asked = await connection.fetchval(
                SQL["undo"], site_id, sweep.sweep_id, act.actor_kind, act.actor_id
            )
            if asked is not None:
                await note_act_about(connection, sweep.author_id, act)
        return asked is not None
