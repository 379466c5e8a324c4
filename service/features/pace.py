"""How fast a walk over much goes: as fast as it can, or so that nobody notices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol, TypeVar

T = TypeVar("T")

REST_TIMES = 25
"""A walk at leisure rests after each step so many times as long as it took: it has a twenty-fifth
of the time at most, however much there is, and in small pieces."""


class Pace(Protocol):
    """Puts rests between the steps of a walk, or none."""

    def __call__(self, steps: AsyncIterator[T], /) -> AsyncIterator[T]:
        """Yield the same steps."""


def at_once(steps: AsyncIterator[T]) -> AsyncIterator[T]:
    """Take one step after the other."""
    return steps


async def at_leisure(steps: AsyncIterator[T]) -> AsyncIterator[T]:
    """Rest after each step, what was done with it included."""
    clock = asyncio.get_running_loop().time
    begun = clock()
    async for step in steps:
        yield step
        await asyncio.sleep(REST_TIMES * (clock() - begun))
        begun = clock()
