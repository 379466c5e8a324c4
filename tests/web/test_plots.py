"""Plots as SVG: figures where they belong, and nothing that a name can break out of."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from service.web.dashboard.plots.axes import Scale, apart, few, round_steps
from service.web.dashboard.plots.bars import Column, bars
from service.web.dashboard.plots.dots import Row, rows
from service.web.dashboard.plots.heat import LEVELS, level
from service.web.dashboard.plots.lines import Limit, Line, Point, lines
from service.web.dashboard.plots.svg import Caption, Source

HOSTILE = """</title><script>alert("x")</script>' onload='x' &amp;"""
CAPTION = Caption(key="plot", title=HOSTILE, description=HOSTILE)


def source(row: int = 0) -> Source:
    return Source(row=row, values=[row, 0.5, None, HOSTILE], label=HOSTILE)


def test_no_name_breaks_out_of_a_plot() -> None:
    plots = (
        bars(
            CAPTION,
            [Column(label=HOSTILE, heights=[1], source=source())],
            classes=["v-plain"],
            legend=[HOSTILE],
            write=str,
        ),
        lines(
            CAPTION,
            [Line(label=HOSTILE, points=[Point(step=0, value=1, low=0, high=1, source=source())])],
            steps=[HOSTILE],
            ticks=[(0, HOSTILE), (1, HOSTILE)],
            limit=Limit(label=HOSTILE, value=1),
        ),
        rows(
            CAPTION,
            [Row(label=HOSTILE, value=None, low=0, high=1, source=source(), remark=HOSTILE)],
            ticks=[(0, HOSTILE)],
        ),
    )
    for plot in plots:
        root = ET.fromstring(plot)  # noqa: S314 - our own
        assert {each.tag for each in root.iter()}.isdisjoint({"script"})
        assert not [name for each in root.iter() for name in each.attrib if name.startswith("on")]
        assert next(each.text for each in root.iter("desc")) == HOSTILE
        (mark,) = [each for each in root.iter() if "data-row" in each.attrib]
        assert mark.attrib["data-values"] == f"0|0.5||{HOSTILE}"
        assert not re.search(r" style=|<style", plot)


def test_bars_stand_upon_each_other_and_reach_as_high_as_their_sum() -> None:
    plot = bars(
        CAPTION,
        [
            Column(label="a", heights=[10, 30], source=source(0)),
            Column(label="b", heights=[40, 0], source=source(1)),
        ],
        classes=["v-one", "v-two"],
        write=str,
    )
    drawn = [
        (each.attrib["class"], float(each.attrib["y"]), float(each.attrib["height"]))
        for each in ET.fromstring(plot).iter("rect")  # noqa: S314 - our own
        if each.attrib["class"] != "hit"
    ]
    (one, one_top, one_high), (two, two_top, two_high), (_, top, high) = drawn
    assert (one, two) == ("bar v-one", "bar v-two")
    assert two_top + two_high == pytest.approx(one_top, abs=0.02)
    assert two_high == pytest.approx(3 * one_high, abs=0.05)
    assert [top, high] == pytest.approx([two_top, one_high + two_high], abs=0.02)


@pytest.mark.parametrize("high", [0, 0.3, 1, 4, 7, 12, 99, 1_001, 5e6])
def test_round_figures_go_from_nothing_to_beyond_the_highest(high: float) -> None:
    steps = round_steps(high)
    assert steps[0] == 0
    assert steps[-1] >= high
    assert 2 <= len(steps) <= 6
    assert all(step == int(step) for step in round_steps(high, whole=True))


def test_a_scale_keeps_figures_within_its_ends() -> None:
    plain = Scale(low=0, high=10, start=100, end=0)
    assert [plain.at(value) for value in (-5, 0, 5, 10, 50)] == [100, 100, 50, 0, 0]
    decades = Scale(low=1, high=100, start=0, end=2, logarithmic=True)
    assert [decades.at(value) for value in (0, 1, 10, 100)] == pytest.approx([0, 0, 1, 2])
    assert Scale(low=1, high=1, start=3, end=9).at(1) == 3


def test_labels_are_moved_apart_and_stay_between_their_bounds() -> None:
    moved = apart([10, 11, 12, 200], low=0, high=200)
    assert moved == sorted(moved)
    assert all(after - before >= 15 for before, after in pairwise(moved))
    assert moved[-1] <= 200


def test_few_of_many_steps_are_labelled() -> None:
    assert few(7, 400) == [0, 2, 4, 6]
    assert few(3, 400) == [0, 1, 2]
    assert len(few(366, 400)) <= 7


def test_shades_grow_with_what_they_stand_for() -> None:
    shades = [level(value, 50) for value in range(51)]
    assert shades == sorted(shades)
    assert (shades[0], shades[1], shades[-1]) == (0, 1, LEVELS)
    assert level(0, 0) == 0
