"""What colleagues look up of an author beside the record: reports, and whom they resemble."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.storage.postgres import connected, load_queries

SQL = load_queries("dossiers")

RECENT = 50
"""Comments of an author whose names and addresses are looked at."""
WAITING = 2_000
"""The newest waiting comments that are compared by the network they came from."""
LOOKED_AT = 2_000
"""Comments of the same name or address that are looked at: a common name is no clue."""
SECONDS = 3.0

Same = Literal["name", "email", "address"]


class ReportSeen(Struct, frozen=True, kw_only=True):
    """A report that an author made, or that was made on a comment of theirs."""

    made: bool
    comment_id: UUID
    reason: str
    text: str
    at: datetime
    closed_at: datetime | None
    upheld: bool
    """A removal followed."""


class Alike(Struct, frozen=True, kw_only=True):
    """Another account that may be the same person's."""

    author_id: UUID
    name: str
    same: Sequence[Same]
    """What is the same of both."""
    approved: int
    rejected: int
    banned_until: datetime | None


class DossierStore(Struct, frozen=True, kw_only=True):
    """Reads in Postgres. Every method raises DatabaseUnavailable while it is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def reports(self, site_id: int, author_id: UUID, *, limit: int) -> list[ReportSeen]:
        """Return reports on an author's comments and by the author, the newest first."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["reports"], site_id, author_id, author_id.hex, limit)
        return [ReportSeen(**row) for row in rows]

    async def alike(self, site_id: int, author_id: UUID, *, limit: int) -> list[Alike]:
        """Return accounts with the same names or addresses, those with most in common first."""
        async with connected(self.pool) as connection:
            traits = await connection.fetch(
                SQL["traits"], site_id, author_id, RECENT, timeout=SECONDS
            )
            names, emails, addresses = (
                [row["value"] for row in traits if row["kind"] == kind]
                for kind in ("name", "email", "address")
            )
            if not traits:
                return []
            rows = await connection.fetch(
                SQL["alike"],
                site_id,
                author_id,
                [_exactly(each) for each in names],
                [_exactly(each) for each in emails],
                addresses,
                WAITING,
                LOOKED_AT,
                limit,
                timeout=SECONDS,
            )
        return [Alike(**row) for row in rows]


def _exactly(part: str) -> str:
    """Write a pattern for nothing else: the index of trigrams knows patterns alone."""
    return part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
