"""Moderators judge a sample of decisions again, blind."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal

from msgspec import Struct
from pydantic import Field, StringConstraints

from service.errors import FieldError, Invalid
from service.features.checks import (
    AlreadyTold,
    CheckAnswered,
    Checks,
    DecidedYourself,
    NotChecked,
    UnknownCheck,
)
from service.features.decisions import Decisions
from service.features.own import UnknownComment
from service.features.sites import UnknownSite
from service.model import Role, Scope
from service.web.finding import find_on
from service.web.operation import AModerator, Call, Operation, Reply
from service.web.wire.base import Wire
from service.web.wire.moderation import DecisionOut, decision_json

DAYS = (date(2000, 1, 1), date(2200, 12, 31))
"""Nothing was decided before, or will be after; and dates have ends."""
DAYS_MAX = 366
"""That are counted at once."""


class CheckIn(Wire):
    """What somebody would have decided."""

    verdict: Literal["approve", "reject"]
    reason: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None


class CheckedOut(Wire):
    """Whether it is the same as what was decided, and what that was."""

    agrees: bool
    decision: DecisionOut


class AgreementQuery(Wire):
    """Which days; both are included."""

    site: str | None = None
    since: date | None = Field(default=None, alias="from", strict=False)
    """30 days before `to`, if not given."""
    until: date | None = Field(default=None, alias="to", strict=False)
    """Today, if not given."""


class AgreementRow(Wire):
    """Second looks at what members, keys or rules had decided."""

    decided_by: Literal["member", "key", "rule"]
    checks: int
    agreed: int


class AgreementOut(Wire):
    """How often second looks said the same."""

    agreement: list[AgreementRow]


class Checking(Struct, frozen=True, kw_only=True):
    """What moderators ask of the lane `check`."""

    checks: Checks
    decisions: Decisions

    def operations(self) -> list[Operation]:
        """Return the operations."""
        return [
            Operation(
                operation_id="check_decision",
                method="POST",
                path="/v1/moderation/checks/{comment_id}",
                summary="Say what you would have decided, and be told what was",
                description="Changes nothing but the statistics; whoever disagrees decides anew.",
                tag="Moderators",
                credential=AModerator(scope=Scope.MODERATE, role=Role.MODERATOR),
                body=CheckIn,
                answers={200: CheckedOut},
                problems=(
                    UnknownComment,
                    UnknownCheck,
                    DecidedYourself,
                    AlreadyTold,
                    CheckAnswered,
                ),
                handler=self.check,
            ),
            Operation(
                operation_id="withdraw_check",
                method="DELETE",
                path="/v1/moderation/checks/{comment_id}",
                summary="Take your second look back",
                description="It counts no more. Somebody else looks: you were told how it was"
                " decided.",
                tag="Moderators",
                credential=AModerator(scope=Scope.MODERATE, role=Role.MODERATOR),
                answers={204: None},
                problems=(UnknownComment, NotChecked),
                handler=self.withdraw,
            ),
            Operation(
                operation_id="read_agreement",
                method="GET",
                path="/v1/moderation/checks",
                summary="How often second looks agreed with what was decided",
                description="Of at most 366 days at once.",
                tag="Moderators",
                credential=AModerator(scope=Scope.MODERATE, role=Role.VIEWER),
                query=AgreementQuery,
                site_in_query=True,
                answers={200: AgreementOut},
                problems=(UnknownSite,),
                handler=self.agreement,
            ),
        ]

    async def check(self, call: Call) -> Reply:
        """Keep a second look."""
        wish = call.body_as(CheckIn)
        site, found = await find_on(self.checks.lookup, call)
        checked = await self.checks.answer(
            site, found, wish.verdict, reason=wish.reason, actor=call.actor, now=call.now
        )
        names = await self.decisions.names([checked.decision])
        return Reply(
            content={
                "agrees": checked.agrees,
                "decision": decision_json(checked.decision, names),
            }
        )

    async def withdraw(self, call: Call) -> Reply:
        """Take a second look back."""
        site, found = await find_on(self.checks.lookup, call)
        await self.checks.withdraw(site, found, actor=call.actor, now=call.now)
        return Reply(status=204)

    async def agreement(self, call: Call) -> Reply:
        """Count second looks."""
        query = call.query_as(AgreementQuery)
        last = _possible(query.until or call.now.date())
        first = _possible(query.since or last - timedelta(days=30))
        if (last - first).days >= DAYS_MAX:
            detail = f"At most {DAYS_MAX} days can be asked for."
            raise Invalid(
                detail, errors=(FieldError(pointer="/from", code="too_many", detail=detail),)
            )
        counted = await self.checks.agreement(
            call.site, since=_midnight(first), until=_midnight(last) + timedelta(days=1)
        )
        return Reply(
            content={
                "agreement": [
                    {"decided_by": each.decided_by, "checks": each.checks, "agreed": each.agreed}
                    for each in counted
                ]
            }
        )


def _possible(day: date) -> date:
    return min(max(day, DAYS[0]), DAYS[1])


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)
