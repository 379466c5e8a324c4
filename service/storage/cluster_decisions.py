"""Decisions on clusters in Postgres: what is to be decided, how far it is, and what was undone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.model import ActorKind
from service.storage.administration import Act, note_act
from service.storage.postgres import connected, in_transaction, load_queries

SQL = load_queries("cluster_decisions")

State = Literal["running", "done", "stopped", "undoing", "undone"]


class ClusterDecision(Struct, frozen=True, kw_only=True):
    """One decision for what waited in a cluster."""

    operation_id: UUID
    cluster_id: UUID
    state: State
    action: Literal["approve", "reject"]
    reason: str | None
    note: str | None
    actor_kind: ActorKind
    actor_id: str
    sees_escalated: bool
    undone_kind: ActorKind | None
    undone_by: str | None
    at: datetime
    ended_at: datetime | None
    total: int
    decided: int
    skipped: int
    """Decided meanwhile, edited, or held by a colleague."""
    restored: int
    """Waiting again after the undoing."""


class Item(Struct, frozen=True, kw_only=True):
    """One comment of it, and the id of its decision."""

    comment_id: UUID
    revision: int
    decision_id: UUID


class ClusterDecisionStore(Struct, frozen=True, kw_only=True):
    """Keep them. Every method raises DatabaseUnavailable while Postgres is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def to_decide(
        self,
        site_id: int,
        cluster_id: UUID,
        *,
        see_escalated: bool,
        with_outliers: bool,
        only: Collection[UUID] | None,
        without: Collection[UUID],
        limit: int,
    ) -> list[tuple[UUID, int]]:
        """Return what waits in a cluster and was ticked, oldest first, each with its text."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(
                SQL["to_decide"],
                site_id,
                cluster_id,
                see_escalated,
                with_outliers,
                None if only is None else list(only),
                list(without),
                limit,
            )
        return [(row["comment_id"], row["revision"]) for row in rows]

    async def begin(
        self, site_id: int, operation: ClusterDecision, items: Sequence[Item], *, act: Act
    ) -> None:
        """Keep a new operation and log it; one of the same id stays as it is."""
        async with in_transaction(self.pool) as connection:
            begun = await connection.fetchval(
                SQL["begin"],
                site_id,
                operation.operation_id,
                operation.cluster_id,
                operation.action,
                operation.reason,
                operation.note,
                operation.actor_kind,
                operation.actor_id,
                operation.sees_escalated,
                operation.at,
            )
            if begun is None:
                return
            await connection.execute(
                SQL["add_items"],
                site_id,
                operation.operation_id,
                [each.comment_id for each in items],
                [each.revision for each in items],
                [each.decision_id for each in items],
            )
            await note_act(connection, act)

    async def find(self, site_id: int, operation_id: UUID) -> ClusterDecision | None:
        """Return one operation of a site, or None."""
        async with connected(self.pool) as connection:
            row = await connection.fetchrow(SQL["find"], site_id, operation_id)
        return ClusterDecision(**row) if row else None

    async def under_way(self) -> dict[int, UUID]:
        """Return the oldest operation of each site that is not at its end."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["under_way"])
        return {row["site_id"]: row["operation_id"] for row in rows}

    async def untried(self, site_id: int, operation_id: UUID, *, limit: int) -> list[Item]:
        """Return what is still to be decided."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["untried"], site_id, operation_id, limit)
        return [Item(**row) for row in rows]

    async def note_outcomes(
        self, site_id: int, operation_id: UUID, outcomes: Mapping[UUID, str]
    ) -> None:
        """Note what became of some decisions."""
        async with connected(self.pool) as connection:
            await connection.execute(
                SQL["note_outcomes"], site_id, operation_id, [*outcomes], [*outcomes.values()]
            )

    async def to_undo(self, site_id: int, operation_id: UUID, *, limit: int) -> list[Item]:
        """Return what is still to be undone."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["to_undo"], site_id, operation_id, limit)
        return [Item(**row) for row in rows]

    async def note_undone(
        self, site_id: int, operation_id: UUID, undone: Mapping[UUID, Literal["undone", "kept"]]
    ) -> None:
        """Note what became of undoing some."""
        async with connected(self.pool) as connection:
            await connection.execute(
                SQL["note_undone"], site_id, operation_id, [*undone], [*undone.values()]
            )

    async def end(
        self,
        site_id: int,
        operation_id: UUID,
        *,
        before: State,
        after: State,
        at: datetime,
        act: Act | None = None,
    ) -> bool:
        """Note that an operation is at its end; False when it is not in the state `before`."""
        async with in_transaction(self.pool) as connection:
            ended = await connection.fetchval(SQL["end"], site_id, operation_id, before, after, at)
            if ended is not None and act is not None:
                await note_act(connection, act)
        return ended is not None

    async def undo(self, site_id: int, operation_id: UUID, *, act: Act) -> bool:
        """Ask for an operation to be undone, and log it; False when it was asked before."""
        async with in_transaction(self.pool) as connection:
            asked = await connection.fetchval(
                SQL["undo"], site_id, operation_id, act.actor_kind, act.actor_id
            )
            if asked is not None:
                await note_act(connection, act)
        return asked is not None
