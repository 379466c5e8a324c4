"""How long one text may keep a thread."""

from __future__ import annotations

import pytest

from service.features.trying import overtime


@pytest.mark.parametrize(
    ("passed", "worked", "late"),
    [
        (0.01, 0.01, False),
        (0.02, 0.02, False),
        (9.0, 0.01, False),
        (0.03, 0.02, False),
        (0.03, 0.03, True),
        (9.0, 0.03, True),
    ],
)
def test_only_work_of_the_thread_itself_is_overtime(
    passed: float, worked: float, *, late: bool
) -> None:
    times, work = iter([5.0, 5.0 + passed]), iter([3.0, 3.0 + worked])
    is_late = overtime(0.0205, clock=lambda: next(times), stopwatch=lambda: next(work))
    assert is_late() is late


def test_the_threads_time_is_asked_for_only_once_enough_has_passed() -> None:
    times, work = iter([5.0, 5.01, 5.02]), iter([3.0])
    is_late = overtime(0.0205, clock=lambda: next(times), stopwatch=lambda: next(work))
    assert not is_late()
    assert not is_late()
    assert next(work, None) is None
