"""What each character is read as: one table, filled as characters are met.

A character folds to nothing (marks, tatweel, zero-width), to one letter or to several
(`œ`). The result depends on the character alone, so it may be remembered; the table is bounded.
"""

# ruff: noqa: RUF001 - look-alike letters are what this table is about

from __future__ import annotations

import re
import unicodedata

COMMON_END = 0x3000
"""Alphabets and signs below the East Asian scripts: always remembered once they were met, because
a text of 10,000 different ones takes 10 ms; what lies above is mostly left as it is."""

MET_MAX = 20_000
"""Characters, after which only those below `COMMON_END` are remembered; 2 MB, and more than any
newsroom meets."""

LETTERS_MAX = 4
"""Letters one character may become; U+FDFA would be 18, and 10,000 of them a slow text."""

_MARKS_THAT_SPELL = frozenset({0, 7, 8, 9})
"""Combining classes without which another word stands there: vowel signs of Indic scripts,
nukta, the voicing marks of kana, virama."""

_READ_AS = {
    # Arabic letters that differ by language, keyboard or habit
    "ٱ": "ا", "ى": "ي", "ی": "ي", "ې": "ي", "ے": "ي", "ة": "ه", "ۃ": "ه", "ہ": "ه", "ھ": "ه",
    "ە": "ه", "ک": "ك", "ڪ": "ك", "گ": "ك", "ڭ": "ك", "ݣ": "ك", "ڤ": "ف", "ڢ": "ف", "پ": "ب",
    "چ": "ج", "ڨ": "ق", "ۆ": "و", "ؤ": "و", "ئ": "ي", "ء": "", "ـ": "",
    # Latin letters that no decomposition leads to ASCII
    "ı": "i", "ɑ": "a", "ɡ": "g", "ɩ": "i", "ʋ": "v", "ø": "o", "đ": "d", "ħ": "h", "ł": "l",
    "ŧ": "t", "ƅ": "b", "æ": "ae", "œ": "oe", "ƒ": "f", "ɓ": "b", "ɗ": "d", "ɛ": "e", "ʀ": "r",
    "ɪ": "i", "ɴ": "n", "ʏ": "y", "ꜱ": "s", "ᴀ": "a", "ʙ": "b", "ᴄ": "c", "ᴅ": "d", "ᴇ": "e",
    "ꜰ": "f", "ɢ": "g", "ʜ": "h", "ᴊ": "j", "ᴋ": "k", "ʟ": "l", "ᴍ": "m", "ᴏ": "o", "ᴘ": "p",
    "ᴛ": "t", "ᴜ": "u", "ᴠ": "v", "ᴡ": "w", "ᴢ": "z",
    # Apostrophes, hyphens, quotation marks
    "’": "'", "‘": "'", "‛": "'", "ʼ": "'", "ʻ": "'", "´": "'", "`": "'", "′": "'", "＇": "'",
    "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "−": "-", "«": '"', "»": '"', "“": '"',
    "”": '"', "„": '"', "،": ",", "؛": ";", "؟": "?",
    # Drawn as nothing
    "\u2800": " ", "\u3164": "", "\u115f": "", "\u1160": "", "\uffa0": "", "\u034f": "",
}  # fmt: skip

_SQUARED = tuple(
    (first + offset, chr(ord("a") + offset))
    for first in (0x1F130, 0x1F150, 0x1F170)
    for offset in range(26)
)
_READ_AS.update((chr(code), letter) for code, letter in _SQUARED)

LOOK_ALIKES = {
    # Cyrillic
    "а": "a", "в": "b", "с": "c", "ԁ": "d", "е": "e", "ғ": "f", "ԍ": "g", "һ": "h", "і": "i",
    "ј": "j", "к": "k", "ӏ": "l", "м": "m", "н": "h", "п": "n", "о": "o", "р": "p", "ԛ": "q",
    "г": "r", "ѕ": "s", "т": "t", "ц": "u", "у": "y", "ѵ": "v", "ԝ": "w", "х": "x", "ү": "y",
    "ь": "b", "з": "3", "ё": "e", "ї": "i", "є": "e", "ѡ": "w",
    # Greek
    "α": "a", "β": "b", "ϲ": "c", "ε": "e", "η": "n", "ι": "i", "κ": "k", "μ": "u", "ν": "v",
    "ο": "o", "ρ": "p", "σ": "o", "τ": "t", "υ": "u", "χ": "x", "γ": "y", "ω": "w", "ϳ": "j",
    "ζ": "z",
    # Armenian
    "օ": "o", "ս": "u", "հ": "h", "ո": "n", "ց": "g", "զ": "q", "ա": "w",
}  # fmt: skip
"""Letter of another script -> the Latin letter it is taken for, in a word that mixes both."""

LEET = {
    "0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "9": "g",
    "@": "a", "$": "s", "!": "i", "|": "l", "€": "e", "£": "l", "+": "t", "¡": "i", "¥": "y",
}  # fmt: skip
"""Digit or sign -> the letter it stands for between letters."""


class _Folding(dict[str, str]):
    """Folds on first sight and remembers."""

    def __missing__(self, character: str) -> str:
        folded = _fold(character)
        if ord(character) < COMMON_END or len(self) < MET_MAX:
            self[character] = folded
        return folded


def _fold(character: str) -> str:
    read_as = _READ_AS.get(character)
    if read_as is not None:
        return read_as
    if unicodedata.category(character) in ("Lo", "So") and not unicodedata.decomposition(character):
        return character
    if character.isspace():
        return " "
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", character).casefold())
    if decomposed.isspace():
        return " "
    letters = unicodedata.normalize("NFC", "".join(map(_spoken, decomposed)))
    return letters if len(letters) <= LETTERS_MAX else character


def _spoken(character: str) -> str:
    """What is left of one decomposed character: no marks, no controls, ASCII digits."""
    category = unicodedata.category(character)
    if category in ("Mn", "Mc"):
        if unicodedata.combining(character) not in _MARKS_THAT_SPELL:
            return ""
        return "" if _is_variation_selector(character) else character
    if category in ("Me", "Cf", "Cc"):
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(character))
    return _READ_AS.get(character, character)


def _is_variation_selector(character: str) -> bool:
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"


FOLDING = _Folding()
"""Character -> what it is read as."""


_BEYOND_LATIN_1 = re.compile(r"[^\x00-\xff]+")


def beyond_latin_1(text: str) -> str:
    """Return the characters of a text that Latin-1 has not: few texts have any."""
    if len(text.encode("latin-1", errors="ignore")) == len(text):
        return ""
    return "".join(_BEYOND_LATIN_1.findall(text))
