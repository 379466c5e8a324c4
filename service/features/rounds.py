"""Decisions that come at the same time are committed together.

One commit waits for the disk as long as one of 200 does. Who comes while nothing is under way is
decided at once and alone; who comes meanwhile waits 2 ms for company at most, unless the same
articles are being decided on: then as long as that takes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias
from uuid import UUID

import msgspec
import structlog
from msgspec import Struct

from service.errors import Unavailable
from service.features.outcomes import DecisionRequest, Result
from service.model import Actor, Lease, PendingComment, Site
from service.storage.changes import ArticlePlace, Place

log = structlog.get_logger(__name__)

ROUND_MAX = 200
"""Decisions of one round, as of one request (protocol.md Ruling 10)."""
COMPANY_SECONDS = 0.002
"""How long somebody waits for others while a round is under way."""
ROUNDS_MAX = 3
"""Rounds under way at once, beside one that waits for what others hold."""
AS_ONE = timedelta(seconds=1)
"""Requests further apart than this are of different times, and say so in the log."""

Answers: TypeAlias = dict[UUID, Result]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Motion:
    """What one caller wants decided, and what was known of it beforehand."""

    sites: Mapping[int, Site]
    requests: Sequence[DecisionRequest]
    places: Mapping[UUID, Place]
    items: Mapping[UUID, PendingComment]
    leases: Mapping[UUID, Lease]
    actor: Actor
    now: datetime
    context: Context = field(default_factory=copy_context)
    """The caller's: what is decided carries its request's id."""
    answer: asyncio.Future[Answers] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    articles: dict[ArticlePlace, str | None] = field(init=False, default_factory=dict)
    """What it is about, with the articles' keys where they are known."""

    def __post_init__(self) -> None:
        """Gather the articles."""
        for request in self.requests:
            place = self.places[request.comment_id]
            article = ArticlePlace(place.site_id, place.article_id)
            item = self.items.get(request.comment_id)
            self.articles[article] = item.article_key if item else self.articles.get(article)

    def give(self, answers: Answers) -> None:
        """Answer, unless nobody waits any more."""
        if not self.answer.done():
            self.answer.set_result(answers)

    def fail(self, error: Exception) -> None:
        """Say that it was not decided, or that nobody knows."""
        if not self.answer.done():
            self.answer.set_exception(error)


Committed: TypeAlias = Callable[[Sequence[Motion]], None]


class Sit(Protocol):
    """Decides motions in one transaction and answers them."""

    async def __call__(
        self, motions: Sequence[Motion], *, waits: bool, committed: Committed
    ) -> Sequence[Motion]:
        """Return those whose articles others hold; with `waits` it waits for them instead.

        `committed` is told of them when no article is held any more: it only cleans up and answers.
        """


class Rounds(Struct, kw_only=True):
    """Put motions together; one a process."""

    _waiting: deque[Motion] = msgspec.field(default_factory=deque)
    _held_elsewhere: list[Motion] = msgspec.field(default_factory=list)
    _busy: set[ArticlePlace] = msgspec.field(default_factory=set)
    """Articles of the rounds under way: one process does not wait for itself in Postgres."""
    _under_way: set[asyncio.Task[None]] = msgspec.field(default_factory=set)
    _patient: asyncio.Task[None] | None = None
    _company: asyncio.TimerHandle | None = None

    async def decide(self, motion: Motion, sit: Sit) -> Answers:
        """Have a motion decided with others; `sit` is the same for all.

        Raises:
            Unavailable: the outcome is unknown; a repetition under the same ids tells.
        """
        self._waiting.append(motion)
        if not self._under_way:
            self._begin(sit)
        elif self._company is None:
            loop = asyncio.get_running_loop()
            self._company = loop.call_later(COMPANY_SECONDS, self._begin, sit)
        return await motion.answer

    def _begin(self, sit: Sit) -> None:
        """Begin as many rounds as there is room and work for."""
        if self._company is not None:
            self._company.cancel()
            self._company = None
        if self._held_elsewhere and self._patient is None:
            motions, self._held_elsewhere = _apart(self._held_elsewhere)
            self._patient = self._task(motions, sit, waits=True)
        while len(self._under_way) < ROUNDS_MAX and (motions := self._chosen()):
            alone = len(motions) == 1 and not self._under_way
            self._under_way.add(self._task(motions, sit, waits=alone))

    def _chosen(self) -> list[Motion]:
        """Take from those that wait whatever can be one round, the first ones first."""
        chosen: list[Motion] = []
        left: deque[Motion] = deque()
        taken, comments, count = set(self._busy), set[UUID](), 0
        for motion in self._waiting:
            ids = {request.comment_id for request in motion.requests}
            articles = motion.articles.keys()
            if motion.answer.done():
                continue  # whoever asked has gone away
            together = not chosen or (
                count + len(ids) <= ROUND_MAX
                and abs(motion.now - chosen[0].now) <= AS_ONE
                and comments.isdisjoint(ids)
            )
            if together and taken.isdisjoint(articles):
                chosen.append(motion)
                comments |= ids
                count += len(ids)
                continue
            left.append(motion)
            if not together or not self._busy.isdisjoint(articles):
                taken |= articles  # nobody overtakes who has waited longer
        self._waiting = left
        return chosen

    def _task(self, motions: Sequence[Motion], sit: Sit, *, waits: bool) -> asyncio.Task[None]:
        articles = {article for motion in motions for article in motion.articles}
        self._busy |= articles

        def free(left: Sequence[Motion] = ()) -> None:
            """Let the next round have the articles, while this one still cleans Redis."""
            kept = {article for motion in left for article in motion.articles}
            self._busy.difference_update(articles - kept)
            articles.intersection_update(kept)
            self._begin(sit)

        work = self._round(motions, sit, waits=waits, committed=free)
        task = asyncio.get_running_loop().create_task(work, context=Context())

        def end(_: asyncio.Task[None]) -> None:
            self._under_way.discard(task)
            if self._patient is task:
                self._patient = None
            free()

        task.add_done_callback(end)
        return task

    async def _round(
        self, motions: Sequence[Motion], sit: Sit, *, waits: bool, committed: Committed
    ) -> None:
        try:
            self._held_elsewhere += await sit(motions, waits=waits, committed=committed)
        except Unavailable as failure:
            for motion in motions:
                motion.fail(failure)
        except Exception as error:  # noqa: BLE001 - whoever waits is told
            if len(motions) == 1:
                motions[0].fail(error)
                return
            log.warning("round_divided", motions=len(motions), error_kind=type(error).__name__)
            for motion in motions:  # one of them is at fault: the others are not to suffer
                await self._round([motion], sit, waits=True, committed=_not_yet)
        finally:
            for motion in motions:
                if motion not in self._held_elsewhere:
                    motion.answer.cancel()  # nothing, unless the process ends


def _not_yet(_: Sequence[Motion]) -> None:
    """Keep the articles: others of a round that was divided are still to be decided."""


def _apart(motions: Sequence[Motion]) -> tuple[list[Motion], list[Motion]]:
    """Divide into those that speak of different comments, and what has to come after them."""
    first: list[Motion] = []
    later: list[Motion] = []
    comments: set[UUID] = set()
    for motion in motions:
        ids = {request.comment_id for request in motion.requests}
        (first if comments.isdisjoint(ids) else later).append(motion)
        comments |= ids
    return first, later
