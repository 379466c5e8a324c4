"""Measure what models learn of public sets: after so many decisions, on texts held back."""

from __future__ import annotations

import gzip
import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import numpy as np

from bench import public
from bench.lines import Line
from bench.public import Row
from service.features.learning.fitting import Examples, fit, learn
from service.features.learning.grading import auc, calibration_error, error_by_chance
from service.features.learning.model import Model
from service.features.learning.reading import Reading, read
from service.features.screening import Facts, compile_rules, evaluate
from service.features.screening.shipped import shipped_rules
from service.storage.learning import Kind

CURVES: dict[str, tuple[str, dict[int, float]]] = {
    "stated-upstream/yt_spam": ("spam under videos", {100: 0.95, 300: 0.975}),
    "stated-upstream/sms_spam": ("spam by telephone", {}),
    "open/ftr_french_racism_tweets": ("French", {300: 0.77, 1_000: 0.80}),
    "open/toxifrench_perspective": ("French forum", {}),
    "open/fox_news_comments": ("English news", {300: 0.76}),
    "open/mlma_ar": ("Arabic tweets", {}),
}
"""What is learnt, and the AUC aimed at after so many decisions. That for English news is of a
model with a base of other public sets beneath it, which is not shipped and of which nothing could
be reproduced (docs/decisions/0022-learning.md)."""
WORKLOADS: dict[str, tuple[str, float | None, float | None]] = {
    "stated-upstream/yt_spam": ("spam under videos", 0.95, 0.70),
    "open/mlma_ar": ("Arabic tweets", None, None),
    "open/ftr_french_racism_tweets": ("French", None, None),
    "open/fox_news_comments": ("English news", 0.58, None),
}
"""Which share of violations the first fifth of the queue should hold, and which share of clean
comments could be approved unseen where 1 % of the violations may be missed."""
PREVALENCE = 0.08
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
FIRST = 0.2
MAY_MISS = 0.01
SIZES = (100, 300, 1_000)
TRIES = 4
"""How often another part is held back, and others are learnt from: one part alone misleads by
.05 where a set has a thousand rows."""
TERM_PERCENT = 5
"""Templates that a threshold is set for: the share of clean ones above it."""
MASKED = "open/identity_templates_en"
SPANS = "semeval2021_tsd_trial"
TAUGHT = ("open/civil_toxic_spans_posts", "open/jigsaw_small")


def lines() -> Iterator[Line]:
    """Measure everything."""
    for name, (title, targets) in CURVES.items():
        yield from curve(name, title, targets)
    for name, (title, least, approvable) in WORKLOADS.items():
        yield from workload(name, title, least, approvable)
    teacher = taught()
    yield identity(teacher)
    yield from spans(teacher)
    yield times(teacher)


def curve(name: str, title: str, targets: dict[int, float]) -> Iterator[Line]:
    """Learn of so many decisions, four times each, and judge what was held back."""
    rows = public.rows(name)
    readings = {row.text: read(row.text) for row in rows}
    for size in SIZES:
        areas, errors, chances = [], [], []
        for turn in range(TRIES):
            learnt, held = parted(rows, turn)
            if size > len(learnt):
                break
            chosen = np.random.default_rng(turn).permutation(len(learnt))[:size]
            model = fit(examples([learnt[at] for at in chosen], readings), kind_of(name)).model
            said = np.array([model.probability(readings[row.text]) for row in held])
            labels = np.array([bool(row.bad) for row in held])
            areas.append(auc(said, labels) or 0.0)
            errors.append(calibration_error(said, labels) or 0.0)
            chances.append(error_by_chance(said))
        else:
            area, target = float(np.mean(areas)), targets.get(size)
            yield Line(
                f"learning, {title}: AUC after {size:,} decisions",
                f"{area:.3f} ({min(areas):.3f} to {max(areas):.3f})",
                f">= {target}" if target else "",
                area >= target if target else None,
                f"calibration error {np.mean(errors):.3f}, of it by chance {np.mean(chances):.3f}",
            )


def workload(
    name: str, title: str, least: float | None, approvable: float | None
) -> Iterator[Line]:
    """Order what was held back, as if 8 % of it were violations."""
    rows = public.rows(name)
    readings = {row.text: read(row.text) for row in rows}
    found, free, missed = np.mean([_worked(name, rows, readings, at) for at in range(TRIES)], 0)
    yield Line(
        f"learning, {title}: violations in the first fifth",
        f"{found:.0%}, at 8 %",
        f">= {least:.0%}" if least else "",
        bool(found >= least) if least else None,
    )
    yield Line(
        f"learning, {title}: clean that could go unseen",
        f"{free:.0%}, missing {missed:.1%}",
        f">= {approvable:.0%}, <= 2 %" if approvable else "",
        bool(free >= approvable and missed <= 0.02) if approvable else None,
    )


def _worked(
    name: str, rows: Sequence[Row], readings: dict[str, Reading], turn: int
) -> tuple[float, float, float]:
    """Return what is found first, the clean that could go unseen, and what would be missed."""
    learnt, held = parted(rows, turn)
    fitted = fit(examples(learnt, readings), kind_of(name))
    said = np.array([fitted.model.probability(readings[row.text]) for row in held])
    labels = np.array([bool(row.bad) for row in held])
    weights = np.where(labels, PREVALENCE / labels.sum(), (1 - PREVALENCE) / (~labels).sum())
    order = np.argsort(-said, kind="stable")
    first = order[np.cumsum(weights[order]) <= FIRST]
    taught_bad = np.array([bool(row.bad) for row in learnt])
    threshold = float(np.quantile(fitted.scores[taught_bad], MAY_MISS))
    return (
        float(labels[first].sum() / labels.sum()),
        float((said[~labels] < threshold).mean()),
        float((said[labels] < threshold).mean()),
    )


