"""Where a plot's figures come to stand, and the axes that say so."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

from markupsafe import Markup
from msgspec import Struct

from service.web.dashboard.plots.svg import group, tag, text

WIDTH: Final = 460.0
HEIGHT: Final = 220.0
TOP: Final = 14.0
BOTTOM: Final = 26.0
LEFT: Final = 44.0
RIGHT: Final = 12.0
LABELLED: Final = 112.0
"""At the right, where lines are labelled."""
LABEL_CHARS: Final = 13
"""That fit there."""
LINE_HEIGHT: Final = 15.0
TICKS: Final = 4
LABEL_ROOM: Final = 62.0
"""For one label of the time axis."""

END_ROOM: Final = 20.0
"""Nearer to the end than this a label ends there."""

Tick = tuple[float, str]


class Area(Struct, frozen=True, kw_only=True):
    """The rectangle in which figures are drawn."""

    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = HEIGHT - BOTTOM

    @property
    def width(self) -> float:
        """From left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """From top to bottom."""
        return self.bottom - self.top


class Scale(Struct, frozen=True, kw_only=True):
    """From figures to places; logarithmic where they span decades."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def at(self, value: float) -> float:
        """Return where a figure stands; beyond the ends, at the end."""
        low, high = self._of(self.low), self._of(self.high)
        part = (self._of(value) - low) / (high - low) if high > low else 0.0
        return self.start + min(max(part, 0.0), 1.0) * (self.end - self.start)

    def _of(self, value: float) -> float:
        return math.log(max(value, self.low)) if self.logarithmic else value


def round_steps(high: float, *, whole: bool = False) -> list[float]:
    """Return some round figures from 0 to beyond the highest one."""
    if high <= 0:
        return [0.0, 1.0]
    rough = high / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(each * power for each in (1, 2, 2.5, 5, 10) if each * power >= rough)
    if whole:
        step = float(max(1, math.ceil(step)))
    return [step * number for number in range(math.ceil(high / step - 1e-9) + 1)]


def few(count: int, width: float, *, room: float = LABEL_ROOM) -> list[int]:
    """Return which of many steps are labelled so that the labels do not meet."""
    most = max(2, int(width // room))
    every = max(1, math.ceil(count / most))
    return list(range(0, count, every))


def upright(area: Area, scale: Scale, ticks: Iterable[Tick]) -> Markup:
    """Draw the axis at the left, with a line through the plot at each tick."""
    drawn = []
    for value, said in ticks:
        y = scale.at(value)
        drawn.append(tag("line", x1=area.left, x2=area.right, y1=y, y2=y, class_="grid"))
        drawn.append(text(said, area.left - 6, y + 4, class_="tick", anchor="end"))
    return group("axis", drawn)


def along(area: Area, places: Sequence[Tick]) -> Markup:
    """Draw the axis below: labels at places, those at the ends kept within the plot."""
    drawn = [
        tag("line", x1=area.left, x2=area.right, y1=area.bottom, y2=area.bottom, class_="base")
    ]
    for x, said in places:
        near_end = x > area.right - END_ROOM
        drawn.append(
            text(
                said,
                min(x, area.right),
                area.bottom + 17,
                class_="tick",
                anchor="end" if near_end else "middle",
            )
        )
    return group("axis", drawn)


def apart(places: Sequence[float], *, low: float, high: float) -> list[float]:
    """Move labels so far apart that they do not meet, in their order."""
    order = sorted(range(len(places)), key=lambda each: places[each])
    moved = list(places)
    floor = low
    for each in order:
        moved[each] = max(moved[each], floor)
        floor = moved[each] + LINE_HEIGHT
    ceiling = high
    for each in reversed(order):
        moved[each] = min(moved[each], ceiling)
        ceiling = moved[each] - LINE_HEIGHT
    return moved


def short(said: str) -> str:
    """Cut a label to what fits beside a line."""
    return said if len(said) <= LABEL_CHARS else f"{said[: LABEL_CHARS - 1]}…"
