"""What was looked up a moment ago: fresh for less than a second, kept for when Postgres is away."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, Generic, TypeAlias, TypeVar

from msgspec import Struct

from service.errors import Unavailable

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
Ask: TypeAlias = Callable[[Sequence[K]], Coroutine[Any, Any, Mapping[K, V]]]
"""Looks several keys up; the answer has each of them."""

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

ALONG_MAX = 100
"""Answers looked at for what is asked for along with another."""

ALONG_SECONDS = 0.4
"""How long those may be fresh yet: half of their time, so that what is in use is asked for
together from then on."""


class _Answer(Struct, Generic[V]):
    value: V
    at: float
    """When the look-up began, monotonic seconds."""
    ask_again_at: float
    used: bool = False
    """Somebody wanted it since."""


class _Question(Struct, Generic[K, V], frozen=True):
    task: asyncio.Task[Mapping[K, V]]
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
    _questions: dict[K, _Question[K, V]] = field(default_factory=dict, init=False)
    _tasks: set[asyncio.Task[Mapping[K, V]]] = field(default_factory=set, init=False)
    """Every look-up under way, also one that is not believed any more."""

    async def get(self, key: K, ask: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """Return the answer: remembered while fresh, else asked for, else remembered after all.

        Raises:
            Unavailable: it cannot be asked for in time, and nothing young enough is remembered.
        """
        return await self._get(key, partial(_alone, ask), along=False)

    async def get_along(self, key: K, ask: Ask[K, V]) -> V:
        """Return the answer, as `get`; with it is asked for what else is used and soon too old.

        Raises:
            Unavailable: as `get`.
        """
        return await self._get(key, ask, along=True)

    async def _get(self, key: K, ask: Ask[K, V], *, along: bool) -> V:
        now = self.clock()
        answer = self._answers.get(key)
        if answer is not None:
            self._answers.move_to_end(key)
            answer.used = True
            if now < answer.ask_again_at and self._may_serve(answer, now):
                return answer.value
        question = self._questions.get(key)
        if question is None:
            question = self._ask([key, *(self._due(key, now) if along else ())], ask, now)
        kept = answer is not None and self._may_serve(answer, now)
        wait = (STALE_AFTER_SECONDS if kept else WAIT_SECONDS) - (now - question.since)
        try:
            async with asyncio.timeout(max(wait, 0)):
                return (await asyncio.shield(question.task))[key]
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

    def _due(self, wanted: K, now: float) -> list[K]:
        """Return what else is in use, and has to be asked for soon."""
        return [
            key
            for key, answer in islice(reversed(self._answers.items()), ALONG_MAX)
            if answer.used
            and now >= answer.ask_again_at - ALONG_SECONDS
            and key not in self._questions
            and key != wanted
        ]

    def _ask(self, keys: Sequence[K], ask: Ask[K, V], now: float) -> _Question[K, V]:
        question = _Question(task=asyncio.create_task(ask(keys)), since=now)
        self._questions.update(dict.fromkeys(keys, question))
        self._tasks.add(question.task)
        question.task.add_done_callback(lambda _: self._hear(keys, question))
        return question

    def _hear(self, keys: Sequence[K], question: _Question[K, V]) -> None:
        self._tasks.discard(question.task)
        failed = question.task.cancelled() or question.task.exception() is not None
        for key in keys:
            if self._questions.get(key) is question:
                del self._questions[key]
                if not failed:
                    self._store(key, question.task.result()[key], question.since)

    def _store(self, key: K, value: V, at: float) -> None:
        self._answers[key] = _Answer(value=value, at=at, ask_again_at=at + FRESH_SECONDS)
        self._answers.move_to_end(key)
        while len(self._answers) > self.entries_max:
            self._answers.popitem(last=False)


async def _alone(ask: Callable[[], Coroutine[Any, Any, V]], keys: Sequence[K]) -> Mapping[K, V]:
    return {keys[0]: await ask()}
