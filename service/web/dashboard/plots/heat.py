"""A strip of hours, a row a day, darker where there is more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup
from msgspec import Struct

from service.web.dashboard.plots.axes import WIDTH, Area
from service.web.dashboard.plots.svg import Caption, Source, group, mark, picture, text

ROW: Final = 16.0
HOURS: Final = 24
LEVELS: Final = 5
"""Shades beside that of nothing."""
EVERY: Final = 6
"""Hours between two labels."""


class Cell(Struct, frozen=True, kw_only=True):
    """One hour."""

    day: int
    """Its row."""
    hour: int
    value: float
    source: Source


def heat(
    caption: Caption, cells: Sequence[Cell], *, days: Sequence[str], hours: Sequence[str]
) -> Markup:
    """Draw hours in rows of days; `hours` are the names of all of a day's."""
    most = max((each.value for each in cells), default=0.0)
    height = 6 + ROW * len(days) + 24
    area = Area(left=64, top=6, bottom=height - 24)
    width = area.width / HOURS
    drawn = [
        mark(
            each.source,
            "rect",
            x=area.left + each.hour * width,
            y=area.top + each.day * ROW,
            width=width - 1,
            height=ROW - 1,
            class_=f"cell h{level(each.value, most)}",
        )
        for each in cells
    ]
    names = [
        text(said, area.left - 6, area.top + (number + 0.5) * ROW + 4, class_="tick", anchor="end")
        for number, said in enumerate(days)
    ]
    below = [
        text(
            hours[hour],
            area.left + (hour + 0.5) * width,
            area.bottom + 16,
            class_="tick",
            anchor="middle",
        )
        for hour in range(0, HOURS, EVERY)
    ]
    return picture(caption, [*drawn, group("axis", [*names, *below])], width=WIDTH, height=height)


def level(value: float, most: float) -> int:
    """Return a shade: 0 for nothing, else 1 to the darkest."""
    return 0 if value <= 0 else max(1, min(LEVELS, round(LEVELS * value / most)))
