"""A text as a model reads it: groups of letters and words, hashed into buckets."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias
from zlib import crc32

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from service.features.learning.tones import PERSON, Values, tones_of
from service.features.screening.views import View, views_of

BUCKETS: Final = 1 << 18
CHARS_MAX: Final = 2_000
"""Of a text that are read (screening.md B9)."""
GROUPS: Final = (2, 3, 4, 5)
"""Letters of a group."""

Buckets: TypeAlias = "npt.NDArray[np.int32]"
Hashes: TypeAlias = "npt.NDArray[np.uint32]"

_FACTOR = 0x01000193
_MIX = 0x85EBCA6B
_WORD = re.compile(r"\w+")


class Reading(Struct, frozen=True):
    """What a text has: each bucket once, and how often; and how loud each tone is."""

    buckets: Buckets
    counts: Values
    tones: Values


def read(text: str) -> Reading:
    """Read a text; nothing is known of it but its letters and what its words are about."""
    shown, words = _masked(views_of(text[:CHARS_MAX]).norm)
    hashed = np.concatenate([*(groups for groups, _ in _groups(shown)), _words(words)])
    buckets, counts = _counted(np.sort(_bucket(hashed)))
    return Reading(buckets, counts, tones_of(words))


def placed(text: str) -> tuple[View, str, list[tuple[Buckets, int]]]:
    """Return a text's view, what is read of it, and its letter groups with their length.

    The n-th number of a list is of the group that begins at the n-th character.
    """
    view = views_of(text[:CHARS_MAX]).norm
    groups = [(_bucket(hashed), length) for hashed, length in _groups(view.text)]
    return view, view.text, groups


def _counted(buckets: Buckets) -> tuple[Buckets, Values]:
    """Count how often each of the sorted buckets stands there; at least one does."""
    is_first = np.ones(len(buckets), dtype=np.bool_)
    np.not_equal(buckets[1:], buckets[:-1], out=is_first[1:])
    firsts = is_first.nonzero()[0]
    counts = np.empty(len(firsts), dtype=np.int64)
    np.subtract(firsts[1:], firsts[:-1], out=counts[:-1])
    counts[-1] = len(buckets) - firsts[-1]
    return buckets[firsts], np.log1p(counts).astype(np.float32)


def _groups(text: str) -> list[tuple[Hashes, int]]:
    """Return the hashes of the letter groups of each length."""
    codes = np.frombuffer(f" {text} ".encode("utf-32-le"), dtype=np.uint32)
    found = []
    factor = np.uint32(_FACTOR)
    hashed = np.zeros(len(codes), dtype=np.uint32)
    for length in range(1, max(GROUPS) + 1):
        if len(codes) < length:
            break
        hashed = (hashed[: len(codes) - length + 1] ^ codes[length - 1 :]) * factor
        if length in GROUPS:
            found.append((hashed ^ np.uint32(length), length))
    return found


def _words(words: Sequence[str]) -> Hashes:
    """Return the hashes of the words, and of any two that follow each other."""
    one = np.array([crc32(word.encode()) for word in words], dtype=np.uint32)
    return np.concatenate([one, one[:-1] * np.uint32(31) + one[1:]])


def _bucket(hashed: Hashes) -> Buckets:
    mixed = (hashed ^ (hashed >> np.uint32(15))) * np.uint32(_MIX)
    return ((mixed ^ (mixed >> np.uint32(13))) & np.uint32(BUCKETS - 1)).astype(np.int32)


def _masked(view: View) -> tuple[str, list[str]]:
    """Return what is read of a view, and its words; an underscore is a letter of theirs."""
    people, text = _people(), view.text
    words = _WORD.findall(text) if "_" in text else view.words
    if people.isdisjoint(words):
        return text, words
    masked = _WORD.sub(lambda word: PERSON if word.group() in people else word.group(), text)
    return masked, [PERSON if word in people else word for word in words]


@cache
def _people() -> frozenset[str]:
    """Return the terms of groups of people, in every language, as they read in the view."""
    with (Path(__file__).parent / "people.toml").open("rb") as file:
        listed: dict[str, Sequence[str]] = tomllib.load(file)
    return frozenset(views_of(term).norm.text for terms in listed.values() for term in terms)
