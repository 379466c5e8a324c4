"""What screening saw, in Postgres: written beside the journal and the decisions, and read again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.model import PendingComment, Screened, Why
from service.storage.postgres import connected, listed, load_queries

SQL = load_queries("screenings")

PURGED_AT_ONCE = 5_000


class Spoke(NamedTuple):
    """What one rule said about one text of a comment."""

    revision: int
    why: Why
    shadow: bool
    """It was recorded, without any effect."""
    at: datetime


class Verdict(NamedTuple):
    """What was made of a text, where no more is read of its comment."""

    revision: int
    why: Sequence[Why]
    screened: Screened | None


Heard: TypeAlias = PendingComment | Verdict


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


def spoken(item: Heard) -> tuple[Spoke, ...]:
    """Return what rules said about a text that waits, as it travels with it."""
    seen = item.screened
    if seen is None:
        return ()
    heard = [*((why, False) for why in item.why), *((why, True) for why in seen.shadow)]
    return tuple(
        Spoke(revision=item.revision, why=why, shadow=shadow, at=seen.at) for why, shadow in heard
    )


def screening_rows(
    items: Iterable[tuple[Heard, tuple[Any, ...]]],
) -> Mapping[str, Sequence[tuple[Any, ...]]]:
    """Return each statement's rows for comments with their places; none of what was not seen."""
    rows: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for item, place in items:
        seen = item.screened
        if seen is None:
            continue
        rows["record_screening"].append((*place, item.revision, *_screening_row(seen)))
        rows["record_signal"] += [(*place, *_signal_row(spoke)) for spoke in spoken(item)]
        if seen.alert is not None:
            rows["record_alert"].append((*place, *_alert_row(seen)))
    return rows


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
        listed(seen.tricks),
    )


def _signal_row(spoke: Spoke) -> tuple[Any, ...]:
    why = spoke.why
    return (
        spoke.revision,
        why.rule,
        why.version,
        spoke.shadow,
        why.effect,
        why.severity,
        why.score,
        why.label,
        listed(why.spans),
        why.error,
        spoke.at,
    )


def _alert_row(seen: Screened) -> tuple[Any, ...]:
    assert seen.alert is not None
    alert = seen.alert
    return (alert.rule, alert.label, alert.severity, alert.role.value, seen.at)


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
