"""Make `service/features/screening/language.table` from texts written for it.

    python -m bench.train_language

What it learns from: `bench/language/*.txt` and the demo's articles and comments, all written
for Postbag, and `bench/language/words.toml`. Nothing is drawn by chance: the same texts give
the same table.
"""

from __future__ import annotations

import math
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from service.features.screening.language import CLASSES, UNIT, parts_of, words_of

ROOT = Path(__file__).parents[1]
TEXTS = ROOT / "bench" / "language"
DEMO = ROOT / "service" / "demo" / "content"
TABLE = ROOT / "service" / "features" / "screening" / "language.table"

WORD_WEIGHT = 12
"""How often a listed word counts as read; a frequent one stands about as often in our texts."""

SEEN_MIN = 2
"""Parts read less often say more about our texts than about a language."""

SMOOTHING = 0.5
"""Added to every count of every class."""

WEIGHT_MAX = 127

KIN = {
    **dict.fromkeys(("en",), "en"),
    **dict.fromkeys(("fr",), "fr"),
    **dict.fromkeys(("ar-latn",), "ar-latn"),
    **dict.fromkeys(("es", "it", "pt", "ro", "ca"), "romance"),
    **dict.fromkeys(("de", "nl", "sv"), "germanic"),
}
"""Language -> class of the model; all else is `far`."""


def main() -> None:
    """Read, count, weigh, write."""
    counts: dict[str, Counter[str]] = {one: Counter() for one in CLASSES}
    for language, text in texts():
        counts[KIN.get(language, "far")].update(parts(text))
    for language, words in tomllib.loads((TEXTS / "words.toml").read_text()).items():
        for word in words.split():
            for spelling in {word, without_accents(word)}:
                for part in parts(spelling):
                    weight = WORD_WEIGHT if part == f" {spelling} " else 1
                    counts[KIN.get(language, "far")][part] += weight
    lines = [f"{part}\t{','.join(map(str, weights))}\n" for part, weights in weigh(counts)]
    TABLE.write_text("".join(lines), "utf-8")
    print(f"{len(lines)} parts, {TABLE.stat().st_size:,} bytes: {TABLE.relative_to(ROOT)}")


def texts() -> Iterator[tuple[str, str]]:
    """Yield each text with its language, once as written and once without accents."""
    for language, text in written():
        yield language, text
        bare = without_accents(text)
        if bare != text:
            yield language, bare


def written() -> Iterator[tuple[str, str]]:
    """Yield each text with its language."""
    for language in ("en", "fr", "ar-latn"):
        for line in (TEXTS / f"{language}.txt").read_text().splitlines():
            yield language, line
    for line in (TEXTS / "other.txt").read_text().splitlines():
        language, _, text = line.partition("|")
        yield language, text
    for path in sorted(DEMO.glob("*.toml")):
        if path.name[:3] in ("en-", "fr-"):
            for text in sentences(tomllib.loads(path.read_text())):
                yield path.name[:2], text


def sentences(value: object) -> Iterator[str]:
    """Yield the strings in a demo file that are long enough to be prose."""
    prose_chars = 30
    if isinstance(value, str) and len(value) > prose_chars and "/" not in value:
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from sentences(one)
    elif isinstance(value, dict):
        for one in value.values():
            yield from sentences(one)


def parts(text: str) -> Iterator[str]:
    """Yield what the model looks at."""
    for word in words_of(text):
        yield from parts_of(word)


def without_accents(text: str) -> str:
    """Drop what hasty writers drop."""
    marked = unicodedata.normalize("NFD", text)
    return "".join(one for one in marked if not unicodedata.combining(one))


def weigh(counts: dict[str, Counter[str]]) -> Iterator[tuple[str, list[int]]]:
    """Yield each part with its weight for every class: log share, less the mean over classes.

    Whole words and parts are weighed apart, so that a class with long words is at no loss.
    """
    for whole in (True, False):
        shares = {
            one: {
                part: count
                for part, count in counter.items()
                if (part[0] == part[-1] == " " and len(part) > 2) == whole
            }
            for one, counter in counts.items()
        }
        every = sorted(set().union(*shares.values()))
        totals = {one: sum(shares[one].values()) + SMOOTHING * len(every) for one in CLASSES}
        for part in every:
            if sum(shares[one].get(part, 0) for one in CLASSES) < SEEN_MIN:
                continue
            logs = [
                math.log((shares[one].get(part, 0) + SMOOTHING) / totals[one]) for one in CLASSES
            ]
            mean = sum(logs) / len(logs)
            damp = 1.0 if whole else 0.5
            yield (
                part,
                [
                    max(-WEIGHT_MAX, min(WEIGHT_MAX, round((log - mean) * damp * UNIT)))
                    for log in logs
                ],
            )


if __name__ == "__main__":
    main()
