"""Elements of SVG, every value escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape
from msgspec import Struct

Value = str | float | int | None

ISOLATES = ("\u2068", "\u2069")
"""Around a text, so that it runs in its own direction within a plot that runs from the left."""


class Caption(Struct, frozen=True, kw_only=True):
    """What is said of a plot to whoever does not see it."""

    key: str
    """Unique on the page."""
    title: str
    description: str


class Source(Struct, frozen=True, kw_only=True):
    """Where a mark's figures stand in the table below the plot."""

    row: int
    values: Sequence[Value]
    """As in the table's cells `data-value`."""
    label: str
    """For people who point at the mark."""


def tag(name: str, *children: Markup | str, **attributes: Value) -> Markup:
    """Return an element; `_` in attributes stands for `-`, None leaves one out."""
    said = Markup("").join(
        Markup(' {}="{}"').format(key.strip("_").replace("_", "-"), _text(value))
        for key, value in attributes.items()
        if value is not None
    )
    within = Markup("").join(escape(child) for child in children)
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), said, within)  # noqa: S704 - our own


def group(class_: str, children: Iterable[Markup]) -> Markup:
    """Return elements that belong together."""
    return tag("g", *children, class_=class_)


def text(said: str, x: float, y: float, *, class_: str, anchor: str = "start") -> Markup:
    """Return a line of text; `anchor` is the end of it that stands at `x`."""
    return tag("text", said.join(ISOLATES), x=x, y=y, class_=class_, text_anchor=anchor)


def mark(source: Source, name: str, **attributes: Value) -> Markup:
    """Return an element that stands for figures of the table, and says so."""
    values = "|".join(raw(each) for each in source.values)
    return tag(
        name, tag("title", source.label), data_row=source.row, data_values=values, **attributes
    )


def picture(caption: Caption, children: Iterable[Markup], *, width: float, height: float) -> Markup:
    """Return a whole plot."""
    return tag(
        "svg",
        tag("title", caption.title, id=f"{caption.key}-title"),
        tag("desc", caption.description, id=f"{caption.key}-desc"),
        *children,
        class_="plot",
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_labelledby=f"{caption.key}-title {caption.key}-desc",
        direction="ltr",
    )


def raw(value: Value) -> str:
    """Write a value so that marks and cells can be compared."""
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _text(value: Value) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
