"""Measure what models learn of public sets: after so many decisions, on texts held back."""

from __future__ import annotations

import gzip
import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from bench import public
from bench.lines import Line
from bench.public import Row
from service.features.learning.fitting import Examples, fit, learn
from service.features.learning.grading import auc, calibration_error
from service.features.learning.model import Model
from service.features.learning.reading import Reading, read
from service.storage.learning import Kind

CURVES: dict[str, tuple[str, dict[int, float]]] = {
    "stated-upstream/yt_spam": ("spam under videos", {100: 0.95, 300: 0.975}),
    "stated-upstream/sms_spam": ("spam by telephone", {}),
    "open/ftr_french_racism_tweets": ("French", {300: 0.77, 1_000: 0.80}),
    "open/toxifrench_perspective": ("French forum", {}),
    "open/fox_news_comments": ("English news", {300: 0.76}),
    "open/mlma_ar": ("Arabic tweets", {}),
}
"""What is learnt, and the AUC aimed at after so many decisions. Those for English news are of a
model with a base of other sets beneath it (screening.md B2), which is not shipped."""
WORKLOADS: dict[str, tuple[str, float | None, float | None]] = {
    "stated-upstream/yt_spam": ("spam under videos", 0.95, 0.70),
    "open/mlma_ar": ("Arabic tweets", None, None),
    "open/ftr_french_racism_tweets": ("French", None, None),
    "open/fox_news_comments": ("English news", 0.58, None),
}
"""Which share of violations the first fifth of the queue should hold, and which share of clean
comments could be approved unseen where 1 % of the violations may be missed."""
PREVALENCE = 0.08
FIRST = 0.2
MAY_MISS = 0.01
SIZES = (100, 300, 1_000)
TRIES = 4
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
    yield spans(teacher)
    yield times(teacher)


def curve(name: str, title: str, targets: dict[int, float]) -> Iterator[Line]:
    """Learn of so many decisions, four times each, and judge what was held back."""
    rows = public.rows(name)
    learnt = [row for row in rows if not held_back(row.text)]
    held = [row for row in rows if held_back(row.text)]
    readings = {row.text: read(row.text) for row in rows}
    labels = np.array([bool(row.bad) for row in held])
    for size in SIZES:
        if size > len(learnt):
            continue
        areas, errors = [], []
        for seed in range(TRIES):
            chosen = np.random.default_rng(seed).permutation(len(learnt))[:size]
            model = fit(examples([learnt[at] for at in chosen], readings), kind_of(name)).model
            said = np.array([model.probability(readings[row.text]) for row in held])
            areas.append(auc(said, labels) or 0.0)
            errors.append(calibration_error(said, labels) or 0.0)
        area, error = float(np.mean(areas)), float(np.mean(errors))
        target = targets.get(size)
        yield Line(
            f"learning, {title}: AUC after {size:,} decisions",
            f"{area:.3f} on {len(held)}, ECE {error:.3f}",
            f">= {target}" if target else "",
            area >= target if target else None,
            name,
        )


def workload(
    name: str, title: str, least: float | None, approvable: float | None
) -> Iterator[Line]:
    """Order what was held back, as if 8 % of it were violations."""
    rows = public.rows(name)
    learnt = [row for row in rows if not held_back(row.text)]
    held = [row for row in rows if held_back(row.text)]
    fitted = fit(examples(learnt, {row.text: read(row.text) for row in learnt}), kind_of(name))
    said = np.array([fitted.model.probability(read(row.text)) for row in held])
    labels = np.array([bool(row.bad) for row in held])
    weights = np.where(labels, PREVALENCE / labels.sum(), (1 - PREVALENCE) / (~labels).sum())
    order = np.argsort(-said, kind="stable")
    first = order[np.cumsum(weights[order]) <= FIRST]
    found = float(labels[first].sum() / labels.sum())
    yield Line(
        f"learning, {title}: violations in the first fifth",
        f"{found:.0%} of {int(labels.sum())}, at 8 %",
        f">= {least:.0%}" if least else "",
        found >= least if least else None,
    )
    taught_bad = np.array([bool(row.bad) for row in learnt])
    threshold = float(np.quantile(fitted.scores[taught_bad], MAY_MISS))
    free = float((said[~labels] < threshold).mean())
    missed = float((said[labels] < threshold).mean())
    yield Line(
        f"learning, {title}: clean that could go unseen",
        f"{free:.0%}, missing {missed:.1%}",
        f">= {approvable:.0%}, <= 2 %" if approvable else "",
        free >= approvable and missed <= 0.02 if approvable else None,
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


def spans(model: Model) -> Line:
    """Count posts in which one of the words shown was marked by people."""
    with gzip.open(public.DATA / "open" / f"{SPANS}.jsonl.gz", "rt", encoding="utf-8") as rows:
        posts = [json.loads(line) for line in rows]
    marked = [post for post in posts if post["spans"]]
    hits = sum(_touches(model, post["text"], post["spans"]) for post in marked)
    share = hits / len(marked)
    return Line(
        "learning, explanation: one of three words is marked",
        f"{share:.2f} of {len(marked)}",
        ">= .80",
        share >= 0.80,
    )


def _touches(model: Model, text: str, marked: Sequence[int] | Sequence[Sequence[int]]) -> bool:
    gold = {
        at
        for each in marked
        for at in (range(each[0], each[1]) if isinstance(each, list) else [int(str(each))])
    }
    return any(gold & set(range(*span)) for span, _ in model.explain(text))


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


def held_back(text: str) -> bool:
    """Whether a text is for judging, and never learnt from."""
    return int(hashlib.sha256(f"bench{text}".encode()).hexdigest()[:8], 16) % 100 >= 70


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
