"""How a text reads once tricks and habits of writing are taken away, with the way back.

Two views: `norm` (one spelling for letters, marks, widths, spaces and repeats) and
`skeleton` (look-through for leet, dots and spaces between letters). Each knows where in
the original every one of its characters came from, so that what matched can be shown.
All work is linear in the text.
"""

# ruff: noqa: RUF001 - look-alike letters are what this module is about

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from functools import cached_property, lru_cache, partial
from typing import Literal

from msgspec import Struct

from service.features.screening.letters import COMMON_END, FOLDING, LEET, LOOK_ALIKES
from service.features.screening.signs import SEPARATORS, SPACERS, TRAILING, Sign, signs_in

Span = tuple[int, int]
"""Half-open range of code points in the original text."""

Trick = Literal["zero_width", "look_alike", "leet", "spacing", "repeats"]

LINK, MENTION = "‹›", "‹@›"
"""What stands for a link and for somebody's @name: signs without letters, so that no word
is found in an address."""

Kept = tuple[str, Sequence[int]]
"""What a match is replaced by, and from which of its characters each one comes."""
Edit = tuple[int, int, Sequence[int]]
"""A match's start and end, and which of its characters stay."""

RUN_MAX = 2
"""The same character in a row that both views keep."""

FEW_MAX = 12
"""Different characters beyond ASCII that are replaced one by one."""
FEW_BYTES = 1.25
"""Bytes a character of UTF-8 in a text that is mostly ASCII."""

READ_LATELY = 32
"""Texts whose views are remembered: rules, models and the look for texts alike each want them."""

JOINED_MAX = 24
"""Single letters in a row that are read in more than one way."""

WORD = re.compile(r"[^\W_]+")
"""A word as `words_in` cuts it, to learn where it stands."""
_SIGNS_AS_SPACES = bytes(code if chr(code).isalnum() else 0x20 for code in range(128)) + bytes(128)
_ADDRESSED = re.compile(r"(?:https?://|www\.)[^\s<>\"']+|(?<!\w)@\w+", re.IGNORECASE)
_LONG_RUN = re.compile(r"(.)\1{2,}", re.DOTALL)
_BLANKS = dict.fromkeys(map(ord, "\t\n\r\x0b\x0c"), " ")
_SPACES = re.compile(r"\s{2,}")
_BEYOND_COMMON = re.compile(f"[^\0-{chr(COMMON_END - 1)}]")
"""What signs are not told of surely."""
_BEYOND_ASCII = re.compile(r"[^\t-\r\x20-\x7e]")
_HIDING = re.compile(r"\w[\u00ad\u200b\u200e\u200f\u2060\ufe00-\ufe0f\ufeff]+\w")

OTHER_LETTERS = re.compile(r"[\u0370-\u03ff\u0400-\u052f\u0531-\u0587]")
_MIXABLE_WORD = re.compile(r"[a-z\u0370-\u03ff\u0400-\u052f\u0531-\u0587]+")
_LATIN_LETTER = re.compile(r"[a-z]")
_LOOK_ALIKE_TABLE = str.maketrans(LOOK_ALIKES)
_IMITATIONS = frozenset(LOOK_ALIKES)

_LEET_SIGNS = "".join(re.escape(sign) for sign in LEET)
_LEET_WORD = re.compile(
    rf"(?:(?<![a-z])[a-z]++[{_LEET_SIGNS}._\-]|[{_LEET_SIGNS}])[a-z{_LEET_SIGNS}._\-]*"
)
"""A word with a sign in it or behind it."""
_LEET_BESIDE_LETTER = re.compile(rf"[a-z][._\-]?[{_LEET_SIGNS}]|[{_LEET_SIGNS}][._\-]?[a-z]")
_LEET_TABLE = str.maketrans(LEET)
_HIDING_SIGN = re.compile(rf"[\d* {_LEET_SIGNS}]|://|www\.")
"""Without any of this letters are read as they stand, but for what separates them."""
_SEPARATED = re.compile(rf"[{SEPARATORS}](?<=[^\W\d_].)(?=[^\W\d_])")
_SPACED = re.compile(rf"(?<![\w'])[^\W\d_](?:[{SPACERS}]{{1,2}}[^\W\d_]){{2,}}(?!\w)")
_ONE_LETTER = frozenset("aiuoyrnesw")
"""Words of one letter, as written out or in haste: `u r a`, `y a`."""
_TRICKY = re.compile(
    rf"[a-z][{_LEET_SIGNS}]|[{_LEET_SIGNS}][a-z]|[^\W\d_][{SEPARATORS}][^\W\d_]"
    r"|(?<!\w)[^\W\d_] {1,2}[^\W\d_](?!\w)"
)
"""Without any of this a text is not looked through."""


