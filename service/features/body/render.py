"""From a tree to HTML for feeds and pages without JavaScript, or to plain words."""

from __future__ import annotations

from functools import cache
from html import escape
from typing import TYPE_CHECKING

import nh3

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.features.body.tree import Block, Inline, Item, Tree

TAGS = frozenset(
    {"a", "p", "em", "strong", "code", "pre", "blockquote", "ul", "ol", "li", "br", "del"}
)
"""All the elements a body can become."""

LINK_REL = "nofollow ugc noopener noreferrer"
"""What readers link to is neither our recommendation nor told where its visitor came from."""

_LINK_ATTRIBUTES = {("a", "href"), ("a", "rel")}


@cache
def _cleaner() -> nh3.Cleaner:
    """Return the second fence behind our own escaping.

    Attributes such as `title` that it lets through on every element are filtered too, and `rel`
    is its own, not the writer's.
    """
    return nh3.Cleaner(
        tags=set(TAGS),
        attributes={"a": {"href"}},
        attribute_filter=lambda tag, name, value: (
            value if (tag, name) in _LINK_ATTRIBUTES else None
        ),
        url_schemes={"http", "https"},
        url_relative="deny",
        link_rel=LINK_REL,
        strip_comments=True,
    )


def to_html(tree: Tree) -> str:
    """Write a body as HTML, for where no script builds it from the tree.

    The result holds only `TAGS`, `href` and `rel`, and must not be changed afterwards.
    """
    return _cleaner().clean("".join(map(_block_html, tree)))


def to_plain(tree: Tree) -> str:
    """Write a body's words alone: a line for each paragraph, item or line break."""
    return "\n".join(map(_block_plain, tree))


def _block_html(block: Block) -> str:
    match block["t"]:
        case "p":
            return f"<p>{_html(block['c'])}</p>"
        case "code":
            return f"<pre><code>{escape(block['text'])}</code></pre>"
        case "quote":
            return f"<blockquote>{''.join(map(_block_html, block['c']))}</blockquote>"
        case "list":
            tag = "ol" if block["ordered"] else "ul"
            return f"<{tag}>{''.join(map(_item_html, block['c']))}</{tag}>"


def _item_html(item: Item) -> str:
    blocks = item["c"]
    if len(blocks) == 1 and blocks[0]["t"] == "p":
        return f"<li>{_html(blocks[0]['c'])}</li>"
    return f"<li>{''.join(map(_block_html, blocks))}</li>"


def _html(words: Sequence[Inline]) -> str:
    return "".join(map(_inline_html, words))


def _inline_html(word: Inline) -> str:
    if isinstance(word, str):
        return escape(word)
    match word["t"]:
        case "br":
            return "<br>"
        case "code":
            return f"<code>{escape(word['text'])}</code>"
        case "link":
            return f'<a href="{escape(word["href"])}">{_html(word["c"])}</a>'
        case "em" | "strong" | "del":
            return f"<{word['t']}>{_html(word['c'])}</{word['t']}>"


def _block_plain(block: Block | Item) -> str:
    match block["t"]:
        case "p":
            return "".join(map(_inline_plain, block["c"]))
        case "code":
            return block["text"]
        case "quote" | "list" | "item":
            return "\n".join(map(_block_plain, block["c"]))


def _inline_plain(word: Inline) -> str:
    if isinstance(word, str):
        return word
    match word["t"]:
        case "br":
            return "\n"
        case "code":
            return word["text"]
        case "link" | "em" | "strong" | "del":
            return "".join(map(_inline_plain, word["c"]))
