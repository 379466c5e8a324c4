"""What the service thinks of a comment before a person does. Pure: no I/O, no clock.

`evaluate(facts, rules)` tries every rule on a comment and decides; `compile_rules` makes a
document of rules ready, `shipped_rules` is the one a new site has.
"""

from __future__ import annotations

from service.features.screening.evaluation import UNCHECKED, evaluate, said, unread
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

__all__ = [
    "PRIORITY_MAX",
    "PRIORITY_STEP",
    "UNCHECKED",
    "ArticleFacts",
    "AuthorFacts",
    "BadRules",
    "ClusterFacts",
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
    "said",
    "shipped_rules",
    "unread",
]
