"""Work that takes too long, by one timer for all of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from service.web.hourglass import Hourglass


async def _told(glass: Hourglass, work: Callable[[], asyncio.Future[None]]) -> str:
    under_way = glass.begin()
    try:
        await work()
    except asyncio.CancelledError:
        if under_way.took_too_long:
            return "too long"
        raise
    finally:
        glass.end(under_way)
    return "done"


def _never() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


def _at_once() -> asyncio.Future[None]:
    done = _never()
    done.set_result(None)
    return done


async def test_whoever_works_too_long_is_told_to_end_and_goes_on_afterwards() -> None:
    glass = Hourglass(seconds=0.01)
    async with asyncio.timeout(5):
        assert await _told(glass, _never) == "too long"
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        assert await _told(glass, _at_once) == "done"


async def test_each_has_its_own_time() -> None:
    glass = Hourglass(seconds=0.02)
    async with asyncio.timeout(5):
        first = asyncio.create_task(_told(glass, _never))
        quick = asyncio.create_task(_told(glass, _at_once))
        await asyncio.sleep(0)
        second = asyncio.create_task(_told(glass, _never))
        await asyncio.gather(first, quick, second)
    assert [first.result(), quick.result(), second.result()] == ["too long", "done", "too long"]


async def test_after_a_rest_the_time_is_counted_again() -> None:
    glass = Hourglass(seconds=0.01)
    async with asyncio.timeout(5):
        for _ in range(3):
            assert await asyncio.create_task(_told(glass, _never)) == "too long"


async def test_what_somebody_else_ends_has_not_taken_too_long() -> None:
    glass = Hourglass(seconds=60)
    task = asyncio.create_task(_told(glass, _never))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_is_ended_twice_ends_for_whoever_ended_it() -> None:
    glass = Hourglass(seconds=0.01)

    async def stubborn() -> str:
        under_way = glass.begin()
        try:
            await _never()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()  # as a server that stops at that very moment
            assert not under_way.took_too_long
            raise
        finally:
            glass.end(under_way)
        return "done"

    async with asyncio.timeout(5):
        task = asyncio.create_task(stubborn())
        with pytest.raises(asyncio.CancelledError):
            await task
