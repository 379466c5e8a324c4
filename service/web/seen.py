"""Moderators say that they have looked at what only rules let through."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from msgspec import Struct
from pydantic import Field

from service.features.seen import Seen
from service.model import Role, Scope
from service.web.operation import AModerator, Call, Operation, Reply
from service.web.wire.base import Wire
from service.web.wire.moderation import Ids


class SeenIn(Wire):
    """Which comments."""

    comment_ids: Ids
    seen: bool = True
    """False: what oneself had seen is unseen again."""


class SeenOut(Wire):
    """What is otherwise now: comments that nobody had seen, or that are unseen again."""

    changed: list[Annotated[UUID, Field(strict=False)]]


class Seeing(Struct, frozen=True, kw_only=True):
    """What moderators say of the lane `new`."""

    seen: Seen

    def operations(self) -> list[Operation]:
        """Return the operation."""
        return [
            Operation(
                operation_id="mark_seen",
                method="POST",
                path="/v1/moderation/seen",
                summary="Say that a person has looked at comments, or take it back",
                description="Takes public comments out of the lane `new`. Approving, removing and"
                " restoring one does the same.",
                tag="Moderators",
                credential=AModerator(scope=Scope.MODERATE, role=Role.MODERATOR),
                body=SeenIn,
                answers={200: SeenOut},
                handler=self.mark,
            )
        ]

    async def mark(self, call: Call) -> Reply:
        """Mark comments as seen or unseen."""
        wish = call.body_as(SeenIn)
        if wish.seen:
            changed = await self.seen.mark(
                call.sites, wish.comment_ids, actor=call.actor, now=call.now
            )
        else:
            changed = await self.seen.unmark(call.sites, wish.comment_ids, actor=call.actor)
        there = set(changed)
        return Reply(content={"changed": [str(each) for each in wish.comment_ids if each in there]})
