"""Processes apart in which rules are tried on history, so that nobody waits for it.

They are started afresh, work at a low priority, and end with the one that started them.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent import futures
from contextlib import asynccontextmanager
from typing import TypeAlias
from uuid import UUID

from msgspec import Struct

from service.features.dry_run_tally import Before, Earlier, Tally, Walk
from service.features.screening import Rule, RuleDocument, RuleSet, compile_rules
from service.features.screening.sieve import Sieve
from service.features.screening.words import WordList
from service.model import Mode

NICENESS = 10
"""So much lower its priority is: a dry run may take its time, readers may not."""


class Job(Struct, frozen=True, kw_only=True):
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
async def apart(job: Job, *, processes: int = 1) -> AsyncIterator[Go]:
    """Lend a function that tries a job's rules on the next stretch, in processes of their own.

    Each author is one process's, and stretches are worked off in the order in which they are
    given: so every comment is met with what its author did before. BrokenProcessPool is raised
    when a process died.
    """
    pools = [_pool(job) for _ in range(processes)]

    async def go(before: Mapping[UUID, Before], comments: Sequence[Earlier]) -> Tally:
        known: list[dict[UUID, Before]] = [{} for _ in pools]
        parts: list[list[Earlier]] = [[] for _ in pools]
        for author_id, record in before.items():
            known[author_id.int % processes][author_id] = record
        for comment in comments:
            whose = comment.author_id or comment.comment_id
            parts[whose.int % processes].append(comment)
        work = [
            asyncio.wrap_future(pool.submit(_go, met, part))
            for pool, met, part in zip(pools, known, parts, strict=True)
        ]
        whole = Tally()
        for tally in await asyncio.gather(*work):
            whole.add(tally)
        return whole

    try:
        yield go
    finally:
        for pool in pools:
            pool.shutdown(wait=False, cancel_futures=True)


def _pool(job: Job) -> futures.ProcessPoolExecutor:
    return futures.ProcessPoolExecutor(
        max_workers=1,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
        initargs=(job,),
    )


def _begin(job: Job) -> None:
    global _walk  # noqa: PLW0603 - one process, one job
    os.nice(NICENESS)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # sent to all processes of a service at once
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _walk = walk_of(job)


def walk_of(job: Job) -> Walk:
    """Compile a job's rules: the one that is tried, and all others for what it hits.

    Raises:
        BadRules: they cannot be used.
    """
    mine = [rule for rule in job.rules if rule.id == job.tried]
    others = [rule for rule in job.rules if rule.id != job.tried]
    asks = any(leaf.kind == "rule_hit" for rule in mine for leaf in rule.when.leaves())
    return Walk(
        rules=_compiled([*mine, *others] if asks else mine, job),
        others=None if asks else _compiled(others, job),
        tried=job.tried,
        version=job.version,
        live=job.live,
        site=job.site,
        mode=job.mode,
        sieve=None if asks else Sieve.of(mine, job.lists),
    )


def _compiled(rules: Sequence[Rule], job: Job) -> RuleSet:
    document = RuleDocument.model_construct(version=1, rules=list(rules), lists={})
    return compile_rules(document, lists=job.lists)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(0)


def _go(before: Mapping[UUID, Before], comments: Sequence[Earlier]) -> Tally:
    assert _walk is not None
    _walk.meet(before)
    return _walk.go(comments)
