"""What each plot says, in one sentence: which one, and with which figures. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from service.features.statistics.arithmetic import Share, change, differ, total
from service.features.statistics.figures import Report
from service.features.statistics.tables import Cell, Kind

SAME: Final = 0.02
"""A change this small is none."""


class Finding(Struct, frozen=True, kw_only=True):
    """A sentence: its phrase, and what stands in it. `n` is a count that chooses the plural."""

    phrase: str
    values: Mapping[str, tuple[Kind, Cell]]


Values = Mapping[str, tuple[Kind, Cell]]


def findings(report: Report) -> dict[str, Finding]:
    """Return what every plot says, by its key."""
    return {
        "volume": volume(report),
        "waits": waits(report),
        "queue": queue(report),
        "week": week(report),
        "languages": languages(report),
        "rules": rules(report),
        "loads": loads(report),
        "reports": reports(report),
        "reasons": reasons(report),
        "calibration": calibration(report),
        "agreement": agreement(report),
    }


def volume(report: Report) -> Finding:
    """Say how much was decided, and whether that is more than before."""
    tiles = report.tiles
    if not tiles.decided:
        return _said("none")
    values: Values = {"n": ("count", tiles.decided), "auto": ("share", tiles.auto.value)}
    grown = change(tiles.decided, report.before.decided)
    if grown is None:
        return _said("volume_first", values)
    if abs(grown) < SAME:
        return _said("volume_same", values)
    phrase = "volume_more" if grown > 0 else "volume_less"
    return _said(phrase, {**values, "change": ("share", abs(grown))})


def waits(report: Report) -> Finding:
    """Say how long held comments waited, and how many not too long."""
    held = report.waits[0].whole
    if held is None:
        return _said("none")
    in_time = report.tiles.in_time
    if not in_time.enough:
        return _few(in_time.whole)
    values: Values = {
        "n": ("count", in_time.whole),
        "median": ("seconds", held.p50),
        "share": ("share", in_time.value),
    }
    if report.due is None:
        return _said("waits_each", values)
    return _said("waits", {**values, "due": ("seconds", report.due.total_seconds())})


def queue(report: Report) -> Finding:
    """Say what waits now."""
    now = report.queue
    if now.oldest_seconds is None:
        return _said("queue_empty")
    values: Values = {"n": ("count", now.waiting), "oldest": ("seconds", now.oldest_seconds)}
    if not now.overdue:
        return _said("queue_in_time", values)
    return _said("queue_late", {**values, "overdue": ("count", now.overdue)})


def week(report: Report) -> Finding:
    """Say when most comments waited too long, or else when most waited."""
    hours = report.queue.hours
    late = max(hours, key=lambda each: each.overdue)
    if late.overdue:
        return _said("week_late", {"n": ("count", late.overdue), "at": ("moment", late.start)})
    most = max(hours, key=lambda each: each.waiting)
    if not most.waiting:
        return _said("week_empty")
    return _said("week_in_time", {"n": ("count", most.waiting), "at": ("moment", most.start)})


def languages(report: Report) -> Finding:
    """Say whether comments in one language are approved less often than all others."""
    known = [each for each in report.languages if each.whole.enough and each.lang not in {"", "*"}]
    if not report.tiles.decided:
        return _said("none")
    if not known:
        return _few(report.tiles.decided)
    lowest = min(known, key=lambda each: each.whole.value or 0.0)
    rest = total(each.whole for each in report.languages if each is not lowest)
    values: Values = {
        "language": ("language", lowest.lang),
        "share": ("share", lowest.whole.value),
        "low": ("share", lowest.whole.low),
        "high": ("share", lowest.whole.high),
    }
    if not rest.whole:
        return _said("languages_one", values)
    if not differ(lowest.whole, rest) or _more(lowest.whole, rest):
        return _said("languages_alike", values)
    return _said("languages_lower", {**values, "rest": ("share", rest.value)})


def rules(report: Report) -> Finding:
    """Say which rule's mending would spare most work."""
    worst = next((each for each in report.rules if each.share.enough and each.cost), None)
    if worst is None:
        judged = sum(each.share.whole for each in report.rules)
        return _few(judged) if judged else _said("rules_none")
    return _said(
        "rules",
        {
            "n": ("count", worst.share.whole),
            "rule": ("rule", worst.rule),
            "let_through": ("count", worst.cost),
        },
    )


def loads(report: Report) -> Finding:
    """Say how much people decide in an hour, and how much of it somebody turned round."""
    if not report.loads:
        return _said("loads_none" if report.people else "none")
    own = [each for each in report.loads if each.own]
    alone = len(report.loads) == 1 and bool(own)
    decided = sum(each.decided for each in report.loads)
    hours = sum(each.hours for each in report.loads)
    turned = total(each.overturned for each in report.loads)
    values: Values = {
        "n": ("count", decided if alone else len(report.loads)),
        "decisions": ("count", decided),
        "per_hour": ("decimal", decided / hours if hours else 0.0),
        "share": ("share", turned.value or 0.0),
    }
    return _said("loads_own" if alone else "loads", values)


def reports(report: Report) -> Finding:
    """Say how many reports there are for what is published."""
    made = sum(each.made for each in report.reports)
    approved = sum(each.approved for each in report.reports)
    if not made:
        return _said("reports_none")
    if not approved:
        return _said("reports_alone", {"n": ("count", made)})
    values: Values = {
        "n": ("count", made),
        "per_thousand": ("decimal", 1_000 * made / approved),
    }
    return _said("reports", values)


def reasons(report: Report) -> Finding:
    """Say how often reporters are right."""
    upheld = total(each.share for each in report.reasons)
    if not upheld.whole:
        return _said("reasons_none")
    if not upheld.enough:
        return _few(upheld.whole)
    return _said("reasons", {"n": ("count", upheld.whole), "share": ("share", upheld.value)})


def calibration(report: Report) -> Finding:
    """Say by how much the risk misses what people do, on the average of all comments."""
    seen = [each for each in report.calibration if each.share.whole]
    judged = sum(each.share.whole for each in seen)
    if not judged:
        return _said("calibration_none")
    whole = total(each.share for each in seen)
    if not whole.enough:
        return _few(judged)
    off = sum(
        each.share.whole * abs((each.predicted or 0.0) - (each.share.value or 0.0)) for each in seen
    )
    return _said("calibration", {"n": ("count", judged), "off": ("share", off / judged)})


def agreement(report: Report) -> Finding:
    """Say how often second looks say the same."""
    agreed = total(each.share for each in report.agreement)
    if not agreed.whole:
        return _said("agreement_none")
    if not agreed.enough:
        return _few(agreed.whole)
    return _said("agreement", {"n": ("count", agreed.whole), "share": ("share", agreed.value)})


def _more(one: Share, other: Share) -> bool:
    return (one.value or 0.0) > (other.value or 0.0)


def _few(n: int) -> Finding:
    return _said("few", {"n": ("count", n)})


def _said(phrase: str, values: Values | None = None) -> Finding:
    return Finding(phrase=f"finding_{phrase}", values=values or {})
