"""Readers report comments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from msgspec import Struct
from pydantic import Field, StringConstraints

from service.errors import RateLimited
from service.features.access import Guest, SignedIn
from service.features.intake import AuthorBanned
from service.features.own import UnknownComment
from service.features.reports import NothingAnswered, Notice, Reports
from service.model import Role, Scope
from service.web.finding import find_on
from service.web.operation import AModerator, AVisitor, Call, Operation, Reply
from service.web.wire.base import Wire

Name = Annotated[str, StringConstraints(min_length=1, max_length=254)]


class NoticeIn(Wire):
    """Who gives notice of illegal content."""

    name: Name | None = None
    email: Name | None = None
    good_faith: bool = False
    """I believe in good faith that this notice is accurate and complete."""
    about_minors: bool = False
    """It is about the abuse of minors: then name and e-mail are not needed."""


class ReportIn(Wire):
    """What is wrong with a comment."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    text: Annotated[str, StringConstraints(max_length=4_000)] = ""
    notice: NoticeIn | None = None
    """Needed for `illegal`."""


class ReportedOut(Wire):
    """The report's number."""

    id: UUID = Field(strict=False)


class Reporting(Struct, frozen=True, kw_only=True):
    """What readers ask to report, and moderators to answer."""

    reports: Reports
    hash_address: Callable[[str], str]

    def operations(self) -> list[Operation]:
        """Return the operations."""
        return [
            Operation(
                operation_id="report_comment",
                method="POST",
                path="/v1/sites/{site}/comments/{comment_id}/reports",
                summary="Report a comment to the newsroom",
                description="One report a reader, or address, and comment. `illegal` needs the"
                " text and the notice.",
                tag="Readers",
                credential=AVisitor(),
                body=ReportIn,
                answers={202: ReportedOut},
                problems=(UnknownComment, AuthorBanned, RateLimited),
                cors=True,
                handler=self.report,
            ),
            Operation(
                operation_id="dismiss_reports",
                method="DELETE",
                path="/v1/moderation/comments/{comment_id}/reports",
                summary="Answer every report of a comment: it stays as it is",
                tag="Moderators",
                credential=AModerator(scope=Scope.MODERATE, role=Role.MODERATOR),
                answers={204: None},
                problems=(UnknownComment,),
                handler=self.dismiss,
            ),
            Operation(
                operation_id="reopen_reports",
                method="POST",
                path="/v1/moderation/comments/{comment_id}/reports/reopen",
                summary="Take back that you answered the reports of a comment",
                description="They wait again, as long as nobody answered or decided since.",
                tag="Moderators",
                credential=AModerator(scope=Scope.MODERATE, role=Role.MODERATOR),
                answers={204: None},
                problems=(UnknownComment, NothingAnswered),
                handler=self.reopen,
            ),
        ]

    async def report(self, call: Call) -> Reply:
        """Take a report in."""
        wish, visitor = call.body_as(ReportIn), call.visitor
        reporter = visitor.author_id if isinstance(visitor, Guest | SignedIn) else None
        notice = wish.notice
        report_id = await self.reports.report(
            call.site,
            call.comment_id,
            reporter_id=reporter,
            also=visitor.also if isinstance(visitor, SignedIn) else (),
            address_hash=self.hash_address(call.network),
            reason=wish.reason,
            said=wish.text,
            notice=Notice(
                name=notice.name,
                email=notice.email,
                good_faith=notice.good_faith,
                about_minors=notice.about_minors,
            )
            if notice
            else None,
            now=call.now,
        )
        return Reply(status=202, content={"id": str(report_id)})

    async def dismiss(self, call: Call) -> Reply:
        """Answer all reports of a comment."""
        site, _ = await find_on(self.reports.lookup, call)
        await self.reports.dismiss(site, call.comment_id, actor=call.actor, now=call.now)
        return Reply(status=204)

    async def reopen(self, call: Call) -> Reply:
        """Let answered reports wait again."""
        site, _ = await find_on(self.reports.lookup, call)
        await self.reports.reopen(site, call.comment_id, actor=call.actor, now=call.now)
        return Reply(status=204)
