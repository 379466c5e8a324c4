"""Builds under way: one for all who ask meanwhile, and none for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct

from service.errors import Unavailable
from service.features.shelf import Kept, Key


class BuildTooSlow(Unavailable):
    """An answer could not be put together in time."""

    code = "too_slow"
    title = "This takes too long right now."


Load: TypeAlias = Callable[[Sequence[Key], float], Awaitable[Mapping[Key, Kept]]]
"""Builds the answers to some keys, as begun at a time of the cache's clock."""


class Flight(Struct, frozen=True, kw_only=True):
    """A build under way, for one key or several."""

    task: asyncio.Task[Mapping[Key, Kept]]
    begun_at: float
    begun: int
    """Number of the latest invalidation when it began."""

    def __post_init__(self) -> None:
        self.task.add_done_callback(_look_at)


async def loaded_in_time(
    keys: Sequence[Key], load: Load, *, begun_at: float, seconds: float
) -> Mapping[Key, Kept]:
    """Return what a build gives.

    Raises:
        BuildTooSlow: it took longer than so many seconds.
    """
    try:
        async with asyncio.timeout(seconds) as limit:
            return await load(keys, begun_at)
    except TimeoutError as error:
        if limit.expired():
            raise BuildTooSlow from error
        raise


def _look_at(task: asyncio.Task[Mapping[Key, Kept]]) -> None:
    """Take note of a failure that nobody waits for any longer."""
    if not task.cancelled():
        task.exception()
