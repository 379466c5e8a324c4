"""Moderators make comments staff picks."""

from __future__ import annotations

from msgspec import Struct

from service.features.featured import Featured, NotPublic
from service.features.own import UnknownComment
from service.model import Role, Scope
from service.web.finding import find_on
from service.web.operation import AModerator, Call, Operation, Reply
from service.web.wire.base import Wire


class FeaturedIn(Wire):
    """Whether it is one."""

    featured: bool


class Featuring(Struct, frozen=True, kw_only=True):
    """What moderators say of staff picks."""

    featured: Featured

    def operations(self) -> list[Operation]:
        """Return the operation."""
        return [
            Operation(
                operation_id="feature_comment",
                method="PUT",
                path="/v1/moderation/comments/{comment_id}/featured",
                summary="Make a public comment a staff pick, or one no longer",
                tag="Moderators",
                credential=AModerator(scope=Scope.MODERATE, role=Role.MODERATOR),
                body=FeaturedIn,
                answers={204: None},
                problems=(UnknownComment, NotPublic),
                handler=self.feature,
            )
        ]

    async def feature(self, call: Call) -> Reply:
        """Put a comment forward, or no longer."""
        site, found = await find_on(self.featured.lookup, call)
        await self.featured.feature(
            site,
            found,
            featured=call.body_as(FeaturedIn).featured,
            actor=call.actor,
            now=call.now,
        )
        return Reply(status=204)
