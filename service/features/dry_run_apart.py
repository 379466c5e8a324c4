"""A process apart in which rules are tried on history, so that nobody waits for it.

It is started afresh, works at the lowest priority, and ends with the one that started it.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from service.features.dry_run_tally import Before, Earlier, Tally, Walk
from service.features.screening import Rule, RuleDocument, compile_rules
from service.features.screening.words import WordList
from service.model import Mode

NICENESS = 10
"""So much lower its priority is: a dry run may take its time, readers may not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is tried on whose history."""

    rules: Sequence[Rule]
    lists: Mapping[str, WordList]
    tried: str
    version: int
    live: int | None
    site: str
    mode: Mode


Go: TypeAlias = Callable[[Mapping[UUID, Before], Sequence[Earlier]], Awaitable[Tally]]

_walk: Walk | None = None


@asynccontextmanager
async def apart(job: Job) -> AsyncIterator[Go]:
    """Lend a function that tries a job's rules on the next stretch, in a process of its own.

    Stretches are worked off in the order in which they are given. BrokenProcessPool is raised
    when the process died.
    """
    pool = ProcessPoolExecutor(
        max_workers=1,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
        initargs=(job,),
    )

    async def go(before: Mapping[UUID, Before], comments: Sequence[Earlier]) -> Tally:
        return await asyncio.wrap_future(pool.submit(_go, dict(before), list(comments)))

    try:
        yield go
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _begin(job: Job) -> None:
    global _walk  # noqa: PLW0603 - one process, one job
    os.nice(NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    document = RuleDocument.model_construct(version=1, rules=list(job.rules), lists={})
    _walk = Walk(
        rules=compile_rules(document, lists=job.lists),
        tried=job.tried,
        version=job.version,
        live=job.live,
        site=job.site,
        mode=job.mode,
    )


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(0)


def _go(before: Mapping[UUID, Before], comments: Sequence[Earlier]) -> Tally:
    assert _walk is not None
    _walk.meet(before)
    return _walk.go(comments)
