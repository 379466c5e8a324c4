"""The same figures as tables: what stands below each plot, and what is taken away. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, Literal

from msgspec import Struct

from service.features.statistics.arithmetic import Share
from service.features.statistics.figures import LaneWaits, Load, Report, Wait

Kind = Literal[
    "moment",
    "lane",
    "language",
    "rule",
    "person",
    "reason",
    "decider",
    "seconds",
    "count",
    "share",
    "decimal",
]
Cell = datetime | str | float | int | None

SERIES: Final = frozenset({"lane", "language", "rule", "person", "reason", "decider"})
"""Kinds that name a line or a group."""


class Column(Struct, frozen=True, kw_only=True):
    """One column: its name is its phrase, and its unit its kind."""

    name: str
    kind: Kind
    heads: bool = False
    """It says what the row is about."""


class Table(Struct, frozen=True, kw_only=True):
    """The figures of one plot."""

    name: str
    plot: str
    columns: Sequence[Column]
    rows: Sequence[tuple[Cell, ...]]


START: Final = Column(name="start", kind="moment", heads=True)


def tables(report: Report) -> list[Table]:
    """Return every table, in the order of the plots."""
    return [
        _volume(report),
        _waits(report),
        _ages(report),
        _hours(report),
        _languages(report),
        _rules(report),
        _loads(report),
        _load_steps(report),
        _reports(report),
        _reasons(report),
        _calibration(report),
        _agreement(report),
    ]


def _volume(report: Report) -> Table:
    names = ("auto_approved", "auto_rejected", "human_approved", "human_rejected")
    return Table(
        name="volume",
        plot="volume",
        columns=(START, *_counts(*names)),
        rows=[(each.start, *(getattr(each, name) for name in names)) for each in report.volume],
    )


def _waits(report: Report) -> Table:
    return Table(
        name="waits",
        plot="waits",
        columns=(
            Column(name="lane", kind="lane", heads=True),
            START,
            *_counts("decided", "in_time"),
            *(Column(name=name, kind="seconds") for name in ("p50", "p90", "p99")),
        ),
        rows=[
            (lane.lane, each.start, each.decided, each.in_time, each.p50, each.p90, each.p99)
            for lane in report.waits
            for each in _with_whole(lane)
        ],
    )


def _with_whole(lane: LaneWaits) -> Iterable[Wait]:
    return (*([lane.whole] if lane.whole else []), *lane.rows)


def _ages(report: Report) -> Table:
    return Table(
        name="ages",
        plot="queue",
        columns=(
            Column(name="from", kind="seconds", heads=True),
            Column(name="to", kind="seconds", heads=True),
            *_counts("waiting"),
        ),
        rows=[(each.since, each.until, each.waiting) for each in report.queue.bands],
    )


def _hours(report: Report) -> Table:
    return Table(
        name="hours",
        plot="queue",
        columns=(START, *_counts("waiting", "overdue")),
        rows=[(each.start, each.waiting, each.overdue) for each in report.queue.hours],
    )


def _languages(report: Report) -> Table:
    return Table(
        name="languages",
        plot="languages",
        columns=(
            Column(name="language", kind="language", heads=True),
            START,
            *_shared("approved", "decided", "approve_rate"),
        ),
        rows=[
            (each.lang, start, *_share(share))
            for each in report.languages
            for start, share in [
                (None, each.whole),
                *((row.start, row.share) for row in each.rows),
            ]
        ],
    )


def _rules(report: Report) -> Table:
    return Table(
        name="rules",
        plot="rules",
        columns=(
            Column(name="rule", kind="rule", heads=True),
            *_shared("turned_down", "judged", "precision"),
            *_counts("let_through"),
        ),
        rows=[(each.rule, *_share(each.share), each.cost) for each in report.rules],
    )


def _loads(report: Report) -> Table:
    return Table(
        name="loads",
        plot="loads",
        columns=(
            Column(name="person", kind="person", heads=True),
            *_counts("decisions", "hours"),
            Column(name="per_hour", kind="decimal"),
            *_shared("overturned", "judged", "overturned_rate"),
        ),
        rows=[
            (each.name, each.decided, each.hours, each.per_hour, *_share(each.overturned))
            for each in report.loads
        ],
    )


def _load_steps(report: Report) -> Table:
    return Table(
        name="load_steps",
        plot="loads",
        columns=(Column(name="person", kind="person", heads=True), START, *_counts("decisions")),
        rows=[row for each in report.loads for row in _steps(each)],
    )


def _steps(load: Load) -> list[tuple[Cell, ...]]:
    return [(load.name, start, decided) for start, decided in load.rows]


def _reports(report: Report) -> Table:
    names = ("made", "answered", "upheld", "approved")
    return Table(
        name="reports",
        plot="reports",
        columns=(START, *_counts(*names), Column(name="per_thousand", kind="decimal")),
        rows=[
            (each.start, *(getattr(each, name) for name in names), each.per_thousand)
            for each in report.reports
        ],
    )


def _reasons(report: Report) -> Table:
    return Table(
        name="reasons",
        plot="reports",
        columns=(
            Column(name="reason", kind="reason", heads=True),
            *_counts("made"),
            *_shared("upheld", "answered", "upheld_rate"),
        ),
        rows=[(each.reason, each.made, *_share(each.share)) for each in report.reasons],
    )


def _calibration(report: Report) -> Table:
    return Table(
        name="calibration",
        plot="calibration",
        columns=(
            Column(name="from", kind="share", heads=True),
            Column(name="to", kind="share", heads=True),
            Column(name="predicted", kind="share"),
            *_shared("turned_down", "judged", "turned_down_rate"),
        ),
        rows=[
            (each.since, each.until, each.predicted, *_share(each.share))
            for each in report.calibration
        ],
    )


def _agreement(report: Report) -> Table:
    return Table(
        name="agreement",
        plot="agreement",
        columns=(
            Column(name="decided_by", kind="decider", heads=True),
            *_shared("agreed", "looks", "agreed_rate"),
        ),
        rows=[(each.decided_by, *_share(each.share)) for each in report.agreement],
    )


def _counts(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name=name, kind="count") for name in names)


def _shared(part: str, whole: str, rate: str) -> tuple[Column, ...]:
    """Return the columns of a share and of how sure it is."""
    bounds = (Column(name=name, kind="share") for name in (rate, "low", "high"))
    return (*_counts(part, whole), *bounds)


def _share(share: Share) -> tuple[Cell, ...]:
    return (share.part, share.whole, share.value, share.low, share.high)
