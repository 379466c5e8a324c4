"""The shape of a body: plain dictionaries and lists, ready for JSON (api.md, "Body")."""

from __future__ import annotations

from typing import Literal, TypeAlias, TypedDict


class Mark(TypedDict):
    """Emphasised, strong or struck-out words."""

    t: Literal["em", "strong", "del"]
    c: list[Inline]


class Link(TypedDict):
    """Words that lead elsewhere; `href` is http or https, ASCII, without userinfo."""

    t: Literal["link"]
    href: str
    c: list[Inline]


class Code(TypedDict):
    """Characters as they are; within a line an inline, between blocks a block."""

    t: Literal["code"]
    text: str


class Break(TypedDict):
    """A line break the writer made."""

    t: Literal["br"]


class Paragraph(TypedDict):
    """Words that belong together."""

    t: Literal["p"]
    c: list[Inline]


class Quote(TypedDict):
    """What somebody else said."""

    t: Literal["quote"]
    c: list[Block]


class Item(TypedDict):
    """One entry of a list; holds blocks, usually one paragraph."""

    t: Literal["item"]
    c: list[Block]


class Listing(TypedDict):
    """A list of items; an ordered one counts from 1."""

    t: Literal["list"]
    ordered: bool
    c: list[Item]


Inline: TypeAlias = "str | Mark | Link | Code | Break"
Block: TypeAlias = "Paragraph | Quote | Listing | Code"
Tree: TypeAlias = "list[Block]"
