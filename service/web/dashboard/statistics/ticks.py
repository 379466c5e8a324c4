"""Round figures beside the axes of the plots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from service.web.dashboard.plots.axes import Tick
from service.web.dashboard.statistics.written import Written

HALVES: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
UPPER: Final = ((0.8, 0.85, 0.9, 0.95, 1.0), (0.6, 0.7, 0.8, 0.9, 1.0), (0.4, 0.6, 0.8, 1.0))
DURATIONS: Final = (
    1.0,
    10.0,
    60.0,
    600.0,
    3_600.0,
    6 * 3_600.0,
    86_400.0,
    7 * 86_400.0,
    30 * 86_400.0,
    365 * 86_400.0,
)
"""Round times, in seconds, among which the axis of waits is labelled."""


def durations(written: Written, seen: Sequence[float]) -> list[Tick]:
    """Return round times from below the shortest to beyond the longest."""
    low, high = min(seen, default=DURATIONS[2]), max(seen, default=DURATIONS[4])
    below = [each for each in DURATIONS if each <= low][-1:] or [DURATIONS[0]]
    within = [each for each in DURATIONS if below[0] < each < high]
    beyond = [each for each in DURATIONS if each >= high and each > below[0]][:1]
    return [(each, written.seconds(each)) for each in (*below, *within, *beyond)]


def shares_from(written: Written, lowest: float) -> list[Tick]:
    """Return the upper part of the shares where all figures are in it."""
    ticks = next((each for each in UPPER if each[0] <= lowest), HALVES)
    return [(each, written.share(each)) for each in ticks]


def shares(written: Written) -> list[Tick]:
    """Return shares from nothing to everything."""
    return [(each, written.share(each)) for each in HALVES]
