"""The intake journal: behind Redis, everything that waits, under the same ids."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import asyncpg

from service.model import PendingComment
from service.payload import from_payload
from service.storage.decisions import SQL as DECISIONS
from service.storage.decisions import Place, journal_row, submission_row
from service.storage.postgres import connected, in_transaction, load_queries

SQL = load_queries("journal")

BATCH = 500
"""Rows of one statement when a queue is read back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """What a site's Redis was known to hold."""

    epoch: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """What an idempotency key stands for, as Postgres remembers it."""

    dk: str
    comment_id: UUID
    fingerprint: str
    author_id: UUID
    status: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalStore:
    """Write what Redis holds, and read it back when Redis has lost it."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def record(self, items: Sequence[PendingComment]) -> None:
        """Copy waiting comments; newer ones win, what was decided meanwhile stays decided.

        Raises:
            DatabaseUnavailable: Postgres is away; nothing was copied.
        """
        places = [(item, Place(item.site_id, item.article_id, item.comment_id)) for item in items]
        places.sort(key=lambda pair: pair[1])
        async with in_transaction(self.pool) as connection:
            await connection.executemany(
                DECISIONS["place"],
                [(place.site_id, place.comment_id, place.article_id) for _, place in places],
            )
            await connection.executemany(
                DECISIONS["journal"], [journal_row(item, place) for item, place in places]
            )
            keyed = [
                submission_row(item, place)
                for item, place in places
                if item.keyed and item.dk and item.fingerprint
            ]
            if keyed:
                await connection.executemany(DECISIONS["submit"], keyed)

    async def waiting(
        self, site_id: int, *, before: datetime
    ) -> AsyncIterator[list[PendingComment]]:
        """Yield what waits on a site and was journaled before a time, in batches, oldest first."""
        after = -1
        while True:
            async with connected(self.pool) as connection:
                rows = await connection.fetch(SQL["waiting"], site_id, after, before, BATCH)
            if not rows:
                return
            yield [
                replace(from_payload(row["payload"]), seq=row["seq"], n=row["n"]) for row in rows
            ]
            if len(rows) < BATCH:
                return
            after = rows[-1]["seq"]

    async def submissions(self, site_id: int, *, since: datetime) -> AsyncIterator[list[Submitted]]:
        """Yield the idempotency records of a site since a time, in batches."""
        after = b""
        while True:
            async with connected(self.pool) as connection:
                rows = await connection.fetch(SQL["submissions"], site_id, since, after, BATCH)
            if not rows:
                return
            yield [
                Submitted(
                    dk=row["dk"].hex(),
                    comment_id=row["comment_id"],
                    fingerprint=row["fingerprint"].hex(),
                    author_id=row["author_id"],
                    status=row["status"],
                    at=row["at"],
                )
                for row in rows
            ]
            after = rows[-1]["dk"]

    async def highest_seq(self, site_id: int) -> int:
        """Return the highest sequence number of what waits; 0 when nothing does."""
        async with connected(self.pool) as connection:
            return await connection.fetchval(SQL["highest_seq"], site_id) or 0

    async def watermark(self, site_id: int) -> Watermark | None:
        """Return how far a site's Redis was known to be; None for a site that never had one."""
        async with connected(self.pool) as connection:
            row = await connection.fetchrow(SQL["watermark"], site_id)
        return Watermark(epoch=row["epoch"], seq=row["seq"]) if row else None

    async def raise_watermark(self, site_id: int, watermark: Watermark) -> None:
        """Remember a higher sequence number, or a new epoch."""
        async with connected(self.pool) as connection:
            await connection.execute(
                SQL["raise_watermark"], site_id, watermark.epoch, watermark.seq
            )

    async def purge(
        self, *, now: datetime, submissions_before: datetime, decided_before: datetime
    ) -> None:
        """Delete texts whose time is over, and records too old to matter."""
        async with connected(self.pool) as connection:
            await connection.execute(SQL["purge_kept"], now)
            await connection.execute(SQL["purge_submissions"], submissions_before)
            await connection.execute(SQL["purge_decided"], decided_before)
