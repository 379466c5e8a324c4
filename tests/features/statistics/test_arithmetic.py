"""Shares, intervals, days and sentences, without any store."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta

import pytest

from service.errors import Invalid
from service.features.statistics.arithmetic import Share, change, differ, total
from service.features.statistics.ranges import DAY, DAYS_MAX, HOUR, Range

TODAY = date(2026, 11, 25)
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    # Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_an_interval_is_the_published_one(part: int, whole: int, low: float, high: float) -> None:
    share = Share(part=part, whole=whole)
    assert (round(share.low, 4), round(share.high, 4)) == (low, high)


@pytest.mark.parametrize("whole", [1, 7, 20, 1_000])
def test_an_interval_holds_its_share_and_stays_within_nothing_and_everything(whole: int) -> None:
    for part in range(0, whole + 1, max(1, whole // 50)):
        share = Share(part=part, whole=whole)
        assert share.value is not None
        assert 0 <= share.low <= share.value <= share.high <= 1
    assert Share(part=0, whole=whole).low == 0
    assert Share(part=whole, whole=whole).high == 1


def test_of_nothing_nothing_is_known() -> None:
    nothing = Share(part=0, whole=0)
    assert nothing.value is None
    assert (nothing.low, nothing.high) == (0, 1)
    assert not nothing.enough


def test_shares_differ_when_their_intervals_do_not_meet() -> None:
    much, little = Share(part=80, whole=100), Share(part=20, whole=100)
    assert differ(much, little)
    assert differ(little, much)
    assert not differ(much, Share(part=75, whole=100))
    assert not differ(much, Share(part=0, whole=5))
    assert total([much, little]) == Share(part=100, whole=200)


def test_what_grew_from_nothing_has_no_change() -> None:
    assert change(3, 2) == pytest.approx(0.5)
    assert change(1, 2) == pytest.approx(-0.5)
    assert change(1, 0) is None


def test_days_are_both_included_and_compared_with_as_many_before() -> None:
    days = Range.of(date(2026, 11, 20), date(2026, 11, 22), today=TODAY)
    assert days.days == 3
    assert days.until - days.since == 3 * DAY
    assert days.before == Range(first=date(2026, 11, 17), last=date(2026, 11, 19))
    assert days.before.until == days.since


def test_without_days_they_are_the_last_seven() -> None:
    assert Range.of(None, None, today=TODAY) == Range(first=date(2026, 11, 19), last=TODAY)
    assert Range.of(None, date(2026, 1, 7), today=TODAY).first == date(2026, 1, 1)
    assert Range.of(date(2026, 11, 1), None, today=TODAY).last == TODAY


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (TODAY, TODAY - DAY),
        (TODAY - DAYS_MAX * DAY, TODAY),
        (date(1, 1, 1), date(1, 1, 2)),
        (None, date(9999, 12, 31)),
    ],
)
def test_days_that_cannot_be_are_refused(first: date | None, last: date) -> None:
    with pytest.raises(Invalid):
        Range.of(first, last, today=TODAY)


def test_short_ranges_are_counted_by_the_hour_until_now() -> None:
    today = Range(first=TODAY, last=TODAY)
    assert today.step == HOUR
    assert len(today.starts(now=NOON)) == 13
    assert today.starts(now=NOON)[-1] == NOON


def test_long_ranges_are_counted_by_the_day() -> None:
    days = Range(first=TODAY - timedelta(days=2), last=TODAY + timedelta(days=2))
    assert days.step == DAY
    assert [each.day for each in days.starts(now=NOON)] == [23, 24, 25]
    assert math.isclose((days.until - days.since) / days.step, days.days)
