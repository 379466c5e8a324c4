"""Models in Postgres: what they learn from, every version of them, and what editors want."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.storage.administration import Act, note_act
from service.storage.postgres import connected, in_transaction, load_queries

SQL = load_queries("learning")

SECONDS = 60.0
"""How long reading what people decided may take: it goes through the log, once a night."""

Kind: TypeAlias = Literal["abuse", "spam"]
State: TypeAlias = Literal["current", "kept", "refused"]


class Labelled(Struct, frozen=True, kw_only=True):
    """What a person decided last of a comment."""

    comment_id: UUID
    status: str
    reason: str | None
    actor_id: str
    at: datetime
    operation_id: UUID | None
    """The decision on a cluster that it was a part of."""
    text: str | None
    """None once it is not kept any more."""
    drawn: bool = False
    """Whether it is a part of the sample that is judged a second time, blind."""
    checked: Literal["approve", "reject"] | None = None
    """What that second look said; `checked_reason`: why."""
    checked_reason: str | None = None


class Version(Struct, frozen=True, kw_only=True):
    """One version of a model, without its numbers."""

    kind: Kind
    version: int
    state: State
    trained_at: datetime
    decisions: int
    violations: int
    moderators: int
    figures: Mapping[str, Any]
    stated_at: datetime
    """Since when it is in this state."""


class Wish(Struct, frozen=True, kw_only=True):
    """What an editor wants of a model."""

    site_id: int
    kind: Kind
    approves: bool
    asked_at: datetime | None


class LearningStore(Struct, frozen=True, kw_only=True):
    """Keep models. Every method raises DatabaseUnavailable while Postgres is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def labelled(self, site_id: int, *, limit: int) -> list[Labelled]:
        """Return what people decided last, the latest first."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["labelled"], site_id, limit, timeout=SECONDS)
        return [Labelled(**row) for row in rows]

    async def count_labelled(self, site_id: int, *, since: datetime) -> int:
        """Count what people decided since a time."""
        async with connected(self.pool) as connection:
            counted: int = await connection.fetchval(SQL["count_labelled"], site_id, since)
        return counted

    async def versions(self, site_id: int) -> list[Version]:
        """Return all versions of a site's models, the latest first."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["versions"], site_id)
        return [Version(**row) for row in rows]

    async def currents(self) -> dict[tuple[int, Kind], int]:
        """Return which version of each model is in use."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["currents"])
        return {(row["site_id"], row["kind"]): row["version"] for row in rows}

    async def weights(self, site_id: int, kind: Kind, version: int) -> tuple[bytes, bytes] | None:
        """Return what a version has learnt, and its SHA-256."""
        async with connected(self.pool) as connection:
            row = await connection.fetchrow(SQL["weights"], site_id, kind, version)
        return (row["weights"], row["sha256"]) if row else None

    async def keep(
        self, site_id: int, version: Version, *, weights: bytes, sha256: bytes, kept: int
    ) -> int:
        """Keep a new version, in use at once where its state says so; returns its number."""
        async with in_transaction(self.pool) as connection:
            if version.state == "current":
                await connection.execute(SQL["retire"], site_id, version.kind, version.trained_at)
            number: int = await connection.fetchval(
                SQL["keep"],
                site_id,
                version.kind,
                version.state,
                version.trained_at,
                version.decisions,
                version.violations,
                version.moderators,
                dict(version.figures),
                weights,
                sha256,
            )
            await connection.execute(SQL["drop_old"], site_id, version.kind, kept)
        return number

    async def promote(self, site_id: int, kind: Kind, version: int, *, act: Act) -> bool:
        """Put a version to use, and log it; False when there is none of this number."""
        async with in_transaction(self.pool) as connection:
            if await connection.fetchrow(SQL["weights"], site_id, kind, version) is None:
                return False
            await connection.execute(SQL["retire"], site_id, kind, act.at)
            await connection.execute(SQL["promote"], site_id, kind, version, act.at)
            await note_act(connection, act)
        return True

    async def wishes(self, site_id: int | None = None) -> list[Wish]:
        """Return what editors want of the models of a site, or of all."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["wishes"], site_id)
        return [Wish(**row) for row in rows]

    async def wish_approval(self, site_id: int, kind: Kind, *, approves: bool, act: Act) -> None:
        """Let a model be asked before a rule approves, or not; and log it."""
        async with in_transaction(self.pool) as connection:
            await connection.execute(SQL["wish_approval"], site_id, kind, approves)
            await note_act(connection, act)

    async def ask_anew(self, site_id: int, kind: Kind, *, act: Act) -> None:
        """Want a new version now, and log it."""
        async with in_transaction(self.pool) as connection:
            await connection.execute(SQL["ask_anew"], site_id, kind, act.at)
            await note_act(connection, act)
