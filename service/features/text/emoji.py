"""Emoji as people count them: a flag, a keycap or a family is one."""

from __future__ import annotations

import re

RUN_MAX = 10
"""The same emoji in a row; the rest of the run is dropped, it says nothing more."""

CHAIN_MAX = 7
"""Joined parts after the first in one emoji; the longest in use (a kiss with two skin
tones) has 3, and a bound keeps a hostile chain from counting as one."""

TAGGED_FLAG = "\U0001f3f4\U000e0067\U000e0062(?:{}|{}|{})\U000e007f".format(
    "\U000e0065\U000e006e\U000e0067",
    "\U000e0073\U000e0063\U000e0074",
    "\U000e0077\U000e006c\U000e0073",
)
"""England, Scotland, Wales: a black flag and the tags gbeng, gbsct or gbwls."""

_DRAWN = (
    r"\u231a\u231b\u23e9-\u23ec\u23f0\u23f3\u25fd\u25fe\u2614\u2615\u2648-\u2653\u267f\u2693"
    r"\u26a1\u26aa\u26ab\u26bd\u26be\u26c4\u26c5\u26ce\u26d4\u26ea\u26f2\u26f3\u26f5\u26fa\u26fd"
    r"\u2705\u270a\u270b\u2728\u274c\u274e\u2753-\u2755\u2757\u2795-\u2797\u27b0\u27bf"
    r"\u2b1b\u2b1c\u2b50\u2b55\U0001f004\U0001f0cf\U0001f170-\U0001f19a\U0001f201-\U0001f265"
    r"\U0001f300-\U0001faff"
)
"""Characters that are pictures on their own."""

_DRAWN_ON_REQUEST = (
    r"\xa9\xae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf"
    r"\u2900-\u297f\u2b00-\u2bff\u3030\u303d\u3297\u3299"
)
"""Symbols that become pictures with a variation selector."""

_STYLE = r"[\ufe0f\U0001f3fb-\U0001f3ff]"
_ONE = (
    rf"(?>{TAGGED_FLAG}"
    r"|[\U0001f1e6-\U0001f1ff]{2}"
    r"|[0-9#*]\ufe0f?\u20e3"
    rf"|(?:[{_DRAWN}]{_STYLE}{{0,2}}+|[{_DRAWN_ON_REQUEST}]\ufe0f{_STYLE}?+)"
    rf"(?:\u200d[{_DRAWN}{_DRAWN_ON_REQUEST}]{_STYLE}{{0,2}}+){{0,{CHAIN_MAX}}}+)"
)
_EMOJI = re.compile(_ONE)
_SAME = r"\2(?![\u200d\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f])"
_RUN = re.compile(rf"(?<!\u200d)(({_ONE})(?:{_SAME}){{{RUN_MAX - 1}}})(?:{_SAME})+")
BEFORE_JOINER = rf"[{_DRAWN}{_DRAWN_ON_REQUEST}\ufe0f]"
AFTER_JOINER = rf"[{_DRAWN}{_DRAWN_ON_REQUEST}]"
"""Classes of what stands around the joiner inside one emoji."""


def count(text: str) -> int:
    """How many emoji a person would count."""
    return 0 if text.isascii() else len(_EMOJI.findall(text))


def with_bounded_runs(text: str) -> str:
    """Keep the first `RUN_MAX` of the same emoji in a row."""
    return _RUN.sub(r"\1", text)
