"""The four doors text comes in by: a comment's body, a name, a line, a note.

What leaves a door is storable in Postgres, is NFC, survives JSON byte for byte, and
comes back unchanged when it is sent through the same door again.
"""

from __future__ import annotations

import re

from service.errors import FieldError, Invalid
from service.features.text import characters, emoji

NAME_MAX_CHARS = 80
"""Code points of a name that is shown beside a comment (api.md, "Post a comment")."""

INPUT_MAX_CHARS = 32 * 1024
"""Code points worth looking at: a reader's whole request has at most 32 KiB."""

INPUT_MAX_FACTOR = 4
"""Times the allowed length that a text may have on its way in. What the policy removes
from an honest text is a few characters, so beyond it the work is not worth doing."""

COMPOSED_MAX_FACTOR = 2
"""The same after NFC, which writes a few characters as two or three."""

STORED_MAX_BYTES = 32 * 1024
"""UTF-8 bytes after NFC; 10,000 code points of the basic plane stay below it."""

EMOJI_MAX = 50
"""Emoji in one text, as people count them (a family is one)."""

FORBIDDEN_NAMED_MAX = 5
"""Distinct forbidden characters one answer names; more help nobody."""

ROUNDS_MAX = 4
"""Passes until a text no longer changes. People's texts need one; a text that was built
to need more loses its joiners, after which one pass is enough."""

_LINE_ENDS = re.compile(r"\r\n?")
BLANK_LINES = 3
"""Empty lines in a row that become two."""

_BLANK_LINES = re.compile(rf"(\A|\n)(?:[^\S\n]*\n){{{BLANK_LINES},}}")
_WHITESPACE = re.compile("\\s{2,}|[\t\n\u2028\u2029]")


def clean_body(raw: str, *, max_chars: int, pointer: str = "/body") -> str:
    """Apply the text policy to a comment.

    Line breaks, indentation and outer whitespace are kept; bidi controls too, because
    every paragraph is isolated where it is shown.

    Raises:
        Invalid: `forbidden_character`, `blank`, `too_long` or `too_many_emoji` at `pointer`.
    """
    text, ordinary = _admit(raw, max_chars, pointer)
    text = _settle(text, ordinary=ordinary)
    _require_visible(text, pointer)
    return _within(text, max_chars, pointer, ordinary=ordinary)


def clean_note(raw: str, *, max_chars: int, pointer: str = "/note") -> str:
    """Apply the text policy to an optional text of several lines; blank becomes `""`.

    Bidi controls that could reorder what stands around the note are stripped.

    Raises:
        Invalid: `forbidden_character`, `too_long` or `too_many_emoji` at `pointer`.
    """
    text, ordinary = _admit(raw, max_chars, pointer)
    text = _settle(characters.without_reordering(text), ordinary=ordinary)
    if not characters.has_visible(text):
        return ""
    return _within(text, max_chars, pointer, ordinary=ordinary)


def clean_line(raw: str, *, max_chars: int, pointer: str) -> str:
    """Apply the text policy to a title, an address or another single line.

    Line breaks and runs of whitespace become one space, outer whitespace goes, and so do
    bidi controls that could reorder what stands around the line.

    Raises:
        Invalid: `forbidden_character`, `blank`, `too_long` or `too_many_emoji` at `pointer`.
    """
    text, ordinary = _admit(raw, max_chars, pointer)
    text = _settle(characters.without_reordering(text), ordinary=ordinary, single_line=True)
    _require_visible(text, pointer)
    return _within(text, max_chars, pointer, ordinary=ordinary)


def clean_name(raw: str, *, max_chars: int = NAME_MAX_CHARS, pointer: str = "/author/name") -> str:
    """Apply the text policy to a name; as `clean_line`, with a name's length.

    Raises:
        Invalid: `forbidden_character`, `blank`, `too_long` or `too_many_emoji` at `pointer`.
    """
    return clean_line(raw, max_chars=max_chars, pointer=pointer)


def _admit(raw: str, max_chars: int, pointer: str) -> tuple[str, bool]:
    """Refuse what no text may contain; unify line ends, drop the invisible, compose.

    Also tells whether all of it is ordinary, as whatever is then left of it will be.

    Raises:
        Invalid: `too_long` or `forbidden_character`.
    """
    if len(raw) > min(INPUT_MAX_CHARS, INPUT_MAX_FACTOR * max_chars):
        raise _too_long(max_chars, len(raw), pointer)
    if characters.is_ordinary(raw):
        return raw, True
    if found := characters.forbidden(raw):
        named = ", ".join(f"U+{ord(character):04X}" for character in found[:FORBIDDEN_NAMED_MAX])
        raise _refusal(pointer, "forbidden_character", f"Not allowed in a text: {named}.")
    text = characters.without_invisibles(_LINE_ENDS.sub("\n", raw))
    text = characters.nfc(characters.sortable(text))
    if len(text) > COMPOSED_MAX_FACTOR * max_chars:
        raise _too_long(max_chars, len(text), pointer)
    return text, False


def _settle(text: str, *, ordinary: bool, single_line: bool = False) -> str:
    """Normalise until nothing changes."""
    for _ in range(ROUNDS_MAX):
        settled = _normalise(text, ordinary=ordinary, single_line=single_line)
        if settled == text:
            return text
        text = settled
    return _normalise(characters.without_joiners(text), ordinary=ordinary, single_line=single_line)


def _normalise(text: str, *, ordinary: bool, single_line: bool) -> str:
    if not ordinary:
        text = characters.nfc(characters.with_useful_joiners(text))
        text = characters.nfc(characters.with_bounded_marks(text))
        text = emoji.with_bounded_runs(text)
    if single_line:
        return _WHITESPACE.sub(" ", text).strip()
    if text.count("\n") < BLANK_LINES:
        return text
    return _BLANK_LINES.sub(r"\1\n\n", text)


def _require_visible(text: str, pointer: str) -> None:
    if not characters.has_visible(text):
        raise _refusal(pointer, "blank", "There is nothing to read in it.")


def _within(text: str, max_chars: int, pointer: str, *, ordinary: bool) -> str:
    if len(text) > max_chars:
        raise _refusal(
            pointer, "too_long", f"At most {max_chars} characters; this has {len(text)}."
        )
    if len(text.encode()) > STORED_MAX_BYTES:
        raise _refusal(pointer, "too_long", f"At most {STORED_MAX_BYTES} bytes of UTF-8.")
    if not ordinary and emoji.count(text) > EMOJI_MAX:
        raise _refusal(pointer, "too_many_emoji", f"At most {EMOJI_MAX} emoji.")
    return text


def _too_long(max_chars: int, chars: int, pointer: str) -> Invalid:
    return _refusal(pointer, "too_long", f"At most {max_chars} characters; this has {chars}.")


def _refusal(pointer: str, code: str, detail: str) -> Invalid:
    return Invalid(detail, errors=(FieldError(pointer=pointer, code=code, detail=detail),))
