"""How alike two comments are, from 64 numbers each: MinHash over the letters of the skeleton.

A signature says for how many of 64 orders of all letter groups two texts begin with the same
one: their share is the share of groups that both have (Jaccard). Signatures that are alike have
a band in common, with near certainty, so that an index of bands finds them among millions.
Case, signs, spacing, look-alike letters and hidden characters are gone before.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from msgspec import Struct

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

TOGETHER = 32
"""Texts whose groups are put in order at once: so few that the processor has them at hand."""

_Words: TypeAlias = "npt.NDArray[np.uint32]"

_REPEATED = re.compile(r"(.)(?=\1)")
"""All of a run but its last: to drop them takes a third of putting one in place of the run."""
_ASCII_SIGNS = bytes(code for code in range(128) if not chr(code).isalnum())
_PRIME_SEED = 20_261_125
_GROUP_FACTORS = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D)


class Signature(Struct, frozen=True):
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
    return signatures_of([(text, salt)])[0]


def signatures_of(salted: Sequence[tuple[str, int]]) -> list[Signature | None]:
    """Sign texts, each with its salt, as `signature_of`: together for a third of the time."""
    return signatures_of_views([(views_of(text[:CHARS_MAX]), salt) for text, salt in salted])


def signatures_of_views(salted: Sequence[tuple[Views, int]]) -> list[Signature | None]:
    """Sign texts that were read already, as `signatures_of`."""
    texts = [(_letters(views), salt) for views, salt in salted]
    signed = _signed([(letters, salt) for letters, salt in texts if len(letters) >= LETTERS_MIN])
    return [
        next(signed) if len(letters) >= LETTERS_MIN else _short(letters, salt)
        for letters, salt in texts
    ]


def likeness(one: Signature, other: Signature) -> float:
    """Return how alike two texts are, 0 to 1: the share of letter groups that both have."""
    return likenesses(one, [other.numbers])[0]


def likenesses(one: Signature, others: Sequence[bytes]) -> list[float]:
    """Return how alike a text is to several, of which the numbers are given, as `likeness`."""
    if one.exact:
        return [float(one.numbers == other) for other in others]
    whole = [other for other in others if len(other) == len(one.numbers)]
    numbers = np.frombuffer(b"".join(whole), dtype="<u2").reshape(-1, PERMUTATIONS)
    same = numbers == np.frombuffer(one.numbers, dtype="<u2")
    shares: list[float] = (same.sum(axis=1) / PERMUTATIONS).tolist()
    if len(whole) == len(others):
        return shares
    found = iter(shares)
    return [next(found) if len(other) == len(one.numbers) else 0.0 for other in others]


def _letters(views: Views) -> str:
    text = views.skeleton.text[:CHARS_MAX]
    if text.isascii():
        letters = text.encode().translate(None, _ASCII_SIGNS).decode()
    else:
        letters = "".join(filter(str.isalnum, text))
    return _REPEATED.sub("", letters)


def _signed(texts: Sequence[tuple[str, int]]) -> Iterator[Signature]:
    """Yield the signatures of letters with their salts, a few texts at a time."""
    for begin in range(0, len(texts), TOGETHER):
        few = texts[begin : begin + TOGETHER]
        smallest = _smallest([letters for letters, _ in few])
        numbers = (smallest >> np.uint32(16)).astype("<u2").tobytes()
        bands = _bands(smallest, [salt for _, salt in few])
        for at in range(len(few)):
            of_text = slice(2 * PERMUTATIONS * at, 2 * PERMUTATIONS * (at + 1))
            yield Signature(numbers[of_text], tuple(bands[at]))


def _smallest(texts: Sequence[str]) -> _Words:
    """Return of each text the first of its groups in each of the orders."""
    codes = np.frombuffer("".join(texts).encode("utf-32-le"), dtype=np.uint32)
    groups = np.zeros(len(codes) - GROUP + 1, dtype=np.uint32)
    for at, factor in enumerate(_GROUP_FACTORS):
        groups = (groups ^ codes[at : len(codes) - GROUP + 1 + at]) * np.uint32(factor)
        groups ^= groups >> np.uint32(15)
    factors, shifts = _orders()
    mixed = groups[None, :] * factors
    mixed += shifts
    bounds = [0]
    for text in texts:
        # Groups between a text's last and the next one's first are of no text.
        bounds += (bounds[-1] + len(text) - GROUP + 1, bounds[-1] + len(text))
    return np.minimum.reduceat(mixed, bounds[:-2], axis=1)[:, ::2].T


@cache
def _orders() -> tuple[_Words, _Words]:
    """Return what puts the groups in 64 orders; always the same."""
    chance = np.random.default_rng(_PRIME_SEED)
    factors = chance.integers(0, 2**31, PERMUTATIONS, dtype=np.uint32) * 2 + 1
    shifts = chance.integers(0, 2**32, PERMUTATIONS, dtype=np.uint32)
    return factors[:, None], shifts[:, None]


def _bands(smallest: _Words, salts: Sequence[int]) -> list[list[int]]:
    rows = smallest.reshape(-1, BANDS, ROWS)
    salted = np.array([salt * 0x85EBCA77 & 0xFFFFFFFF for salt in salts], dtype=np.uint32)
    hashed = (np.arange(BANDS, dtype=np.uint32) + np.uint32(1)) * np.uint32(0x9E3779B1)
    hashed = hashed ^ salted[:, None]
    for at in range(ROWS):
        hashed = (hashed ^ rows[:, :, at]) * np.uint32(0xC2B2AE3D)
        hashed ^= hashed >> np.uint32(15)
    bands: list[list[int]] = hashed.view(np.int32).tolist()
    return bands


def _short(letters: str, salt: int) -> Signature | None:
    if len(letters) < SHORT_MIN:
        return None
    digest = hashlib.blake2s(f"{salt}\n{letters}".encode(), digest_size=16).digest()
    return Signature(digest, (int.from_bytes(digest[:4], "little", signed=True),))
