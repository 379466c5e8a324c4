"""Bars over time or over bands, one or several upon another."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from markupsafe import Markup
from msgspec import Struct

from service.web.dashboard.plots.axes import (
    HEIGHT,
    LABEL_ROOM,
    WIDTH,
    Area,
    Scale,
    along,
    few,
    round_steps,
    upright,
)
from service.web.dashboard.plots.svg import Caption, Source, group, mark, picture, tag, text

GAP = 0.18
"""Part of a column that is left free."""
SWATCH = 10.0
LEGEND_TOP = 30.0
LEGEND_CHAR = 6.6
"""About how wide a letter of the legend is."""


class Column(Struct, frozen=True, kw_only=True):
    """The figures of one step, from the ground upwards."""

    label: str
    """Below it."""
    heights: Sequence[float]
    source: Source


def bars(
    caption: Caption,
    columns: Sequence[Column],
    *,
    classes: Sequence[str],
    legend: Sequence[str] = (),
    write: Callable[[float], str],
    height: float = HEIGHT,
    highest: float | None = None,
    whole: bool = True,
    room: float = LABEL_ROOM,
) -> Markup:
    """Draw a column for each step; `classes` and `legend` go with the heights of a column.

    `highest` makes several plots comparable; `write` writes the figures of the axis, below which
    each label has this `room`.
    """
    area = Area(top=LEGEND_TOP if legend else 12.0, bottom=height - 26)
    most = max((sum(each.heights) for each in columns), default=0.0)
    steps = round_steps(most if highest is None else highest, whole=whole)
    scale = Scale(low=0, high=steps[-1], start=area.bottom, end=area.top)
    width = area.width / max(len(columns), 1)
    labelled = few(len(columns), area.width, room=room)
    return picture(
        caption,
        [
            _legend(area, classes, legend),
            upright(area, scale, [(each, write(each)) for each in steps]),
            *(
                _column(each, classes, area, scale, left=area.left + number * width, width=width)
                for number, each in enumerate(columns)
            ),
            along(
                area,
                [(area.left + (each + 0.5) * width, columns[each].label) for each in labelled],
            ),
        ],
        width=WIDTH,
        height=height,
    )


def _column(
    column: Column, classes: Sequence[str], area: Area, scale: Scale, *, left: float, width: float
) -> Markup:
    drawn = []
    below = 0.0
    for height, class_ in zip(column.heights, classes, strict=True):
        if height:
            top, bottom = scale.at(below + height), scale.at(below)
            drawn.append(
                tag(
                    "rect",
                    x=left + width * GAP / 2,
                    y=top,
                    width=max(width * (1 - GAP), 0.5),
                    height=max(bottom - top, 0.5),
                    class_=f"bar {class_}",
                )
            )
            below += height
    drawn.append(
        mark(
            column.source,
            "rect",
            x=left,
            y=area.top,
            width=width,
            height=area.height,
            class_="hit",
        )
    )
    return group("column", drawn)


def _legend(area: Area, classes: Sequence[str], legend: Sequence[str]) -> Markup:
    """Name what lies upon another, side by side above the plot, in two lines where needed."""
    drawn = []
    x, y = area.left, 2.0
    for class_, said in zip(classes, legend, strict=False):
        room = SWATCH + 5 + len(said) * LEGEND_CHAR + 12
        if x + room > area.right + 12:
            x, y = area.left, y + 14
        swatch = {"x": x, "y": y, "width": SWATCH, "height": SWATCH}
        drawn.append(tag("rect", class_=f"bar {class_}", **swatch))
        drawn.append(text(said, x + SWATCH + 5, y + 9, class_="key"))
        x += room
    return group("legend", drawn)
