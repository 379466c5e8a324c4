"""What screening answers: publish or not, why, and how urgent it is to look."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from service.features.screening.language import Code
from service.features.screening.rules import Effect, Notify, State
from service.features.screening.views import Span, Trick
from service.model import Alert, Why

PRIORITY_MAX = 900
"""Top of the log scale of priorities; 900 * 10^13 + ms stays below 2^53 (Ruling 9)."""
PRIORITY_STEP = 10**13
"""More than any creation time in milliseconds, so priority sorts before age."""


class Signal(Struct, frozen=True, kw_only=True):
    """What one rule said about one comment."""

    rule: str
    version: int
    state: State
    effect: Effect
    severity: int
    raise_by: float
    reason: str | None
    label: str
    spans: tuple[Span, ...] = ()
    """Half-open ranges of code points in the text."""
    notify: Notify | None = None
    """The least role that is told at once."""
    tell: str | None = None
    """The rule's own words for whoever is refused."""
    error: str | None = None
    """Kind of exception where the rule could not be tried, or not in time: for the log."""
    said: float | None = None
    """How sure it is, 0 to 1, where it is no rule of ours that speaks."""

    @property
    def failed(self) -> bool:
        """Whether the rule could not be tried: the comment is held for it."""
        return self.error is not None

    @property
    def counts(self) -> bool:
        """Whether it has a part in the ruling; shadow rules are only recorded."""
        return self.state == "live"

    @property
    def score(self) -> float:
        """What was said of it, else its severity, from 0 to 1."""
        return self.severity / 10 if self.said is None else self.said

    def why(self) -> Why:
        """Return it as moderators see it."""
        return Why(
            rule=self.rule,
            version=self.version,
            label=self.label,
            spans=self.spans,
            score=self.score,
            effect=self.effect,
            severity=self.severity,
            error=self.error,
        )


class Verdict(Struct, frozen=True, kw_only=True):
    """Hold or publish, and why."""

    publish: bool
    priority: int = 0
    """0 to `PRIORITY_MAX`."""
    why: tuple[Why, ...] = ()
    """The signals that counted, the most severe first."""
    ruling: Effect = "none"
    """The strongest effect among the rules that counted."""
    rule: str | None = None
    """The rule that gave the ruling; None where the mode alone, or a failure, did."""
    rule_version: int | None = None
    tell: str | None = None
    """That rule's own words for whoever is refused."""
    reason: str | None = None
    """Of the rule that decided, else of the most severe one: what a moderator is offered."""
    severity: int = 0
    risk: float = 0.0
    """Probability that a person would turn it down."""
    raise_by: float = 1.0
    alert: Alert | None = None
    """Of the most severe rule that wants somebody told at once."""
    signals: tuple[Signal, ...] = ()
    """All of them, shadow rules included, by rule."""
    language: Code | None = None
    tricks: tuple[Trick, ...] = ()
    """How the text hides its words."""
    likeness: str = ""
    """What it shares with the same text in other spelling (`facts.likeness`)."""

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
