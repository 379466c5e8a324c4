"""A process apart in which a model learns: seconds of arithmetic that nobody waits for."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Mapping
from concurrent import futures
from typing import TYPE_CHECKING, Any

from service.features.learning.lesson import Lesson
from service.features.learning.model import Model
from service.features.learning.report import Learnt, study

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

NICENESS = 15
"""So much lower its priority is: comments and moderators come first."""
MINUTES = 10
"""How long a lesson may take before it is given up."""


async def study_apart(
    lesson: Lesson, *, before: Mapping[str, Any] | None, current: tuple[bytes, bytes] | None
) -> Learnt:
    """Learn a lesson in a process of its own.

    It ends with whoever waits for it: a service that stops does not wait for a lesson.

    Raises:
        TimeoutError: it took too long.
        BrokenProcessPool: the process died.
    """
    context = multiprocessing.get_context("spawn")
    line, our_end = context.Pipe(duplex=False)
    pool = futures.ProcessPoolExecutor(
        max_workers=1, mp_context=context, initializer=_begin, initargs=(line,)
    )
    try:
        async with asyncio.timeout(MINUTES * 60):
            return await asyncio.wrap_future(pool.submit(_study, lesson, before, current))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        our_end.close()
        line.close()


def _begin(line: Connection) -> None:
    os.nice(NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_whoever_waits, args=(line,), daemon=True).start()


def _end_with_whoever_waits(line: Connection) -> None:
    """End once the other end of a line is closed, which it is when its process is gone, too."""
    line.poll(None)
    os._exit(0)


def _study(
    lesson: Lesson, before: Mapping[str, Any] | None, current: tuple[bytes, bytes] | None
) -> Learnt:
    model = Model.restored(current[0], sha256=current[1]) if current else None
    return study(lesson, before=before, current=model)
