"""The statistics, as JSON (`wire.statistics` says in which form) and as lines of a table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from service.features.statistics.arithmetic import Share
from service.features.statistics.figures import LaneWaits, LanguageRate, Load, Report, Tiles, Wait
from service.features.statistics.ranges import Range
from service.features.statistics.tables import SERIES, Cell, Table, tables
from service.web.wire.base import stamp
from service.web.wire.tables import lines_of


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
        "agreement": [
            {"decided_by": each.decided_by, "agreed": _share(each.share)}
            for each in report.agreement
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
