"""A process dies where it was told to, and nowhere else."""

from __future__ import annotations

import subprocess
import sys

import pytest

from service.crash import EXIT_CODE, VARIABLE, Fuse, Point

PASSES = """
from service import crash
for time in (1, 2, 3):
    print(time, flush=True)
    crash.reached(crash.Point.DECIDE_COMMITTED)
"""


@pytest.mark.parametrize(
    ("chosen", "passed", "code"),
    [
        ("decide.committed", "1", EXIT_CODE),
        ("decide.committed:3", "1 2 3", EXIT_CODE),
        ("decide.committed:4", "1 2 3", 0),
        ("decide.told", "1 2 3", 0),
        ("", "1 2 3", 0),
    ],
)
def test_a_process_dies_where_and_when_it_was_told_to(chosen: str, passed: str, code: int) -> None:
    ended = subprocess.run(  # noqa: S603 - our own interpreter and words
        [sys.executable, "-c", PASSES],
        env={VARIABLE: chosen, "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.stdout.split(), ended.returncode) == (passed.split(), code)


@pytest.mark.parametrize("chosen", ["decide.nowhere", "decide.committed:often"])
def test_a_place_that_does_not_exist_is_refused(chosen: str) -> None:
    with pytest.raises(ValueError, match=r"nowhere|often"):
        Fuse({VARIABLE: chosen})


def test_there_are_enough_places() -> None:
    assert len(Point) >= 18
