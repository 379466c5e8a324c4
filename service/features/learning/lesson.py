"""What a model learns of decisions: which say what, what each counts, and which are kept apart."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from service.features.screening.priority import is_audited
from service.storage.learning import Kind, Labelled

KINDS: Final[tuple[Kind, ...]] = ("abuse", "spam")
REASONS: Final[dict[Kind, frozenset[str]]] = {
    "abuse": frozenset({"abuse", "hate", "harassment"}),
    "spam": frozenset({"spam", "advertising"}),
}
"""For which reasons a rejection teaches a model; other rejections teach neither."""
SHARE_MAX: Final = 0.4
"""Of all that counts: what one moderator may teach, where there are three or more."""
MODERATORS_MIN: Final = 3


class Example(Struct, frozen=True):
    """One decision as a model learns it."""

    text: str
    bad: bool
    weight: float
    at: datetime
    by: str


class Lesson(Struct, frozen=True, kw_only=True):
    """What one model is taught, oldest first, and what it is examined by."""

    kind: Kind
    taught: Sequence[Example]
    audited: Sequence[Example]
    """Comments drawn by chance, which no model learns from, as the second look at them says."""

    @property
    def violations(self) -> int:
        """Count what was turned down."""
        return sum(example.bad for example in self.taught)

    @property
    def moderators(self) -> int:
        """Count who taught."""
        return len({example.by for example in self.taught})


def lesson_of(kind: Kind, decided: Sequence[Labelled]) -> Lesson:
    """Make a lesson of decisions.

    What was decided as one cluster counts as one decision, whatever its size.
    """
    labelled = [
        (each, bad)
        for each in sorted(decided, key=lambda each: (each.at, each.comment_id))
        if each.text and (bad := _is_bad(kind, each)) is not None
    ]
    sizes = Counter(each.operation_id for each, _ in labelled if each.operation_id)
    taught: list[Example] = []
    audited: list[Example] = []
    for each, bad in labelled:
        is_audit = each.drawn or is_audited(each.comment_id)
        weight = 1.0 / sizes[each.operation_id] if each.operation_id else 1.0
        example = Example(each.text or "", bad, weight, each.at, each.actor_id)
        (audited if is_audit else taught).append(example)
    return Lesson(kind=kind, taught=_capped(taught), audited=audited)


def _is_bad(kind: Kind, each: Labelled) -> bool | None:
    """Return what a decision says to a model; None where it says nothing."""
    approved, reason = each.status == "approved", each.reason
    if each.checked is not None:
        approved, reason = each.checked == "approve", each.checked_reason
    if approved:
        return False
    if reason in REASONS[kind]:
        return True
    return False if kind == "spam" and reason in REASONS["abuse"] else None


def _capped(examples: Sequence[Example]) -> list[Example]:
    """Let nobody teach more than their share: one account must not be able to turn a model."""
    weights: dict[str, float] = defaultdict(float)
    for example in examples:
        weights[example.by] += example.weight
    if len(weights) < MODERATORS_MIN:
        return list(examples)
    loudest, most = max(weights.items(), key=lambda each: each[1])
    others = sum(weights.values()) - most
    allowed = SHARE_MAX / (1 - SHARE_MAX) * others
    if most <= allowed:
        return list(examples)
    return [
        Example(each.text, each.bad, each.weight * allowed / most, each.at, each.by)
        if each.by == loudest
        else each
        for each in examples
    ]