class View(Struct, frozen=True, dict=True):
    """A reading of a text, and where each of its characters came from.

    With a dictionary of its own, because what is asked of it is remembered.
    """

    text: str
    trace: Callable[[], Sequence[int]] | None = None
    """Works the origins out; None when the two run side by side."""

    @cached_property
    def origins(self) -> Sequence[int]:
        """Start in the original of each character, then the original's length.

        Worked out where something was found, as in few texts.
        """
        return range(len(self.text) + 1) if self.trace is None else self.trace()

    @cached_property
    def words(self) -> list[str]:
        """What stands between signs, in its order: letters and digits."""
        return words_in(self.text)

    def span(self, start: int, end: int) -> Span:
        """Return where in the original a non-empty part of the view stands.

        It takes in what was dropped behind its last character: marks, hidden characters,
        further repeats.
        """
        if self.trace is None:
            return start, end
        return self.origins[start], max(self.origins[end - 1] + 1, self.origins[end])


def words_in(text: str) -> list[str]:
    """Return what stands between signs in a text: letters and digits."""
    if text.isascii():
        return text.encode().translate(_SIGNS_AS_SPACES).decode().split()
    return WORD.findall(text)


class Views(Struct, frozen=True):
    """A text and its readings."""

    raw: str
    norm: View
    skeleton: View
    """The same object as `norm` where nothing had to be looked through."""
    tricks: tuple[Trick, ...]
    """What was taken away that hides words from a reader of the raw text."""


@lru_cache(maxsize=READ_LATELY)
def views_of(text: str) -> Views:
    """Read a text both ways."""
    tricks: list[Trick] = []
    norm, signs = _normalised(text, tricks)
    skeleton = _looked_through(norm, signs, tricks)
    return Views(raw=text, norm=norm, skeleton=skeleton, tricks=tuple(tricks))


def unread_views(text: str) -> Views:
    """Return a text as it stands, for rules that look at no word of it."""
    view = View(text)
    return Views(raw=text, norm=view, skeleton=view, tricks=())


def normalised(text: str) -> str:
    """Return the `norm` view's text: what words, phrases and patterns are compared in."""
    return _normalised(text, [])[0].text


def looked_through(chunk: str) -> tuple[str, str]:
    """Return the text of both views of a part of a text: `skeleton` as if it hid words for sure.

    A part without blanks reads the same wherever it stands, but for what `OTHER_LETTERS` are
    taken for, and for single letters apart that go on beside it.
    """
    letters = "".join(map(FOLDING.__getitem__, chunk))
    if _HIDING_SIGN.search(letters) or _SPACED.search(letters):
        norm, _ = _normalised(chunk, [])
        return norm.text, _unhidden(norm, frozenset(Sign), []).text
    joined = _SEPARATED.sub("", letters)
    return _LONG_RUN.sub(r"\1\1", letters), _LONG_RUN.sub(r"\1\1", joined)


def spellings(letters: str) -> list[str]:
    """Return what a folded word of letters alone may read as: it depends on the whole text."""
    read = [letters]
    if OTHER_LETTERS.search(letters):
        read.append(letters.translate(_LOOK_ALIKE_TABLE))
    return [_LONG_RUN.sub(r"\1\1", one) for one in read]


@lru_cache(maxsize=4_096)
def folded(letters: str) -> str:
    """Fold characters one by one, without looking at what stands beside them."""
    return "".join(FOLDING[character] for character in letters)


def _normalised(text: str, tricks: list[Trick]) -> tuple[View, Collection[int]]:
    """Return the `norm` view, and the signs of what may still hide words in it."""
    view = View(text)
    if "@" in text or "://" in text or "www." in text or "WWW." in text:
        view = _replaced(view, _ADDRESSED, _addressed)
    view = _lowered(view) if view.text.isascii() else _folded(view, tricks)
    view = _evened(view)
    signs = signs_in(view.text)
    if Sign.RUN not in signs:
        return view, signs
    shorter = _replaced(view, _LONG_RUN, _shortened)
    if len(shorter.text) + 2 < len(view.text):
        tricks.append("repeats")
    return shorter, signs_in(shorter.text)


def _addressed(match: re.Match[str]) -> Kept:
    token = MENTION if match.group().startswith("@") else LINK
    return token, (0,) * len(token)


def _evened(view: View) -> View:
    """Write every blank as a space, and no more than two in a row."""
    text = view.text
    if not text.isprintable():
        view = View(text.translate(_BLANKS), view.trace)
    if "   " in view.text or not view.text.isprintable():
        view = _replaced(view, _SPACES, _spaced)
    return view


def _spaced(match: re.Match[str]) -> Kept:
    spaces = min(len(match.group()), RUN_MAX)
    return " " * spaces, range(spaces)


def _shortened(match: re.Match[str]) -> Kept:
    return match.group(1) * RUN_MAX, range(RUN_MAX)


def _joined(match: re.Match[str]) -> Kept:
    """Join single letters; where the outer ones may be words of their own, also without them."""
    written = match.group()
    every = [at for at, character in enumerate(written) if character.isalpha()]
    readings = [every]
    if len(every) <= JOINED_MAX:
        first, last = written[every[0]] in _ONE_LETTER, written[every[-1]] in _ONE_LETTER
        readings += [every[1:]] * first + [every[:-1]] * last + [every[1:-1]] * (first and last)
    text: list[str] = []
    offsets: list[int] = []
    for reading in readings:
        if text:
            text.append(" ")
            offsets.append(offsets[-1])
        text += (written[at] for at in reading)
        offsets += reading
    return "".join(text), offsets


