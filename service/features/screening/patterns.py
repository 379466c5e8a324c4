"""Patterns that editors write: RE2 only, of bounded size, so that no text makes them slow."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import re2
from msgspec import Struct

from service.features.screening.views import Span, View, folded

MEMORY_BYTES = 1 << 20
"""What RE2 may use for one pattern."""

INSTRUCTIONS_MAX = 500
"""Of one pattern. RE2's time grows with it and with the text; 900 took 8 ms for 10,000 code
points. A gap of up to 20 characters, `.{0,20}`, takes 180."""

TOGETHER_MAX = 3_000
"""Instructions of patterns that are tried as one before each is tried alone."""

SPANS_MAX = 16
"""Places of one pattern that are shown."""

_UNFOLDED = re.compile(r"\\.|[^\x00-\x7f]", re.DOTALL)


class PatternError(ValueError):
    """RE2 refuses the pattern, or it is too large; the message says which."""


class Pattern(Struct, frozen=True):
    """One compiled pattern."""

    source: str
    _compiled: Any

    @property
    def instructions(self) -> int:
        """Size of its program."""
        return int(self._compiled.programsize)

    def matches(self, text: str) -> bool:
        """Whether it is found anywhere."""
        return self._compiled.search(text) is not None

    def spans(self, view: View) -> tuple[Span, ...]:
        """Return where in the original it is found, at most `SPANS_MAX` places."""
        found = (match.span() for match in islice(self._compiled.finditer(view.text), SPANS_MAX))
        return tuple(
            view.span(start, end) if end > start else _point(view, start) for start, end in found
        )


def compiled(source: str, *, raw: bool = False) -> Pattern:
    """Compile a pattern; it ignores case.

    Unless it reads the text as it was written, letters beyond ASCII are folded as the
    text is, so that `é` in the pattern finds `e`, `é` and `É`.

    Raises:
        PatternError: RE2 does not know it (back-references, look-around), or it is too large.
    """
    written = source if raw else _UNFOLDED.sub(_fold, source)
    options = re2.Options()
    options.max_mem = MEMORY_BYTES
    options.log_errors = False
    options.case_sensitive = False
    options.never_capture = True  # where the whole stands is all that is asked
    try:
        pattern = Pattern(source, re2.compile(written, options))
    except re2.error as error:
        raise PatternError(_sentence(error)) from error
    if pattern.instructions > INSTRUCTIONS_MAX:
        raise PatternError("it is too large: shorten its repetitions or classes of letters")
    return pattern


class Together(Struct, frozen=True):
    """Patterns that are tried as one: most comments match none of them."""

    numbers: tuple[int, ...]
    _any: Pattern | None

    def may_match(self, text: str) -> bool:
        """Whether one of them may be found; True where only trying each can tell."""
        return self._any is None or self._any.matches(text)


def together(patterns: Sequence[tuple[int, Pattern]], *, raw: bool) -> Iterator[Together]:
    """Join numbered patterns into few, each of bounded size."""
    batch: list[tuple[int, Pattern]] = []
    size = 0
    for number, pattern in patterns:
        if batch and size + pattern.instructions > TOGETHER_MAX:
            yield _join(batch, raw=raw)
            batch, size = [], 0
        batch.append((number, pattern))
        size += pattern.instructions
    if batch:
        yield _join(batch, raw=raw)


def _join(batch: Sequence[tuple[int, Pattern]], *, raw: bool) -> Together:
    numbers = tuple(number for number, _ in batch)
    joined = None
    if len(batch) > 1:
        options = re2.Options()
        options.max_mem = 4 * MEMORY_BYTES
        options.log_errors = False
        options.case_sensitive = False
        options.never_capture = True
        sources = (
            pattern.source if raw else _UNFOLDED.sub(_fold, pattern.source) for _, pattern in batch
        )
        with contextlib.suppress(re2.error):  # each is then tried alone
            joined = Pattern("", re2.compile("|".join(f"(?:{one})" for one in sources), options))
    return Together(numbers, joined)


def _fold(match: re.Match[str]) -> str:
    written = match.group()
    if written.startswith("\\"):
        return written
    letters = folded(written)
    return letters if len(letters) == 1 else f"(?:{re.escape(letters)})" if letters else ""


def _point(view: View, at: int) -> Span:
    """Where an empty match stands."""
    start = view.origins[at]
    return start, start


def _sentence(error: Exception) -> str:
    said = error.args[0] if error.args else "RE2 refuses it"
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)
