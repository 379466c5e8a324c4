"""Days that statistics are asked for, and the same number of days before. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Self

from msgspec import Struct

from service.errors import FieldError, Invalid

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
CHOICES = (1, 7, 30, 90)
"""Days one chooses among, today the last of them."""
USUAL = 7
DAYS_MAX = 366
YEARS = (2000, 2200)
"""Nothing was decided before, or will be after, and dates have ends."""
FINE_DAYS = 2
"""Ranges this short are counted by the hour."""


class Range(Struct, frozen=True, kw_only=True):
    """Days of UTC, both included."""

    first: date
    last: date

    @classmethod
    def of(cls, first: date | None, last: date | None, *, today: date) -> Self:
        """Return the days that are asked for, or else the usual ones until today.

        Raises:
            Invalid: they are in the wrong order, too many, or far away.
        """
        if any(each and not YEARS[0] <= each.year <= YEARS[1] for each in (first, last)):
            raise _wrong(f"Years go from {YEARS[0]} to {YEARS[1]}.")
        end = last or max(today, first or today)
        begin = first or end - (USUAL - 1) * DAY
        if begin > end:
            raise _wrong("The first day is after the last one.")
        if (end - begin).days >= DAYS_MAX:
            raise _wrong(f"At most {DAYS_MAX} days can be asked for.")
        return cls(first=begin, last=end)

    @property
    def days(self) -> int:
        """How many there are."""
        return (self.last - self.first).days + 1

    @property
    def since(self) -> datetime:
        """The beginning of the first."""
        return _midnight(self.first)

    @property
    def until(self) -> datetime:
        """The end of the last."""
        return _midnight(self.last) + DAY

    @property
    def before(self) -> Self:
        """As many days that end where these begin."""
        return type(self)(first=self.first - self.days * DAY, last=self.first - DAY)

    @property
    def step(self) -> timedelta:
        """How finely they are counted."""
        return HOUR if self.days <= FINE_DAYS else DAY

    def starts(self, *, now: datetime) -> list[datetime]:
        """Return when each step begins, as far as it has begun, and the first one at any rate."""
        count = self.days * DAY // self.step
        starts = [self.since + number * self.step for number in range(count)]
        return [each for each in starts if each <= now] or starts[:1]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _wrong(detail: str) -> Invalid:
    return Invalid(detail, errors=(FieldError(pointer="/from", code="bad_range", detail=detail),))
