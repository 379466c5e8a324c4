"""Live rules are watched; one that misbehaves goes back to shadow."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from service.features.rulebook_watch import RuleWatch, too_often, too_wrong
from service.storage.rule_figures import Figures, RuleFigureStore
from service.storage.rules import RuleStore, Watched
from tests.features.rule_desk import RuleDesk
from tests.newsroom import NOON, Newsroom, new_id

pytestmark = pytest.mark.long


def watched(**more: Any) -> Watched:
    usual: dict[str, Any] = {
        "site_id": 1,
        "rule_id": "bad-word",
        "live_version": 1,
        "went_live_at": NOON - timedelta(days=3),
        "expected_share": 0.01,
        "precision_floor": 0.5,
    }
    return Watched(**{**usual, **more})


def test_three_times_what_was_expected_is_too_often() -> None:
    assert too_often(watched(), Figures(hits=30), received=1_000) is None
    told = too_often(watched(), Figures(hits=31), received=1_000)
    assert told == {"because": "too_often", "hits": 31, "expected": 10.0, "received": 1_000}


def test_a_busy_hour_is_no_fault_of_a_rule() -> None:
    assert too_often(watched(), Figures(hits=300), received=10_000) is None


def test_a_few_hits_are_chance() -> None:
    assert too_often(watched(expected_share=0.0), Figures(hits=9), received=9) is None


def test_a_rule_that_people_confirm_may_hit_often() -> None:
    wave = Figures(hits=400, rejected=12, approved=1)
    assert too_often(watched(), wave, received=1_000) is None
    assert too_often(watched(), Figures(hits=400, rejected=4, approved=9), received=1_000)


def test_a_rule_that_was_never_tried_has_nothing_to_be_held_against() -> None:
    assert too_often(watched(expected_share=None), Figures(hits=900), received=1_000) is None


def test_a_rule_that_surely_is_under_its_floor_is_too_wrong() -> None:
    day = Figures(hits=30, rejected=5, approved=25)
    told = too_wrong(watched(), day, NOON)
    assert told == {"because": "too_wrong", "rejected": 5, "approved": 25, "floor": 0.5}


@pytest.mark.parametrize(
    ("rule", "day"),
    [
        ({}, Figures(hits=4, rejected=1, approved=3)),
        ({}, Figures(hits=30, rejected=14, approved=16)),
        ({"went_live_at": NOON - timedelta(hours=23)}, Figures(hits=30, approved=30)),
        ({"precision_floor": None}, Figures(hits=30, approved=30)),
        ({}, Figures(hits=30)),
    ],
    ids=["too few", "not surely", "too young", "no floor", "nobody decided"],
)
def test_otherwise_nothing_is_said(rule: dict[str, Any], day: Figures) -> None:
    assert too_wrong(watched(**rule), day, NOON) is None


@pytest.fixture
def desk(newsroom: Newsroom) -> RuleDesk:
    return RuleDesk.of(newsroom)


async def speak(desk: RuleDesk, times: int, *, version: int = 1) -> None:
    """Let a rule speak about so many comments, just now."""
    site_id = desk.newsroom.site.site_id
    at = desk.newsroom.now - timedelta(minutes=1)
    ids = [new_id(at + timedelta(milliseconds=number)) for number in range(times)]
    async with desk.newsroom.pool.acquire() as connection, connection.transaction():
        await connection.executemany(
            "INSERT INTO screenings (site_id, article_id, comment_id, revision, at, ruling,"
            " severity, risk) VALUES ($1, $2, $2, 1, $3, 'hold', 1, 0)",
            [(site_id, each, at) for each in ids],
        )
        await connection.executemany(
            "INSERT INTO signals (site_id, article_id, comment_id, revision, rule, version, shadow,"
            " effect, severity, score, label, at)"
            " VALUES ($1, $2, $2, 1, 'bad-word', $4, false, 'hold', 1, 0.1, 'A bad word', $3)",
            [(site_id, each, at, version) for each in ids],
        )


def watch(desk: RuleDesk) -> RuleWatch:
    pool = desk.newsroom.pool
    return RuleWatch(
        rules=RuleStore(pool=pool),
        figures=RuleFigureStore(pool=pool),
        rulebook=desk.rulebook,
        sites=desk.newsroom.sites,
        new_id=new_id,
        clock=lambda: desk.newsroom.now + timedelta(seconds=1),
    )


async def test_a_live_rule_that_hits_too_often_goes_back_to_shadow_and_it_is_said(
    desk: RuleDesk,
) -> None:
    await desk.past("You grunzel.", *(f"Good bread, {n}." for n in range(30)))
    await desk.save()
    await desk.go_live()
    await speak(desk, 20)

    assert await watch(desk).look() == 1

    file = await desk.changes.file(desk.newsroom.site, "bad-word")
    rule = file.rule
    assert (rule.live_version, rule.shadow_version) == (None, 1)
    assert rule.demoted_for is not None
    assert rule.demoted_for["because"] == "too_often"
    assert (file.states[0].state, file.states[0].actor_kind) == ("shadow", "service")
    assert (await desk.acts())[0] == "rule.demoted"


async def test_a_demotion_is_not_said_any_more_once_somebody_saw_to_it(desk: RuleDesk) -> None:
    await desk.past("You grunzel.", *(f"Good bread, {n}." for n in range(30)))
    await desk.save()
    await desk.go_live()
    await speak(desk, 20)
    await watch(desk).look()

    rule = await desk.changes.draft(desk.newsroom.site, "bad-word", desk.change(None))

    assert rule.demoted_at is None


async def test_a_rule_that_behaves_stays_live(desk: RuleDesk) -> None:
    await desk.past("You grunzel.")
    await desk.save()
    await desk.go_live()
    await speak(desk, 20)

    assert await watch(desk).look() == 0


async def test_the_hits_of_another_version_are_not_held_against_the_live_one(
    desk: RuleDesk,
) -> None:
    await desk.past("You grunzel.", *(f"Good bread, {n}." for n in range(30)))
    await desk.save()
    await desk.go_live()
    await speak(desk, 20, version=2)

    assert await watch(desk).look() == 0
