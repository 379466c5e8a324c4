"""markdown-it-py with a handful of rules, loaded with the first text that holds Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, fence, list_block

from service.features.body.grow import NESTING_MAX
from service.features.body.links import bare_address, safe_href, shown

if TYPE_CHECKING:
    from markdown_it.rules_inline import StateInline

_STOPS = re.compile(r"[\n*_~`\[\]<\\:]")
"""Where running text ends and an inline rule may begin. Fewer than the parser's own,
which stop for rules we do not have."""

_FENCE = re.compile(r"[^\S\n]*`{3,}[^\S\n]*[\w+#.-]{0,20}[^\S\n]*")
"""An opening fence, with at most the name of a language behind it."""

_BULLETS = ("-", "*")
_FIRST_NUMBER = re.compile(r"0*1[.)](?:[ \t]|$)")


class _Subset(MarkdownIt):
    """The parser with our idea of an acceptable link."""

    def normalizeLink(self, url: str) -> str:  # noqa: N802 - the parser's name
        """Give the address to link to, or "" if it is refused."""
        return safe_href(url) or ""

    def normalizeLinkText(self, link: str) -> str:  # noqa: N802 - the parser's name
        """Give the words shown for a bare address."""
        return shown(link, self.normalizeLink(link))

    def validateLink(self, url: str) -> bool:  # noqa: N802 - the parser's name
        """Accept what `normalizeLink` accepted."""
        return bool(url)


def _bare_link(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - the parser's signature
    """Inline rule: an address in running text, found at the colon behind its scheme."""
    if silent or state.linkLevel or not state.src.startswith("://", state.pos):
        return False
    scheme = "https" if state.pending[-5:].lower() == "https" else "http"
    before = state.pending[: -len(scheme)]
    if state.pending[-len(scheme) :].lower() != scheme or before[-1:].isalnum():
        return False
    start = state.pos - len(scheme)
    found = bare_address(state.src, start)
    if not found:
        return False
    address, href = found
    state.pending = before
    state.push("link_open", "a", 1).attrs = {"href": href}
    state.push("text", "", 0).content = shown(address, href)
    state.push("link_close", "a", -1)
    state.pos = start + len(address)
    return True


def _list(state: StateBlock, line: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - the parser's signature
    """Block rule: a list, unless that would drop what was written.

    "1984. A year" would be counted as 1, and "+1" said with a space would lose its plus.
    """
    first = _line(state, line)
    goes_on = silent and state.sCount[line] < state.blkIndent
    if goes_on or first.startswith(_BULLETS) or _FIRST_NUMBER.match(first):
        return list_block(state, line, end, silent)
    return False


def _fence(state: StateBlock, line: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - the parser's signature
    """Block rule: a fence of backticks; words behind it would vanish, so they refuse it."""
    return bool(_FENCE.fullmatch(_line(state, line))) and fence(state, line, end, silent)


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def _parser() -> MarkdownIt:
    parser = _Subset("zero", {"html": False, "maxNesting": NESTING_MAX})
    parser.enable(["fence", "blockquote", "list"])
    parser.enable(["newline", "escape", "backticks", "strikethrough", "emphasis"])
    parser.enable(["link", "autolink"])
    interrupting = ["paragraph", "reference", "blockquote"]
    parser.block.ruler.at("list", _list, {"alt": interrupting})
    parser.block.ruler.at("fence", _fence, {"alt": [*interrupting, "list"]})
    parser.inline.ruler.before("newline", "bare_link", _bare_link)
    parser.inline.terminator_re = _STOPS
    # The parser compiles its list of rules at first use, which two threads must not do at once.
    parser.parse("*warm*\n\n- up")
    return parser


PARSER = _parser()
