"""What was looked up a moment ago: fresh for less than a second, kept for when Postgres is away."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from service.errors import Unavailable

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

FRESH_SECONDS = 0.75
"""How old an answer may be without asking again: with the time a look-up takes, a change is
seen everywhere within the promised second."""

STALE_AFTER_SECONDS = 0.25
"""How long a caller waits for a look-up when an older answer is at hand; as long as for a
connection."""

WAIT_SECONDS = 1.0
"""How long a caller waits when there is none."""

PAUSE_SECONDS = 0.5
"""How long an older answer is given without asking, after a look-up has failed."""

ENTRIES_MAX = 10_000
"""Answers remembered; about a kilobyte each. Whoever asks for more made-up names than that
pushes out only what nobody asked for since."""


@dataclass(slots=True)
class _Answer(Generic[V]):
    value: V
    at: float
    """When the look-up began, monotonic seconds."""
    ask_again_at: float


@dataclass(frozen=True, slots=True)
class _Question(Generic[V]):
    task: asyncio.Task[V]
    since: float


@dataclass(slots=True, kw_only=True)
class Recall(Generic[K, V]):
    """Remember answers; ask once for all who want to know at the same time.

    "Nothing" (None) is an answer too, but is never kept longer than it is fresh.
    """

    kept_seconds: float = float("inf")
    """How old an answer may be when the look-up fails or takes too long."""
    entries_max: int = ENTRIES_MAX
    clock: Callable[[], float] = time.monotonic
    _answers: OrderedDict[K, _Answer[V]] = field(default_factory=OrderedDict, init=False)
    _questions: dict[K, _Question[V]] = field(default_factory=dict, init=False)
    _tasks: set[asyncio.Task[V]] = field(default_factory=set, init=False)
    """Every look-up under way, also one that is not believed any more."""

    async def get(self, key: K, ask: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """Return the answer: remembered while fresh, else asked for, else remembered after all.

        Raises:
            Unavailable: it cannot be asked for in time, and nothing young enough is remembered.
        """
        now = self.clock()
        answer = self._answers.get(key)
        if answer is not None:
            self._answers.move_to_end(key)
            if now < answer.ask_again_at and self._may_serve(answer, now):
                return answer.value
        question = self._questions.get(key) or self._ask(key, ask, now)
        kept = answer is not None and self._may_serve(answer, now)
        wait = (STALE_AFTER_SECONDS if kept else WAIT_SECONDS) - (now - question.since)
        try:
            async with asyncio.timeout(max(wait, 0)):
                return await asyncio.shield(question.task)
        except TimeoutError as error:
            failure: Unavailable = Unavailable()
            failure.__cause__ = error
        except Unavailable as error:
            failure = error
        if answer is not None and self._may_serve(answer, self.clock()):
            answer.ask_again_at = self.clock() + PAUSE_SECONDS
            return answer.value
        raise failure

    def ready(self, key: K) -> V | None:
        """Return the answer if it is fresh: without asking, and without waiting."""
        answer = self._answers.get(key)
        if answer is None or self.clock() >= answer.ask_again_at:
            return None
        return answer.value

    def last(self, key: K) -> V | None:
        """Return the last answer that is young enough, for when nobody can be asked."""
        answer = self._answers.get(key)
        if answer is None or not self._may_serve(answer, self.clock()):
            return None
        return answer.value

    def put(self, key: K, value: V) -> None:
        """Remember what this process knows first-hand; a look-up under way is not believed."""
        self._questions.pop(key, None)
        self._store(key, value, self.clock())

    def forget(self, key: K) -> None:
        """Ask again next time; a look-up under way is not believed."""
        self._questions.pop(key, None)
        self._answers.pop(key, None)

    def _may_serve(self, answer: _Answer[V], now: float) -> bool:
        oldest = FRESH_SECONDS if answer.value is None else self.kept_seconds
        return now - answer.at < max(oldest, FRESH_SECONDS)

    def _ask(self, key: K, ask: Callable[[], Coroutine[Any, Any, V]], now: float) -> _Question[V]:
        question = _Question(task=asyncio.create_task(ask()), since=now)
        self._questions[key] = question
        self._tasks.add(question.task)
        question.task.add_done_callback(lambda _: self._hear(key, question))
        return question

    def _hear(self, key: K, question: _Question[V]) -> None:
        self._tasks.discard(question.task)
        failed = question.task.cancelled() or question.task.exception() is not None
        if self._questions.get(key) is not question:
            return
        del self._questions[key]
        if not failed:
            self._store(key, question.task.result(), question.since)

    def _store(self, key: K, value: V, at: float) -> None:
        self._answers[key] = _Answer(value=value, at=at, ask_again_at=at + FRESH_SECONDS)
        self._answers.move_to_end(key)
        while len(self._answers) > self.entries_max:
            self._answers.popitem(last=False)
