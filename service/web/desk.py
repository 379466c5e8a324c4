"""Moderators with the dashboard open are told what happens on their site."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from service.errors import Forbidden, Unauthenticated, Unavailable
from service.features.access import Access
from service.features.desk import Desk
from service.features.events import TooManyStreams
from service.features.sessions import Sessions, role_on
from service.features.sites import UnknownSite
from service.model import Role, Scope
from service.web.operation import AModerator, Cache, Call, Operation, Reply
from service.web.wire.base import Wire

EVENT_STREAM = "text/event-stream"


class SiteQuery(Wire):
    """Which site."""

    site: str | None = None


class DeskStreams(Struct, frozen=True, kw_only=True):
    """What open dashboards listen to."""

    desk: Desk
    sessions: Sessions
    access: Access
    clock: Callable[[], datetime]

    def operations(self) -> list[Operation]:
        """Return the one operation."""
        return [
            Operation(
                operation_id="listen_at_desk",
                method="GET",
                path="/v1/moderation/events",
                summary="Be told what happens in a site's queue",
                description="Server-Sent Events, never with a text: counts of the lanes, claimed"
                " (comment_ids, by, until), released, decided (decisions, by), edited, reported,"
                " appeal, alert (rule, label, severity, comments, comment_id; to the roles that the"
                " rule names), alerts_seen (rule), resync (look again), degraded, bye.",
                tag="Moderators",
                credential=AModerator(scope=Scope.MODERATE, role=Role.VIEWER),
                query=SiteQuery,
                site_in_query=True,
                answers={200: EVENT_STREAM},
                problems=(TooManyStreams, UnknownSite),
                handler=self.listen,
            )
        ]

    async def listen(self, call: Call) -> Reply:
        """Open a stream."""

        async def still_may() -> bool:
            return await self._still_may(call)

        stream = await self.desk.listen(
            call.site,
            sees_escalated=call.sees_escalated(call.site),
            role=None if call.found_key is not None else role_on(call.member, call.site),
            still_may=still_may,
        )
        return Reply(stream=stream, media_type=EVENT_STREAM, cache=Cache.NEVER)

    async def _still_may(self, call: Call) -> bool:
        """Tell whether whoever listens is still who they were, and still has the right."""
        now = self.clock()
        try:
            if call.found_key is not None:
                await self.access.key(call.headers.get("Authorization"), now=now)
                return True
            signed_in = await self.sessions.look(call.token or "", now=now)
            return role_on(signed_in, call.site) is role_on(call.member, call.site)
        except (Unauthenticated, Forbidden, UnknownSite):
            return False
        except Unavailable:
            return True