def kind_of(name: str) -> Kind:
    """Return which of the two models a set teaches."""
    return "spam" if name.endswith("_spam") else "abuse"


def identity(model: Model) -> Line:
    """Compare how often clean sentences about each group are above one threshold."""
    with gzip.open(public.DATA / f"{MASKED}.jsonl.gz", "rt", encoding="utf-8") as read_lines:
        rows = [json.loads(line) for line in read_lines]
    clean = [row["text"] for row in rows if not row["label"]]
    scores = np.array([model.score(read(text)) for text in clean])
    threshold = float(np.percentile(scores, 100 - TERM_PERCENT))
    of_term: dict[str, list[bool]] = defaultdict(list)
    for text, score in zip(clean, scores, strict=True):
        for term in TERMS:
            if f" {term}" in f" {text.lower()}":
                of_term[term].append(bool(score > threshold))
    rates = {term: sum(hits) / len(hits) for term, hits in of_term.items() if len(hits) >= 20}
    worst = max(rates, key=lambda term: rates[term])
    gap = rates[worst] - min(rates.values())
    return Line(
        "learning, identity: largest gap of false alarms",
        f"{gap:.3f} ({worst}; {len(rates)} terms)",
        "<= .12",
        gap <= 0.12,
    )


def spans(model: Model) -> Iterator[Line]:
    """Compare the words that are shown with those that people marked."""
    with gzip.open(public.DATA / "open" / f"{SPANS}.jsonl.gz", "rt", encoding="utf-8") as rows:
        posts = [json.loads(line) for line in rows]
    rules = compile_rules(shipped_rules())
    touched, alike = [], []
    for post in posts:
        gold = set(post["spans"])
        shown = [span for span, _ in model.explain(post["text"])]
        hits = evaluate(Facts(text=post["text"], now=NOON), rules).why
        named = [span for why in hits for span in why.spans]
        if gold:
            touched.append(any(gold & set(range(*span)) for span in shown))
        alike.append(_alike(named or shown, gold))
    share, score = float(np.mean(touched)), float(np.mean(alike))
    yield Line(
        "learning, explanation: one of three words is marked",
        f"{share:.2f} of {len(touched)}",
        ">= .80",
        share >= 0.80,
    )
    yield Line(
        "what a rule marks, or else the model: F1 of characters",
        f"{score:.2f} of {len(alike)}",
        ">= .58",
        score >= 0.58,
    )


def _alike(shown: Sequence[tuple[int, int]], gold: set[int]) -> float:
    """Return the F1 of characters, as the shared task counts: 1 where neither marks any."""
    marked = {at for span in shown for at in range(*span)}
    if not marked or not gold:
        return float(marked == gold)
    return 2 * len(marked & gold) / (len(marked) + len(gold))


def times(model: Model) -> Line:
    """Time reading a comment and weighing it by two models."""
    texts = [row.text for row in public.rows("threads/globe_and_mail_threads")[:1_000]]
    began = time.thread_time_ns()
    for text in texts:
        reading = read(text)
        model.probability(reading)
        model.probability(reading)
    took = (time.thread_time_ns() - began) / 1e3 / len(texts)
    return Line("learning: a comment by two models, mean", f"{took:.0f} us", "", None)


def taught() -> Model:
    """Learn of public English sets, for what needs any model."""
    rows = [row for name in TAUGHT for row in public.rows(name)]
    return learn(examples(rows, {row.text: read(row.text) for row in rows}), "abuse")


def examples(rows: Sequence[Row], readings: dict[str, Reading]) -> Examples:
    """Take rows as decisions."""
    return Examples(
        readings=[readings[row.text] for row in rows],
        labels=np.array([bool(row.bad) for row in rows]),
        weights=np.ones(len(rows)),
    )


def parted(rows: Sequence[Row], turn: int) -> tuple[list[Row], list[Row]]:
    """Return what is learnt from, and what is for judging."""
    learnt: list[Row] = []
    held: list[Row] = []
    for row in rows:
        (held if held_back(row.text, turn) else learnt).append(row)
    return learnt, held


def held_back(text: str, turn: int = 0) -> bool:
    """Whether a text is for judging in a turn, and never learnt from: three in ten are."""
    drawn = hashlib.sha256(f"bench{turn or ''}{text}".encode()).hexdigest()
    return int(drawn[:8], 16) % 100 >= 70


TERMS = [
    "lesbian",
    "gay",
    "bisexual",
    "transgender",
    "trans",
    "queer",
    "lgbt",
    "lgbtq",
    "homosexual",
    "straight",
    "heterosexual",
    "male",
    "female",
    "nonbinary",
    "african",
    "black",
    "white",
    "european",
    "hispanic",
    "latino",
    "latina",
    "latinx",
    "mexican",
    "canadian",
    "american",
    "asian",
    "indian",
    "chinese",
    "japanese",
    "christian",
    "muslim",
    "jewish",
    "buddhist",
    "catholic",
    "protestant",
    "sikh",
    "taoist",
    "old",
    "older",
    "young",
    "younger",
    "teenage",
    "millenial",
    "elderly",
    "blind",
    "deaf",
    "paralyzed",
]


if __name__ == "__main__":
    for line in lines():
        print(line)
