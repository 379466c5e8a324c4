"""The statistics, as JSON and as lines of a table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints

from service.features.statistics.arithmetic import Share
from service.features.statistics.figures import LaneWaits, LanguageRate, Load, Report, Tiles, Wait
from service.features.statistics.ranges import Range
from service.features.statistics.tables import SERIES, Cell, Table, tables
from service.web.wire.base import Timestamp, Wire, stamp
from service.web.wire.tables import lines_of

Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]


class StatsQuery(Wire):
    """What is to be counted."""

    site: str | None = None
    """Without it, all sites of whoever asks."""
    since: date | None = Field(default=None, alias="from", strict=False)
    """The first day, UTC; without it there are seven."""
    until: date | None = Field(default=None, alias="to", strict=False)
    """The last day, UTC; without it, today."""
    lang: Language | None = None
    """A primary subtag (`en`); without it, all languages."""


class DaysOut(Wire):
    """Days of UTC, both included."""

    model_config = ConfigDict(populate_by_name=True)

    since: str = Field(alias="from", examples=["2026-11-19"])
    until: str = Field(alias="to", examples=["2026-11-25"])


class ShareOut(Wire):
    """So many of so many; the true share is between `low` and `high`, 95 times of 100."""

    part: int
    whole: int
    value: float | None
    """From 0 to 1; null of nothing."""
    low: float
    """The lower bound of Wilson's interval."""
    high: float


class TilesOut(Wire):
    """What can be compared."""

    decided: int
    median_seconds: float | None
    """Of held comments, from when they came until somebody decided; null: nobody did."""
    p90_seconds: float | None
    in_time: ShareOut
    auto: ShareOut
    rejected: ShareOut
    overturned: ShareOut
    """Decisions that somebody else has turned round."""


class VolumeOut(Wire):
    """Approvals and rejections of one step."""

    start: Timestamp
    auto_approved: int
    auto_rejected: int
    human_approved: int
    human_rejected: int


class WaitOut(Wire):
    """How long what was decided in one step had waited; quantiles in seconds."""

    start: Timestamp | None
    """Null: of the whole range."""
    decided: int
    in_time: int
    p50: float
    p90: float
    p99: float


class LaneOut(Wire):
    """Waits of one pile."""

    lane: str
    due_seconds: float | None
    """How long one should wait at most; null: the sites differ."""
    whole: WaitOut | None
    rows: list[WaitOut]


class BandOut(Wire):
    """What waits now, of one age in seconds."""

    model_config = ConfigDict(populate_by_name=True)

    since: float = Field(alias="from")
    until: float | None = Field(alias="to")
    waiting: int


class HourOut(Wire):
    """What waited at a full hour."""

    start: Timestamp
    waiting: int
    overdue: int


class QueueOut(Wire):
    """What waits now, and what waited at the full hours of the last seven days."""

    waiting: int
    overdue: int
    oldest_seconds: float | None
    ages: list[BandOut]
    hours: list[HourOut]


class ApprovedOut(Wire):
    """Which part was approved in one step."""

    start: Timestamp
    approved: ShareOut


class LanguageOut(Wire):
    """Which part of the comments in one language was approved."""

    lang: str
    """Empty where nobody could tell; `*` for all that are not named."""
    approved: ShareOut
    rows: list[ApprovedOut]


class RuleOut(Wire):
    """How often people turn down what a rule speaks about."""

    rule: str
    precision: ShareOut
    let_through: int
    """What the order is by: volume x (1 - precision)."""


class LoadOut(Wire):
    """What one person or key decided."""

    kind: str
    name: str
    own: bool
    """Whether it is whoever asks. Of others only seniors and keys are told."""
    decided: int
    hours: int
    """Different hours in which they decided something."""
    per_hour: float
    overturned: ShareOut
    rows: list[DecidedOut]


class DecidedOut(Wire):
    """How much somebody decided in one step."""

    start: Timestamp
    decided: int


class ReportStepOut(Wire):
    """Reports of one step."""

    start: Timestamp
    made: int
    answered: int
    upheld: int
    approved: int
    """Comments approved in it."""
    per_thousand: float | None
    """Reports made per 1,000 approved comments."""


class ReasonOut(Wire):
    """How often reports of one reason were followed by a removal."""

    reason: str
    made: int
    upheld: ShareOut


class ReportsOut(Wire):
    """What readers reported."""

    rows: list[ReportStepOut]
    reasons: list[ReasonOut]


class CalibrationOut(Wire):
    """What people made of texts of a risk between two bounds."""

    model_config = ConfigDict(populate_by_name=True)

    since: float = Field(alias="from")
    until: float = Field(alias="to")
    predicted: float | None
    """The mean risk."""
    turned_down: ShareOut


class StatsOut(Wire):
    """What the page of statistics draws."""

    range: DaysOut
    previous: DaysOut
    step_seconds: int
    """How finely the range is counted: 3600 or 86400."""
    sites: list[str]
    lang: str | None
    made_at: Timestamp
    tiles: TilesOut
    before: TilesOut
    """Of the previous range."""
    volume: list[VolumeOut]
    waits: list[LaneOut]
    queue: QueueOut
    languages: list[LanguageOut]
    rules: list[RuleOut]
    loads: list[LoadOut]
    people: int
    """How many people and keys decided something."""
    reports: ReportsOut
    calibration: list[CalibrationOut]


