"""What a client of Perspective is told by us, beside what Perspective said.

`python -m bench.bridges`: once by the rules alone, as on a new site, and once with a model that
has learnt so many decisions of the same newsroom; texts held back judge. Perspective's scores
stand in the public sets beside their texts.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from bench.learning import examples, held_back
from bench.public import DATA, Row
from service.features.bridges.opinion import Opinion
from service.features.bridges.perspective import Question, Tongues, Wanted, answer_of
from service.features.learning.fitting import fit
from service.features.learning.grading import Labels, Scores, auc
from service.features.learning.model import Model
from service.features.learning.reading import read
from service.features.learning.report import AUC_MIN
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
LESSONS = (300, 1_000, 20_000)
"""Decisions; the last is as many as a model ever learns of."""
LEAST_BAD = 60
"""Below so many nothing is learnt (service/features/learning/report.py)."""
WRONGLY = 0.05
"""Share of good comments above a threshold, at which what is found is compared."""


def main() -> None:
    """Print the lines of each set."""
    rules = compile_rules(shipped_rules())
    for name in SETS:
        rows = list(_rows(name))
        labels: Labels = np.array([bool(row["label"]) for row in rows])
        theirs: Scores = np.array([row["perspective"] for row in rows], dtype=np.float64)
        ours: Scores = np.array([_toxicity(row, rules) for row in rows])
        print(f"{name}: {len(rows)} rows, {labels.mean():.1%} bad")
        print(f"  rules alone  AUC {auc(ours, labels):.3f}  {_at(ours, labels, OURS)}")
        shown = "  ".join(_at(theirs, labels, each) for each in THEIRS)
        print(f"  Perspective  AUC {auc(theirs, labels):.3f}  {shown}")
        _with_a_model(rows, rules)


def _with_a_model(rows: Sequence[dict[str, Any]], rules: RuleSet) -> None:
    """Teach with one part of a set, and judge by the other."""
    taught = [row for row in rows if not held_back(row["text"])]
    held = [row for row in rows if held_back(row["text"])]
    labels: Labels = np.array([bool(row["label"]) for row in held])
    theirs: Scores = np.array([row["perspective"] for row in held], dtype=np.float64)
    print(f"  of {len(held)} held back: Perspective {_order(theirs, labels)}")
    chosen = np.random.default_rng(0).permutation(len(taught))
    for size in LESSONS:
        lesson = [taught[at] for at in chosen[:size]]
        if sum(bool(row["label"]) for row in lesson) < LEAST_BAD:
            continue
        texts = [Row(row["text"], bool(row["label"])) for row in lesson]
        taken = examples(texts, {row.text: read(row.text) for row in texts})
        fitted = fit(taken, "abuse")
        ours: Scores = np.array([_toxicity(row, rules, fitted.model) for row in held])
        used = (auc(fitted.scores, taken.labels) or 0.0) >= AUC_MIN
        gate = "" if used else " - and not used: its gate refuses it"
        print(f"  {len(lesson):,} decisions and rules: {_order(ours, labels)}{gate}")
        if size >= len(taught):
            break


def _toxicity(row: dict[str, Any], rules: RuleSet, model: Model | None = None) -> float:
    text = row["text"]
    scores = {} if model is None else {"abuse": model.probability(read(text))}
    facts = Facts(text=text, now=NOON, author=AuthorFacts(approved=10), scores=scores)
    wanted = (Wanted(name="TOXICITY"),)
    answer = answer_of(
        Question(text=text, wanted=wanted),
        Opinion(verdict=evaluate(facts, rules), scores=scores),
        {},
        Tongues(said=(row["lang"],), found=()),
        wanted,
    )
    value: float = answer["attributeScores"]["TOXICITY"]["summaryScore"]["value"]
    return value


def _order(scores: Scores, labels: Labels) -> str:
    """Say how good the order is, and how many are found where so many are wrong."""
    threshold = float(np.quantile(scores[~labels], 1 - WRONGLY))
    found = (scores[labels] > threshold).mean()
    return f"AUC {auc(scores, labels):.3f}, {found:.1%} found at {WRONGLY:.0%} wrongly"


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
