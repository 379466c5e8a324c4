"""Authors ask for a second look, and moderators answer."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct
from pydantic import StringConstraints

from service.errors import RateLimited
from service.features.appeals import (
    AlreadyAppealed,
    AppealAnswered,
    Appeals,
    NotAnsweredByYou,
    NotAppealable,
    OwnDecision,
    ParentNotPublic,
)
from service.features.outcomes import DecidedSince, TextGone
from service.features.own import NotYours, UnknownComment
from service.model import Role, Scope
from service.web.finding import find_on
from service.web.operation import AModerator, AVisitor, Call, Operation, Reply
from service.web.own import author_of
from service.web.wire.base import Wire
from service.web.wire.comments import AppealOut, CommentOut, appeal_json, found_json


class AppealIn(Wire):
    """Why the decision should be looked at again."""

    text: Annotated[str, StringConstraints(max_length=4_000)]


class AppealedOut(Wire):
    """The appeal as it is kept."""

    appeal: AppealOut


class AnswerIn(Wire):
    """What becomes of an appeal."""

    grant: bool
    note: Annotated[str, StringConstraints(max_length=4_000)] = ""
    """For colleagues."""


class AnsweredOut(Wire):
    """The comment as it is now."""

    comment: CommentOut


class Appealing(Struct, frozen=True, kw_only=True):
    """What authors and moderators ask about appeals."""

    appeals: Appeals

    def operations(self) -> list[Operation]:
        """Return the operations."""
        return [
            Operation(
                operation_id="appeal",
                method="POST",
                path="/v1/sites/{site}/comments/{comment_id}/appeal",
                summary="Ask for a review of a rejection or removal, once",
                tag="Readers",
                credential=AVisitor(required=True),
                body=AppealIn,
                answers={201: AppealedOut},
                problems=(UnknownComment, NotYours, NotAppealable, AlreadyAppealed, RateLimited),
                cors=True,
                handler=self.appeal,
            ),
            Operation(
                operation_id="answer_appeal",
                method="POST",
                path="/v1/moderation/appeals/{comment_id}",
                summary="Grant an appeal, and the comment is public, or deny it",
                description="Only by another moderator than the one who decided.",
                tag="Moderators",
                credential=AModerator(scope=Scope.MODERATE, role=Role.SENIOR),
                body=AnswerIn,
                answers={200: AnsweredOut},
                problems=(
                    UnknownComment,
                    AppealAnswered,
                    OwnDecision,
                    DecidedSince,
                    TextGone,
                    ParentNotPublic,
                ),
                handler=self.answer,
            ),
            Operation(
                operation_id="reopen_appeal",
                method="POST",
                path="/v1/moderation/appeals/{comment_id}/reopen",
                summary="Take back how you answered an appeal",
                description="It is open, and the comment as it was before. A new entry in the log.",
                tag="Moderators",
                credential=AModerator(scope=Scope.MODERATE, role=Role.SENIOR),
                answers={200: AnsweredOut},
                problems=(UnknownComment, NotAnsweredByYou, DecidedSince, TextGone),
                handler=self.reopen,
            ),
        ]

    async def appeal(self, call: Call) -> Reply:
        """Take an appeal in."""
        appeal = await self.appeals.appeal(
            call.site,
            call.comment_id,
            author_of(call),
            said=call.body_as(AppealIn).text,
            now=call.now,
        )
        return Reply(status=201, content={"appeal": appeal_json(appeal)})

    async def answer(self, call: Call) -> Reply:
        """Answer an appeal."""
        wish = call.body_as(AnswerIn)
        site, _ = await find_on(self.appeals.lookup, call)
        found = await self.appeals.answer(
            site,
            call.comment_id,
            grant=wish.grant,
            note=wish.note,
            actor=call.actor,
            now=call.now,
        )
        return Reply(content={"comment": found_json(found)})

    async def reopen(self, call: Call) -> Reply:
        """Take an answer back."""
        site, _ = await find_on(self.appeals.lookup, call)
        found = await self.appeals.reopen(site, call.comment_id, actor=call.actor, now=call.now)
        return Reply(content={"comment": found_json(found)})