def _nothing(_: re.Match[str]) -> Kept:
    return "", ()


def _replaced(view: View, pattern: re.Pattern[str], keep: Callable[[re.Match[str]], Kept]) -> View:
    """Keep of each match what `keep` returns: text, and where in the match it stood."""
    matches = list(pattern.finditer(view.text))
    if not matches:
        return view
    parts: list[str] = []
    edits: list[Edit] = []
    at = 0
    for match in matches:
        start, end = match.span()
        kept, offsets = keep(match)
        parts += (view.text[at:start], kept)
        edits.append((start, end, offsets))
        at = end
    parts.append(view.text[at:])
    return View("".join(parts), partial(_edited, view, edits))


def _edited(view: View, edits: Sequence[Edit]) -> list[int]:
    """Say where each character came from of what a view became by edits."""
    before = view.origins
    origins: list[int] = []
    at = 0
    for start, end, offsets in edits:
        origins += before[at:start]
        origins += [before[start + offset] for offset in offsets]
        at = end
    origins += before[at:]
    return origins


def _lowered(view: View) -> View:
    return View(view.text.lower().replace("`", "'"), view.trace)


def _folded(view: View, tricks: list[Trick]) -> View:
    alike = _folded_alike(view.text)
    if alike is not None:
        return View(alike, view.trace)
    pieces = [FOLDING[character] for character in view.text]
    letters = "".join(pieces)
    if "" in pieces and _HIDING.search(view.text):
        tricks.append("zero_width")
    if "" in pieces or len(letters) != len(pieces):
        view = View(letters, partial(_moved, view, pieces))
    else:
        view = View(letters, view.trace)
    if not letters.isascii() and OTHER_LETTERS.search(letters):
        alike = _unmasked(letters)
        if alike != letters:
            tricks.append("look_alike")
            view = View(alike, view.trace)
    return view


def _folded_alike(text: str) -> str | None:
    """Fold a text whose few characters beyond ASCII become one of it or stay; None for others.

    So are most that are written in Latin letters, and it takes a third of the time.
    """
    if len(text.encode(errors="replace")) > FEW_BYTES * len(text):
        return None
    others = set(_BEYOND_ASCII.findall(text))
    if len(others) > FEW_MAX:
        return None
    for other in others:
        letter = FOLDING[other]
        if letter != other or other.lower() != other or OTHER_LETTERS.match(other):
            if len(letter) != 1 or not letter.isascii():
                return None
            text = text.replace(other, letter)
    return text.lower().replace("`", "'")


def _moved(view: View, pieces: list[str]) -> list[int]:
    """Say where each character of the joined pieces came from."""
    moved = [start for start, piece in zip(view.origins, pieces, strict=False) for _ in piece]
    moved.append(view.origins[-1])
    return moved


def _unmasked(letters: str) -> str:
    """Write Cyrillic, Greek and Armenian letters as the Latin ones they pass for.

    In words that mix them with Latin ones, and in words of nothing but look-alikes amid a
    text that is Latin for the most part. Lengths stay.
    """
    others = len(OTHER_LETTERS.findall(letters))
    mostly_latin = len(_LATIN_LETTER.findall(letters)) > others

    def unmask(match: re.Match[str]) -> str:
        word = match.group()
        if word.isascii():
            return word
        if _LATIN_LETTER.search(word) or (mostly_latin and _IMITATIONS.issuperset(word)):
            return word.translate(_LOOK_ALIKE_TABLE)
        return word

    return _MIXABLE_WORD.sub(unmask, letters)


def _looked_through(norm: View, signs: Collection[int], tricks: list[Trick]) -> View:
    if Sign.TRICKY not in signs:
        return norm
    if _BEYOND_COMMON.search(norm.text) and not _TRICKY.search(norm.text):
        return norm
    return _unhidden(norm, signs, tricks)


def _unhidden(norm: View, signs: Collection[int], tricks: list[Trick]) -> View:
    view = norm
    if Sign.SPELLED in signs:
        plain = _LEET_WORD.sub(_spelled, norm.text)
        if plain != norm.text:
            tricks.append("leet")
            view = View(plain, norm.trace)
            signs = signs_in(plain)
    if Sign.SPACED in signs:
        joined = _replaced(view, _SPACED, _joined)
        if joined is not view:
            tricks.append("spacing")
            view, signs = joined, signs_in(joined.text)
    if Sign.SEPARATED in signs:
        view = _replaced(view, _SEPARATED, _nothing)
    return norm if view is norm else _replaced(view, _LONG_RUN, _shortened)


def _spelled(match: re.Match[str]) -> str:
    """Write leet as letters, but for signs that only end the word."""
    word = match.group()
    core = word.rstrip(TRAILING)
    if not _LEET_BESIDE_LETTER.search(core):
        return word
    return core.replace("11", "ll").translate(_LEET_TABLE) + word[len(core) :]
