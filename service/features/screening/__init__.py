"""What the service thinks of a comment before a person does. Pure: no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from service.model import Mode, Why

PRIORITY_MAX = 900
"""Top of the log scale of priorities; 900 * 10^13 + ms stays below 2^53 (Ruling 9)."""
PRIORITY_STEP = 10**13
"""More than any creation time in milliseconds, so priority sorts before age."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Everything a rule may look at."""

    text: str
    mode: Mode
    author_is_trusted: bool
    checks_complete: bool
    """False when a store was away and standing or state could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Hold or publish, and why."""

    publish: bool
    priority: int = 0
    """0 to `PRIORITY_MAX`."""
    why: tuple[Why, ...] = ()

    def score(self, created_at: datetime) -> float:
        """Order in the queue, smallest first: by priority, then by age (Ruling 9)."""
        return queue_score(self.priority, created_at)


def queue_score(priority: int, created_at: datetime) -> float:
    """Place a comment in the queue: the more urgent first, the older first among equals."""
    waited_since_ms = int(created_at.timestamp() * 1000)
    return float((PRIORITY_MAX - priority) * PRIORITY_STEP + waited_since_ms)


def priority_of(score: float) -> int:
    """Return the priority that `queue_score` placed a comment by."""
    return PRIORITY_MAX - int(score // PRIORITY_STEP)


def screen(draft: Draft) -> Verdict:
    """Say whether a comment may be published at once.

    What could not be checked is held, never published (protocol.md Ruling 11).
    """
    if not draft.checks_complete:
        unchecked = Why(
            rule="checks_unavailable", version=1, label="Not everything could be checked"
        )
        return Verdict(publish=False, why=(unchecked,))
    publish = draft.mode is Mode.POST or (draft.mode is Mode.TRUSTED and draft.author_is_trusted)
    return Verdict(publish=publish)
