"""Rules are tried on a text within the time that one text may take."""

from __future__ import annotations

import time
from collections.abc import Callable

from service.features.screening import Facts, RuleSet, Verdict, evaluate

BUDGET_SECONDS = 0.02
"""Time after which rules not yet tried are given up and the comment is held. All bounds
together keep hostile texts below half of it."""


def tried_here(facts: Facts, rules: RuleSet) -> Verdict:
    """Try rules on a text, and give up those for which the time of this thread is too short."""
    return evaluate(facts, rules, is_late=overtime(BUDGET_SECONDS))


def overtime(
    seconds: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    stopwatch: Callable[[], float] = time.thread_time,
) -> Callable[[], bool]:
    """Begin to count, and return what tells whether this thread has worked longer than that.

    A thread never works longer than time passes. So its own time, which only the kernel knows,
    is asked for once the clock on the wall leaves a doubt.
    """
    begun, worked = clock(), stopwatch()
    return lambda: clock() - begun > seconds and stopwatch() - worked > seconds
