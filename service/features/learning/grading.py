"""How good a model is: order, honesty of its probabilities, and how they move."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from msgspec import Struct

BINS: Final = 10

Scores: TypeAlias = "npt.NDArray[np.float64]"
Labels: TypeAlias = "npt.NDArray[np.bool_]"


class Bin(Struct, frozen=True):
    """Comments whose probability lies in one tenth."""

    said: float
    """Mean probability."""
    was: float
    """Share that was turned down."""
    count: int


def auc(scores: Scores, labels: Labels) -> float | None:
    """Return how often a bad comment scores above a good one; None without both kinds."""
    bad, good = int(labels.sum()), int((~labels).sum())
    if not bad or not good:
        return None
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2)[places]
    return float((ranks[labels].sum() - bad * (bad + 1) / 2) / (bad * good))


def bins(scores: Scores, labels: Labels) -> tuple[Bin, ...]:
    """Compare what was said with what was, by tenths of the comments in order of probability."""
    order = np.argsort(scores, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    return tuple(
        Bin(float(scores[part].mean()), float(labels[part].mean()), len(part)) for part in parts
    )


def calibration_error(scores: Scores, labels: Labels) -> float | None:
    """Return the mean distance of what was said from what was, weighted; None without comments."""
    if not len(scores):
        return None
    return sum(abs(each.said - each.was) * each.count for each in bins(scores, labels)) / len(
        scores
    )


def error_by_chance(scores: Scores) -> float:
    """Return the calibration error that probabilities which are right would show, by chance."""
    parts = [part for part in np.array_split(np.sort(scores), BINS) if len(part)]
    spread = [
        float(np.sqrt(2 * part.mean() * (1 - part.mean()) / (np.pi * len(part)))) * len(part)
        for part in parts
    ]
    return sum(spread) / max(len(scores), 1)


def stability(before: Scores, after: Scores) -> float | None:
    """Return the population stability index of two sets of probabilities; above 0.2 is a drift."""
    if not len(before) or not len(after):
        return None
    edges = np.quantile(before, np.linspace(0, 1, BINS + 1)[1:-1])
    shares = []
    for scores in (before, after):
        counts = np.bincount(np.searchsorted(edges, scores), minlength=BINS)
        shares.append((counts + 0.5) / (counts.sum() + 0.5 * BINS))
    return float(np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0])))


def miss_bound(missed: int, looked_at: int) -> float:
    """Return the one-sided 95 % upper bound of a share, by Wilson; 1 for nothing looked at."""
    if not looked_at:
        return 1.0
    z = 1.645
    share = missed / looked_at
    middle = share + z * z / (2 * looked_at)
    spread = z * float(np.sqrt(share * (1 - share) / looked_at + z * z / (4 * looked_at**2)))
    return min(1.0, (middle + spread) / (1 + z * z / looked_at))
