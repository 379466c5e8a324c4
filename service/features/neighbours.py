"""Which cluster a text belongs to: asked for all comments together that come at the same time.

Two statements for twenty take little longer than for one, and their signatures a third of the
time. Who comes while nothing is asked is answered at once; who comes meanwhile is in the next
round.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextvars import Context
from datetime import datetime
from typing import NamedTuple, Protocol, TypeAlias

from msgspec import Struct, field

from service.features.in_time import in_time
from service.features.screening.minhash import ALIKE, Signature, likenesses, signatures_of
from service.model import Site
from service.storage.clusters import Changed, ClusterPlace, Lively, SignatureRow
from service.telemetry import spend

ROUND_MAX = 32
"""Texts of one round: their signatures keep everybody else for less than a millisecond."""
ROUND_SECONDS = 0.25
"""How long a round may take; nobody waits longer for it (`screen.ANSWER_SECONDS`)."""

AlikeOf: TypeAlias = Callable[[Collection[int]], Awaitable[Sequence[SignatureRow]]]
"""Returns every signature of clusters that have one with one of these bands."""


class LatelyOf(Protocol):
    """Returns clusters with what came to them lately."""

    def __call__(
        self, places: Collection[ClusterPlace], *, since: datetime
    ) -> Awaitable[Mapping[ClusterPlace, Lively]]:
        """Ask for several at once."""


class Nearest(NamedTuple):
    """The cluster a text belongs to."""

    place: ClusterPlace
    likeness: float
    """To the comment of it that is most alike."""
    to_first: float
    """To its first comment; to the next of those left, where that is gone."""


class Near(Struct):
    """What the comments of one batch are compared with: it grows with them."""

    of_band: dict[int, set[ClusterPlace]]
    """By band of the batch: of what is alike to it most bands are asked by nobody."""
    of_cluster: dict[ClusterPlace, list[SignatureRow]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add(self, row: SignatureRow) -> None:
        """Take in a signature of a cluster."""
        self.of_cluster[row.place].append(row)
        for band in row.bands:
            if band in self.of_band:
                self.of_band[band].add(row.place)

    def drop(self, comment: Changed) -> None:
        """Forget the signature of a former text."""
        if comment.cluster_id is not None:
            place = ClusterPlace(comment.site_id, comment.cluster_id)
            self.of_cluster[place] = [
                row for row in self.of_cluster[place] if row.comment_id != comment.comment_id
            ]

    def nearest(self, site_id: int, signature: Signature) -> Nearest | None:
        """Return the most alike cluster, or None."""
        places = {
            place
            for band in signature.bands
            for place in self.of_band[band]
            if place.site_id == site_id
        }
        if not places:
            return None
        rows = [row for place in places for row in self.of_cluster[place]]
        shares = likenesses(signature, [row.numbers for row in rows])
        best, place = max(
            zip(shares, (row.place for row in rows), strict=True), default=(0.0, None)
        )
        if place is None or best < ALIKE:
            return None
        of_place = {
            row.comment_id: share
            for row, share in zip(rows, shares, strict=True)
            if row.place == place
        }
        to_first = of_place.get(place.cluster_id, next(iter(of_place.values())))
        return Nearest(place, best, to_first)


class _Question(Struct, frozen=True):
    """Who wants to know about which text."""

    site_id: int
    text: str
    since: datetime
    answer: asyncio.Future[Lively | None]


class Neighbours(Struct):
    """Put questions together; one a process."""

    alike_of: AlikeOf
    lately_of: LatelyOf
    _waiting: deque[_Question] = field(default_factory=deque)
    _round: asyncio.Task[None] | None = None

    async def cluster_of(self, site: Site, text: str, *, since: datetime) -> Lively | None:
        """Return the cluster a text belongs to, with what came to it since a time, or None.

        Raises:
            Unavailable: Postgres is away or does not answer in time.
        """
        loop = asyncio.get_running_loop()
        question = _Question(site.site_id, text, since, loop.create_future())
        self._waiting.append(question)
        if self._round is None:
            # In nobody's context: a round is part of no request more than of another.
            self._round = loop.create_task(self._answer_all(), context=Context())
        begun = loop.time()
        try:
            return await question.answer
        finally:
            spend("postgres", loop.time() - begun)

    async def _answer_all(self) -> None:
        """Answer everybody who waits, round by round."""
        try:
            while questions := self._taken():
                await self._answer(questions)
        finally:
            self._round = None

    def _taken(self) -> list[_Question]:
        """Take the first of those who still wait."""
        taken: list[_Question] = []
        while self._waiting and len(taken) < ROUND_MAX:
            question = self._waiting.popleft()
            if not question.answer.done():
                taken.append(question)
        return taken

    async def _answer(self, questions: Sequence[_Question]) -> None:
        try:
            found = await in_time(self._found(questions), seconds=ROUND_SECONDS)
            for each, cluster in zip(questions, found, strict=True):
                if not each.answer.done():
                    each.answer.set_result(cluster)
        except Exception as error:  # noqa: BLE001 - whoever asked says what it means
            for each in questions:
                if not each.answer.done():
                    each.answer.set_exception(error)

    async def _found(self, questions: Sequence[_Question]) -> list[Lively | None]:
        """Return the answers, with two statements for all."""
        signatures = signatures_of([(each.text, each.site_id) for each in questions])
        near = Near({band: set() for each in signatures if each for band in each.bands})
        for row in await self.alike_of(near.of_band) if near.of_band else ():
            near.add(row)
        nearest = [
            near.nearest(each.site_id, signature) if signature else None
            for each, signature in zip(questions, signatures, strict=True)
        ]
        places = {each.place for each in nearest if each}
        if not places:
            return [None] * len(questions)
        clusters = await self.lately_of(places, since=min(each.since for each in questions))
        return [clusters.get(each.place) if each else None for each in nearest]
