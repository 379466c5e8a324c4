"""Moderators see what the newsroom got done in the last hour."""

from __future__ import annotations

from msgspec import Struct

from service.features.sites import UnknownSite
from service.features.waits import Waits
from service.model import Role, Scope
from service.web.operation import AModerator, Call, Operation, Reply
from service.web.wire.base import Wire


class PaceQuery(Wire):
    """Of which site."""

    site: str | None = None


class PaceOut(Wire):
    """Comments that people decided in the last hour."""

    decided: int
    median_minutes: int | None
    """How long half of them had waited at most."""


class Pacing(Struct, frozen=True, kw_only=True):
    """What the queue's page asks when nothing is left."""

    waits: Waits

    def operations(self) -> list[Operation]:
        """Return the operation."""
        return [
            Operation(
                operation_id="read_pace",
                method="GET",
                path="/v1/moderation/pace",
                summary="How many comments people decided in the last hour, and their wait",
                tag="Moderators",
                credential=AModerator(scope=Scope.MODERATE, role=Role.VIEWER),
                query=PaceQuery,
                site_in_query=True,
                answers={200: PaceOut},
                problems=(UnknownSite,),
                handler=self.read,
            )
        ]

    async def read(self, call: Call) -> Reply:
        """Tell of the last hour."""
        pace = await self.waits.last_hour(call.site, now=call.now)
        return Reply(content={"decided": pace.decided, "median_minutes": pace.median_minutes})
