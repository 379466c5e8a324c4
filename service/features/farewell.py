"""How streams end when a process stops: few at once, many one wave after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

WAVES_MAX = 10
WAVE_MIN = 50
"""Streams that end together in any case: so many come back without anybody noticing."""
PAUSE_SECONDS = 1.0
"""Between two waves: all have ended within 10 s (protocol.md 3.4)."""


async def in_waves(
    goodbyes: Sequence[Callable[[], None]], *, pause_seconds: float = PAUSE_SECONDS
) -> None:
    """Say each goodbye."""
    size = max(WAVE_MIN, -(-len(goodbyes) // WAVES_MAX))
    for begin in range(0, len(goodbyes), size):
        if begin:
            await asyncio.sleep(pause_seconds)
        for say in goodbyes[begin : begin + size]:
            say()
