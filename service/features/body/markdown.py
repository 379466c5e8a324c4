"""From the Markdown a reader wrote to the tree everybody shows.

The parser (`body/subset`) is asked where there is something for it. Nothing a reader wrote
disappears: what the subset has no place for stays as it was typed.
"""

from __future__ import annotations

import re

from service.features.body import subset
from service.features.body.grow import grow, is_too_deep
from service.features.body.render import to_plain
from service.features.body.tree import Inline, Tree
from service.features.text import has_visible

MARKS_MAX = 500
"""Characters that could be Markdown in one text. Beyond, nothing is: 10,000 brackets
would take 180 ms."""

LINES_MAX = 500
"""Lines in one text that Markdown is looked for in, for the same reason."""

_MARKS = re.compile(r"[*_~`\[\]<>\\:]")
_PLAIN_LINE = (
    r"[^\s\d>+\-#*_~`\[\]<\\:&\0][^\n\r\0*_~`\[\]<>\\:]*(?::(?!//)[^\n\r\0*_~`\[\]<>\\:]*)*(?<!\s)"
)
_PLAIN = re.compile(rf"{_PLAIN_LINE}(?:\n{{1,2}}{_PLAIN_LINE})*")
"""What holds nothing that could be Markdown, as most comments do."""

_EMPTY_LINES = re.compile(r"\n(?:[^\S\n]*\n)+")


def parse(text: str) -> Tree:
    """Read a comment's text as the Markdown subset.

    Paragraphs, line breaks, emphasis, strong, struck-out, code, quotes, lists and links;
    bare http(s) addresses become links. A text with more marks, lines or nesting than a
    person would write, or of which Markdown would leave nothing to see, is shown as it
    was typed.
    """
    if _PLAIN.fullmatch(text) and has_visible(text):
        return _plain(text)
    if len(_MARKS.findall(text)) > MARKS_MAX or text.count("\n") > LINES_MAX:
        return _as_typed(text)
    tokens = subset.PARSER.parse(text)
    if is_too_deep(tokens):
        return _as_typed(text)
    tree = grow(tokens)
    return tree if has_visible(to_plain(tree)) else _as_typed(text)


def _plain(text: str) -> Tree:
    """Give what the parser would, a hundred times as fast."""
    if "\n" not in text:
        return [{"t": "p", "c": [text]}]
    return _as_typed(text)


def _as_typed(text: str) -> Tree:
    tree: Tree = []
    for chunk in _EMPTY_LINES.split(text):
        words: list[Inline] = []
        for line in chunk.strip("\n").split("\n"):
            if words:
                words.append({"t": "br"})
            if line.strip():
                words.append(line.rstrip())
        if any(isinstance(word, str) for word in words):
            tree.append({"t": "p", "c": words})
    return tree
