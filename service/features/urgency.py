"""How urgent a comment is now: what screening saw, who reads it, and how long it has waited."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from service.features.screening.priority import (
    BASE_RISK,
    Priority,
    prioritised,
    reach_of,
    size_of,
)
from service.model import PendingComment, Screened, Why

REPORTED = "reported"
"""The shipped rule that looks at reports when a text is screened."""
REPORTED_RAISE = 2.0
"""What it gives to a comment that is reported once it was screened."""
LEGAL_NOTICE = "illegal"
"""The reason of a report that goes before all others."""


def urgency_of(
    screened: Screened | None,
    *,
    why: tuple[Why, ...] = (),
    chars: int,
    views_per_hour: float | None,
    waited: timedelta,
    within: timedelta,
    held: bool = True,
    reports: Mapping[str, int] | None = None,
    cluster_size: int = 1,
) -> Priority:
    """Return how urgent it is to look at a comment.

    `chars` is the length of its text in code points, `waited` how long it has lain there and
    `within` how soon somebody should look; a public one (`held` false) reaches all its readers.
    """
    seen_reports = any(each.rule == REPORTED for each in why)
    raised = REPORTED_RAISE if reports and not seen_reports else 1.0
    return prioritised(
        risk=screened.risk if screened else BASE_RISK,
        severity=screened.severity if screened else 0,
        reach=reach_of(
            views_per_hour=views_per_hour,
            position=screened.position if screened else 0,
            depth=screened.depth if screened else 0,
            held=held,
        ),
        waited_seconds=waited.total_seconds(),
        due_seconds=within.total_seconds(),
        size=size_of(chars, cluster_size),
        raise_by=(screened.raise_by if screened else 1.0) * raised,
        first=LEGAL_NOTICE in (reports or {}),
    )


def waits_since(item: PendingComment) -> datetime:
    """Return when a text began to wait: an edit not before it was made."""
    return item.edited_at if item.kind == "edit" and item.edited_at else item.created_at
