"""Whether comments have changed under a model: three alarms (screening.md F). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np

from service.features.learning.grading import BINS, Labels, Scores, stability
from service.features.learning.lesson import Example
from service.features.learning.model import Model
from service.features.learning.reading import Reading

RECENT: Final = timedelta(days=7)
LEAST: Final = 50
"""Comments on either side of a comparison."""
SCORES_MAX: Final = 0.2
"""Of the population stability index of scores."""
HOLDS_FROM: Final = 0.5
"""Probability from which on a comment counts as held by the model."""
HOLDS_LEAST: Final = 20
PRECISION_DROP_MAX: Final = 0.15
UNKNOWN_RISE_MAX: Final = 0.10


def drift_of(
    taught: Sequence[Example],
    readings: Sequence[Reading],
    scores: Scores,
    *,
    before: Mapping[str, Any] | None,
    current: Model | None,
) -> dict[str, Any]:
    """Return what moved, and `alarms` about it: `scores`, `precision`, `unknown`.

    `scores` are of models that had not seen what they score; `before` are the figures of the
    version in use.
    """
    labels = np.array([each.bad for each in taught], dtype=bool)
    figures: dict[str, Any] = {
        "drift": _moved(taught, scores),
        "until": taught[-1].at.isoformat(),
        "holds": _holds(scores, labels),
        "holds_since": _holds_since(taught, readings, labels, before, current),
        **_unknown(taught, readings),
    }
    return figures | {"alarms": [name for name, rings in _ALARMS if rings(figures, before)]}


def _moved(taught: Sequence[Example], scores: Scores) -> float | None:
    """Return how far the last week's comments score differently from those before.

    It is the population stability index, without what chance alone makes of so few comments.
    """
    begin = taught[-1].at - RECENT
    recent = np.array([each.at >= begin for each in taught])
    counts = int((~recent).sum()), int(recent.sum())
    moved = stability(scores[~recent], scores[recent]) if min(counts) >= LEAST else None
    if moved is None:
        return None
    return max(0.0, moved - (BINS - 1) * sum(1 / count for count in counts))


def _holds(scores: Scores, labels: Labels) -> dict[str, int]:
    """Count what a model would hold, and what of it people turned down."""
    held = scores >= HOLDS_FROM
    return {"count": int(held.sum()), "right": int((held & labels).sum())}


def _holds_since(
    taught: Sequence[Example],
    readings: Sequence[Reading],
    labels: Labels,
    before: Mapping[str, Any] | None,
    current: Model | None,
) -> dict[str, int] | None:
    """Count what the version in use would have held of what was decided since it learnt."""
    if current is None or before is None or before.get("until") is None:
        return None
    until = datetime.fromisoformat(before["until"])
    since = np.array([each.at > until for each in taught], dtype=bool)
    said = np.array([current.probability(readings[int(at)]) for at in np.flatnonzero(since)])
    return _holds(said, labels[since])


def _unknown(taught: Sequence[Example], readings: Sequence[Reading]) -> dict[str, float | None]:
    """Return which share of a week's groups of letters and words no earlier comment had.

    Of the last week, and of the week before it.
    """
    last = taught[-1].at
    share: list[float | None] = []
    for end in (last, last - RECENT):
        begin = end - RECENT
        earlier = [
            reading.buckets
            for each, reading in zip(taught, readings, strict=True)
            if each.at < begin
        ]
        week = [
            reading.buckets
            for each, reading in zip(taught, readings, strict=True)
            if begin <= each.at <= end
        ]
        if min(len(earlier), len(week)) < LEAST:
            share.append(None)
            continue
        known = np.isin(np.concatenate(week), np.unique(np.concatenate(earlier)))
        share.append(round(float(1 - known.mean()), 4))
    return {"unknown": share[0], "unknown_before": share[1]}


def _scores_ring(figures: Mapping[str, Any], _: Mapping[str, Any] | None) -> bool:
    return (figures["drift"] or 0.0) > SCORES_MAX


def _precision_rings(figures: Mapping[str, Any], before: Mapping[str, Any] | None) -> bool:
    since, then = figures["holds_since"], (before or {}).get("holds")
    if since is None or then is None or min(since["count"], then["count"]) < HOLDS_LEAST:
        return False
    drop = then["right"] / then["count"] - since["right"] / since["count"]
    return bool(drop > PRECISION_DROP_MAX)


def _unknown_rings(figures: Mapping[str, Any], _: Mapping[str, Any] | None) -> bool:
    now, then = figures["unknown"], figures["unknown_before"]
    return now is not None and then is not None and now - then > UNKNOWN_RISE_MAX


_ALARMS = (
    ("scores", _scores_ring),
    ("precision", _precision_rings),
    ("unknown", _unknown_rings),
)
