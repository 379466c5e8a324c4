"""What models know, as editors see it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from service.features.learning.desk import ModelState, Version
from service.features.learning.models import Explanation
from service.web.wire.base import Timestamp, VersionNumber, Wire, stamp

KindName = Literal["abuse", "spam"]


class AuditOut(Wire):
    """How a model does on comments that no model learns from."""

    count: int
    bad: int
    auc: float | None
    low_count: int
    """Of them, those with a low probability."""
    low_missed: int
    """Of those, what people turned down."""
    low_missed_bound: float
    """The share that may be behind that, at most: 95 % sure."""


class BinOut(Wire):
    """Comments of about the same probability."""

    said: float
    was: float
    count: int


class PointOut(Wire):
    """How good the order is after so many decisions."""

    decisions: int
    auc: float


class VersionOut(Wire):
    """One version of a model."""

    version: int
    state: Literal["current", "kept", "refused"]
    trained_at: Timestamp
    decisions: int
    violations: int
    moderators: int
    auc: float | None
    """How often a bad comment scores above a good one, on comments it had not seen."""
    error: float | None
    """Mean distance of its probabilities from what was."""
    drift: float | None
    """Population stability index of the last week's scores against those before."""
    alarms: list[Literal["scores", "precision", "unknown"]]
    """What moved: how comments score, how much of what it would hold is turned down, or how much
    in the last week's comments was never met before."""
    refused: list[str]
    audit: AuditOut
    bins: list[BinOut]
    curve: list[PointOut]


class ModelOut(Wire):
    """One model of a site."""

    model: KindName
    current: int | None
    """The version in use."""
    fresh: int
    """Decisions that no version has learnt from yet."""
    approves: bool
    approval_lacks: list[str]
    versions: list[VersionOut]


class ModelsOut(Wire):
    """The models of a site."""

    items: list[ModelOut]
    next: None


class PromoteIn(Wire):
    """Which version to use."""

    version: VersionNumber


class ApprovalIn(Wire):
    """Whether rules may ask it and approve."""

    approves: bool


class WordOut(Wire):
    """A word that speaks against a comment."""

    span: list[int]
    """Half-open range of code points."""
    worth: float


class ExplanationOut(Wire):
    """What one model makes of a comment."""

    model: KindName
    version: int
    probability: float
    words: list[WordOut]


class ExplanationsOut(Wire):
    """What the models in use make of a comment."""

    items: list[ExplanationOut]
    next: None


def models_json(states: Sequence[ModelState]) -> dict[str, Any]:
    """Write the models of a site."""
    return {"items": [_model_json(state) for state in states], "next": None}


def explanations_json(explanations: Sequence[Explanation]) -> dict[str, Any]:
    """Write what models make of a comment."""
    items = [
        {
            "model": each.kind,
            "version": each.version,
            "probability": round(each.probability, 4),
            "words": [{"span": list(span), "worth": worth} for span, worth in each.words],
        }
        for each in explanations
    ]
    return {"items": items, "next": None}


def _model_json(state: ModelState) -> dict[str, Any]:
    return {
        "model": state.kind,
        "current": state.current.version if state.current else None,
        "fresh": state.fresh,
        "approves": state.approves,
        "approval_lacks": list(state.approval_lacks),
        "versions": [_version_json(version) for version in state.versions],
    }


def _version_json(version: Version) -> dict[str, Any]:
    figures = version.figures
    return {
        "version": version.version,
        "state": version.state,
        "trained_at": stamp(version.trained_at),
        "decisions": version.decisions,
        "violations": version.violations,
        "moderators": version.moderators,
        "auc": figures["auc"],
        "error": figures["error"],
        "drift": figures["drift"],
        "alarms": figures.get("alarms", []),
        "refused": figures["refused"],
        "audit": figures["audit"],
        "bins": [
            {"said": said, "was": was, "count": count} for said, was, count in figures["bins"]
        ],
        "curve": [{"decisions": int(size), "auc": area} for size, area in figures["curve"]],
    }
