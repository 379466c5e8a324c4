"""Public comment sets beside the checkout, where they are: `../shared/data`."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DATA = Path(__file__).parents[2] / "shared" / "data"


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled text."""

    text: str
    bad: bool | None
    """None where nobody judged it."""


def present() -> bool:
    """Whether the sets are there."""
    return DATA.is_dir()


@cache
def rows(name: str) -> tuple[Row, ...]:
    """Return a set's rows by its path below the data folder, without `.jsonl.gz`."""
    return tuple(_rows(name))


def _rows(name: str) -> Iterator[Row]:
    with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if row.get("status", "published") == "published" and row["text"]:
                yield Row(row["text"], bool(row["label"]) if "label" in row else None)


LANGUAGE_SETS = {
    "threads/globe_and_mail_threads": "en",
    "open/fox_news_comments": "en",
    "open/wikipedia_talk_context": "en",
    "open/davidson_tweets": "en",
    "open/civil_toxic_spans_posts": "en",
    "stated-upstream/ken20_hate_comments": "en",
    "open/toxifrench_perspective": "fr",
    "open/ftr_french_racism_tweets": "fr",
    "open/mlma_fr": "fr",
    "open/hatecheck_fr": "fr",
    "open/mlma_ar": "ar",
    "open/hatecheck_ar": "ar",
}
"""Sets whose every text is in one language, by it. Nothing was learnt from them."""

HONEST_SETS = (
    "threads/globe_and_mail_threads",
    "open/fox_news_comments",
    "open/wikipedia_talk_context",
    "open/toxifrench_perspective",
    "open/jigsaw_fr_translated",
)
"""Comments as they come, and not gathered by searching for insults: what false hits are
counted on."""

SEARCHED_SETS = (
    "open/civil_toxic_spans_posts",
    "open/ftr_french_racism_tweets",
    "open/mlma_fr",
    "open/mlma_ar",
)
"""Gathered by searching for slurs or for toxicity: their "clean" rows hold quoted and
reclaimed ones, so that the figure says how the lists fare where they are least sure."""
