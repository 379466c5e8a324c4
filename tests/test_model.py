"""The nouns that compute something."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from service.model import BEST_SPAN_SECONDS, Discreet, best_order

BORN = datetime(2026, 11, 23, 15, 29, 57, tzinfo=UTC)
AGE = BORN.timestamp() / BEST_SPAN_SECONDS


def test_a_comment_without_votes_stands_by_its_age_alone() -> None:
    assert best_order(0, 0, BORN) == AGE
    assert best_order(0, 5, BORN) == AGE


@pytest.mark.parametrize(
    ("up", "down", "bound"),
    [(1, 0, 0.206543), (10, 0, 0.722460), (5, 5, 0.236590), (90, 10, 0.825632)],
)
def test_votes_count_as_the_lower_bound_of_wilsons_interval(
    up: int, down: int, bound: float
) -> None:
    assert best_order(up, down, BORN) - AGE == pytest.approx(bound, abs=1e-4)


def test_more_approval_is_better_and_surer_approval_too() -> None:
    ladder = [(0, 3), (1, 3), (1, 1), (2, 1), (20, 10), (20, 2), (200, 20), (9_000, 0)]
    orders = [best_order(up, down, BORN) for up, down in ladder]

    assert all(lower < higher for lower, higher in pairwise(orders))
    assert orders[-1] < AGE + 1


def test_forty_five_days_outweigh_any_votes() -> None:
    later = BORN + timedelta(days=45)

    assert best_order(0, 0, later) == pytest.approx(AGE + 1)
    assert best_order(10**6, 0, BORN) < best_order(0, 0, later)


class Key(Discreet, frozen=True, kw_only=True):
    unshown = frozenset({"secret"})

    name: str
    secret: str
    uses: int = 0


def test_what_is_not_to_be_shown_is_not_printed_and_compares_all_the_same() -> None:
    key = Key(name="first", secret="swordfish")

    assert repr(key) == "Key(name='first', uses=0)"
    assert "swordfish" not in f"{key} {key!r} {[key]} {key.__rich_repr__()}"
    assert key == Key(name="first", secret="swordfish") != Key(name="first", secret="other")
