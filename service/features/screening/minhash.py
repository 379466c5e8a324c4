"""How alike two comments are, from 64 numbers each: MinHash over the letters of the skeleton.

A signature says for how many of 64 orders of all letter groups two texts begin with the same
one: their share is the share of groups that both have (Jaccard). Signatures that are alike have
a band in common, with near certainty, so that an index of bands finds them among millions.
Case, signs, spacing, look-alike letters and hidden characters are gone before.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from service.features.screening.views import Views, views_of

PERMUTATIONS = 64
ROWS = 4
BANDS = PERMUTATIONS // ROWS
"""16 bands of 4: texts with half of their groups in common share one with 64 % certainty, with
three quarters in common with 99.8 % (screening.md B4)."""

GROUP = 3
"""Letters of a group: of 2, unrelated comments share half; of 4, swapped words lose too many."""
ALIKE = 0.5
"""From which share of equal numbers on two comments say the same (screening.md B4)."""
LETTERS_MIN = 18
"""Shorter texts are alike only when all their letters are; letters in a row count once."""
SHORT_MIN = 8
"""Even shorter ones are `thanks` and `first`: everybody says the same."""
CHARS_MAX = 2_000
"""Of a text that are looked at."""

Numbers: TypeAlias = "npt.NDArray[np.uint16]"
_Words: TypeAlias = "npt.NDArray[np.uint32]"

_REPEATED = re.compile(r"(.)\1+")
_PRIME_SEED = 20_261_125
_GROUP_FACTORS = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D)


@dataclass(frozen=True, slots=True)
class Signature:
    """What a comment is compared by."""

    numbers: bytes
    """64 numbers of 16 bits; or, of a short text, a digest of its letters."""
    bands: tuple[int, ...]
    """32-bit numbers, signed, that an alike text shares one of."""

    @property
    def exact(self) -> bool:
        """Whether only the very same letters count as alike."""
        return len(self.numbers) != 2 * PERMUTATIONS


def signature_of(text: str, *, salt: int) -> Signature | None:
    """Sign a text; None for one that is too short to mean anything.

    Bands of different salts (sites) have nothing in common.
    """
    return signature_of_views(views_of(text[:CHARS_MAX]), salt=salt)


def signature_of_views(views: Views, *, salt: int) -> Signature | None:
    """Sign a text that was read already."""
    letters = _REPEATED.sub(r"\1", "".join(filter(str.isalnum, views.skeleton.text[:CHARS_MAX])))
    if len(letters) < LETTERS_MIN:
        return _short(letters, salt) if len(letters) >= SHORT_MIN else None
    codes = np.frombuffer(letters.encode("utf-32-le"), dtype=np.uint32)
    groups = np.zeros(len(codes) - GROUP + 1, dtype=np.uint32)
    for at, factor in enumerate(_GROUP_FACTORS):
        groups = (groups ^ codes[at : len(codes) - GROUP + 1 + at]) * np.uint32(factor)
        groups ^= groups >> np.uint32(15)
    factors, shifts = _orders()
    mixed = groups[None, :] * factors + shifts
    smallest = mixed.min(axis=1)
    return Signature((smallest >> np.uint32(16)).astype("<u2").tobytes(), _bands(smallest, salt))


def likeness(one: Signature, other: Signature) -> float:
    """Return how alike two texts are, 0 to 1: the share of letter groups that both have."""
    if one.exact or other.exact:
        return float(one.numbers == other.numbers)
    return int(np.count_nonzero(_numbers(one) == _numbers(other))) / PERMUTATIONS


@cache
def _orders() -> tuple[_Words, _Words]:
    """Return what puts the groups in 64 orders; always the same."""
    chance = np.random.default_rng(_PRIME_SEED)
    factors = chance.integers(0, 2**31, PERMUTATIONS, dtype=np.uint32) * 2 + 1
    shifts = chance.integers(0, 2**32, PERMUTATIONS, dtype=np.uint32)
    return factors[:, None], shifts[:, None]


def _numbers(signature: Signature) -> Numbers:
    return np.frombuffer(signature.numbers, dtype="<u2")


def _bands(smallest: _Words, salt: int) -> tuple[int, ...]:
    rows = smallest.reshape(BANDS, ROWS)
    hashed = (np.arange(BANDS, dtype=np.uint32) + np.uint32(1)) * np.uint32(0x9E3779B1)
    hashed ^= np.uint32(salt * 0x85EBCA77 & 0xFFFFFFFF)
    for at in range(ROWS):
        hashed = (hashed ^ rows[:, at]) * np.uint32(0xC2B2AE3D)
        hashed ^= hashed >> np.uint32(15)
    return tuple(hashed.view(np.int32).tolist())


def _short(letters: str, salt: int) -> Signature:
    digest = hashlib.blake2s(f"{salt}\n{letters}".encode(), digest_size=16).digest()
    return Signature(digest, (int.from_bytes(digest[:4], "little", signed=True),))