def stats_json(report: Report) -> dict[str, Any]:
    """Write the statistics."""
    return {
        "range": _days(report.days),
        "previous": _days(report.days.before),
        "step_seconds": int(report.days.step.total_seconds()),
        "sites": list(report.sites),
        "lang": report.lang,
        "made_at": stamp(report.made_at),
        "tiles": _tiles(report.tiles),
        "before": _tiles(report.before),
        "volume": [
            {
                "start": stamp(each.start),
                "auto_approved": each.auto_approved,
                "auto_rejected": each.auto_rejected,
                "human_approved": each.human_approved,
                "human_rejected": each.human_rejected,
            }
            for each in report.volume
        ],
        "waits": [_lane(each) for each in report.waits],
        "queue": {
            "waiting": report.queue.waiting,
            "overdue": report.queue.overdue,
            "oldest_seconds": report.queue.oldest_seconds,
            "ages": [
                {"from": each.since, "to": each.until, "waiting": each.waiting}
                for each in report.queue.bands
            ],
            "hours": [
                {"start": stamp(each.start), "waiting": each.waiting, "overdue": each.overdue}
                for each in report.queue.hours
            ],
        },
        "languages": [_language(each) for each in report.languages],
        "rules": [
            {"rule": each.rule, "precision": _share(each.share), "let_through": each.cost}
            for each in report.rules
        ],
        "loads": [_load(each) for each in report.loads],
        "people": report.people,
        "reports": {
            "rows": [
                {
                    "start": stamp(each.start),
                    "made": each.made,
                    "answered": each.answered,
                    "upheld": each.upheld,
                    "approved": each.approved,
                    "per_thousand": each.per_thousand,
                }
                for each in report.reports
            ],
            "reasons": [
                {"reason": each.reason, "made": each.made, "upheld": _share(each.share)}
                for each in report.reasons
            ],
        },
        "calibration": [
            {
                "from": each.since,
                "to": each.until,
                "predicted": each.predicted,
                "turned_down": _share(each.share),
            }
            for each in report.calibration
        ],
    }


def stats_lines(report: Report) -> bytes:
    """Write every figure as a line of one table, no cell of which is a formula."""
    rows = [row for table in tables(report) for row in _flat(table)]
    return lines_of([("table", "about", "from", "to", "measure", "value"), *rows], first=True)


def _flat(table: Table) -> Iterator[tuple[str, ...]]:
    """Yield a line for each measure of each row."""
    for row in table.rows:
        about = since = until = ""
        for column, cell in zip(table.columns, row, strict=True):
            if column.kind in SERIES:
                about = _text(cell)
            elif column.heads and column.name == "to":
                until = _text(cell)
            elif column.heads:
                since = _text(cell)
        for column, cell in zip(table.columns, row, strict=True):
            if not column.heads:
                yield table.name, about, since, until, column.name, _text(cell)


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return stamp(cell)
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)


def _days(days: Range) -> dict[str, str]:
    return {"from": days.first.isoformat(), "to": days.last.isoformat()}


def _share(share: Share) -> dict[str, Any]:
    return {
        "part": share.part,
        "whole": share.whole,
        "value": share.value,
        "low": share.low,
        "high": share.high,
    }


def _tiles(tiles: Tiles) -> dict[str, Any]:
    return {
        "decided": tiles.decided,
        "median_seconds": tiles.median_seconds,
        "p90_seconds": tiles.p90_seconds,
        "in_time": _share(tiles.in_time),
        "auto": _share(tiles.auto),
        "rejected": _share(tiles.rejected),
        "overturned": _share(tiles.overturned),
    }


def _lane(lane: LaneWaits) -> dict[str, Any]:
    return {
        "lane": lane.lane,
        "due_seconds": lane.due.total_seconds() if lane.due is not None else None,
        "whole": _wait(lane.whole) if lane.whole else None,
        "rows": [_wait(each) for each in lane.rows],
    }


def _wait(wait: Wait) -> dict[str, Any]:
    return {
        "start": stamp(wait.start) if wait.start else None,
        "decided": wait.decided,
        "in_time": wait.in_time,
        "p50": wait.p50,
        "p90": wait.p90,
        "p99": wait.p99,
    }


def _language(language: LanguageRate) -> dict[str, Any]:
    return {
        "lang": language.lang,
        "approved": _share(language.whole),
        "rows": [
            {"start": stamp(each.start), "approved": _share(each.share)} for each in language.rows
        ],
    }


def _load(load: Load) -> dict[str, Any]:
    return {
        "kind": load.kind,
        "name": load.name,
        "own": load.own,
        "decided": load.decided,
        "hours": load.hours,
        "per_hour": load.per_hour,
        "overturned": _share(load.overturned),
        "rows": [{"start": stamp(start), "decided": decided} for start, decided in load.rows],
    }
