"""Comments to time screening on."""

from __future__ import annotations

import random
from pathlib import Path

from bench import public

NEWS = "threads/globe_and_mail_threads"
SEED = 20_261_125
SAMPLE = 1_500
"""Texts of a set that are measured; enough for a share of 1 % give or take 0.5."""


def sample_texts() -> list[str]:
    """Return comments as they come: news threads, a forum, tweets; or our own texts."""
    if not public.present():
        folder = Path(__file__).parent / "language"
        texts = [
            line for path in sorted(folder.glob("*.txt")) for line in path.read_text().split("\n")
        ]
    else:
        names = (NEWS, "open/toxifrench_perspective", "open/mlma_ar", "open/fox_news_comments")
        texts = [row.text for name in names for row in public.rows(name)[: SAMPLE // 2]]
        texts += [row.text for row in public.rows(NEWS)[SAMPLE // 2 :]]
    random.Random(SEED).shuffle(texts)
    return texts
