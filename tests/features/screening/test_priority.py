"""In which order moderators look."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from service.features.screening import Verdict, priority_of
from service.features.screening.priority import (
    DELAY_WEIGHT,
    DUE_SECONDS,
    delay_of,
    is_audited,
    level_of,
    prioritised,
    reach_of,
    risk_of,
    size_of,
)
from tests.features.screening.make import NOON


def level(**given: Any) -> int:
    return prioritised(**{"risk": 0.5, "severity": 1, "reach": 100.0} | given).level


@pytest.mark.parametrize(
    ("more", "less"),
    [
        ({"risk": 0.9}, {"risk": 0.1}),
        ({"severity": 3}, {"severity": 1}),
        ({"reach": 1_000.0}, {"reach": 10.0}),
        ({"raise_by": 3.0}, {}),
        ({"size": "cluster"}, {"size": "long"}),
        ({"waited_seconds": 9 * DUE_SECONDS, "reach": 0.1}, {"reach": 0.1}),
        ({"severity": 10, "reach": 0.0}, {"severity": 9, "reach": 1e9, "raise_by": 10.0}),
        ({"first": True, "reach": 0.0}, {"reach": 1e9}),
    ],
)
def test_what_is_more_urgent_stands_higher(more: dict[str, Any], less: dict[str, Any]) -> None:
    assert level(**more) > level(**less)


def test_an_honest_comment_rises_as_its_due_time_nears() -> None:
    overdue = (0, 0.25, 0.5, 1, 2, 4, 8, 16, 24)
    levels = [level(risk=0.01, reach=1.0, waited_seconds=DUE_SECONDS * times) for times in overdue]
    assert levels == sorted(levels)
    assert levels[-1] > levels[0] + 100


def test_waiting_costs_more_and_more_without_a_leap() -> None:
    assert delay_of(1.0) == 1.0
    steps = [delay_of((at + 1) / 10) - delay_of(at / 10) for at in range(200)]
    assert all(after >= before - 1e-9 for before, after in pairwise(steps))
    assert max(steps) < 0.81


def test_age_alone_never_comes_before_a_threat() -> None:
    assert level(waited_seconds=1e12, reach=1e12, raise_by=100.0) < level(severity=10)


def test_the_sum_is_the_formula() -> None:
    priority = prioritised(
        risk=0.5, severity=3, reach=100.0, waited_seconds=DUE_SECONDS, size="short", raise_by=2.0
    )
    assert priority.value == pytest.approx((0.5 * 3 * 100 + DELAY_WEIGHT * 0.5) / 6 * 2)
    assert priority.urgency == 1.0


def test_levels_fit_the_queue() -> None:
    assert level_of(0.0) == 0
    assert level_of(1e-9) == 0
    assert level_of(1e99) == 899
    assert level_of(1.0) == 300
    verdict = Verdict(publish=False, priority=level_of(1.0))
    assert priority_of(verdict.score(NOON)) == 300
    assert verdict.score(NOON) < verdict.score(NOON + timedelta(milliseconds=1))


def test_reach_comes_from_views_or_else_from_comments() -> None:
    assert reach_of(views_per_hour=1_000.0, held=False) == 1_000.0
    assert reach_of(views_per_hour=1_000.0) == pytest.approx(50.0)
    assert reach_of(views_per_hour=None, comments_per_hour=10.0, held=False) == 400.0
    assert reach_of(views_per_hour=None, held=False) == 60.0
    assert reach_of(views_per_hour=100.0, depth=2) < reach_of(views_per_hour=100.0)
    assert reach_of(views_per_hour=100.0, position=50) < reach_of(views_per_hour=100.0)


def test_a_model_that_saw_nothing_does_not_outvote_a_rule() -> None:
    assert risk_of(3, {"abuse": 0.01}) == 0.6
    assert risk_of(0, {"abuse": 0.01}) == 0.01
    assert risk_of(0, {}) == 0.08
    assert risk_of(1, {"abuse": 0.9}) == 0.9


@pytest.mark.parametrize(
    ("chars", "cluster", "size"), [(20, 1, "short"), (281, 1, "long"), (281, 14, "cluster")]
)
def test_clusters_are_decided_fastest_and_long_texts_slowest(
    chars: int, cluster: int, size: str
) -> None:
    assert size_of(chars, cluster) == size


def test_about_two_comments_in_a_hundred_are_audited_always_the_same() -> None:
    ids = [UUID(int=at * 7_919) for at in range(20_000)]
    audited = [one for one in ids if is_audited(one)]
    assert 300 <= len(audited) <= 500
    assert all(is_audited(one) for one in audited)
