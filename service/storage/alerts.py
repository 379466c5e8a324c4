"""Alerts in Postgres; they are written with what screening saw (`screenings.screening_rows`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.model import Role
from service.storage.postgres import Connection, connected, in_transaction, load_queries

SQL = load_queries("alerts")

PURGED_AT_ONCE = 5_000


class Untold(Struct, frozen=True, kw_only=True):
    """A comment that open pages were not told of before."""

    site_id: int
    article_id: UUID
    comment_id: UUID
    rule: str
    label: str
    severity: int
    role: Role
    at: datetime


class Unseen(Struct, frozen=True, kw_only=True):
    """What a rule alerted of and nobody has looked at."""

    rule: str
    label: str
    severity: int
    comments: int
    first_at: datetime
    latest_at: datetime
    comment_id: UUID
    """The latest."""


class AlertStore(Struct, frozen=True, kw_only=True):
    """Read alerts and tick them off. Every method raises DatabaseUnavailable without Postgres."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def take_untold(
        self, *, now: datetime, rung_since: datetime, limit: int
    ) -> list[list[Untold]]:
        """Tick off what was not told, and return it by site, rule and role, the oldest first.

        Webhooks are told in the same transaction, of a rule that they were not told of since.
        """
        async with in_transaction(self.pool) as connection:
            rows = await connection.fetch(SQL["untold"], now, limit)
            groups = _grouped([Untold(**{**row, "role": Role(row["role"])}) for row in rows])
            for group in groups:
                await _ring(connection, group, now=now, since=rung_since)
        return groups

    async def unseen(
        self, site_id: int, *, roles: Sequence[Role], since: datetime, limit: int
    ) -> list[Unseen]:
        """Return what nobody has seen or decided, a line a rule, the worst first."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["unseen"], site_id, since, list(roles), limit)
        return [Unseen(**row) for row in rows]

    async def see(
        self,
        site_id: int,
        rule: str,
        *,
        upto: datetime,
        roles: Sequence[Role],
        seen_by: str,
        now: datetime,
    ) -> int:
        """Note that somebody has seen what a rule alerted of; return of how many comments."""
        async with connected(self.pool) as connection:
            seen: int = await connection.fetchval(
                SQL["see"], site_id, rule, upto, list(roles), now, seen_by
            )
        return seen

    async def purge(self, *, before: datetime) -> None:
        """Delete what is too old to matter, a batch at a time."""
        deleted = f"DELETE {PURGED_AT_ONCE}"
        while deleted == f"DELETE {PURGED_AT_ONCE}":
            async with connected(self.pool) as connection:
                deleted = await connection.execute(SQL["purge"], before, PURGED_AT_ONCE)


async def _ring(
    connection: Connection, group: Sequence[Untold], *, now: datetime, since: datetime
) -> None:
    first = group[0]
    place = (first.site_id, first.article_id, first.comment_id)
    if await connection.fetchval(SQL["ring"], *place, first.rule, now, since) is None:
        return
    facts = {"rule": first.rule, "severity": first.severity, "alerted": len(group)}
    await connection.execute(SQL["tell_webhooks"], *place, facts, first.at, now)


def _grouped(rows: Sequence[Untold]) -> list[list[Untold]]:
    groups: dict[tuple[Any, ...], list[Untold]] = {}
    for row in sorted(rows, key=lambda one: one.at):
        groups.setdefault((row.site_id, row.rule, row.role), []).append(row)
    return list(groups.values())
