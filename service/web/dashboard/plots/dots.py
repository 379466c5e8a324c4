"""Shares as dots with the interval in which the true one is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup
from msgspec import Struct

from service.web.dashboard.plots.axes import (
    HEIGHT,
    WIDTH,
    Area,
    Scale,
    Tick,
    along,
    upright,
)
from service.web.dashboard.plots.svg import Caption, Source, group, mark, picture, tag, text

ROW: Final = 22.0
NAMES: Final = 165.0
"""At the left, for what each row is called."""
NAME_CHARS: Final = 22


class Row(Struct, frozen=True, kw_only=True):
    """One share."""

    label: str
    value: float | None
    """None: too few to say."""
    low: float
    high: float
    source: Source
    remark: str = ""
    """Instead of a share."""


class Spot(Struct, frozen=True, kw_only=True):
    """A share that was expected, and the one that came."""

    expected: float
    value: float
    low: float
    high: float
    source: Source


def rows(caption: Caption, drawn: Sequence[Row], *, ticks: Sequence[Tick]) -> Markup:
    """Draw shares below one another, on a scale from 0 to 1."""
    height = 12 + ROW * len(drawn) + 26
    area = Area(left=NAMES, right=WIDTH - 24, top=8, bottom=height - 26)
    scale = Scale(low=0, high=1, start=area.left, end=area.right)
    grid = [
        tag("line", x1=x, x2=x, y1=area.top, y2=area.bottom, class_="grid")
        for x in (scale.at(value) for value, _ in ticks)
    ]
    return picture(
        caption,
        [
            group("axis", grid),
            *(
                _row(each, scale, area, y=area.top + ROW * (number + 0.5))
                for number, each in enumerate(drawn)
            ),
            along(area, [(scale.at(value), said) for value, said in ticks]),
        ],
        width=WIDTH,
        height=height,
    )


def against(caption: Caption, drawn: Sequence[Spot], *, ticks: Sequence[Tick]) -> Markup:
    """Draw what came against what was expected; where both are the same there is a line."""
    area = Area()
    up = Scale(low=0, high=1, start=area.bottom, end=area.top)
    across = Scale(low=0, high=1, start=area.left, end=area.right)
    same = tag("line", x1=area.left, y1=area.bottom, x2=area.right, y2=area.top, class_="limit")
    return picture(
        caption,
        [
            upright(area, up, ticks),
            same,
            *(_spot(each, across, up) for each in drawn),
            along(area, [(across.at(value), said) for value, said in ticks]),
        ],
        width=WIDTH,
        height=HEIGHT,
    )


def _row(row: Row, scale: Scale, area: Area, *, y: float) -> Markup:
    label = row.label if len(row.label) <= NAME_CHARS else f"{row.label[: NAME_CHARS - 1]}…"
    drawn = [text(label, area.left - 8, y + 4, class_="label", anchor="end")]
    if row.value is None:
        drawn.append(text(row.remark, area.left + 6, y + 4, class_="tick"))
    else:
        drawn.append(
            tag("line", x1=scale.at(row.low), x2=scale.at(row.high), y1=y, y2=y, class_="interval")
        )
        drawn.append(tag("circle", cx=scale.at(row.value), cy=y, r=4.5, class_="dot"))
    drawn.append(
        mark(
            row.source,
            "rect",
            x=0,
            y=y - ROW / 2,
            width=WIDTH,
            height=ROW,
            class_="hit",
        )
    )
    return group("series s0", drawn)


def _spot(spot: Spot, across: Scale, up: Scale) -> Markup:
    x = across.at(spot.expected)
    return group(
        "series s0",
        [
            tag("line", x1=x, x2=x, y1=up.at(spot.low), y2=up.at(spot.high), class_="interval"),
            mark(spot.source, "circle", cx=x, cy=up.at(spot.value), r=4.5, class_="dot"),
        ],
    )
