"""What stands in a text that may hide words, seen in one pass: most texts have nothing of it.

Each sign stands for one of the patterns that take a text apart (`views`) and is found wherever
that one is, now and then elsewhere: what is not seen here need not be looked for there.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from functools import cache
from itertools import groupby
from typing import Any, Final

import re2

from service.features.screening.letters import COMMON_END, LEET

SEPARATORS: Final = r"._\-·•~/\\^"
"""Between the letters of a word, `i.d.i.o.t`; inside brackets of a pattern."""
SPACERS: Final = r" ._\-·•*"
"""Between letters that stand apart, `i d i o t`; up to two of them."""
TRAILING: Final = "!|+._-"
"""Signs that end a sentence or a word more often than they spell one."""

_ARABIC: Final = range(0x620, 0x64B)


class Sign(IntEnum):
    """Something in a text that may hide a word."""

    RUN = 0
    """Three times the same character."""
    TRICKY = 1
    """Any sign of the three below, told more narrowly; without it none of them counts."""
    SPELLED = 2
    """A digit or sign where a letter should be."""
    SPACED = 3
    """Single letters in a row."""
    SEPARATED = 4
    """Two letters with a dot or the like between them."""


def signs_in(text: str) -> list[int]:
    """Return the signs in a text of the `norm` view; a lone surrogate is none."""
    return _signs().Match(text.encode(errors="replace")) or []


def _class_of(belongs: Callable[[str], bool]) -> str:
    """Return the characters that belong, for inside brackets; above `COMMON_END` all do."""
    codes = [code for code in range(COMMON_END) if belongs(chr(code))]
    runs = groupby(enumerate(codes), key=lambda each: each[1] - each[0])
    ranges = [[code for _, code in run] for _, run in runs]
    told = "".join(rf"\x{{{run[0]:x}}}-\x{{{run[-1]:x}}}" for run in ranges)
    return rf"{told}\x{{{COMMON_END:x}}}-\x{{10ffff}}"


def _is_letter(one: str) -> bool:
    return one.isalnum() and not one.isdecimal()


@cache
def _signs() -> Any:
    options = re2.Options()
    options.dot_nl = True
    signs = re2.Set.SearchSet(options)
    for pattern in _patterns():
        signs.Add(pattern)
    signs.Compile()
    return signs


def _patterns() -> list[str]:
    letter = f"[{_class_of(_is_letter)}]"
    outside = _class_of(lambda one: not one.isalnum() and one != "_")
    outside_quoted = _class_of(lambda one: not one.isalnum() and one not in "_'")
    leet = "".join(map(re2.escape, LEET))
    inner = "".join(re2.escape(sign) for sign in LEET if sign not in TRAILING)
    trailing = "".join(map(re2.escape, TRAILING))
    alone = rf"(?:^|[{outside}]){letter} {{1,2}}{letter}(?:[{outside}]|$)"
    separated = f"{letter}[{SEPARATORS}]{letter}"
    common = [*map(chr, range(128)), *map(chr, _ARABIC)]
    others = rf"[^\x00-\x7f\x{{{_ARABIC[0]:x}}}-\x{{{_ARABIC[-1]:x}}}]"
    found = {
        Sign.RUN: "|".join(f"{one}{{3}}" for one in (*map(re2.escape, common), others)),
        Sign.TRICKY: f"[a-z][{leet}]|[{leet}][a-z]|{separated}|{alone}",
        Sign.SPELLED: rf"[{leet}][._\-]?[a-z]"
        rf"|[a-z][._\-]?(?:[{inner}]|[!|+][{trailing}]*[a-z{inner}])",
        Sign.SPACED: rf"(?:^|[{outside_quoted}]){letter}(?:[{SPACERS}]{{1,2}}{letter}){{2,}}"
        rf"(?:[{outside}]|$)",
        Sign.SEPARATED: separated,
    }
    return [found[sign] for sign in Sign]
