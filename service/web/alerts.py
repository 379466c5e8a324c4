"""What rules want somebody told of at once, and that somebody has seen it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from msgspec import Struct
from pydantic import Field, StringConstraints

from service.features.alerts import Alerts, Unseen
from service.features.sessions import role_on
from service.model import Role, Scope
from service.web.desk import SiteQuery
from service.web.operation import AModerator, Call, Operation, Reply
from service.web.wire.base import Timestamp, Wire, stamp
from service.web.wire.management import Time

TAG = "Moderators"
MODERATE = AModerator(scope=Scope.MODERATE, role=Role.MODERATOR)


class AlertOut(Wire):
    """What one rule alerted of and nobody has seen or decided."""

    rule: str
    label: str
    severity: int
    comments: int
    """At most 1,000 of all rules together are counted."""
    first_at: Timestamp
    latest_at: Timestamp
    comment_id: Annotated[UUID, Field(strict=False)]
    """The latest."""


class AlertsOut(Wire):
    """A line a rule, the worst first."""

    items: list[AlertOut]
    next: None


class AlertsSeenIn(Wire):
    """What somebody has seen."""

    rule: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    upto: Time
    """The latest that was shown: what comes after it stays."""


class AlertsSeenOut(Wire):
    """Of how many comments it was."""

    seen: int


class Alerting(Struct, frozen=True, kw_only=True):
    """Show alerts, and tick them off for the whole team."""

    alerts: Alerts

    def operations(self) -> list[Operation]:
        """Return both."""
        return [
            Operation(
                operation_id="read_alerts",
                method="GET",
                path="/v1/moderation/alerts",
                summary="Read what rules want somebody told of at once",
                description="Of the last seven days; members see what their role is told. It goes"
                " when a person has decided the comment, or said that the team has seen it.",
                tag=TAG,
                credential=MODERATE,
                query=SiteQuery,
                site_in_query=True,
                answers={200: AlertsOut},
                handler=self.read,
            ),
            Operation(
                operation_id="see_alerts",
                method="POST",
                path="/v1/moderation/alerts/seen",
                summary="Say that the team has seen what a rule alerted of",
                tag=TAG,
                credential=MODERATE,
                query=SiteQuery,
                site_in_query=True,
                body=AlertsSeenIn,
                answers={200: AlertsSeenOut},
                handler=self.see,
            ),
        ]

    async def read(self, call: Call) -> Reply:
        """Show what is unseen."""
        found = await self.alerts.unseen(call.site, _role(call), now=call.now)
        return Reply(content=_json(found))

    async def see(self, call: Call) -> Reply:
        """Tick off."""
        wish = call.body_as(AlertsSeenIn)
        seen = await self.alerts.see(
            call.site, wish.rule, _role(call), upto=wish.upto, actor=call.actor, now=call.now
        )
        return Reply(content={"seen": seen})


def _role(call: Call) -> Role | None:
    return None if call.found_key is not None else role_on(call.member, call.site)


def _json(found: Sequence[Unseen]) -> dict[str, Any]:
    items = [
        {
            "rule": each.rule,
            "label": each.label,
            "severity": each.severity,
            "comments": each.comments,
            "first_at": stamp(each.first_at),
            "latest_at": stamp(each.latest_at),
            "comment_id": str(each.comment_id),
        }
        for each in found
    ]
    return {"items": items, "next": None}
