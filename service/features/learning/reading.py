"""A text as a model reads it: groups of letters and words, hashed into buckets."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeAlias
from zlib import crc32

import numpy as np
import numpy.typing as npt

from service.features.screening.views import View, views_of

BUCKETS: Final = 1 << 18
CHARS_MAX: Final = 2_000
"""Of a text that are read (screening.md B9)."""
GROUPS: Final = (2, 3, 4, 5)
"""Letters of a group."""

Buckets: TypeAlias = "npt.NDArray[np.int32]"
Values: TypeAlias = "npt.NDArray[np.float32]"

_FACTOR = 0x01000193
_MIX = 0x85EBCA6B
_WORD = re.compile(r"\w+")
PERSON = "person"
"""What stands for any term of a group of people: a comment is not bad for whom it names."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text has: each bucket once, and how often."""

    buckets: Buckets
    counts: Values


def read(text: str) -> Reading:
    """Read a text; nothing is known of it but its letters."""
    shown = _masked(views_of(text[:CHARS_MAX]).norm.text)
    hashed = [hashes for hashes, _ in _groups(shown)]
    hashed.append(_words(shown))
    buckets, counts = np.unique(np.concatenate(hashed), return_counts=True)
    return Reading(buckets.astype(np.int32), np.log1p(counts).astype(np.float32))


def placed(text: str) -> tuple[View, str, list[tuple[Buckets, int]]]:
    """Return a text's view, what is read of it, and its letter groups with their length.

    The n-th number of a list is of the group that begins at the n-th character.
    """
    view = views_of(text[:CHARS_MAX]).norm
    return view, view.text, list(_groups(view.text))


def _groups(text: str) -> list[tuple[Buckets, int]]:
    codes = np.frombuffer(f" {text} ".encode("utf-32-le"), dtype=np.uint32)
    found = []
    hashed = np.zeros(len(codes), dtype=np.uint32)
    for length in range(1, max(GROUPS) + 1):
        if len(codes) < length:
            break
        hashed = (hashed[: len(codes) - length + 1] ^ codes[length - 1 :]) * np.uint32(_FACTOR)
        if length in GROUPS:
            found.append((_bucket(hashed ^ np.uint32(length)), length))
    return found or [(np.zeros(0, dtype=np.int32), 1)]


def _words(text: str) -> Buckets:
    words = [crc32(word.encode()) for word in _WORD.findall(text)]
    pairs = [(one * 31 + other) & 0xFFFFFFFF for one, other in pairwise(words)]
    return _bucket(np.array(words + pairs, dtype=np.uint32))


def _bucket(hashed: npt.NDArray[np.uint32]) -> Buckets:
    mixed = (hashed ^ (hashed >> np.uint32(15))) * np.uint32(_MIX)
    return ((mixed ^ (mixed >> np.uint32(13))) & np.uint32(BUCKETS - 1)).astype(np.int32)


def _masked(text: str) -> str:
    people = _people()
    return _WORD.sub(lambda word: PERSON if word.group() in people else word.group(), text)


@cache
def _people() -> frozenset[str]:
    """Return the terms of groups of people, in every language, as they read in the view."""
    with (Path(__file__).parent / "people.toml").open("rb") as file:
        listed: dict[str, Sequence[str]] = tomllib.load(file)
    return frozenset(views_of(term).norm.text for terms in listed.values() for term in terms)
