"""An event loop in a thread of its own: the service runs there, as if in another process.

So the tests themselves need no loop, and the service's loop does not stand still between them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Aside:
    """Another thread's loop."""

    loop: asyncio.AbstractEventLoop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Let it do something, and wait for the result."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE_SECONDS)

    @contextmanager
    def inside(self, context: AbstractAsyncContextManager[T]) -> Iterator[T]:
        """Keep a context open there: one task enters and leaves it."""
        entered: Future[T] = Future()
        done = asyncio.Event()

        async def live() -> None:
            try:
                async with context as value:
                    entered.set_result(value)
                    await done.wait()
            except BaseException as error:
                if entered.done():
                    raise
                entered.set_exception(error)

        living = asyncio.run_coroutine_threadsafe(live(), self.loop)
        try:
            yield entered.result(PATIENCE_SECONDS)
        finally:
            self.loop.call_soon_threadsafe(done.set)
            living.result(PATIENCE_SECONDS)


@contextmanager
def aside() -> Iterator[Aside]:
    """Run a loop in a thread of its own until the block ends."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="service", daemon=True)
    thread.start()
    try:
        yield Aside(loop)
    finally:
        asyncio.run_coroutine_threadsafe(_end_all(), loop).result(PATIENCE_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE_SECONDS)
        loop.close()


async def _end_all() -> None:
    """End what is still at work."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
