"""How words of texts and of lists are written: repeats, and what is written together with them."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import compress
from typing import Final

ARABIC_LETTERS = frozenset(map(chr, range(0x620, 0x64B)))
_ARABIC_START = frozenset("وفبلكايهع")
_PROCLITICS: Final = frozenset(
    {
        "و",
        "ف",
        "ب",
        "ل",
        "ك",
        "ال",
        "لل",
        "يا",
        "وال",
        "فال",
        "بال",
        "كال",
        "ولل",
        "فلل",
        "وب",
        "ول",
        "هال",
        "عال",
    }
)
"""What is written together with an Arabic word: and, so, with, for, like, the, o."""

_PROCLITIC_MAX = 3
_REPEATED = re.compile(r"([^\W_])\1+")


@lru_cache(maxsize=32_768)
def key_of(word: str) -> str:
    """Write doubled letters once; words repeat, so it is remembered."""
    return _REPEATED.sub(_once, word) if _REPEATED.search(word) else word


def once(text: str) -> str:
    """Write what is repeated in a text once; three times as fast as a pattern where it is ASCII."""
    if not text.isascii():
        return _REPEATED.sub(_once, text)
    letters = text.encode()
    as_number = int.from_bytes(letters)
    unlike_before = (as_number ^ as_number >> 8).to_bytes(len(letters))
    return bytes(compress(letters, unlike_before)).decode()


def _once(match: re.Match[str]) -> str:
    return match.group(1)


@lru_cache(maxsize=8_192)
def unprefixed(word: str) -> tuple[str, ...]:
    """Return what is left of an Arabic word without each prefix it may have."""
    if word[0] not in _ARABIC_START:
        return ()
    cuts = range(1, min(_PROCLITIC_MAX, len(word) - 1) + 1)
    return tuple(word[cut:] for cut in cuts if word[:cut] in _PROCLITICS)


def repeats(word: str, written: str, *, open_ended: bool = False) -> bool:
    """Whether `written` is the word, each letter as often as in it or more."""
    if word == written:
        return True
    at = 0
    for index, letter in enumerate(word):
        if at >= len(written) or written[at] != letter:
            return False
        at += 1
        if index + 1 == len(word) or word[index + 1] != letter:
            while at < len(written) and written[at] == letter:
                at += 1
    return open_ended or at == len(written)
