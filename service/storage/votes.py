"""Votes in Postgres: exact at once, under the lock of the comment's row."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct, field

from service.model import best_order
from service.storage.postgres import (
    TURN_SECONDS,
    Connection,
    connected,
    in_transaction,
    load_queries,
)

SQL = load_queries("votes")

TURNS = 4
"""Votes that hold a connection at once: those for one comment wait for each other, and hundreds
of them must not keep everybody else from the database. A request's own time bounds the wait."""


class Ballot(Struct, frozen=True, kw_only=True):
    """A vote as it is cast."""

    site_id: int
    comment_id: UUID
    voter_id: UUID
    value: int
    """1, -1, or 0 to take it back."""
    address_hash: str | None
    """Of guests only: whose votes are bounded by address."""
    address_max: int
    """How many guests' votes of one address count for a comment since `since`."""
    since: datetime
    at: datetime


class Standing(Struct, frozen=True, kw_only=True):
    """A comment's votes."""

    article_id: UUID
    author_id: UUID | None
    up: int
    down: int


class VoteStore(Struct, frozen=True, kw_only=True):
    """Cast and read votes. Every method raises DatabaseUnavailable while Postgres is away."""

    pool: asyncpg.Pool[asyncpg.Record]
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(TURNS))

    async def cast(self, ballot: Ballot) -> Standing | None:
        """Count a vote; None when no such comment is public.

        A voter's vote for their own comment changes nothing; the caller refuses it.
        """
        async with (
            self.turns,
            in_transaction(self.pool, wait_seconds=TURN_SECONDS) as connection,
        ):
            row = await connection.fetchrow(SQL["hold_comment"], ballot.site_id, ballot.comment_id)
            if row is None:
                return None
            up, down = row["up"], row["down"]
            if row["author_id"] != ballot.voter_id:
                step_up, step_down = await _change(connection, ballot, row["article_id"])
                up, down = up + step_up, down + step_down
                if step_up or step_down:
                    await connection.execute(
                        SQL["sum_up"],
                        ballot.site_id,
                        row["article_id"],
                        ballot.comment_id,
                        up,
                        down,
                        best_order(up, down, row["created_at"]),
                    )
        return Standing(article_id=row["article_id"], author_id=row["author_id"], up=up, down=down)

    async def of_voter(
        self, site_id: int, article_ids: Sequence[UUID], voter_id: UUID, *, limit: int
    ) -> dict[UUID, int]:
        """Return a reader's votes under some articles, by comment."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(
                SQL["of_voter"], site_id, list(article_ids), voter_id, limit
            )
        return {row["comment_id"]: row["value"] for row in rows}


async def _change(connection: Connection, ballot: Ballot, article_id: UUID) -> tuple[int, int]:
    """Write a vote; return by how much `up` and `down` change."""
    place = (ballot.site_id, article_id, ballot.comment_id, ballot.voter_id)
    earlier = await connection.fetchrow(SQL["find"], *place)
    before = earlier["value"] if earlier and earlier["counts"] else 0
    if ballot.value == 0:
        await connection.execute(SQL["take_back"], *place)
        return _steps(before, 0)
    counts = earlier["counts"] if earlier else await _counts(connection, ballot, place)
    await connection.execute(
        SQL["put"], *place, ballot.value, counts, ballot.address_hash, ballot.at
    )
    return _steps(before, ballot.value if counts else 0)


async def _counts(
    connection: Connection, ballot: Ballot, place: tuple[int, UUID, UUID, UUID]
) -> bool:
    if ballot.address_hash is None:
        return True
    others = await connection.fetchval(SQL["of_address"], *place, ballot.address_hash, ballot.since)
    return bool(others < ballot.address_max)


def _steps(before: int, after: int) -> tuple[int, int]:
    return (after == 1) - (before == 1), (after == -1) - (before == -1)
