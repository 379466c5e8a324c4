"""The log of decisions and acts as one list, read page by page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from msgspec import Struct, field

from service.storage.audit_chain import SECONDS, Kind
from service.storage.postgres import Connection, connected, in_transaction, load_queries

SQL = load_queries("audit")

OF_AUTHOR = 20_000
"""Entries about one author that are looked through at once for what else is asked."""
SETTINGS = "SET LOCAL plan_cache_mode = force_custom_plan"
"""A plan for the filters that are used, not for any."""


class Filters(Struct, frozen=True, kw_only=True):
    """What a list of the log is about; None leaves nothing out."""

    kind: Kind | None = None
    acts: Sequence[str] | None = None
    actor_kind: str | None = None
    actor_ids: Sequence[str] | None = None
    reason: str | None = None
    comment_id: UUID | None = None
    author_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    """Not included."""


class Entry(Struct, frozen=True, kw_only=True):
    """An entry of the log as people read it."""

    position: int
    kind: Kind
    entry_id: UUID
    """The decision's id, or the act's."""
    at: datetime
    actor_kind: str
    actor_id: str
    act: str
    reason: str | None
    hash: bytes
    comment_id: UUID | None
    author_id: UUID | None
    """Whose comment it is, or whom the act is about; None once erased."""
    member_id: UUID | None
    """Whom the act was done to."""
    status_before: str | None
    status: str | None
    latest: bool
    """The comment was not decided again."""
    note: str | None
    rule_version: int | None
    reverses: UUID | None
    request_id: str | None
    details: Mapping[str, Any] = field(default_factory=dict)


class AuditStore(Struct, frozen=True, kw_only=True):
    """The log in Postgres. Every method raises DatabaseUnavailable while it is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def page(
        self, site_id: int, filters: Filters, *, before: int, limit: int, everything: bool
    ) -> list[Entry]:
        """Return entries before a position, latest first.

        Without `everything` only decisions and what was done about authors.
        """
        async with in_transaction(self.pool, writes=False) as connection:
            await connection.execute(SETTINGS)
            positions = None
            if filters.author_id is not None:
                positions = await _positions(connection, site_id, filters.author_id, before)
            rows = await connection.fetch(
                SQL["page"],
                site_id,
                before,
                limit,
                filters.kind,
                everything,
                _list(filters.acts),
                filters.actor_kind,
                _list(filters.actor_ids),
                filters.reason,
                filters.comment_id,
                positions,
                filters.since,
                filters.until,
                timeout=SECONDS,
            )
        return [_entry(row) for row in rows]

    async def actors_called(self, site_id: int, name: str) -> list[str]:
        """Return the ids of members and keys by what they are called, in lower case."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["actors_called"], site_id, name)
        return [row["actor_id"] for row in rows]


async def _positions(
    connection: Connection, site_id: int, author_id: UUID, before: int
) -> list[int]:
    """Return where the log is about an author."""
    rows = await connection.fetch(
        SQL["positions_of_author"], site_id, author_id, before, OF_AUTHOR, timeout=SECONDS
    )
    return [row["position"] for row in rows]


def _entry(row: Mapping[str, Any]) -> Entry:
    before = row["status_before"]
    if row["kind"] == "decision" and before is None:
        before = "pending"
    return Entry(
        position=row["position"],
        kind=row["kind"],
        entry_id=row["entry_id"],
        at=row["at"],
        actor_kind=row["actor_kind"],
        actor_id=row["actor_id"],
        act=row["act"],
        reason=row["reason"],
        hash=row["hash"],
        comment_id=row["comment_id"],
        author_id=row["author_id"],
        member_id=row["member_id"],
        status_before=before,
        status=row["status"],
        latest=row["latest"],
        note=row["note"],
        rule_version=row["rule_version"],
        reverses=row["reverses"],
        request_id=row["request_id"],
        details=row["details"],
    )


def _list(values: Sequence[str] | None) -> list[str] | None:
    return None if values is None else list(values)
