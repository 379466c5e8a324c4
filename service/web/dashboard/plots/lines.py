"""Lines over time, told apart by their dashes and by a label at their end."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup
from msgspec import Struct

from service.web.dashboard.plots.axes import (
    HEIGHT,
    LABELLED,
    WIDTH,
    Area,
    Scale,
    Tick,
    along,
    apart,
    few,
    short,
    upright,
)
from service.web.dashboard.plots.svg import Caption, Source, group, mark, picture, tag, text

PIECE = 16.0
"""How much of a line stands beside its name."""


class Point(Struct, frozen=True, kw_only=True):
    """A figure of one step, and between which bounds it may be."""

    step: int
    value: float
    source: Source
    low: float | None = None
    high: float | None = None


class Line(Struct, frozen=True, kw_only=True):
    """Figures that belong together."""

    label: str
    points: Sequence[Point]


class Limit(Struct, frozen=True, kw_only=True):
    """A line that should not be crossed."""

    label: str
    value: float


def lines(
    caption: Caption,
    drawn: Sequence[Line],
    *,
    steps: Sequence[str],
    ticks: Sequence[Tick],
    limit: Limit | None = None,
    logarithmic: bool = False,
    height: float = HEIGHT,
) -> Markup:
    """Draw lines over steps, which have these labels, between the lowest and the highest tick."""
    area = Area(right=WIDTH - LABELLED, bottom=height - 26)
    scale = Scale(
        low=ticks[0][0],
        high=ticks[-1][0],
        start=area.bottom,
        end=area.top,
        logarithmic=logarithmic,
    )
    width = area.width / max(len(steps), 1)
    across = Scale(low=0, high=max(len(steps), 1), start=area.left, end=area.right)
    ends = [
        (each.label, scale.at(each.points[-1].value), f"series s{number}")
        for number, each in enumerate(drawn)
        if each.points
    ]
    parts = [upright(area, scale, ticks)]
    if limit is not None:
        y = scale.at(limit.value)
        parts.append(tag("line", x1=area.left, x2=area.right, y1=y, y2=y, class_="limit"))
        ends.append((limit.label, y, ""))
    parts += [_band(each, across, scale, number) for number, each in enumerate(drawn)]
    parts += [_line(each, across, scale, number) for number, each in enumerate(drawn)]
    parts.append(_labels(ends, area))
    parts.append(
        along(
            area,
            [
                (area.left + (each + 0.5) * width, steps[each])
                for each in few(len(steps), area.width)
            ],
        )
    )
    return picture(caption, parts, width=WIDTH, height=height)


def _line(line: Line, across: Scale, scale: Scale, number: int) -> Markup:
    places = [(across.at(each.step + 0.5), scale.at(each.value)) for each in line.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = [
        mark(each.source, "circle", cx=x, cy=y, r=2.5, class_="dot")
        for each, (x, y) in zip(line.points, places, strict=True)
    ]
    return group(f"series s{number}", [tag("polyline", points=path, class_="line"), *dots])


def _band(line: Line, across: Scale, scale: Scale, number: int) -> Markup:
    """Draw between which bounds a line may be."""
    bounded = [
        (across.at(each.step + 0.5), scale.at(each.low), scale.at(each.high))
        for each in line.points
        if each.low is not None and each.high is not None
    ]
    if not bounded:
        return Markup()
    around = [(x, low) for x, low, _ in bounded] + [(x, high) for x, _, high in reversed(bounded)]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in around)
    return tag("polygon", points=points, class_=f"band s{number}")


def _labels(ends: Sequence[tuple[str, float, str]], area: Area) -> Markup:
    """Name each line at its end, beside a piece of it: the names may have to move."""
    places = apart([y for _, y, _ in ends], low=area.top, high=area.bottom)
    piece = {"x1": area.right + 4, "x2": area.right + 4 + PIECE}
    return group(
        "labels",
        [
            group(
                class_,
                [
                    tag("line", y1=y, y2=y, class_="line" if class_ else "limit", **piece),
                    text(short(said), area.right + 9 + PIECE, y + 4, class_="label"),
                ],
            )
            for (said, _, class_), y in zip(ends, places, strict=True)
        ],
    )
