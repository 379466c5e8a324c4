"""Moderators: they look at the queue, claim, decide and undo."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Struct
from pydantic import Field, StringConstraints

from service.cursors import BadCursor
from service.features import text
from service.features.decisions import Decisions
from service.features.lookup import Lookup
from service.features.outcomes import (
    AmbiguousDecision,
    DecidedSince,
    DecisionRequest,
    TextGone,
    UndoRefused,
)
from service.features.own import UnknownComment
from service.features.queue import Lane, Queue, Sort
from service.features.sessions import require_everywhere
from service.features.sites import UnknownSite
from service.model import Action, Role, Scope
from service.web.finding import find_on
from service.web.operation import DECISIONS_BODY_BYTES, AModerator, Call, Operation, Reply
from service.web.wire.base import Wire
from service.web.wire.comments import found_json
from service.web.wire.moderation import (
    ClaimIn,
    ClaimOut,
    DecisionIn,
    DecisionsIn,
    LeasesIn,
    QueueOut,
    RenewOut,
    ResultsOut,
    ReversalOut,
    ReverseIn,
    WholeCommentOut,
    decision_json,
    entry_json,
    queue_json,
    results_json,
    whole_json,
)

TAG = "Moderators"
LOOK = AModerator(scope=Scope.MODERATE, role=Role.VIEWER)
MODERATE = AModerator(scope=Scope.MODERATE, role=Role.MODERATOR)
BULK_MAX = 50
"""Decisions of one request by a member who is no senior (ux.md 4.1)."""


class QueueQuery(Wire):
    """Which part of the queue to look at."""

    site: str | None = None
    lane: Lane = Lane.HELD
    sort: Sort = "priority"
    q: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    """Only comments whose text holds this."""
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: str | None = None


class Moderation(Struct, frozen=True, kw_only=True):
    """What the newsroom does with what readers wrote."""

    queue: Queue
    decisions: Decisions
    lookup: Lookup
    new_id: Callable[[datetime], UUID]

    def operations(self) -> list[Operation]:
        """Return the table of what moderators can ask."""
        return [
            Operation(
                operation_id="look_at_queue",
                method="GET",
                path="/v1/moderation/queue",
                summary="Look at what waits, without claiming it",
                tag=TAG,
                credential=LOOK,
                query=QueueQuery,
                site_in_query=True,
                answers={200: QueueOut},
                problems=(BadCursor, UnknownSite),
                handler=self.look,
            ),
            Operation(
                operation_id="claim",
                method="POST",
                path="/v1/moderation/claims",
                summary="Lease the next comments for 90 seconds",
                tag=TAG,
                credential=MODERATE,
                body=ClaimIn,
                site_in_body=True,
                answers={200: ClaimOut},
                problems=(UnknownSite,),
                handler=self.claim,
            ),
            Operation(
                operation_id="renew_claims",
                method="POST",
                path="/v1/moderation/claims/renew",
                summary="Keep leases for another 90 seconds",
                tag=TAG,
                credential=MODERATE,
                body=LeasesIn,
                answers={200: RenewOut},
                handler=self.renew,
            ),
            Operation(
                operation_id="release_claims",
                method="POST",
                path="/v1/moderation/claims/release",
                summary="Give leases back",
                tag=TAG,
                credential=MODERATE,
                body=LeasesIn,
                answers={204: None},
                handler=self.release,
            ),
            Operation(
                operation_id="decide",
                method="POST",
                path="/v1/moderation/decisions",
                summary="Decide one comment, or up to 200",
                description="`applied` is said only after the commit. A 503 leaves the outcome"
                " unknown: repeating the request with the same decision ids is safe.",
                tag=TAG,
                credential=MODERATE,
                body=DecisionsIn,
                body_limit=DECISIONS_BODY_BYTES,
                answers={200: ResultsOut},
                handler=self.decide,
            ),
            Operation(
                operation_id="reverse_decision",
                method="POST",
                path="/v1/moderation/decisions/{decision_id}/reverse",
                summary="Undo a comment's latest decision",
                tag=TAG,
                credential=MODERATE,
                body=ReverseIn,
                body_optional=True,
                answers={200: ReversalOut},
                problems=(DecidedSince, TextGone, UndoRefused, AmbiguousDecision),
                handler=self.reverse,
            ),
            Operation(
                operation_id="read_whole_comment",
                method="GET",
                path="/v1/moderation/comments/{comment_id}",
                summary="Read one comment with everything known of it",
                tag=TAG,
                credential=LOOK,
                answers={200: WholeCommentOut},
                problems=(UnknownComment,),
                handler=self.whole,
            ),
        ]

    async def look(self, call: Call) -> Reply:
        """Show a page of the queue."""
        query = call.query_as(QueueQuery)
        page = await self.queue.look(
            call.site,
            lane=query.lane,
            sort=query.sort,
            phrase=query.q,
            limit=query.limit,
            cursor=query.cursor,
            actor=call.actor,
            now=call.now,
        )
        return Reply(content=queue_json(page))

    async def claim(self, call: Call) -> Reply:
        """Lease comments to whoever asks."""
        wish = call.body_as(ClaimIn)
        entries = await self.queue.claim(
            call.site,
            lane=Lane(wish.lane),
            limit=wish.limit,
            only=wish.comment_ids,
            actor=call.actor,
            now=call.now,
        )
        return Reply(content={"items": [entry_json(entry) for entry in entries]})

    async def renew(self, call: Call) -> Reply:
        """Keep leases, and say which are lost: those that hold on none of the caller's sites."""
        ids = call.body_as(LeasesIn).comment_ids
        held: set[UUID] = set()
        for site in call.sites:
            renewed, _ = await self.queue.renew(site, ids, actor=call.actor)
            held.update(renewed)
        return Reply(
            content={
                "renewed": [str(each) for each in ids if each in held],
                "lost": [str(each) for each in ids if each not in held],
            }
        )

    async def release(self, call: Call) -> Reply:
        """Give leases back."""
        ids = call.body_as(LeasesIn).comment_ids
        for site in call.sites:
            await self.queue.release(site, ids, actor=call.actor)
        return Reply(status=204)

    async def decide(self, call: Call) -> Reply:
        """Decide, and say for each what became of it."""
        wishes = call.body_as(DecisionsIn).decisions
        if len(wishes) > BULK_MAX and call.found_member is not None:
            require_everywhere(call.found_member, call.sites, Role.SENIOR)
        requests = [
            self._request(wish, position, now=call.now) for position, wish in enumerate(wishes)
        ]
        results = await self.decisions.decide(call.sites, requests, actor=call.actor, now=call.now)
        names = await self.decisions.names(
            (result.decision for result in results), asker=call.actor
        )
        return Reply(content=results_json(results, names))

    async def reverse(self, call: Call) -> Reply:
        """Undo a decision."""
        wish = call.body_as(ReverseIn) if call.body is not None else ReverseIn()
        reversal = await self.decisions.reverse(
            call.sites,
            UUID(call.path["decision_id"]),
            comment_id=wish.comment_id,
            actor=call.actor,
            now=call.now,
        )
        found = await self.lookup.find(reversal.site, reversal.comment_id)
        if found is None:
            raise UnknownComment
        names = await self.decisions.names([reversal.decision])
        return Reply(
            content={
                "decision": decision_json(reversal.decision, names),
                "comment": found_json(found),
            }
        )

    async def whole(self, call: Call) -> Reply:
        """Show one comment with everything known of it."""
        site, found = await find_on(self.lookup, call)
        history = await self.lookup.history(found, site)
        parent = await self.lookup.find(site, found.parent_id) if found.parent_id else None
        return Reply(
            content=whole_json(
                found,
                entry=await self.queue.entry(site, found.comment_id, now=call.now),
                parent=parent,
                standing=await self.queue.standing(site, found),
                decisions=history,
                revisions=await self.lookup.revisions(found, site),
                signals=await self.queue.signals(site, found),
                names=await self.decisions.names(history),
            )
        )

    def _request(self, wish: DecisionIn, position: int, *, now: datetime) -> DecisionRequest:
        note = wish.note
        if note is not None:
            pointer = f"/decisions/{position}/note"
            note = text.clean_note(note, max_chars=2_000, pointer=pointer) or None
        return DecisionRequest(
            comment_id=wish.comment_id,
            revision=wish.revision,
            action=Action(wish.action),
            decision_id=wish.decision_id or self.new_id(now),
            reason=wish.reason,
            note=note,
            override=wish.override,
        )
