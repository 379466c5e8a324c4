"""No text and no pattern makes screening slow."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from bench import hostile
from service.features.screening import Verdict, compile_rules, evaluate
from tests.features.screening.make import SHIPPED, facts

MOST_SECONDS = 0.03
"""Three times what is promised: a slow machine is no slow text."""

HOSTILE = dict(hostile.texts())
PATTERNED = compile_rules(hostile.patterned())


def fastest(work: Callable[[], Verdict]) -> float:
    """CPU seconds of the fastest of three tries."""
    took: list[float] = []
    for _ in range(3):
        began = time.thread_time()
        work()
        took.append(time.thread_time() - began)
    return min(took)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_takes_a_bounded_time(name: str) -> None:
    about = facts(HOSTILE[name])
    assert fastest(lambda: evaluate(about, SHIPPED)) < MOST_SECONDS


@pytest.mark.parametrize("name", ["runs", "dots", "every letter", "many words", "capitals"])
def test_hostile_patterns_take_a_bounded_time(name: str) -> None:
    about = facts(HOSTILE[name])
    assert fastest(lambda: evaluate(about, PATTERNED)) < 2 * MOST_SECONDS


def test_twice_the_text_takes_about_twice_the_time() -> None:
    piece = "you 1d10t i will kill y o u وكلب a.b.c http://a.example/ f**k "
    short = fastest(lambda: evaluate(facts(piece * 20), SHIPPED))
    long = fastest(lambda: evaluate(facts(piece * 160), SHIPPED))
    assert long < 8 * 3 * short
