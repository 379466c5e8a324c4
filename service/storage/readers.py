"""Authors' records with one site."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.model import AuthorKind, Standing
from service.storage.postgres import connected, load_queries

SQL = load_queries("readers")


class ReaderStore(Struct, frozen=True, kw_only=True):
    """Standings in Postgres. Every method raises DatabaseUnavailable while it is away.

    A site that never met an author has nothing on them: zeros, generation 0.
    """

    pool: asyncpg.Pool[asyncpg.Record]

    async def standing(self, site_id: int, author_id: UUID) -> Standing:
        """One author's record."""
        (found,) = await self.standings(site_id, [author_id])
        return found

    async def standings(self, site_id: int, author_ids: Sequence[UUID]) -> list[Standing]:
        """Records of several authors, one each, in the order asked."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["standings"], site_id, list(author_ids))
        met = {row["author_id"]: _standing(row) for row in rows}
        return [met.get(each) or Standing(author_id=each) for each in author_ids]

    async def reaching(self, site_id: int) -> tuple[int, ...]:
        """Other sites that have banned somebody from this one, too."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["reaching"], site_id)
        return tuple(row["site_id"] for row in rows)

    async def ban(
        self,
        site_id: int,
        author_id: UUID,
        *,
        kind: AuthorKind,
        until: datetime | None,
        reason: str | None = None,
    ) -> Standing:
        """Keep an author from writing until a time (`datetime.max`: for good); None ends it."""
        async with connected(self.pool) as connection:
            await connection.execute(SQL["ban"], site_id, author_id, kind, until, reason, None)
        return await self.standing(site_id, author_id)

    async def trust(
        self, site_id: int, author_id: UUID, *, kind: AuthorKind, trusted: bool
    ) -> Standing:
        """Say whether an author is trusted."""
        async with connected(self.pool) as connection:
            await connection.execute(SQL["trust"], site_id, author_id, kind, trusted)
        return await self.standing(site_id, author_id)

    async def void_receipts(self, site_id: int, author_id: UUID) -> Standing:
        """Raise a guest's generation, so that every receipt given so far is void."""
        async with connected(self.pool) as connection:
            await connection.execute(SQL["void_receipts"], site_id, author_id)
        return await self.standing(site_id, author_id)


def _standing(row: asyncpg.Record) -> Standing:
    return Standing(
        author_id=row["author_id"],
        approved=row["approved"],
        rejected=row["rejected"],
        first_seen=row["first_seen"],
        banned_until=_with_zone(row["banned_until"]),
        ban_reason=row["ban_reason"],
        ban_sites=tuple(row["ban_sites"] or ()),
        trusted=row["trusted"],
        always_hold=row["always_hold"],
        warning=row["warning"],
        generation=row["generation"],
    )


def _with_zone(time: datetime | None) -> datetime | None:
    """The driver reads `infinity` as the end of time without a zone."""
    return time.replace(tzinfo=UTC) if time is not None else None
