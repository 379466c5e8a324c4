"""The plots of the page, made of a report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from service.features.statistics.arithmetic import ENOUGH, Share
from service.features.statistics.figures import LaneWaits, LanguageRate, Report
from service.features.statistics.findings import findings
from service.features.statistics.ranges import DAY
from service.features.statistics.tables import tables
from service.web.dashboard.plots.bars import Column, bars
from service.web.dashboard.plots.dots import Row, Spot, against, rows
from service.web.dashboard.plots.heat import Cell, heat
from service.web.dashboard.plots.lines import Limit, Line, Point, lines
from service.web.dashboard.plots.svg import Caption
from service.web.dashboard.statistics.shown import Picture, Shown, ShownTable
from service.web.dashboard.statistics.ticks import durations, shares, shares_from
from service.web.dashboard.statistics.written import Written

RULES_DRAWN: Final = 15
"""Those first that cost most; all are in the table."""
PEOPLE_DRAWN: Final = 24
BAND_ROOM: Final = 48.0
"""For the label of a band of ages."""
SMALL: Final = 110.0
"""How high one of many small plots is."""


class Figures(Struct, frozen=True, kw_only=True):
    """Make the plots of one report."""

    report: Report
    written: Written

    def all(self) -> list[Shown]:
        """Return every figure, in the order of the page."""
        found = {each.name: ShownTable.of(each, self.written) for each in tables(self.report)}
        said = {key: self.written.finding(each) for key, each in findings(self.report).items()}
        makers: Sequence[tuple[str, Callable[[Shown], Sequence[Picture]], Sequence[str], bool]] = (
            ("volume", self._volume, ["volume"], True),
            ("waits", self._waits, ["waits"], True),
            ("queue", self._ages, ["ages"], False),
            ("week", self._week, ["hours"], True),
            ("languages", self._languages, ["languages"], True),
            ("rules", self._rules, ["rules"], False),
            ("loads", self._loads, ["loads", "load_steps"], True),
            ("reports", self._reports, ["reports"], True),
            ("reasons", self._reasons, ["reasons"], False),
            ("calibration", self._calibration, ["calibration"], False),
            ("agreement", self._agreement, ["agreement"], False),
        )
        return [
            self._shown(
                Shown(
                    key=key,
                    title=self._say(f"stats_title_{key}"),
                    finding=said[key],
                    pictures=(),
                    tables=[found[name] for name in names],
                    timed=timed,
                ),
                make,
            )
            for key, make, names, timed in makers
        ]

    def _shown(self, shown: Shown, make: Callable[[Shown], Sequence[Picture]]) -> Shown:
        notes = self._languages_too_few() if shown.key == "languages" else []
        return replace(shown, pictures=make(shown), notes=notes)

    def _volume(self, shown: Shown) -> Sequence[Picture]:
        if not self.report.tiles.decided:
            return ()
        names = ("auto_approved", "auto_rejected", "human_approved", "human_rejected")
        columns = [
            Column(
                label=self.written.tick(each.start),
                heights=[getattr(each, name) for name in names],
                source=shown.tables[0].source(number),
            )
            for number, each in enumerate(self.report.volume)
        ]
        return [
            Picture(
                svg=bars(
                    shown.caption,
                    columns,
                    classes=[f"v-{name.replace('_', '-')}" for name in names],
                    legend=[self._say(f"stats_column_{name}") for name in names],
                    write=self._count,
                )
            )
        ]

    def _waits(self, shown: Shown) -> Sequence[Picture]:
        pictures = []
        row = 0
        for lane in self.report.waits:
            if lane.whole is not None:
                pictures.append(self._lane(shown, lane, row + 1))
                row += 1 + len(lane.rows)
        return pictures

    def _lane(self, shown: Shown, lane: LaneWaits, first_row: int) -> Picture:
        steps = self._steps()
        drawn = [
            Line(
                label=self._say(f"stats_column_{name}"),
                points=[
                    Point(
                        step=steps[each.start],
                        value=getattr(each, name),
                        source=shown.tables[0].source(first_row + number),
                    )
                    for number, each in enumerate(lane.rows)
                    if each.start in steps
                ],
            )
            for name in ("p50", "p90", "p99")
        ]
        due = lane.due.total_seconds() if lane.due is not None else None
        seen = [point.value for line in drawn for point in line.points]
        name = self.written.name("lane", lane.lane)
        return Picture(
            label=name,
            svg=lines(
                self._caption(shown, lane.lane, name),
                drawn,
                steps=self._labels(),
                ticks=durations(self.written, [*seen, due] if due is not None else seen),
                limit=None if due is None else Limit(label=self._say("stats_due"), value=due),
                logarithmic=True,
            ),
        )

    def _ages(self, shown: Shown) -> Sequence[Picture]:
        if not self.report.queue.waiting:
            return ()
        columns = [
            Column(
                label=f"< {self.written.seconds(each.until)}"
                if each.until is not None
                else f"> {self.written.seconds(each.since)}",
                heights=[each.waiting],
                source=shown.tables[0].source(number),
            )
            for number, each in enumerate(self.report.queue.bands)
        ]
        return [
            Picture(
                svg=bars(
                    shown.caption, columns, classes=["v-plain"], write=self._count, room=BAND_ROOM
                )
            )
        ]

    def _week(self, shown: Shown) -> Sequence[Picture]:
        hours = self.report.queue.hours
        first = hours[0].start.replace(hour=0)
        days = sorted({each.start.replace(hour=0) for each in hours})
        late = any(each.overdue for each in hours)
        cells = [
            Cell(
                day=(each.start - first) // DAY,
                hour=each.start.hour,
                value=each.overdue if late else each.waiting,
                source=shown.tables[0].source(number),
            )
            for number, each in enumerate(hours)
        ]
        return [
            Picture(
                label=self._say("stats_week_overdue" if late else "stats_week_waiting"),
                svg=heat(
                    shown.caption,
                    cells,
                    days=[self.written.day(each) for each in days],
                    hours=self.written.hours(),
                ),
            )
        ]

    def _languages(self, shown: Shown) -> Sequence[Picture]:
        steps, drawn, row = self._steps(), [], 0
        for language in self.report.languages:
            if language.whole.enough:
                drawn.append(self._language(shown, language, row + 1, steps))
            row += 1 + len(language.rows)
        if not drawn:
            return ()
        return [
            Picture(
                svg=lines(
                    shown.caption,
                    drawn,
                    steps=self._labels(),
                    ticks=shares_from(
                        self.written,
                        min(
                            (each.low or 0.0 for line in drawn for each in line.points),
                            default=0.0,
                        ),
                    ),
                )
            )
        ]

    def _language(
        self, shown: Shown, language: LanguageRate, first_row: int, steps: dict[datetime, int]
    ) -> Line:
        return Line(
            label=self.written.name("language", language.lang),
            points=[
                Point(
                    step=steps[each.start],
                    value=each.share.part / each.share.whole,
                    low=each.share.low,
                    high=each.share.high,
                    source=shown.tables[0].source(first_row + number),
                )
                for number, each in enumerate(language.rows)
                if each.start in steps
            ],
        )

    def _languages_too_few(self) -> list[str]:
        return [
            f"{self.written.name('language', each.lang)}: {self._few(each.whole.whole)}"
            for each in self.report.languages
            if not each.whole.enough
        ]

    def _rules(self, shown: Shown) -> Sequence[Picture]:
        return self._shares(
            shown, [(each.rule, each.share) for each in self.report.rules[:RULES_DRAWN]]
        )

    def _shares(self, shown: Shown, named: Sequence[tuple[str, Share]]) -> Sequence[Picture]:
        """Draw what the first rows of the table say, one below the other."""
        drawn = [
            Row(
                label=label,
                value=share.value if share.enough else None,
                low=share.low,
                high=share.high,
                source=shown.tables[0].source(number),
                remark=self._few(share.whole),
            )
            for number, (label, share) in enumerate(named)
        ]
        if not drawn:
            return ()
        return [Picture(svg=rows(shown.caption, drawn, ticks=shares(self.written)))]

    def _loads(self, shown: Shown) -> Sequence[Picture]:
        loads = self.report.loads[:PEOPLE_DRAWN]
        highest = max((number for each in loads for _, number in each.rows), default=0)
        pictures = []
        for number, load in enumerate(loads):
            first = number * len(load.rows)
            columns = [
                Column(
                    label=self.written.tick(start),
                    heights=[decided],
                    source=shown.tables[1].source(first + step),
                )
                for step, (start, decided) in enumerate(load.rows)
            ]
            share = load.overturned
            values = {
                "n": load.decided,
                "per_hour": self.written.decimal(load.per_hour),
                "share": self.written.share(share.value or 0.0),
                "low": self.written.share(share.low),
                "high": self.written.share(share.high),
            }
            phrase = "stats_load" if share.whole >= ENOUGH else "stats_load_few"
            pictures.append(
                Picture(
                    label=self._say("stats_you", name=load.name) if load.own else load.name,
                    note=self._say(phrase, **values),
                    svg=bars(
                        self._caption(shown, str(number), load.name),
                        columns,
                        classes=["v-plain"],
                        write=self._count,
                        height=SMALL,
                        highest=highest,
                    ),
                )
            )
        return pictures

    def _reports(self, shown: Shown) -> Sequence[Picture]:
        if not any(each.made for each in self.report.reports):
            return ()
        columns = [
            Column(
                label=self.written.tick(each.start),
                heights=[each.per_thousand or 0.0],
                source=shown.tables[0].source(number),
            )
            for number, each in enumerate(self.report.reports)
        ]
        return [
            Picture(
                label=self._say("stats_column_per_thousand"),
                svg=bars(
                    shown.caption,
                    columns,
                    classes=["v-plain"],
                    write=self.written.decimal,
                    whole=False,
                ),
            )
        ]

    def _reasons(self, shown: Shown) -> Sequence[Picture]:
        return self._shares(
            shown,
            [
                (self.written.name("reason", each.reason), each.share)
                for each in self.report.reasons
            ],
        )

    def _agreement(self, shown: Shown) -> Sequence[Picture]:
        return self._shares(
            shown,
            [
                (self.written.name("decider", each.decided_by), each.share)
                for each in self.report.agreement
            ],
        )

    def _calibration(self, shown: Shown) -> Sequence[Picture]:
        drawn = [
            Spot(
                expected=each.predicted,
                value=each.share.part / each.share.whole,
                low=each.share.low,
                high=each.share.high,
                source=shown.tables[0].source(number),
            )
            for number, each in enumerate(self.report.calibration)
            if each.predicted is not None and each.share.whole
        ]
        return (
            [Picture(svg=against(shown.caption, drawn, ticks=shares(self.written)))]
            if drawn
            else ()
        )

    def _caption(self, shown: Shown, key: str, title: str) -> Caption:
        return Caption(
            key=f"{shown.caption.key}-{key}",
            title=f"{shown.title}: {title}",
            description=shown.finding,
        )

    def _steps(self) -> dict[datetime, int]:
        """Return where each step stands."""
        return {each.start: number for number, each in enumerate(self.report.volume)}

    def _labels(self) -> list[str]:
        return [self.written.tick(each.start) for each in self.report.volume]

    def _count(self, number: float) -> str:
        return self.written.tongue.number(round(number))

    def _few(self, n: int) -> str:
        return self._say("stats_few", n=n)

    def _say(self, phrase: str, **values: object) -> str:
        return self.written.tongue.say(phrase, **values)
