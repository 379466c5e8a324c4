"""How much of something is done: little by the way, as much as is published in `make faults`."""

from __future__ import annotations

import os

import pytest

LITTLE_AND_MUCH = (
    pytest.param("little", marks=pytest.mark.long),
    pytest.param("much", marks=pytest.mark.faults),
)
"""One test as `make long` and as `make faults` run it."""


def size(name: str, amount: str, *, little: int, much: int) -> int:
    """Return what POSTBAG_TEST_<name> says or, where it says nothing, one of the two."""
    said = os.environ.get(f"POSTBAG_TEST_{name}")
    if said is not None:
        return int(said)
    return much if amount == "much" else little
