"""Which language a comment is in: English, French, Arabic in either script, or another.

Scripts are counted; among Latin letters a small naive Bayes model over whole words and
their parts decides. Its table is made from texts written for it by `bench/train_language.py`.
The first `READ_MAX` code points are read, so the work has a bound.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib import resources
from itertools import filterfalse
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from service.features.screening.letters import beyond_latin_1

Code = Literal["en", "fr", "ar", "ar-latn", "other"]

CODES: Final[tuple[Code, ...]] = ("en", "fr", "ar", "ar-latn", "other")

READ_MAX = 400
"""Code points looked at; a language shows long before (performance.md)."""

READ_LATELY = 32
"""Texts whose language is remembered: those who read one after the other each want it."""

WORDS_MAX = 16_384
"""Words that are remembered; 2 MB."""

WORD_MAX = 16
"""Letters of a word that are looked at."""

MARGIN = 4.0
"""Natural-log units by which a language must lead before the next is ruled out."""

UNIT = 8
"""Steps of a weight in the table to one natural-log unit."""

CLASSES: Final = ("en", "fr", "ar-latn", "romance", "germanic", "far")
"""What the model tells apart; the last three are all `other`."""

_CODES: Final[tuple[Code, ...]] = ("en", "fr", "ar-latn", "other")
"""What each of the first classes, and the best of the rest, stands for."""
_OURS: Final = len(_CODES) - 1

_PRIORS: Final = (1.5, 1.0, 0.0, -1.5, -1.5, -2.0)
"""Log odds before the first word is read: newsrooms write in the first three."""

_WORD = re.compile(r"[^\W_]+'?")
_SIGNS_AS_SPACES = bytes(
    code if chr(code).isalnum() or chr(code) == "'" else 0x20 for code in range(256)
)
_ADDRESS = re.compile(r"https?://\S+|www\.\S+|@\w+|\w+@\w+")
_ARABIC = re.compile(
    r"[\u0620-\u064a\u0671-\u06d3\u06fa-\u06fc\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefc]"
)
_NOT_OF_ARABIC = re.compile(r"[\u067e\u0679\u0688\u0691\u06a9\u06ba\u06be\u06c1\u06cc\u06d2]")
"""Letters of Persian and Urdu; some Arabic keyboards and dialects have a few of them too."""
_PERSIAN_OR_URDU = re.compile(
    "(?<!\\w)(?:این|است|که|برای|های|شد|بود|کرد|خیلی|از|ہے|میں|کے|کی|اور|نہیں)(?!\\w)"
)
_LATIN = re.compile(r"[a-zA-Z\u00c0-\u024f]+")
_NOT_LATIN = bytes(code for code in range(256) if not _LATIN.match(chr(code)))
_LETTERS = re.compile(r"[^\W\d_]+")

_PERSIAN_SHARE = 0.12
"""Share of such letters from which on a text may not be Arabic; Persian has about 0.15, Urdu
more. One of their commonest words must stand there too: some keyboards write Arabic so."""

Weights: TypeAlias = int
"""A weight for each class, in steps of `UNIT`: one number whose fields add up all at once."""

_FIELD = 32
"""Bits of a field; 400 code points come to some 10^5."""
_FIELDS: Final = struct.Struct(f"<{len(CLASSES)}I")
_START: Final = sum(
    ((1 << (_FIELD - 1)) + round(prior * UNIT)) << (_FIELD * at) for at, prior in enumerate(_PRIORS)
)
"""The priors, and what makes every field positive, for reading it."""


class Language(Struct, frozen=True):
    """The most likely language, and what else it may be."""

    code: Code
    possible: frozenset[Code]
    """`code` and every language that cannot be ruled out: short texts have several."""


UNTOLD: Final = Language("other", frozenset(CODES))
"""Where there is nothing to read, or nobody asks."""
_ARABIC_SCRIPT = Language("ar", frozenset({"ar"}))
_ANOTHER = Language("other", frozenset({"other"}))
_ANOTHER_IN_ARABIC_SCRIPT = Language("other", frozenset({"other", "ar"}))


@lru_cache(maxsize=READ_LATELY)
def language_of(text: str) -> Language:
    """Return the language of a text; `other` where it is none of ours or there is none."""
    start = text[:READ_MAX]
    if "@" in start or "://" in start or "www." in start:
        start = _ADDRESS.sub(" ", start)
    if not start.isascii():
        beyond = beyond_latin_1(start)
        latin = _latin_letters(start, beyond)
        arabic = len(_ARABIC.findall(beyond))
        if arabic and arabic * 2 >= latin:
            return _in_arabic_script(start, arabic)
        if len(start) > 2 * latin and sum(map(len, _LETTERS.findall(start))) > 2 * latin:
            return _ANOTHER
    return _in_latin_letters(start)


def _latin_letters(text: str, beyond: str) -> int:
    """Count Latin letters; `beyond` are the characters of the text that Latin-1 has not."""
    common = text.encode("latin-1", errors="ignore").translate(None, _NOT_LATIN)
    return len(common) + sum(map(len, _LATIN.findall(beyond)))


def parts_of(word: str) -> list[str]:
    """Return what the model looks at in a lower-case word: itself, and runs of 2 and 3."""
    framed = f" {word[:WORD_MAX]} "
    pairs = [framed[at : at + 2] for at in range(len(framed) - 1)]
    triples = [framed[at : at + 3] for at in range(len(framed) - 2)]
    return [framed, *pairs, *triples] if len(word) > 1 else [framed]


def words_of(text: str) -> list[str]:
    """Return the words that say something about a language, in lower case."""
    text = text.lower().replace("’", "'")
    if any(map(str.isalnum, beyond_latin_1(text))):
        words = _WORD.findall(text)
    else:
        apart = text.replace("'", "' ").encode("latin-1", errors="replace")
        words = apart.translate(_SIGNS_AS_SPACES).decode("latin-1").split()
    return [word for word in filterfalse(str.isdecimal, words) if word != "'"]


def _in_arabic_script(start: str, arabic: int) -> Language:
    foreign = len(_NOT_OF_ARABIC.findall(start))
    if foreign < _PERSIAN_SHARE * arabic or not _PERSIAN_OR_URDU.search(start):
        return _ARABIC_SCRIPT
    return _ANOTHER_IN_ARABIC_SCRIPT


def _in_latin_letters(start: str) -> Language:
    words = words_of(start)
    if not words:
        return UNTOLD
    weights = sum(map(_WEIGHED.__getitem__, words), _START)
    fields = _FIELDS.unpack(weights.to_bytes(_FIELDS.size, "little"))
    scores = (*fields[:_OURS], max(fields[_OURS:]))
    best = max(scores)
    least = best - MARGIN * UNIT
    possible = [code for code, score in zip(_CODES, scores, strict=True) if score > least]
    return Language(_CODES[scores.index(best)], frozenset(possible))


class _Weighed(dict[str, Weights]):
    """What the parts of a word say for each class, summed; words repeat, so it is remembered."""

    def __missing__(self, word: str) -> Weights:
        table = _table()
        weights = sum(table.get(part, 0) for part in parts_of(word))
        if len(self) >= WORDS_MAX:
            self.clear()
        self[word] = weights
        return weights


_WEIGHED: Final = _Weighed()


@cache
def _table() -> Mapping[str, Weights]:
    """Read the packaged table: a line is a part of a word, a tab, a weight for each class."""
    packed = resources.files(__package__).joinpath("language.table").read_text("utf-8")
    table: dict[str, Weights] = {}
    for line in packed.splitlines():
        part, _, weights = line.rpartition("\t")
        fields = enumerate(map(int, weights.split(",")))
        table[part] = sum(weight << (_FIELD * at) for at, weight in fields)
    return table
