"""What the service thinks of a comment before a person does. Pure: no I/O, no clock.

`evaluate(facts, rules)` tries every rule on a comment and decides; `compile_rules` makes a
document of rules ready, `shipped_rules` is the one a new site has.
"""

from __future__ import annotations

from dataclasses import dataclass

from service.features.screening.evaluation import UNCHECKED, evaluate
from service.features.screening.facts import (
    ArticleFacts,
    AuthorFacts,
    ClusterFacts,
    Facts,
    Recent,
    likeness,
)
from service.features.screening.rules import Rule, RuleDocument
from service.features.screening.ruleset import BadRules, RuleSet, compile_rules
from service.features.screening.shipped import shipped_rules
from service.features.screening.verdict import (
    PRIORITY_MAX,
    PRIORITY_STEP,
    Signal,
    Verdict,
    priority_of,
    queue_score,
)
from service.model import Mode

__all__ = [
    "PRIORITY_MAX",
    "PRIORITY_STEP",
    "ArticleFacts",
    "AuthorFacts",
    "BadRules",
    "ClusterFacts",
    "Draft",
    "Facts",
    "Recent",
    "Rule",
    "RuleDocument",
    "RuleSet",
    "Signal",
    "Verdict",
    "compile_rules",
    "evaluate",
    "likeness",
    "priority_of",
    "queue_score",
    "screen",
    "shipped_rules",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is looked at where no rules are: the mode alone decides."""

    text: str
    mode: Mode
    author_is_trusted: bool
    checks_complete: bool
    """False when a store was away and standing or state could not be read."""


def screen(draft: Draft) -> Verdict:
    """Say whether a comment may be published at once.

    What could not be checked is held, never published (protocol.md Ruling 11).
    """
    if not draft.checks_complete:
        return Verdict(publish=False, ruling="hold", why=(UNCHECKED,))
    publish = draft.mode is Mode.POST or (draft.mode is Mode.TRUSTED and draft.author_is_trusted)
    return Verdict(publish=publish)
