"""What a name or a host looks like, whatever letters it is written with."""

# ruff: noqa: RUF001 - look-alike letters are what this table is about

from __future__ import annotations

import unicodedata
from itertools import chain

_LOOKS_LIKE = {
    # Cyrillic
    "а": "a", "в": "b", "с": "c", "ԁ": "d", "е": "e", "ғ": "f", "ԍ": "g", "һ": "h", "і": "l",
    "ј": "j", "к": "k", "ӏ": "l", "м": "m", "н": "h", "п": "n", "о": "o", "р": "p", "ԛ": "q",
    "г": "r", "ѕ": "s", "т": "t", "ц": "u", "у": "y", "ѵ": "v", "ԝ": "w", "х": "x", "ү": "y",
    "ь": "b", "з": "3", "ӡ": "3",
    # Greek
    "α": "a", "β": "b", "ϲ": "c", "ε": "e", "η": "n", "ι": "l", "κ": "k", "μ": "u", "ν": "v",
    "ο": "o", "ρ": "p", "σ": "o", "τ": "t", "υ": "u", "χ": "x", "γ": "y", "ω": "w", "ϳ": "j",
    "ζ": "z",
    # Armenian and Latin beyond ASCII
    "օ": "o", "ս": "u", "հ": "h", "ո": "n", "ց": "g", "զ": "q", "ա": "w",
    "ı": "l", "ɑ": "a", "ɡ": "g", "ɩ": "l", "ʋ": "v", "ø": "o", "đ": "d", "ħ": "h", "ł": "l",
    "ŧ": "t", "ƅ": "b", "ɴ": "n", "ʀ": "r", "ꜱ": "s", "ᴄ": "c", "ᴏ": "o", "ᴠ": "v", "ᴡ": "w",
    "ᴢ": "z", "æ": "ae", "œ": "oe",
    # Arabic letters that differ by language or by a dot few readers see
    "ٱ": "ا", "ى": "ي", "ی": "ي", "ې": "ي", "ک": "ك", "ڪ": "ك", "ہ": "ه", "ھ": "ه", "ە": "ه",
    "ة": "ه", "ۃ": "ه", "ۆ": "و",
    # ASCII: digits and letters that stand for one another
    "0": "o", "1": "l", "i": "l", "|": "l", "!": "l", "5": "s", "$": "s", "@": "a",
}  # fmt: skip
"""Folded letter -> the one it is taken for. Coarse on purpose: equal skeletons only make a
person look, they never refuse."""

SKELETON_MAX_CHARS = 200
"""Code points of a name that are looked at; more than any name has (policy.py)."""

_TABLE = str.maketrans(_LOOKS_LIKE)
_IMITATED_IN_HOSTS = frozenset(chain(range(0x370, 0x590), range(0x1F00, 0x2000)))
"""Greek, Cyrillic and Armenian: the scripts with letters that pass for Latin ones."""

_TATWEEL = "ـ"
_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"))
_EAST_ASIAN = frozenset(
    {"CJK", "IDEOGRAPHIC", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "LATIN"}
)
"""Scripts that are written together in one word."""

_ANY_SCRIPT = "MODIFIER"
"""Letters of no script of their own, as the apostrophe of Breton and Ukrainian."""


def name_skeleton(name: str) -> str:
    """Fold a name to what it looks like: same skeleton, same name to a hasty reader.

    Compatibility forms, case, marks, spaces, punctuation and look-alike letters of Latin,
    Cyrillic, Greek, Armenian and Arabic are folded. It may be empty, and is only for
    comparing. Names are read up to 200 code points.
    """
    folded = unicodedata.normalize("NFKC", name[:SKELETON_MAX_CHARS]).casefold()
    bare = (
        _bare(character)
        for character in unicodedata.normalize("NFKD", folded)
        if unicodedata.category(character)[0] != "M"
    )
    alike = "".join(bare).translate(_TABLE)
    letters = "".join(
        character for character in alike if character.isalnum() and character != _TATWEEL
    )
    for pair, single in _PAIRS:
        letters = letters.replace(pair, single)
    return letters


def is_mixed_script(text: str) -> bool:
    """Whether its letters come from scripts that are not written together."""
    plain = unicodedata.normalize("NFKC", text)
    scripts = {_script(character) for character in plain if character.isalpha()}
    scripts.discard(_ANY_SCRIPT)
    return len(scripts) > 1 and not scripts <= _EAST_ASIAN


def is_deceptive(label: str) -> bool:
    """Whether one label of a host may be taken for another host: mixed, or all look-alikes."""
    if label.isascii():
        return False
    imitation = all(
        ord(letter) in _IMITATED_IN_HOSTS and letter in _LOOKS_LIKE
        for letter in label
        if not letter.isascii()
    )
    return imitation or is_mixed_script(label)


def _bare(character: str) -> str:
    """Write any script's decimal digit with the ASCII one."""
    digit = unicodedata.decimal(character, None)
    return character if digit is None else str(digit)


def _script(letter: str) -> str:
    """The script by the first word of the character's name, near enough to tell two apart.

    The mark that lengthens a vowel is called KATAKANA-HIRAGANA; one of the two will do.
    """
    return unicodedata.name(letter, "UNKNOWN").split(" ", 1)[0].split("-", 1)[0]
