"""How long a reader waits for what is good to know and not needed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from service.errors import Unavailable

T = TypeVar("T")

PATIENCE_SECONDS = 1.0
"""A store that takes longer counts as away: a statement's own time is as long as a request's."""


async def in_time(asked: Awaitable[T], *, seconds: float = PATIENCE_SECONDS) -> T:
    """Return what is asked for, unless a store that hangs keeps it.

    Giving up takes another second: the connection is given back in order, or thrown away.

    Raises:
        Unavailable: it did not come in time.
    """
    try:
        async with asyncio.timeout(seconds):
            return await asked
    except TimeoutError as error:
        raise Unavailable from error
