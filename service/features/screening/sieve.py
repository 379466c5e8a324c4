"""A quick look most texts fail: whether what some rules need can stand in a text at all.

Letters alone are compared, in one spelling that every disguise the word index looks through
leads to as well: what is not there cannot be found there. Ten times as fast as reading a text,
and right in one direction only.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain
from typing import Any, Final

import re2

from service.features.screening.facts import LIKENESS_BYTES
from service.features.screening.letters import FOLDING, LEET, LOOK_ALIKES
from service.features.screening.links import may_link
from service.features.screening.rules import Condition, Rule, Text
from service.features.screening.views import normalised
from service.features.screening.wordindex import GAP_MAX, PHRASE_MAX
from service.features.screening.words import WordList, expanded

MEMORY_BYTES: Final = 64 << 20
"""What RE2 may use for all words of a rule; it takes what it needs."""
WORDS_MAX: Final = 10_000
"""Words of the rules that are sieved; from there on the sieve is slow itself."""

FEW_MAX: Final = 12
"""Different characters beyond ASCII that are replaced one by one."""

_SPELLED: Final = {**LEET, "1": "i", "l": "i", "|": "i", "£": "i"}
"""Signs and digits as letters, also where they are meant as such: `l`, `i` and `1` are one,
because each may stand for another."""
_ASCII: Final = bytes(range(128)).decode()
_ALIKE: Final = str.maketrans({**LOOK_ALIKES, **_SPELLED})
_REPEATED: Final = re.compile(r"(.)\1+", re.DOTALL)
_TOKEN: Final = re.compile(r"[^\W_]+")
_BEYOND_ASCII: Final = re.compile(r"[^\x00-\x7f]")
_NO_LETTER: Final = re.compile(r"[\W_]+")


def _dropped(kept: Iterable[str]) -> bytes:
    return "".join(sign for sign in _ASCII if not sign.isalnum() and sign not in kept).encode()


_READ: Final = bytes.maketrans(
    _ASCII.encode(), "".join(_SPELLED.get(sign, sign) for sign in _ASCII.lower()).encode()
)
_NO_SIGN: Final = _dropped(_SPELLED)
_NO_END: Final = _dropped("@$")
"""What ends a sentence makes no other text: exclamation marks spell nothing here."""
_ENDS: Final = re.compile(r"[!|+€£¡¥]+")

PLAIN_MAX: Final = 1_500
"""Words that are looked for between signs as well: more make states by the thousand."""
_NEVER: Final = r"[^\x00-\x{10FFFF}]"
"""What stands in no text."""

Clue = tuple[str, ...]
"""The words of a term; none for a link."""
Clues = frozenset[Clue]
"""Of which one must be there."""
_LINK: Final[Clue] = ()


def bare(text: str) -> str:
    """Return the letters of a text in one spelling, and what may be one: no spaces, each once."""
    if not text.isascii():
        text = _spelled_out(text)
    if text.isascii():
        return _once(text.encode().translate(_READ, _NO_SIGN).decode())
    return _once(_NO_LETTER.sub("", _folded(text)).lower())


def bare_likeness(text: str) -> str:
    """Return what two texts share that differ in case, signs, spacing and disguise only.

    For comparing with its like alone: `facts.likeness` reads more closely.
    """
    if text.isascii():
        letters = text.encode().translate(_READ, _NO_END)
    else:
        text = _spelled_out(_ENDS.sub("", text))
        letters = _NO_LETTER.sub("", _folded(text)).lower().encode()
    return hashlib.blake2s(letters, digest_size=LIKENESS_BYTES).hexdigest()


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower().translate(_ALIKE)
    return "".join([FOLDING[character] for character in text]).translate(_ALIKE)


def _spelled_out(text: str) -> str:
    """Write what little stands beyond ASCII as it is compared: the rest is fast then."""
    others = set(_BEYOND_ASCII.findall(text))
    if len(others) > FEW_MAX:
        return text
    for other in others:
        text = text.replace(other, _spelling(other))
    return text


@lru_cache(maxsize=1_024)
def _spelling(character: str) -> str:
    return "".join(filter(str.isalnum, FOLDING[character].translate(_ALIKE)))


@dataclass(frozen=True, slots=True)
class Sieve:
    """What one of some rules needs."""

    _letters: Any | None
    """Of the words, wherever they stand."""
    _words: Any | None
    """The words between signs, as they are found in plain ASCII; None: not looked for."""
    _links: bool

    @classmethod
    def of(cls, rules: Iterable[Rule], lists: Mapping[str, WordList]) -> Sieve | None:
        """Return a sieve for rules; None where one may match whatever is written."""
        clues: set[Clue] = set()
        for rule in rules:
            needed = _needed(rule.when, lists)
            if needed is None:
                return None
            clues |= needed
        words = sorted(clues - {_LINK})
        if len(words) > WORDS_MAX:
            return None
        if not words:
            return cls(None, None, _LINK in clues)
        letters = _any_of(sorted({re2.escape(bare("".join(word))) for word in words}))
        plain = [_between_signs(word) for word in words if "".join(word).isascii()]
        closer = _any_of(plain or [_NEVER]) if len(plain) <= PLAIN_MAX else None
        return cls(letters, closer, _LINK in clues)

    def may_match(self, text: str) -> bool:
        """Whether one of the rules may match a text."""
        if self._links and may_link(text):
            return True
        if self._letters is None:
            return False
        if "*" in text:
            return True
        if self._letters.search(bare(text)) is None:
            return False
        return self._words is None or self._stands_in(text, self._words)

    def _stands_in(self, text: str, words: Any) -> bool:
        """Whether a word stands between signs; True where only reading the text can tell."""
        plain = text.lower() if text.isascii() else "".join(map(FOLDING.__getitem__, text))
        if not plain.isascii() or _tricky().search(plain) is not None:
            return True
        return words.search(_once(plain)) is not None


def _needed(condition: Condition, lists: Mapping[str, WordList]) -> Clues | None:
    """Return clues of which one must be there for a condition to be met; None: none must."""
    if condition.kind is not None:
        return _needed_by(condition, lists)
    every = [_needed(member, lists) for member in condition.members("all")]
    some = [_needed(member, lists) for member in condition.members("any")]
    either = None
    if some and None not in some:
        either = frozenset(chain.from_iterable(clues for clues in some if clues is not None))
    known = [clues for clues in (*every, either) if clues is not None]
    return min(known, key=len) if known else None


def _needed_by(leaf: Condition, lists: Mapping[str, WordList]) -> Clues | None:
    if leaf.text is not None:
        return _needed_words(leaf.text, lists)
    if leaf.link_domain is not None or (leaf.links is not None and (leaf.links.min or 0) > 0):
        return frozenset({_LINK})
    return None


def _needed_words(text: Text, lists: Mapping[str, WordList]) -> Clues | None:
    if text.regex is not None or text.arabizi:
        return None
    words: list[str] = list(lists[text.list_].words) if text.list_ else []
    for entry in (*text.words, *text.phrases):
        words += expanded(entry)
    return frozenset(term for word in words if (term := _term(word)))


def _term(word: str) -> Clue:
    """Return the words of a term as they are compared; a star stays behind the last."""
    words = _TOKEN.findall(normalised(word))[:PHRASE_MAX]
    if words and word.endswith("*"):
        words[-1] += "*"
    return tuple(words)


def _between_signs(term: Clue) -> str:
    """Return a pattern of a term in a plain text whose repeated letters are written once."""
    words = [_once(word.removesuffix("*")) for word in term]
    end = "" if term[-1].endswith("*") else "(?:[^a-z0-9]|$)"
    gap = f"[^a-z0-9]{{1,{GAP_MAX}}}"
    return f"(?:^|[^a-z0-9]){gap.join(map(re2.escape, words))}{end}"


@cache
def _tricky() -> Any:
    """Return a pattern found wherever a plain text is not read as it stands (`views._TRICKY`)."""
    signs = "".join(re2.escape(sign) for sign in LEET if sign.isascii())
    options = re2.Options()
    options.never_capture = True
    return re2.compile(
        rf"[a-z][{signs}]|[{signs}][a-z]|[a-z][._~/\\^-][a-z]"
        r"|(?:^|[^a-z0-9_])[a-z][ ._*-]{1,2}[a-z](?:[^a-z0-9_]|$)",
        options,
    )


def _once(text: str) -> str:
    """Write what is repeated once."""
    if not text.isascii():
        return _REPEATED.sub(_first, text)
    for one in set(text):
        two = one + one
        while two in text:
            text = text.replace(two, one)
    return text


def _first(match: re.Match[str]) -> str:
    return match.group(1)


def _any_of(patterns: Sequence[str]) -> Any:
    options = re2.Options()
    options.max_mem = MEMORY_BYTES
    options.never_capture = True
    options.log_errors = False
    return re2.compile("|".join(patterns), options)
