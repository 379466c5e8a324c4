"""Single characters: which are refused, removed, bounded or looked at by their neighbours.

Classes are written as code point ranges, because the characters themselves are invisible
in an editor or reorder the line they stand in.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, partial
from typing import TYPE_CHECKING

from service.features.text import emoji

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MARKS_MAX = 8
"""Combining marks on one base. Vowelled Arabic needs 2 or 3; the rest is room."""

MARKS_BEFORE_NFC_MAX = 32
"""Marks on one base that NFC gets to sort: its time is quadratic in them (10,000 in one
run take 200 ms), and decomposed letters need room before they are composed."""

_ORDINARY = re.compile(
    "["
    r"\t\n\x20-\x7e\xa0-\xac\xae-\u02ff"  # Latin
    r"\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03ff"  # Greek
    r"\u0400-\u0482\u048a-\u052f"  # Cyrillic
    r"\u05d0-\u05ea"  # Hebrew
    r"\u060c\u061b\u061f-\u064a\u0660-\u066f\u0671-\u06d5"  # Arabic
    r"\u1e00-\u1eff"  # Latin of Vietnamese
    r"\u2010-\u2027\u202f-\u203b\u20a0-\u20bf"  # punctuation, narrow spaces, currencies
    "]*"
)
"""Characters that the policy leaves as they are, whatever of them stands beside them: composed
letters, digits, punctuation, spaces. Most texts have no other, and are known by one look."""

_NONCHARACTERS = r"\ufdd0-\ufdef" + "".join(
    rf"\U{plane:04x}fffe\U{plane:04x}ffff" for plane in range(17)
)
_FORBIDDEN = re.compile(
    "["
    r"\x00-\x08\x0b\x0c\x0e-\x1f"  # C0 but tab, line feed, carriage return
    r"\x7f-\x9f"  # DEL and C1
    r"\ud800-\udfff"  # lone surrogates
    r"\ufff9-\ufffb"  # interlinear annotation
    r"\ue000-\uf8ff\U000f0000-\U0010ffff"  # private use
    r"\U000e0000-\U000e007f"  # tags: text that only machines read
    f"{_NONCHARACTERS}]"
)
_TAGGED_FLAG = re.compile(emoji.TAGGED_FLAG)

_INVISIBLES = re.compile(r"[\u00ad\u200b\u2060\ufeff]")
"""Soft hyphen, zero-width space, word joiner, byte order mark."""

_BLANK_GLYPHS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols that draw nothing: Hangul fillers and the empty Braille cell."""

_DRAWN_WORD = re.compile(f"[^\\W{''.join(sorted(_BLANK_GLYPHS))}]")

_EMBEDDINGS = re.compile(r"[\u202a-\u202e]")
_ISOLATES = re.compile(r"[\u2066-\u2069]")
_POP_ISOLATE = "\u2069"

_JOINER = r"[\u200c\u200d]"
_ARABIC = ((0x600, 0x6FF), (0x750, 0x77F), (0x870, 0x8FF), (0xFB50, 0xFDFF), (0xFE70, 0xFEFE))
_JOINING = (
    *_ARABIC,
    *((0x700, 0x74F), (0x7C0, 0x7FF), (0x840, 0x86F)),  # Syriac, N'Ko, Mandaic
    *((0x900, 0xDFF), (0xA8E0, 0xA8FF), (0x1CD0, 0x1CFF)),  # Devanagari to Sinhala
    *((0x1000, 0x109F), (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F)),  # Myanmar
    *((0x1780, 0x18AF), (0x1A20, 0x1BFF)),  # Khmer, Mongolian, Tai Tham, Balinese to Batak
    *((0xA840, 0xA87F), (0xA980, 0xA9DF)),  # Phags-pa, Javanese
    *((0x10D00, 0x10D3F), (0x11000, 0x11FFF), (0x1E900, 0x1E95F)),  # Rohingya, Brahmic, Adlam
)
"""Blocks of the scripts whose letters join, so that a joiner changes how they are read."""

_VIRAMA_CLASS = 9
"""Canonical combining class of the sign that takes a consonant's vowel away."""


def _character_class(blocks: Iterable[tuple[int, int]], belongs: Callable[[str], bool]) -> str:
    """A regular expression's class of those characters in the blocks that belong."""
    ranges: list[list[int]] = []
    for first, last in blocks:
        for code in range(first, last + 1):
            if belongs(chr(code)):
                if ranges and ranges[-1][1] == code - 1:
                    ranges[-1][1] = code
                else:
                    ranges.append([code, code])
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)


def _is_letter_or_mark(character: str) -> bool:
    return unicodedata.category(character)[0] in "LM"


_ANY_JOINER = re.compile(_JOINER)
_JOINER_RUN = re.compile(f"({_JOINER}){_JOINER}+")


