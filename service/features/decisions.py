"""Deciding: one transaction, one winner a decision, and everybody else told who it was."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Literal, TypeVar
from uuid import UUID

import structlog
from msgspec import Struct, field

from service import crash
from service.errors import FieldError, Invalid, NotFound, Unavailable
from service.features.cleanups import Cleanups
from service.features.invalidation import Invalidations
from service.features.outcomes import (
    AmbiguousDecision,
    DecidedSince,
    DecisionRequest,
    Outcome,
    Result,
    TextGone,
    UndoRefused,
)
from service.features.reasons import reason_fault
from service.features.rounds import Answers, Committed, Motion, Rounds
from service.features.sitting import Sitting
from service.features.telling import Telling
from service.features.transitions import NEEDS_REASON
from service.model import (
    Action,
    Actor,
    ActorKind,
    Decision,
    Lease,
    PendingComment,
    Site,
    Status,
    made_at,
)
from service.storage.changes import ArticlePlace, Changes, Place
from service.storage.decisions import Deciding, DecisionStore, Question, Refused
from service.storage.pending import PendingStore
from service.storage.recents import RecentStore

log = structlog.get_logger(__name__)

T = TypeVar("T")

DECISIONS_MAX = 200
"""Decisions of one request (api.md)."""
TRIES = 3
"""Refusals by Postgres before a comment is set aside (protocol.md 2.5)."""


def _unheard(_: Outcome, __: Action, ___: ActorKind, ____: int) -> None:
    """Count nothing."""


class Reversal(Struct, frozen=True, kw_only=True):
    """An undone decision."""

    decision: Decision
    site: Site
    comment_id: UUID


class _Waiting(Struct, frozen=True, kw_only=True):
    """What Redis knows of the comments in question."""

    items: dict[UUID, PendingComment] = field(default_factory=dict)
    leases: dict[UUID, Lease] = field(default_factory=dict)
    failure: Unavailable | None = None


class Decisions(Struct, frozen=True, kw_only=True):
    """Decide comments and undo decisions."""

    store: DecisionStore
    pending: PendingStore
    recents: RecentStore
    invalidations: Invalidations
    new_id: Callable[[datetime], UUID]
    heard: Callable[[Outcome, Action, ActorKind, int], None] = _unheard
    """Told what became of how many."""
    telling: Telling = field(default_factory=Telling)
    tries: Counter[UUID] = field(default_factory=Counter)
    rounds: Rounds = field(default_factory=Rounds)
    cleanups: Cleanups = field(default_factory=Cleanups)

    async def decide(
        self,
        sites: Sequence[Site],
        requests: Sequence[DecisionRequest],
        *,
        actor: Actor,
        now: datetime,
    ) -> list[Result]:
        """Decide up to 200 comments of these sites; results in the order of the requests.

        `applied` is said only after the commit that holds the decision.

        Raises:
            Invalid: an unknown or missing reason, or one comment twice.
            Unavailable: Postgres cannot commit (the outcome is unknown, repeating is safe), or
                Redis is away and a comment is known nowhere else.
        """
        _check(sites, requests)
        by_id = {site.site_id: site for site in sites}
        ids = [request.comment_id for request in requests]
        waiting = await self._waiting(sites, ids)
        places = {
            comment_id: Place(item.site_id, item.article_id, comment_id)
            for comment_id, item in waiting.items.items()
        }
        elsewhere = [comment_id for comment_id in ids if comment_id not in places]
        if elsewhere:
            places |= await self.store.places([*by_id], elsewhere)
        known = [request for request in requests if request.comment_id in places]
        if len(known) < len(requests) and waiting.failure is not None:
            raise waiting.failure
        results = {
            request.comment_id: Result(comment_id=request.comment_id, outcome=Outcome.NOT_FOUND)
            for request in requests
        }
        if known:
            motion = Motion(
                sites=by_id,
                requests=known,
                places=places,
                items=waiting.items,
                leases=waiting.leases,
                actor=actor,
                now=now,
            )
            results |= await self.rounds.decide(motion, self._sit)
        became = Counter((results[each.comment_id].outcome, each.action) for each in requests)
        for (outcome, action), count in became.items():
            self.heard(outcome, action, actor.kind, count)
        return [results[comment_id] for comment_id in ids]

    async def reverse(
        self,
        sites: Sequence[Site],
        decision_id: UUID,
        *,
        comment_id: UUID | None = None,
        actor: Actor,
        now: datetime,
    ) -> Reversal:
        """Undo a comment's latest decision by a new entry in the log.

        Raises:
            NotFound: no such decision on these sites.
            Conflict: `decided_since`, `text_gone`, `undo_refused` or `ambiguous_decision`.
            Unavailable: Postgres cannot commit.
        """
        by_id = {site.site_id: site for site in sites}
        found = await self.store.places_of_decision([*by_id], decision_id)
        places = [place for place, _ in found if comment_id in (None, place.comment_id)]
        if not places:
            raise NotFound("There is no such decision.")
        if len(places) > 1:
            raise AmbiguousDecision
        place = places[0]
        site = by_id[place.site_id]
        waiting = await self._waiting([site], [place.comment_id])
        new_id = self.new_id(now)
        try:
            async with self.store.deciding({ArticlePlace(*place[:2]): None}) as deciding:
                sitting = await Sitting.open(
                    deciding,
                    sites=by_id,
                    questions=[Question(place, new_id)],
                    items=waiting.items,
                    leases={},
                    changes=Changes(at=now),
                    actor=actor,
                )
                decision, fresh = await sitting.reverse(place, decision_id, new_id)
                if fresh:
                    await deciding.write(sitting.changes)
        except Refused as refusal:
            comment = str(place.comment_id)
            log.error("undo_refused", comment=comment, sqlstate=refusal.sqlstate)  # noqa: TRY400 - its trace says no more
            raise UndoRefused from refusal
        if fresh:
            self.telling.decided(site, [decision], actor)
            await self.clean(by_id, sitting)
        return Reversal(decision=decision, site=site, comment_id=place.comment_id)

    async def reverse_each(
        self, site: Site, pairs: Iterable[tuple[UUID, UUID]], *, actor: Actor, now: datetime
    ) -> dict[UUID, Literal["undone", "kept"]]:
        """Take decisions back one by one.

        One that was overtaken, has no text left or that Postgres will not have back is kept.

        `pairs` are of decision and comment; the answer is by comment.
        """
        undone: dict[UUID, Literal["undone", "kept"]] = {}
        for decision_id, comment_id in pairs:
            try:
                await self.reverse([site], decision_id, comment_id=comment_id, actor=actor, now=now)
            except (NotFound, DecidedSince, TextGone, UndoRefused):
                undone[comment_id] = "kept"
            else:
                undone[comment_id] = "undone"
        return undone

    async def names(
        self, decisions: Iterable[Decision | None], *, asker: Actor | None = None
    ) -> dict[tuple[str, str], str]:
        """Return what those who decided are called, by (kind, id); a key without a name its id.

        Who asks is not asked about.

        Raises:
            Unavailable: Postgres is away.
        """
        actors = {(each.actor_kind, each.actor_id) for each in decisions if each is not None}
        known = {}
        if asker is not None and asker.name:
            known = {(asker.kind, asker.actor_id): asker.name}
        names = known | await self.store.names(actors - known.keys())
        return {actor: names.get(actor) or actor[1] for actor in actors if actor[0] != "author"}

    def _tell(self, motion: Motion, results: Answers) -> None:
        """Let colleagues see what was decided just now."""
        applied: dict[int, list[Decision]] = {}
        for request in motion.requests:
            result = results.get(request.comment_id)
            if result is None or result.outcome is not Outcome.APPLIED or result.decision is None:
                continue
            applied.setdefault(result.decision.site_id, []).append(result.decision)
        for site_id, decisions in applied.items():
            self.telling.decided(motion.sites[site_id], decisions, motion.actor)

    async def _sit(
        self, motions: Sequence[Motion], *, waits: bool, committed: Committed
    ) -> Sequence[Motion]:
        """Decide motions in one transaction; return those whose articles others hold.

        None of them speaks of a comment that another does.
        """
        articles: dict[ArticlePlace, str | None] = {}
        for motion in motions:
            for article, key in motion.articles.items():
                articles[article] = articles.get(article) or key
        refused: list[tuple[Motion, DecisionRequest, Refused]] = []
        try:
            async with self.store.deciding(articles, only_free=not waits) as deciding:
                ready = [each for each in motions if each.articles.keys() <= deciding.held]
                sittings = await self._rule(deciding, ready, refused) if ready else []
                crash.reached(crash.Point.DECIDE_WRITTEN)
        except Refused as only:
            if sum(len(each.requests) for each in motions) > 1:
                raise  # at the commit: who begins rounds tries each by itself
            ready, sittings = [*motions], []
            refused = [(each, request, only) for each in motions for request in each.requests]
        crash.reached(crash.Point.DECIDE_COMMITTED)
        left = [each for each in motions if each not in ready]
        committed(left)
        sites = {key: site for motion in ready for key, site in motion.sites.items()}
        results = {key: result for _, each in sittings for key, result in each.items()}
        for motion in ready:  # first, so that it goes to Redis in the same packet
            self._tell(motion, results)
        for sitting, _ in sittings:
            await self.cleanups.begin(*self._cleaning(sites, sitting))
        for motion, request, refusal in refused:
            results |= await self._set_aside(motion, request, refusal)
        for motion in ready:
            ids = [request.comment_id for request in motion.requests]
            motion.give({comment_id: results[comment_id] for comment_id in ids})
        return left

    async def _rule(
        self,
        deciding: Deciding,
        motions: Sequence[Motion],
        refused: list[tuple[Motion, DecisionRequest, Refused]],
    ) -> list[tuple[Sitting, Answers]]:
        """Decide all together or, where one cannot be stored, one by one (Ruling 10)."""
        wanted = [(motion, request) for motion in motions for request in motion.requests]
        if len(wanted) == 1:
            return [await self._rule_together(deciding, wanted)]
        with suppress(Refused):
            async with deciding.attempt():
                return [await self._rule_together(deciding, wanted)]
        ruled = []
        for motion, request in sorted(wanted, key=lambda each: _age(*each)):
            try:
                async with deciding.attempt():
                    ruled.append(await self._rule_together(deciding, [(motion, request)]))
            except Refused as refusal:  # only the culprit fails
                refused.append((motion, request, refusal))
        return ruled

    async def _rule_together(
        self, deciding: Deciding, wanted: Sequence[tuple[Motion, DecisionRequest]]
    ) -> tuple[Sitting, Answers]:
        """Decide in one sitting, parents before their replies."""
        motions = list(dict.fromkeys(motion for motion, _ in wanted))
        items = {key: item for motion in motions for key, item in motion.items.items()}
        sitting = await Sitting.open(
            deciding,
            sites={key: site for motion in motions for key, site in motion.sites.items()},
            questions=[_question(motion, request) for motion, request in wanted],
            items=items,
            leases={key: lease for motion in motions for key, lease in motion.leases.items()},
            changes=Changes(at=max(motion.now for motion in motions)),
            actor=motions[0].actor,
        )
        crash.reached(crash.Point.DECIDE_OPENED)
        results = {}
        for motion, request in sorted(wanted, key=lambda each: sitting.age(each[1].comment_id)):
            place = motion.places[request.comment_id]
            results[request.comment_id] = motion.context.run(
                sitting.decide, place, request, by=motion.actor
            )
        await deciding.write(sitting.changes)
        return sitting, results

    async def _set_aside(
        self, motion: Motion, request: DecisionRequest, refusal: Refused
    ) -> Answers:
        """Answer for a comment that Postgres will not take; after some tries quarantine it."""
        comment_id = request.comment_id
        self.tries[comment_id] += 1
        log.error("decision_refused", comment=str(comment_id), sqlstate=refusal.sqlstate)
        if self.tries[comment_id] >= TRIES:
            site = motion.sites[motion.places[comment_id].site_id]
            await self.pending.move(site.slug, comment_id, aside=True)
            del self.tries[comment_id]
        return {
            comment_id: Result(
                comment_id=comment_id, outcome=Outcome.CONFLICT, status=Status.PENDING
            )
        }

    async def _waiting(self, sites: Sequence[Site], ids: Sequence[UUID]) -> _Waiting:
        """Ask Redis; while it is away the journal answers instead (Ruling 11)."""
        try:
            found = await asyncio.gather(*(self.pending.judged(site.slug, ids) for site in sites))
        except Unavailable as failure:
            return _Waiting(failure=failure)
        return _Waiting(
            items=_joined(items for items, _ in found), leases=_joined(held for _, held in found)
        )

    async def clean(self, sites: Mapping[int, Site], sitting: Sitting) -> None:
        """Tell Redis and the caches what is committed; what fails here the reconciler repairs."""
        await asyncio.gather(*self._cleaning(sites, sitting))
        crash.reached(crash.Point.DECIDE_TOLD)

    def _cleaning(
        self, sites: Mapping[int, Site], sitting: Sitting
    ) -> Iterator[Coroutine[Any, Any, Any]]:
        """Yield all of that: begun at once, it goes to Redis in one packet."""
        touched: dict[int, list[UUID]] = {}
        for site_id, article_id in sitting.changes.touched:
            touched.setdefault(site_id, []).append(article_id)
        for site_id in sitting.finished:
            yield self._clean_queue(sites[site_id], sitting)
        for site_id, article_ids in touched.items():
            yield self.invalidations.tell(
                sites[site_id],
                article_ids,
                drop=sitting.took_down,
                decided=sitting.changes.told_on(site_id),
            )

    async def _clean_queue(self, site: Site, sitting: Sitting) -> None:
        finished = sitting.finished[site.site_id]
        try:
            await self.pending.finish(site.slug, finished)
            crash.reached(crash.Point.DECIDE_FINISHED)
            for item in sitting.requeued:
                if item.site_id == site.site_id:
                    await self.pending.requeue(item, journaled=False, guarded=True)
            for site_id, comment_id, author_id in sitting.forgotten:
                if site_id == site.site_id:
                    await self.recents.forget(site.slug, comment_id, author_id)
            crash.reached(crash.Point.DECIDE_REQUEUED)
        except Unavailable:
            log.warning("queue_not_cleaned", site=site.slug, decisions=len(finished))


def _joined(parts: Iterable[dict[UUID, T]]) -> dict[UUID, T]:
    return {comment_id: each for part in parts for comment_id, each in part.items()}


def _question(motion: Motion, request: DecisionRequest) -> Question:
    place, item = motion.places[request.comment_id], motion.items.get(request.comment_id)
    return Question(place, request.decision_id, item)


def _age(motion: Motion, request: DecisionRequest) -> tuple[datetime, UUID]:
    item = motion.items.get(request.comment_id)
    return (item.created_at if item else made_at(request.comment_id), request.comment_id)


def _check(sites: Sequence[Site], requests: Sequence[DecisionRequest]) -> None:
    """Refuse what no state of the comments could make right."""
    errors = []
    seen: set[UUID] = set()
    for position, request in enumerate(requests):
        pointer = f"/decisions/{position}"
        fault = reason_fault(
            request.reason,
            *sites,
            is_needed=request.action in NEEDS_REASON,
            pointer=f"{pointer}/reason",
        )
        if fault is not None:
            errors.append(fault)
        if request.comment_id in seen:
            where, detail = f"{pointer}/comment_id", "Decided above already."
            errors.append(FieldError(pointer=where, code="repeated", detail=detail))
        seen.add(request.comment_id)
    if errors:
        raise Invalid("Some decisions cannot be made as they are.", errors=tuple(errors))
