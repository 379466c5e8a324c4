"""What a client of Perspective is told by a new site, beside what Perspective said.

`python -m bench.bridges`: no model has learnt yet, so rules alone speak. Perspective's scores
stand in the public sets beside their texts.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np

from bench.public import DATA
from service.features.bridges.opinion import Opinion
from service.features.bridges.perspective import Question, Tongues, Wanted, answer_of
from service.features.learning.grading import Labels, Scores, auc
from service.features.screening import (
    AuthorFacts,
    Facts,
    RuleSet,
    compile_rules,
    evaluate,
    shipped_rules,
)

SETS = (
    "open/jigsaw_balanced_perspective",
    "open/toxifrench_perspective",
    "open/wikipedia_talk_context",
)
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
OURS = 0.3
"""Our threshold: above it something spoke."""
THEIRS = (0.5, 0.8)
"""Perspective's, as sites have them; Coral's is .8."""


def main() -> None:
    """Print a line a set."""
    rules = compile_rules(shipped_rules())
    for name in SETS:
        rows = list(_rows(name))
        labels: Labels = np.array([bool(row["label"]) for row in rows])
        theirs: Scores = np.array([row["perspective"] for row in rows], dtype=np.float64)
        ours: Scores = np.array([_toxicity(row["text"], row["lang"], rules) for row in rows])
        print(f"{name}: {len(rows)} rows, {labels.mean():.1%} bad")
        print(f"  rules alone  AUC {auc(ours, labels):.3f}  {_at(ours, labels, OURS)}")
        shown = "  ".join(_at(theirs, labels, each) for each in THEIRS)
        print(f"  Perspective  AUC {auc(theirs, labels):.3f}  {shown}")


def _toxicity(text: str, lang: str, rules: RuleSet) -> float:
    facts = Facts(text=text, now=NOON, author=AuthorFacts(approved=10))
    wanted = (Wanted(name="TOXICITY"),)
    answer = answer_of(
        Question(text=text, wanted=wanted),
        Opinion(verdict=evaluate(facts, rules)),
        {},
        Tongues(said=(lang,), found=()),
        wanted,
    )
    value: float = answer["attributeScores"]["TOXICITY"]["summaryScore"]["value"]
    return value


def _at(scores: Scores, labels: Labels, threshold: float) -> str:
    """Say how many are found above a threshold, and how many wrongly."""
    above = scores > threshold
    return f"at {threshold}: {above[labels].mean():.1%} found, {above[~labels].mean():.2%} wrongly"


def _rows(name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if row.get("perspective") is not None and "label" in row and row["text"]:
                yield row


if __name__ == "__main__":
    main()