@cache
def _useless_joiner() -> re.Pattern[str]:
    """Return where a joiner changes nothing; made for the first text that has any, in 12 ms."""
    joins = f"[{_character_class(_JOINING, _is_letter_or_mark)}]"
    ends_joined = "".join(
        (
            "[",
            _character_class(_ARABIC, _is_letter_or_mark),
            _character_class(_JOINING, lambda one: unicodedata.combining(one) == _VIRAMA_CLASS),
            "]",
        )
    )
    return re.compile(
        rf"\u200c(?!(?<={joins}\u200c){joins})"
        rf"|\u200d(?!(?<={joins}\u200d){joins})(?<!{ends_joined}\u200d)"
        rf"(?!(?<={emoji.BEFORE_JOINER}\u200d){emoji.AFTER_JOINER})"
    )


_CATEGORY_LETTERS = 2
"""Length of a category's name: `Mn`, `Mc`, `Me` for marks, `Cf` for invisible characters,
which are no new base for marks."""


def _signs_over(marks_max: int) -> re.Pattern[str]:
    """Where more marks could stand: none is a word character, or among symbols and emoji."""
    others = r"\w\s\x00-\u02ff\u2100-\u2cee\U0001f000-\U0001faff"
    return re.compile(f"[^{others}]{{{marks_max + 1},}}")


def _marks_over(marks_max: int) -> re.Pattern[str]:
    """In a run's categories: the marks allowed, as the first group, and the excess."""
    return re.compile(f"(M.(?:(?:Cf)*+M.){{{marks_max - 1}}})(?:(?:Cf)*+M.)+")


_SIGNS, _EXCESS = _signs_over(MARKS_MAX), _marks_over(MARKS_MAX)
_SIGNS_BEFORE_NFC, _EXCESS_BEFORE_NFC = (
    _signs_over(MARKS_BEFORE_NFC_MAX),
    _marks_over(MARKS_BEFORE_NFC_MAX),
)


def is_ordinary(text: str) -> bool:
    """Whether it has only characters with which nothing is ever wrong."""
    return _ORDINARY.fullmatch(text) is not None


def forbidden(text: str) -> list[str]:
    """The distinct characters no text may contain, in the order they appear."""
    if "\U0001f3f4" in text:
        text = _TAGGED_FLAG.sub("", text)
    return list(dict.fromkeys(_FORBIDDEN.findall(text)))


def has_visible(text: str) -> bool:
    """Whether a reader would see anything: a letter, number, punctuation or symbol."""
    return _DRAWN_WORD.search(text) is not None or any(map(_is_visible, text))


def nfc(text: str) -> str:
    """Compose canonically."""
    return unicodedata.normalize("NFC", text)


def without_invisibles(text: str) -> str:
    """Remove zero-width characters that no script needs to be read."""
    return _INVISIBLES.sub("", text)


def without_reordering(text: str) -> str:
    """Remove bidi embeddings and overrides, and isolates that are not closed or not open."""
    if is_ordinary(text):
        return text
    text = _EMBEDDINGS.sub("", text)
    open_at: list[int] = []
    unbalanced: set[int] = set()
    for match in _ISOLATES.finditer(text):
        if match.group() != _POP_ISOLATE:
            open_at.append(match.start())
        elif open_at:
            open_at.pop()
        else:
            unbalanced.add(match.start())
    unbalanced.update(open_at)
    if not unbalanced:
        return text
    return "".join(character for at, character in enumerate(text) if at not in unbalanced)


def without_joiners(text: str) -> str:
    """Remove every zero-width joiner and non-joiner."""
    return _ANY_JOINER.sub("", text)


def with_useful_joiners(text: str) -> str:
    """Keep a joiner or non-joiner only where a script or an emoji uses it.

    That is between two letters of a script whose letters join, inside an emoji sequence,
    and, for the joiner, at the end of an Arabic abbreviation or after a virama.
    """
    if _ANY_JOINER.search(text) is None:
        return text
    return _useless_joiner().sub("", _JOINER_RUN.sub(r"\1", text))


def with_bounded_marks(text: str) -> str:
    """Keep the first `MARKS_MAX` combining marks on each base."""
    return _SIGNS.sub(partial(_without, _EXCESS), text)


def sortable(text: str) -> str:
    """Keep so few combining marks on each base that composing takes linear time."""
    return _SIGNS_BEFORE_NFC.sub(partial(_without, _EXCESS_BEFORE_NFC), text)


def _without(excess: re.Pattern[str], signs: re.Match[str]) -> str:
    """Drop from the signs what `excess` finds behind its first group, in their categories."""
    run = signs.group()
    kept: list[str] = []
    start = 0
    for found in excess.finditer("".join(map(unicodedata.category, run))):
        kept.append(run[start : found.end(1) // _CATEGORY_LETTERS])
        start = found.end() // _CATEGORY_LETTERS
    return "".join((*kept, run[start:]))


def _is_visible(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNPS" and character not in _BLANK_GLYPHS
