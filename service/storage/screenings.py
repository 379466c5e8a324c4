"""What screening saw, in Postgres: written beside the journal and the decisions, and read again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.model import PendingComment, Screened, Why
from service.storage.postgres import connected, load_queries

SQL = load_queries("screenings")

PURGED_AT_ONCE = 5_000


class Spoke(NamedTuple):
    """What one rule said about one text of a comment."""

    revision: int
    why: Why
    shadow: bool
    """It was recorded, without any effect."""
    at: datetime


class ScreeningStore(Struct, frozen=True, kw_only=True):
    """Read what was seen. Methods raise DatabaseUnavailable while Postgres is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def latest(
        self, site_id: int, places: Sequence[tuple[UUID, UUID]]
    ) -> dict[UUID, tuple[Screened, tuple[Why, ...]]]:
        """Return what was made of the latest text of comments, and the signals that counted.

        `places` are ids of articles and of comments; where in its thread a comment stood is not
        kept.
        """
        async with connected(self.pool) as connection:
            rows = await connection.fetch(
                SQL["latest_screenings"],
                site_id,
                [article_id for article_id, _ in places],
                [comment_id for _, comment_id in places],
            )
        return {row["comment_id"]: _screened(row) for row in rows}

    async def signals(self, site_id: int, article_id: UUID, comment_id: UUID) -> tuple[Spoke, ...]:
        """Return what rules said about each text, the latest text and most severe rule first."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["signals_of"], site_id, article_id, comment_id)
        return tuple(
            Spoke(revision=row["revision"], why=_why(row), shadow=row["shadow"], at=row["at"])
            for row in rows
        )

    async def purge(self, *, before: datetime) -> None:
        """Delete what is too old to count, a batch at a time."""
        deleted = f"DELETE {PURGED_AT_ONCE}"
        while deleted == f"DELETE {PURGED_AT_ONCE}":
            async with connected(self.pool) as connection:
                deleted = await connection.execute(SQL["purge_screenings"], before, PURGED_AT_ONCE)


def spoken(item: PendingComment) -> tuple[Spoke, ...]:
    """Return what rules said about a text that waits, as it travels with it."""
    seen = item.screened
    if seen is None:
        return ()
    heard = [*((why, False) for why in item.why), *((why, True) for why in seen.shadow)]
    return tuple(
        Spoke(revision=item.revision, why=why, shadow=shadow, at=seen.at) for why, shadow in heard
    )


def _screened(row: asyncpg.Record) -> tuple[Screened, tuple[Why, ...]]:
    spoke = [(_why(signal), signal["shadow"]) for signal in row["signals"]]
    screened = Screened(
        at=row["at"],
        ruling=row["ruling"],
        rule=row["rule"],
        rule_version=row["rule_version"],
        reason=row["reason"],
        severity=row["severity"],
        risk=round(row["risk"], 3),
        scores=row["scores"],
        lang=row["lang"],
        tricks=tuple(row["tricks"]),
        shadow=tuple(why for why, shadow in spoke if shadow),
    )
    return screened, tuple(why for why, shadow in spoke if not shadow)


def _why(row: Mapping[str, Any]) -> Why:
    return Why(
        rule=row["rule"],
        version=row["version"],
        label=row["label"],
        spans=tuple((start, end) for start, end in row["spans"]),
        score=round(row["score"], 3),
        effect=row["effect"],
        severity=row["severity"],
        error=row["error"],
    )
