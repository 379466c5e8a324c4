"""What rules said lately, counted from the signals that were kept."""

from __future__ import annotations

from datetime import datetime

import asyncpg
from msgspec import Struct

from service.storage.postgres import connected, load_queries

SQL = load_queries("rule_figures")

LOOKED_AT = 1_000
"""Comments of a version, the latest, whose decisions are looked up: enough for an interval of
three points to either side."""


class Figures(Struct, frozen=True, kw_only=True):
    """How often one version of a rule spoke, and how people decided on the latest of those."""

    hits: int = 0
    rejected: int = 0
    """Or removed."""
    approved: int = 0

    @property
    def decided(self) -> int:
        """Hits that people have decided."""
        return self.rejected + self.approved


class RuleFigureStore(Struct, frozen=True, kw_only=True):
    """Count. Every method raises DatabaseUnavailable while Postgres is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def of_site(self, site_id: int, *, since: datetime) -> dict[tuple[str, int], Figures]:
        """Figures by rule and version."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["figures"], site_id, since, LOOKED_AT)
        return {
            (row["rule"], row["version"]): Figures(
                hits=row["hits"], rejected=row["rejected"], approved=row["approved"]
            )
            for row in rows
        }

    async def screened(self, site_id: int, *, since: datetime) -> int:
        """How many texts of a site were screened."""
        async with connected(self.pool) as connection:
            found: int = await connection.fetchval(SQL["count_screened"], site_id, since)
        return found
