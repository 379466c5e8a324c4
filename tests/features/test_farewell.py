from __future__ import annotations

import asyncio

import pytest

from service.features.farewell import WAVE_MIN, WAVES_MAX, in_waves


async def sizes(count: int) -> list[int]:
    """Return how many goodbyes were said together, wave by wave."""
    waves: list[int] = [0]
    ended = asyncio.Event()

    def say() -> None:
        waves[-1] += 1

    async def tick() -> None:
        while not ended.is_set():
            await asyncio.sleep(0)
            waves.append(0)

    ticking = asyncio.create_task(tick())
    await in_waves([say] * count, pause_seconds=0.001)
    ended.set()
    await ticking
    return [size for size in waves if size]


async def test_few_streams_end_at_once() -> None:
    assert await sizes(0) == []
    assert await sizes(3) == [3]
    assert await sizes(WAVE_MIN) == [WAVE_MIN]


@pytest.mark.long
async def test_many_end_in_waves() -> None:
    assert await sizes(WAVE_MIN + 1) == [WAVE_MIN, 1]
    assert await sizes(5_000) == [500] * WAVES_MAX
