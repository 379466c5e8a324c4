"""The log of decisions and administrative acts, and whether it is still what was written."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from datetime import UTC, datetime, time, timedelta
from typing import Annotated
from uuid import UUID

from msgspec import Struct
from pydantic import Field, StringConstraints

from service.cursors import BadCursor
from service.errors import FieldError, Invalid
from service.features.audit import STRETCH, AuditLog, AuditPage, Filters, Kind, Sought
from service.features.search.language import Mistake, days
from service.features.sessions import role_on
from service.model import Role, Scope
from service.web.operation import AModerator, Cache, Call, Operation, Reply
from service.web.wire.audit import (
    AuditOut,
    VerificationOut,
    audit_header,
    audit_json,
    audit_lines,
    verification_json,
)
from service.web.wire.base import Wire

TAG = "Back ends and operators"
CSV = "text/csv; charset=utf-8"
WHO_SEES = (
    "Keys and admins see all of it, others on the team decisions and what was done about comments"
    " and their authors."
)

Word = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class LogFilters(Wire):
    """What of the log is asked for."""

    kind: Kind | None = None
    act: Word | None = None
    """A decision's action, or `thing.verb`; several with commas between."""
    by: Word | None = None
    """A member's, a key's or a rule's name, or member, key, rule, author, operator, service."""
    reason: Word | None = None
    comment: Annotated[UUID, Field(strict=False)] | None = None
    author: Annotated[UUID, Field(strict=False)] | None = None
    """A ref, as in `/v1/sites/{site}/readers/{ref}`."""
    date: Word | None = None
    """UTC, both included: `2026-08-01`, `2026-08-01..`, `..2026-08-31`, or both ends."""

    def sought(self) -> Sought:
        """Return what is asked for.

        Raises:
            Invalid: the dates are none.
        """
        since, until = self._span()
        filters = Filters(
            kind=self.kind,
            acts=self.act.split(",") if self.act else None,
            reason=self.reason,
            comment_id=self.comment,
            author_id=self.author,
            since=since,
            until=until,
        )
        return Sought(filters=filters, by=self.by)

    def _span(self) -> tuple[datetime | None, datetime | None]:
        if self.date is None:
            return None, None
        try:
            first, last = days(self.date)
        except Mistake as mistake:
            detail = mistake.errors[0].detail
            error = FieldError(pointer="/date", code="bad_format", detail=detail)
            raise Invalid(detail, errors=(error,)) from None
        since = datetime.combine(first, time(), UTC) if first else None
        until = datetime.combine(last + timedelta(days=1), time(), UTC) if last else None
        return since, until


class LogQuery(LogFilters):
    """Which page of the log."""

    limit: Annotated[int, Field(ge=1, le=100)] = 50
    cursor: str | None = None


class StretchQuery(Wire):
    """Where to go on checking."""

    after: Annotated[int, Field(ge=0, lt=2**62)] = 0
    """A position that is good; 0 is before the first."""


class Auditing(Struct, frozen=True, kw_only=True):
    """What is asked of the log."""

    audit: AuditLog

    def operations(self) -> list[Operation]:
        """Return the table of them all."""
        look = AModerator(scope=Scope.MANAGE, role=Role.VIEWER)
        return [
            Operation(
                operation_id="read_log",
                method="GET",
                path="/v1/sites/{site}/audit",
                summary="Read who decided and did what",
                description=f"{WHO_SEES} Entries are here within a second.",
                tag=TAG,
                credential=look,
                query=LogQuery,
                answers={200: AuditOut},
                problems=(BadCursor,),
                handler=self.read,
            ),
            Operation(
                operation_id="export_log",
                method="GET",
                path="/v1/sites/{site}/audit.csv",
                summary="Take the log away as a table",
                description=f"It is logged. {WHO_SEES}",
                tag=TAG,
                credential=AModerator(scope=Scope.MANAGE, role=Role.SENIOR, fresh=True),
                query=LogFilters,
                answers={200: CSV},
                handler=self.export,
            ),
            Operation(
                operation_id="verify_log",
                method="GET",
                path="/v1/sites/{site}/audit/verification",
                summary="Check that the log is what was written",
                description=f"{STRETCH} entries at a time: go on after `position` until `done`.",
                tag=TAG,
                credential=look,
                query=StretchQuery,
                answers={200: VerificationOut},
                handler=self.verify,
            ),
        ]

    async def read(self, call: Call) -> Reply:
        """Show a page of the log."""
        query = call.query_as(LogQuery)
        page = await self.audit.page(
            call.site,
            query.sought(),
            cursor=query.cursor,
            limit=query.limit,
            everything=sees_everything(call),
            sees_escalated=call.sees_escalated(call.site),
        )
        return Reply(content=audit_json(page))

    async def export(self, call: Call) -> Reply:
        """Log who takes it away, and send it as it is read."""
        pages = await self.audit.begin_export(
            call.site,
            call.query_as(LogFilters).sought(),
            everything=sees_everything(call),
            actor=call.actor,
            now=call.now,
        )
        return Reply(
            stream=_table(pages),
            media_type=CSV,
            cache=Cache.NEVER,
            headers={"Content-Disposition": 'attachment; filename="log.csv"'},
        )

    async def verify(self, call: Call) -> Reply:
        """Check some of it."""
        after = call.query_as(StretchQuery).after
        checked = await self.audit.verify(call.site.site_id, after=after)
        return Reply(content=verification_json(checked))


def sees_everything(call: Call) -> bool:
    """Tell whether whoever asks sees what was done to the team, to keys and to the site."""
    return call.found_key is not None or role_on(call.member, call.site).includes(Role.ADMIN)


async def _table(pages: AsyncIterator[AuditPage]) -> AsyncGenerator[bytes, None]:
    yield audit_header()
    async for page in pages:
        yield audit_lines(page)
