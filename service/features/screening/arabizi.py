"""Arabic in Latin letters: words of both scripts reduced to the consonants they share.

`kelb`, `kalb` and `كلب` all give `klb`. Vowels, doubled letters and the choice between
digits and pairs (`7`, `h`; `5`, `kh`) are dropped, because every writer has his own.
"""

# ruff: noqa: RUF001 - Arabic letters and the Latin ones they are written with

from __future__ import annotations

import re
from functools import lru_cache

_FROM_ARABIC = str.maketrans(
    {
        "ب": "b", "ت": "t", "ط": "t", "ث": "t", "ج": "j", "ح": "h", "ه": "h", "خ": "x", "د": "d",
        "ذ": "d", "ض": "d", "ظ": "d", "ر": "r", "ز": "z", "س": "s", "ص": "s", "ش": "c", "ع": "3",
        "غ": "g", "ف": "f", "ق": "k", "ك": "k", "ل": "l", "م": "m", "ن": "n", "ا": "", "و": "",
        "ي": "",
    }
)  # fmt: skip
_PAIRS = re.compile("kh|gh|ch|sh|th|dh|ph|ou")
_PAIR = {"kh": "x", "gh": "g", "ch": "c", "sh": "c", "th": "t", "dh": "d", "ph": "f", "ou": ""}
_FROM_LATIN = str.maketrans(
    {
        "7": "h", "5": "x", "9": "k", "q": "k", "c": "k", "2": "", "6": "t", "8": "g", "4": "g",
        "p": "b", "v": "f", "a": "", "e": "", "i": "", "o": "", "u": "", "w": "", "y": "",
    }
)  # fmt: skip
_REPEATED = re.compile(r"(.)\1+")


def arabic_consonants(word: str) -> str:
    """Reduce a word of the `norm` view in Arabic letters; others are left as they are."""
    return _bare(word.translate(_FROM_ARABIC))


@lru_cache(maxsize=8_192)
def latin_consonants(word: str) -> str:
    """Reduce a word of the `norm` view in Latin letters."""
    paired = _PAIRS.sub(lambda match: _PAIR[match.group()].upper(), word)
    return _bare(paired.translate(_FROM_LATIN).lower())


def _bare(consonants: str) -> str:
    once = _REPEATED.sub(r"\1", consonants)
    return once[:-1] if once.endswith("h") and len(once) > 1 else once
