"""A lesson learnt: the model, how good it is, and whether it may be put to use. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from msgspec import Struct

from service.features.learning.drift import drift_of
from service.features.learning.fitting import SEED, Examples, fit, learn
from service.features.learning.grading import (
    Labels,
    auc,
    bins,
    calibration_error,
    error_by_chance,
    miss_bound,
)
from service.features.learning.lesson import Example, Lesson
from service.features.learning.model import Model
from service.features.learning.reading import read
from service.storage.learning import Kind

LEAST_DECISIONS: Final = 50
LEAST_OF_EACH: Final = 10
"""Below these nothing is learnt: it would be about single comments."""
DECISIONS_MIN: Final = 300
VIOLATIONS_MIN: Final[Mapping[str, int]] = {"abuse": 60, "spam": 30}
"""From where on a model may be put to use (screening.md B2)."""
AUC_MIN: Final = 0.65
LOSS_MAX: Final = 0.01
"""Of the order's quality, against the version in use."""
ERROR_MAX: Final = 0.05
"""Of probabilities, beyond what chance makes of so few comments."""
AUDITED_MIN: Final = 30
AUDITED_BAD_MIN: Final = 5
"""From how many audited comments on the audit speaks, and not the cross-examination."""
CURVE: Final = (30, 100, 300, 1_000, 3_000)
APPROVES_DECISIONS: Final = 1_000
APPROVES_AUDITED: Final = 300
APPROVES_BELOW: Final = 0.1
"""Probability under which a rule may approve, where a model may be asked for it."""
APPROVES_MISSES_MAX: Final = 0.01
APPROVES_MODERATORS: Final = 3


class Learnt(Struct, frozen=True):
    """What came of a lesson."""

    weights: bytes
    sha256: bytes
    figures: dict[str, Any]
    refused: tuple[str, ...]
    """Why the model is not put to use; empty when it may be."""


def can_learn(lesson: Lesson) -> bool:
    """Whether a lesson is long enough, and has both kinds."""
    bad = lesson.violations
    return (
        len(lesson.taught) >= LEAST_DECISIONS
        and bad >= LEAST_OF_EACH
        and len(lesson.taught) - bad >= LEAST_OF_EACH
    )


def study(lesson: Lesson, *, before: Mapping[str, Any] | None, current: Model | None) -> Learnt:
    """Learn a lesson and grade what came of it, beside the figures of the version in use."""
    examples = _examples(lesson.taught)
    fitted = fit(examples, lesson.kind)
    labels = examples.labels
    audit = _audit(lesson.audited, fitted.model)
    figures: dict[str, Any] = {
        "auc": auc(fitted.scores, labels),
        "error": calibration_error(fitted.scores, labels),
        "error_by_chance": error_by_chance(fitted.scores),
        "bins": [[each.said, each.was, each.count] for each in bins(fitted.scores, labels)],
        "curve": _curve(examples, lesson.kind),
        "audit": audit,
        **drift_of(lesson.taught, examples.readings, fitted.scores, before=before, current=current),
    }
    if audit["count"] and current is not None:
        figures["audit_before"] = _audit(lesson.audited, current)
    weights = fitted.model.stored()
    return Learnt(
        weights=weights,
        sha256=hashlib.sha256(weights).digest(),
        figures=figures,
        refused=tuple(_refusals(lesson, figures, before)),
    )


def approval_lacks(
    figures: Mapping[str, Any], *, decisions: int, moderators: int
) -> tuple[str, ...]:
    """Return what a model still lacks before a rule may ask it and approve."""
    audit = figures["audit"]
    lacks = {
        "decisions": decisions >= APPROVES_DECISIONS,
        "moderators": moderators >= APPROVES_MODERATORS,
        "audited": audit["low_count"] >= APPROVES_AUDITED,
        "misses": audit["low_missed_bound"] <= APPROVES_MISSES_MAX,
    }
    return tuple(name for name, met in lacks.items() if not met)


def _refusals(
    lesson: Lesson, figures: Mapping[str, Any], before: Mapping[str, Any] | None
) -> list[str]:
    refusals = []
    if len(lesson.taught) < DECISIONS_MIN:
        refusals.append("few_decisions")
    if lesson.violations < VIOLATIONS_MIN[lesson.kind]:
        refusals.append("few_violations")
    if (figures["auc"] or 0.0) < AUC_MIN:
        refusals.append("poor_order")
    if figures["error"] - figures["error_by_chance"] > ERROR_MAX:
        refusals.append("dishonest")
    if before is not None and _is_worse(figures, before):
        refusals.append("worse_than_current")
    return refusals


def _is_worse(figures: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    audit, audit_before = figures["audit"], figures.get("audit_before")
    speaks = audit["count"] >= AUDITED_MIN and audit["bad"] >= AUDITED_BAD_MIN
    if speaks and audit_before is not None:
        return bool(audit["auc"] < audit_before["auc"] - LOSS_MAX)
    return bool((figures["auc"] or 0.0) < (before["auc"] or 0.0) - LOSS_MAX)


def _audit(audited: Sequence[Example], model: Model) -> dict[str, Any]:
    """Examine a model by comments that no model learns from."""
    scores = np.array([model.probability(read(each.text)) for each in audited])
    labels = np.array([each.bad for each in audited], dtype=bool)
    low = scores < APPROVES_BELOW
    missed = int((low & labels).sum())
    return {
        "count": len(audited),
        "bad": int(labels.sum()),
        "auc": auc(scores, labels),
        "low_count": int(low.sum()),
        "low_missed": missed,
        "low_missed_bound": miss_bound(missed, int(low.sum())),
    }


def _curve(examples: Examples, kind: Kind) -> list[list[float]]:
    """Learn of so many decisions, drawn by chance, and judge the others."""
    points = []
    count = len(examples.labels)
    drawn = np.random.default_rng(SEED).permutation(count)
    for size in CURVE:
        first, rest = drawn[:size], drawn[size:]
        if size >= count or not 0 < examples.labels[first].sum() < size:
            continue
        model = learn(examples.part(first), kind)
        scores = np.array([model.score(examples.readings[int(at)]) for at in rest])
        area = auc(scores, examples.labels[rest])
        if area is not None:
            points.append([float(size), area])
    return points


def _examples(taught: Sequence[Example]) -> Examples:
    labels: Labels = np.array([each.bad for each in taught], dtype=bool)
    return Examples(
        readings=[read(each.text) for each in taught],
        labels=labels,
        weights=np.array([each.weight for each in taught]),
    )
