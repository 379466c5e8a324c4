"""A quick look at a text: whether a word or phrase of an index can stand in it at all.

What stands between two blanks reads the same whatever stands around it, but for single letters
in a row (`i d i o t`) and for the words of a phrase. So each chunk is read once and remembered
as one sign, and a text is as many signs as it has chunks. Several times as fast as reading the
text, and right in one direction only: where nothing is seen, no reading finds anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import product
from typing import Final

from service.features.screening.letters import FOLDING, LEET
from service.features.screening.views import OTHER_LETTERS, looked_through, spellings, words_in
from service.features.screening.wordindex import Part, WordIndex

CHUNKS_MAX: Final = 65_536
"""Chunks that are remembered for one index; 10 MB."""
CHUNK_MAX: Final = 64
"""Characters of one that is remembered: a longer one hardly comes again."""
TEXT_MAX: Final = 500
"""Chunks of a text that is looked at; reading a longer one takes no longer than this."""

_FOUND: Final = "!"
"""The sign of a chunk in which a word stands, or may."""
_NO_WORD: Final = "-"
"""Of one without letters and digits: it may stand between the words of a phrase."""
_UNSEEN: Final = "_"
"""Of one that is read as nothing: what stands before and behind it stand together."""
_SIGNS: Final = ("abc", "pqr", "xyz")
"""Of all others: by what they may be of a phrase, then by how many single letters they have."""

_LONE, _LONE_ROW = ("".join(signs[count] for signs in _SIGNS) for count in (1, 2))
_BESIDE, _RARE = _SIGNS[Part.OF_PHRASE], _SIGNS[Part.RARE_OF_PHRASE]
_SUSPICIOUS: Final = re.compile(
    rf"{_FOUND}"
    rf"|[{_LONE}]{_UNSEEN}*(?:[{_LONE}]{_UNSEEN}*[{_LONE}]|[{_LONE_ROW}])"
    rf"|[{_LONE_ROW}]{_UNSEEN}*[{_LONE}{_LONE_ROW}]"
)
"""Signs that only reading the text can tell apart from a hit."""
_PHRASE: Final = re.compile(
    rf"(?=[{_RARE}][{_NO_WORD}{_UNSEEN}]*([{_RARE}{_BESIDE}])"
    rf"|[{_BESIDE}][{_NO_WORD}{_UNSEEN}]*([{_RARE}]))"
)
"""Two words beside each other that may be of one phrase."""

_BEFORE: Final = ".,;:?\"'()[]{}<>-…“”\u2018\u2019«»،؛؟"
_BEHIND: Final = f"{_BEFORE}!"
"""Around a word these spell nothing."""
_SPELLING: Final = "".join(re.escape(sign) for sign in LEET if not sign.isalnum())
_LONE_LETTER: Final = re.compile(rf"(?<![\w'])[^\W_](?!\w)|[{_SPELLING}]")
"""A letter alone, or what may be read as one."""


class Glance(dict[str, str]):
    """Chunks of texts in lower case with their signs, filled as they are met."""

    def __init__(self, index: WordIndex) -> None:
        self._index = index

    def may_find(self, text: str) -> bool:
        """Whether the index may find anything in a text, in whatever disguise."""
        chunks = text.lower().split()
        if len(chunks) > TEXT_MAX:
            return True
        signs = "".join(map(self.__getitem__, chunks))
        return _SUSPICIOUS.search(signs) is not None or any(
            self._may_be_paired(chunks[found.start()], chunks[found.end(found.lastindex or 0) - 1])
            for found in _PHRASE.finditer(signs)
        )

    def __missing__(self, chunk: str) -> str:
        sign = self._read(chunk)
        if len(self) >= CHUNKS_MAX:
            self.clear()
        if len(chunk) <= CHUNK_MAX:
            self[chunk] = sign
        return sign

    def _read(self, chunk: str) -> str:
        word = _word_of(chunk)
        if word.isalpha() and "www." not in chunk:
            words = [word] if word.isascii() else spellings(word)
            return self._sign(words, lone=len(word) == 1)
        if word.isdecimal():
            return self._sign([word])
        letters = _folded(chunk)
        if not letters.strip():
            return _UNSEEN
        if "*" in chunk or OTHER_LETTERS.search(letters):
            return _FOUND
        norm, skeleton = looked_through(chunk)
        words = words_in(norm)
        if not words:
            return _NO_WORD
        lone = len(_LONE_LETTER.findall(norm)) if any(map(str.isalpha, norm)) else 0
        return self._sign({*words, *words_in(skeleton)}, lone=min(lone, 2), several=len(words) > 1)

    def _sign(self, words: Iterable[str], *, lone: int = 0, several: bool = False) -> str:
        part = max(map(self._index.part_of, words))
        if part is Part.TERM or (several and part is Part.RARE_OF_PHRASE):
            return _FOUND
        return _SIGNS[part][lone]

    def _may_be_paired(self, first: str, second: str) -> bool:
        """Whether two chunks beside each other may be two words of a phrase, in this order."""
        one, other = _word_of(first), _word_of(second)
        if not (one.isalpha() and other.isalpha()):
            return True
        pairs = product(spellings(one), spellings(other))
        return any(self._index.may_pair(before, behind) for before, behind in pairs)


def _word_of(chunk: str) -> str:
    """Return what of a chunk is neither before its word nor behind it, folded."""
    return _folded(chunk.lstrip(_BEFORE).rstrip(_BEHIND))


def _folded(chunk: str) -> str:
    """Fold a chunk that most likely is met for the first time."""
    return chunk if chunk.isascii() else "".join(map(FOLDING.__getitem__, chunk))
