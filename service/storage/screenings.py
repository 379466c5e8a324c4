"""What screening saw, in Postgres: written beside the journal and the decisions, and read again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningStore:
    """Read what was seen. Methods raise DatabaseUnavailable while Postgres is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def latest(self, site_id: int, article_id: UUID, comment_id: UUID) -> Screened | None:
        """Return what was made of a comment's latest text; without what rules said of it."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["screenings_of"], site_id, article_id, comment_id)
        if not rows:
            return None
        row = dict(rows[0])
        del row["revision"]
        return Screened(**{**row, "tricks": tuple(row["tricks"])})

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


def screening_rows(
    items: Iterable[tuple[PendingComment, tuple[Any, ...]]],
) -> Mapping[str, Sequence[tuple[Any, ...]]]:
    """Return each statement's rows for comments with their places; none of what was not seen."""
    rows: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for item, place in items:
        seen = item.screened
        if seen is None:
            continue
        rows["record_screening"].append((*place, item.revision, *_screening_row(seen)))
        for why, shadow in _signals(item, seen):
            rows["record_signal"].append((*place, item.revision, *_signal_row(why, shadow, seen)))
    return rows


def _signals(item: PendingComment, seen: Screened) -> Iterator[tuple[Why, bool]]:
    for why in item.why:
        yield why, False
    for why in seen.shadow:
        yield why, True


def _screening_row(seen: Screened) -> tuple[Any, ...]:
    return (
        seen.at,
        seen.ruling,
        seen.rule,
        seen.rule_version,
        seen.reason,
        seen.severity,
        seen.risk,
        dict(seen.scores),
        seen.lang,
        list(seen.tricks),
    )


def _signal_row(why: Why, shadow: bool, seen: Screened) -> tuple[Any, ...]:  # noqa: FBT001 - a column
    return (
        why.rule,
        why.version,
        shadow,
        why.effect,
        why.severity,
        why.score,
        why.label,
        [list(span) for span in why.spans],
        why.error,
        seen.at,
    )


def _why(row: asyncpg.Record) -> Why:
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
