"""The statistics of some sites over some days, as somebody may see them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec import Struct, field

from service.features.lanes import APPEALED_WITHIN, REPORTED_WITHIN, SEEN_WITHIN, Lane
from service.features.statistics.arithmetic import Share
from service.features.statistics.figures import (
    BANDS,
    Agreement,
    Band,
    Calibration,
    Hour,
    LaneWaits,
    Load,
    Queue,
    Report,
    ReportReason,
    ReportStep,
    RulePrecision,
    Tiles,
    Volume,
    Wait,
)
from service.features.statistics.languages import languages
from service.features.statistics.ranges import HOUR, Range
from service.model import Actor, Site
from service.storage.decisions import DecisionStore
from service.storage.statistics import (
    Asked,
    Counted,
    Judged,
    Overturned,
    Queued,
    Reported,
    StatisticsStore,
    TextsJudged,
    Waited,
    Waiting,
    Worked,
)

LANES: Final = (Lane.HELD, Lane.REPORTED, Lane.NEW, Lane.APPEALS)
DUE: Final = {
    Lane.REPORTED: REPORTED_WITHIN,
    Lane.NEW: SEEN_WITHIN,
    Lane.APPEALS: APPEALED_WITHIN,
}
QUEUE_DAYS: Final = timedelta(days=7)
BINS: Final = 10
DEAR_DAYS: Final = 7
"""More days than these are counted once a minute: a million decisions take some seconds."""
KEPT_FOR: Final = timedelta(minutes=1)
KEPT_MAX: Final = 16
"""Ranges that are kept; each is some hundred kilobytes."""


class Statistics(Struct, frozen=True, kw_only=True):
    """Count what was decided."""

    store: StatisticsStore
    decisions: DecisionStore
    kept: dict[tuple[Any, ...], tuple[datetime, Counted]] = field(default_factory=dict)
    """What was counted of many days in the last minute."""

    async def report(
        self,
        sites: Sequence[Site],
        days: Range,
        *,
        lang: str | None,
        actor: Actor,
        sees_others: bool,
        now: datetime,
    ) -> Report:
        """Return the figures of some sites together.

        `lang` is a primary subtag, None for all; without `sees_others` a colleague's work is not
        shown, only how many there are.

        Raises:
            Unavailable: Postgres is away.
        """
        now, counted = await self._count(sites, days, lang, now)
        starts = days.starts(now=now)
        due = {**DUE, Lane.HELD: _due(sites)}
        own = (actor.kind, actor.actor_id)
        actors = {(each.actor_kind, each.actor_id) for each in counted.worked}
        seen = actors if sees_others else actors & {own}
        names = await self.decisions.names(seen)
        judged = [each for each in counted.judged if each.start >= days.since]
        earlier = [each for each in counted.judged if each.start < days.since]
        return Report(
            days=days,
            sites=[each.slug for each in sites],
            lang=lang,
            made_at=now,
            due=due[Lane.HELD],
            tiles=_tiles(judged, counted.waits, counted.overturned),
            before=_tiles(earlier, counted.waits_before, counted.overturned_before),
            volume=_volume(judged, starts),
            waits=[_lane_waits(lane, due[lane], counted.waits) for lane in LANES],
            queue=_queue(counted.waiting, counted.queued, now),
            languages=languages(judged),
            rules=_rules(counted.texts),
            loads=_loads(counted, seen, starts, names, own),
            people=len(actors),
            reports=_report_steps(counted.reported, judged, starts),
            reasons=_report_reasons(counted.reported),
            calibration=_calibration(counted.texts),
            agreement=[
                Agreement(
                    decided_by=each.decided_by, share=Share(part=each.agreed, whole=each.looks)
                )
                for each in counted.looks
            ],
        )

    async def _count(
        self, sites: Sequence[Site], days: Range, lang: str | None, now: datetime
    ) -> tuple[datetime, Counted]:
        """Count, or return what was counted a moment ago, and when."""
        asked = _asked(sites, days, lang, now)
        if days.days <= DEAR_DAYS:
            return now, await self.store.count(asked)
        key = (tuple(asked.site_ids), tuple(asked.due), days, lang)
        found = self.kept.get(key)
        if found is not None and timedelta() <= now - found[0] < KEPT_FOR:
            return found
        counted = await self.store.count(asked)
        while len(self.kept) >= KEPT_MAX:
            self.kept.pop(next(iter(self.kept)))
        self.kept.pop(key, None)
        self.kept[key] = (now, counted)
        return now, counted


def _asked(sites: Sequence[Site], days: Range, lang: str | None, now: datetime) -> Asked:
    return Asked(
        site_ids=[each.site_id for each in sites],
        since=days.since,
        until=days.until,
        before=days.before.since,
        step=days.step,
        lang=lang,
        now=now,
        queue_since=_first_hour(now),
        due=[each.settings.due_minutes * 60.0 for each in sites],
        reported_due=REPORTED_WITHIN.total_seconds(),
        new_due=SEEN_WITHIN.total_seconds(),
        appeals_due=APPEALED_WITHIN.total_seconds(),
        edges=[each.total_seconds() for each in BANDS],
    )


def _due(sites: Sequence[Site]) -> timedelta | None:
    minutes = {each.settings.due_minutes for each in sites}
    return timedelta(minutes=minutes.pop()) if len(minutes) == 1 else None


def _first_hour(now: datetime) -> datetime:
    """Return the first of the full hours of the last seven days."""
    return now.replace(minute=0, second=0, microsecond=0) - QUEUE_DAYS + HOUR


def _tiles(
    judged: Iterable[Judged], waits: Iterable[Waited], overturned: Iterable[Overturned]
) -> Tiles:
    decided = auto = rejected = 0
    for each in judged:
        decided += each.decided
        auto += each.decided if each.automatic else 0
        rejected += 0 if each.approved else each.decided
    held = next((each for each in waits if each.lane == Lane.HELD and each.start is None), None)
    turned = sum(each.overturned for each in overturned)
    return Tiles(
        decided=decided,
        median_seconds=held.quantiles[0] if held else None,
        p90_seconds=held.quantiles[1] if held else None,
        in_time=Share(part=held.in_time, whole=held.decided) if held else Share(part=0, whole=0),
        auto=Share(part=auto, whole=decided),
        rejected=Share(part=rejected, whole=decided),
        overturned=Share(part=turned, whole=decided),
    )


def _volume(judged: Iterable[Judged], starts: Iterable[datetime]) -> list[Volume]:
    counted: dict[datetime, Counter[str]] = defaultdict(Counter)
    for each in judged:
        who = "auto" if each.automatic else "human"
        what = "approved" if each.approved else "rejected"
        counted[each.start][f"{who}_{what}"] += each.decided
    return [Volume(start=start, **counted[start]) for start in starts]


def _lane_waits(lane: Lane, due: timedelta | None, waits: Iterable[Waited]) -> LaneWaits:
    of_lane = [each for each in waits if each.lane == lane]
    whole = next((each for each in of_lane if each.start is None), None)
    return LaneWaits(
        lane=lane,
        due=due,
        whole=_wait(whole) if whole else None,
        rows=[_wait(each) for each in of_lane if each.start is not None],
    )


def _wait(waited: Waited) -> Wait:
    p50, p90, p99 = waited.quantiles
    return Wait(
        start=waited.start,
        decided=waited.decided,
        in_time=waited.in_time,
        p50=p50,
        p90=p90,
        p99=p99,
    )


def _queue(waiting: Sequence[Waiting], queued: Sequence[Queued], now: datetime) -> Queue:
    by_band = {each.band: each.waiting for each in waiting}
    edges = [0.0, *(each.total_seconds() for each in BANDS)]
    by_hour = {each.hour: each for each in queued}
    first = _first_hour(now)
    hours = [first + number * HOUR for number in range(QUEUE_DAYS // HOUR)]
    return Queue(
        waiting=sum(each.waiting for each in waiting),
        overdue=sum(each.overdue for each in waiting),
        oldest_seconds=max((each.oldest for each in waiting), default=None),
        bands=[
            Band(since=edge, until=until, waiting=by_band.get(band, 0))
            for band, (edge, until) in enumerate(zip(edges, [*edges[1:], None], strict=True))
        ],
        hours=[
            Hour(
                start=hour,
                waiting=by_hour[hour].waiting if hour in by_hour else 0,
                overdue=by_hour[hour].overdue if hour in by_hour else 0,
            )
            for hour in hours
        ],
    )


def _rules(texts: Iterable[TextsJudged]) -> list[RulePrecision]:
    rules = [
        RulePrecision(rule=each.rule, share=Share(part=each.turned_down, whole=each.judged))
        for each in texts
        if each.rule is not None
    ]
    return sorted(rules, key=lambda each: (-each.cost, each.rule))


def _loads(
    counted: Counted,
    seen: Iterable[tuple[str, str]],
    starts: Sequence[datetime],
    names: Mapping[tuple[str, str], str],
    own: tuple[str, str],
) -> list[Load]:
    turned = {(each.actor_kind, each.actor_id): each.overturned for each in counted.overturned}
    work: dict[tuple[str, str], list[Worked]] = defaultdict(list)
    for each in counted.worked:
        work[each.actor_kind, each.actor_id].append(each)
    loads = [
        _load(who, work[who], starts, names.get(who) or who[1], turned.get(who, 0), own=own)
        for who in seen
    ]
    return sorted(loads, key=lambda each: (not each.own, each.name.casefold(), each.actor_id))


def _load(
    who: tuple[str, str],
    work: Sequence[Worked],
    starts: Sequence[datetime],
    name: str,
    turned: int,
    *,
    own: tuple[str, str],
) -> Load:
    decided = {each.start: each.decided for each in work}
    return Load(
        kind=who[0],
        actor_id=who[1],
        name=name,
        own=who == own,
        decided=sum(decided.values()),
        hours=sum(each.hours for each in work),
        overturned=Share(part=turned, whole=sum(each.judged for each in work)),
        rows=[(start, decided.get(start, 0)) for start in starts],
    )


def _report_steps(
    reported: Iterable[Reported], judged: Iterable[Judged], starts: Iterable[datetime]
) -> list[ReportStep]:
    approved: Counter[datetime] = Counter()
    for each in judged:
        approved[each.start] += each.decided if each.approved else 0
    by_start = {each.start: each for each in reported if each.start is not None}
    steps = []
    for start in starts:
        found = by_start.get(start)
        steps.append(
            ReportStep(
                start=start,
                made=found.made if found else 0,
                answered=found.answered if found else 0,
                upheld=found.upheld if found else 0,
                approved=approved[start],
            )
        )
    return steps


def _report_reasons(reported: Iterable[Reported]) -> list[ReportReason]:
    reasons = [
        ReportReason(
            reason=each.reason,
            made=each.made,
            share=Share(part=each.upheld, whole=each.answered),
        )
        for each in reported
        if each.reason is not None
    ]
    return sorted(reasons, key=lambda each: (-each.share.whole, -each.made, each.reason))


def _calibration(texts: Iterable[TextsJudged]) -> list[Calibration]:
    by_bin = {each.bin: each for each in texts if each.bin is not None}
    bins = []
    for number in range(BINS):
        found = by_bin.get(number)
        share = Share(part=found.turned_down if found else 0, whole=found.judged if found else 0)
        bins.append(
            Calibration(
                since=number / BINS,
                until=(number + 1) / BINS,
                predicted=found.predicted if found else None,
                share=share,
            )
        )
    return bins
