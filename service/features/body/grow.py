"""From the parser's flat tokens to a tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from markdown_it.token import Token

    from service.features.body.tree import Tree

NESTING_MAX = 20
"""Quotes and lists within one another, and as many marks within marks (security.md 4.2).
A tree of 250 marks would be too deep to be written as JSON."""

_Node = dict[str, Any]

_BLOCKS: dict[str, _Node] = {
    "paragraph_open": {"t": "p"},
    "blockquote_open": {"t": "quote"},
    "bullet_list_open": {"t": "list", "ordered": False},
    "ordered_list_open": {"t": "list", "ordered": True},
    "list_item_open": {"t": "item"},
}
_MARKS = {"em_open": "em", "strong_open": "strong", "s_open": "del"}


def is_too_deep(tokens: Sequence[Token]) -> bool:
    """Whether blocks or marks nest as deep as the bound.

    Behind it the parser drops what was written in blocks, and knows none for marks.
    """
    return any(
        deepest.level >= NESTING_MAX - 1
        for token in tokens
        for deepest in (token, *(token.children or ()))
    )


def grow(tokens: Iterable[Token]) -> Tree:
    """Build the tree of block tokens and the inline tokens within them."""
    root: list[Any] = []
    branches = [root]
    for token in tokens:
        if token.nesting > 0:
            branch: list[Any] = []
            branches[-1].append({**_BLOCKS[token.type], "c": branch})
            branches.append(branch)
        elif token.nesting < 0:
            branches.pop()
        elif token.type == "fence":
            branches[-1].append({"t": "code", "text": token.content.removesuffix("\n")})
        else:
            branches[-1].extend(_words(token.children or []))
    return cast("Tree", root)


def _words(tokens: Iterable[Token]) -> list[Any]:
    branch: list[Any] = []
    outer: list[tuple[list[Any], _Node | None]] = []
    for token in tokens:
        if token.nesting > 0:
            node = _opened(token, within_link=any(_is_link(opened) for _, opened in outer))
            outer.append((branch, node))
            if node:
                branch.append(node)
                branch = node["c"]
        elif token.nesting < 0:
            branch, node = outer.pop()
            if _is_link(node) and not node["c"]:
                node["c"].append(node["href"])  # a link nobody could see or follow
        elif token.type in {"softbreak", "hardbreak"}:
            branch.append({"t": "br"})
        elif token.type == "code_inline":
            branch.append({"t": "code", "text": token.content})
        else:
            _say(branch, token.content)
    return branch


def _opened(token: Token, *, within_link: bool) -> _Node | None:
    """The node a token opens; None for a link that is none: links neither nest nor dangle."""
    if token.type != "link_open":
        return {"t": _MARKS[token.type], "c": []}
    href = token.attrGet("href")
    return None if within_link or not href else {"t": "link", "href": href, "c": []}


def _is_link(node: _Node | None) -> TypeGuard[_Node]:
    return node is not None and node["t"] == "link"


def _say(branch: list[Any], words: str) -> None:
    if branch and isinstance(branch[-1], str):
        branch[-1] += words
    elif words:
        branch.append(words)
