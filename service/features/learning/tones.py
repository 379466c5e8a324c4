"""What words are about: tones that a model hears from its first decisions on. Pure.

Letters and words alone teach nothing of a word that no decision had. The tones gather words that
are alike, in all languages: what is learnt of one of them is learnt of the others, too.
"""

from __future__ import annotations

import math
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from service.features.screening.views import normalised
from service.features.screening.words import shipped_lists

Values: TypeAlias = "npt.NDArray[np.float32]"

PEOPLE: Final = "people"
"""The tone of terms of groups of people: how many there are, and not which."""
PERSON: Final = "person"
"""What stands for any term of a group of people: a comment is not bad for whom it names."""
LOUDNESS: Final = 0.375
"""Of one word among two or three. Louder tones drown what a newsroom's own words say."""
WORDS_MAX: Final = 2
"""Words of a tone that count; more of them say the same."""
OPENING_MIN: Final = 2
"""Letters that `word*` has at least."""

_PROCLITICS: Final = ("وال", "فال", "بال", "كال", "لل", "ال", "و", "ف", "ب", "ل", "ك")
"""What is written together with an Arabic word, the longest first."""


class _Known(Struct, frozen=True, kw_only=True):
    """Every tone's words, as they read in the `norm` view; a tone is its place in `names`."""

    names: tuple[str, ...]
    words: Mapping[str, frozenset[int]]
    openings: Mapping[str, frozenset[int]]
    """Of `word*`, without the asterisk."""
    phrases: Mapping[str, Sequence[tuple[int, list[str]]]]
    """By their first word: the tone, and what follows."""


def tone_names() -> tuple[str, ...]:
    """Return the name of each tone, in the order of `tones_of`."""
    return _known().names


def tones_of(words: list[str]) -> Values:
    """Return how loud each tone is in the words of a text, of which people are masked."""
    counts = [0.0] * len(_known().names)
    for _, tone in toned(words):
        counts[tone] += 1
    heard = np.minimum(np.array(counts, dtype=np.float32), WORDS_MAX)
    return heard * np.float32(loudness(len(words)))


def loudness(words: int) -> float:
    """Return what one word of a tone counts among so many words."""
    return LOUDNESS / (0.5 + math.log1p(words))


def toned(words: list[str]) -> Iterator[tuple[int, int]]:
    """Yield the place of each word that has a tone, and the tone; a phrase by its first word."""
    for at, word in enumerate(words):
        for tone, rest in _begun_by(word):
            if not rest or words[at + 1 : at + 1 + len(rest)] == rest:
                yield at, tone


@lru_cache(maxsize=1 << 15)
def _begun_by(word: str) -> tuple[tuple[int, list[str]], ...]:
    """Return the tones a word has, and those it has where what is beside them follows it."""
    single: tuple[tuple[int, list[str]], ...] = tuple((tone, []) for tone in _tones_of_word(word))
    return (*single, *_known().phrases.get(word, ()))


def _tones_of_word(word: str) -> frozenset[int]:
    known = _known()
    tones = known.words.get(word, frozenset()).union(
        *(known.openings.get(word[:end], ()) for end in range(OPENING_MIN, len(word) + 1))
    )
    if tones or word.isascii():
        return tones
    opening = next((each for each in _PROCLITICS if word.startswith(each)), "")
    rest = word.removeprefix(opening)
    return _tones_of_word(rest) if opening and len(rest) >= OPENING_MIN else tones


@cache
def _known() -> _Known:
    with (Path(__file__).parent / "tones.toml").open("rb") as file:
        written: dict[str, dict[str, str | list[str]]] = tomllib.load(file)
    names = (*written, PEOPLE)
    words: dict[str, set[int]] = defaultdict(set, {PERSON: {names.index(PEOPLE)}})
    openings: dict[str, set[int]] = defaultdict(set)
    phrases: dict[str, list[tuple[int, list[str]]]] = defaultdict(list)
    for tone, name in enumerate(written):
        for entry in _entries(written[name]):
            first, *rest = normalised(entry.replace("_", " ").removesuffix("*")).split()
            if rest:
                phrases[first].append((tone, rest))
            else:
                (openings if entry.endswith("*") else words)[first].add(tone)
    return _Known(
        names=names,
        words={word: frozenset(tones) for word, tones in words.items()},
        openings={word: frozenset(tones) for word, tones in openings.items()},
        phrases=dict(phrases),
    )


def _entries(written: Mapping[str, str | Sequence[str]]) -> Iterator[str]:
    """Yield the words of a tone: its own by language, and single words of the lists it names."""
    for entries in written.values():
        if isinstance(entries, str):
            yield from entries.split()
        else:
            lists = shipped_lists()
            yield from (word for name in entries for word in lists[name].words if " " not in word)
