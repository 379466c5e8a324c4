"""The command line's clock."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Return the time of day, UTC."""
    return datetime.now(UTC)  # noqa: TID251 - commands are where time enters
