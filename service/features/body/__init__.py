"""A comment's body: from a Markdown subset to a tree, and from the tree to HTML or words.

Pure functions: no I/O, no clock. The subset and its bounds stand in
`docs/decisions/0005-markdown-subset.md`.
"""

from functools import lru_cache

import orjson

from service.features.body.markdown import parse
from service.features.body.render import to_html, to_plain
from service.features.body.tree import Block, Inline, Tree

__all__ = ["Block", "Inline", "Tree", "parse", "to_html", "to_plain", "written"]

WRITTEN_MAX = 500
"""Trees remembered, about a kilobyte each: what some moderators have before them."""


@lru_cache(maxsize=WRITTEN_MAX)
def written(text: str) -> bytes:
    """Write a text's tree as JSON, once for all who look at it, and for who then publishes it."""
    return orjson.dumps(parse(text))
