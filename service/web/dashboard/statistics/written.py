"""Figures in the words of a language."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from babel.dates import format_skeleton
from babel.numbers import format_decimal, format_percent
from babel.units import format_unit
from msgspec import Struct

from service.features.statistics.findings import Finding
from service.features.statistics.ranges import HOUR
from service.features.statistics.tables import Cell, Kind
from service.model import REASONS
from service.web.dashboard import words
from service.web.pages.words import Tongue

FINE: Final = 0.1
"""Shares below it, and those above its complement, are written with one more digit."""
UNITS: Final = ((1.0, "second", 60.0), (60.0, "minute", 60.0), (3_600.0, "hour", 24.0))
"""Seconds of each unit, its name, and how many are written before the next one."""
DAY_SECONDS: Final = 86_400.0
FEW: Final = 10.0
"""Of a unit: below it a tenth is told."""
NOTHING: Final = "\u2013"
"""Where there is no figure."""
MARKS: Final = ("\u2068", "\u2069")
"""Around what has a direction of its own."""


class Written(Struct, frozen=True, kw_only=True):
    """How one language writes figures."""

    tongue: Tongue
    step: timedelta
    """How fine the moments are."""

    def cell(self, kind: Kind, value: Cell) -> str:  # noqa: PLR0911 - a word for each kind
        """Write a figure of a table."""
        match kind, value:
            case "moment", None:
                return self.tongue.say("stats_whole_range")
            case "rule" | "person" | "reason" | "lane" | "language" | "decider", str() as name:
                return self.name(kind, name)
            case "moment", datetime() as at:
                return self.moment(at)
            case "share", float() | int() as share:
                return self.share(share)
            case "seconds", float() | int() as seconds:
                return self.seconds(seconds)
            case "decimal", float() | int() as number:
                return self.decimal(number)
            case "count", int() as number:
                return self.tongue.number(number)
            case _:
                return NOTHING

    def name(self, kind: Kind, name: str) -> str:  # noqa: PLR0911 - a word for each kind
        """Write what a line or a group is called."""
        match kind, name:
            case "lane", _:
                return self.tongue.say(f"stats_lane_{name}")
            case "decider", _:
                return self.tongue.say(f"stats_decided_by_{name}")
            case "language", "":
                return self.tongue.say("stats_language_unknown")
            case "language", "*":
                return self.tongue.say("stats_language_others")
            case "language", _:
                return str(self.tongue.locale.languages.get(name, name))
            case "reason", _ if name in REASONS:
                return str(words.script_words(self.tongue.code, ["queue"])[f"reason_{name}"])
            case _:
                return name

    def finding(self, finding: Finding) -> str:
        """Write a sentence."""
        values: dict[str, object] = {}
        for name, (kind, value) in finding.values.items():
            said = self.cell(kind, value)
            values[name] = said.join(MARKS) if kind in {"rule", "person"} else said
        number = finding.values.get("n")
        if number is not None:
            values["n"] = number[1]
        return self.tongue.say(finding.phrase, **values)

    def share(self, share: float) -> str:
        """Write a part of a whole in percent."""
        pattern = self.tongue.locale.percent_formats[None].pattern
        if 0 < share < FINE or 1 - FINE < share < 1:
            pattern = pattern.replace("0", "0.0", 1)
        return str(format_percent(share, format=pattern, locale=self.tongue.locale))

    def seconds(self, seconds: float) -> str:
        """Write how long something took, in the largest unit that fits."""
        for length, unit, most in UNITS:
            if seconds / length < most:
                return self._unit(seconds / length, unit)
        return self._unit(seconds / DAY_SECONDS, "day")

    def decimal(self, number: float) -> str:
        """Write a figure with one digit after the point, if it is small."""
        digits = 1 if abs(number) < FEW * FEW else 0
        return str(format_decimal(round(number, digits), locale=self.tongue.locale))

    def moment(self, at: datetime) -> str:
        """Write a day, and its hour where figures are that fine or it is not midnight."""
        day = self._skeleton("yMMMd", at)
        if self.step != HOUR and not at.hour:
            return day
        both = str(self.tongue.locale.datetime_formats["medium"])
        return both.replace("{1}", day).replace("{0}", self._skeleton("Hm", at))

    def tick(self, at: datetime) -> str:
        """Write a moment below an axis."""
        return self._skeleton("Hm" if self.step == HOUR else "MMMd", at)

    def day(self, at: datetime) -> str:
        """Write a weekday and its day."""
        return self._skeleton("Ed", at)

    def hours(self) -> Sequence[str]:
        """Write the full hours of a day."""
        first = datetime(2000, 1, 1, tzinfo=UTC)
        return [self._skeleton("Hm", first + each * HOUR) for each in range(24)]

    def _skeleton(self, skeleton: str, at: datetime) -> str:
        locale = self.tongue.locale
        return str(format_skeleton(skeleton, at.astimezone(UTC), tzinfo=UTC, locale=locale))

    def _unit(self, count: float, unit: str) -> str:
        digits = 1 if count < FEW and unit != "second" else 0
        rounded = round(count, digits)
        locale = self.tongue.locale
        return str(format_unit(rounded, f"duration-{unit}", length="short", locale=locale))
