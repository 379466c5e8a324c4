"""What was measured: lines beside their goals, and curves."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """One figure and what it should be."""

    part: str
    """Heading it stands under."""
    what: str
    measured: str
    target: str = ""
    met: bool | None = None
    """None for what is told and has no target, or could not be judged."""
    note: str = ""
    brief: bool = False
    """True for what the README's short table has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A row of the table of reads: medians of the rounds."""

    what: str
    server: str
    cpu_us: float
    ratio: float | None
    """To nginx in the same rounds."""
    per_second: float
    p50_ms: float
    p99_ms: float
    bytes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """How a cost grows."""

    key: str
    title: str
    unit: str
    along: str
    """What grows from left to right."""
    steps: Sequence[int]
    series: dict[str, Sequence[float]]


@dataclass(slots=True)
class Figures:
    """Everything that was measured."""

    goals: list[Goal] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def add(self, *goals: Goal) -> None:
        """Keep figures."""
        self.goals += goals


def median(values: Sequence[float]) -> float:
    """Return the middle one; 0 of none."""
    return statistics.median(values) if values else 0.0


def spread(values: Sequence[float]) -> str:
    """Write the smallest and the largest of some rounds."""
    return f"{min(values):.3g} to {max(values):.3g}" if values else ""
