"""Readers with a page open are told what happens on it."""

from __future__ import annotations

from msgspec import Struct

from service.errors import RateLimited
from service.features.events import Events, TooManyStreams
from service.web.operation import Cache, Call, Operation, Reply

TAG = "Readers"
EVENT_STREAM = "text/event-stream"


class EventStreams(Struct, frozen=True, kw_only=True):
    """What open pages listen to."""

    events: Events

    def operations(self) -> list[Operation]:
        """Return the one operation."""
        return [
            Operation(
                operation_id="listen",
                method="GET",
                path="/v1/sites/{site}/articles/{article}/events",
                summary="Be told what happens under an article",
                description="Server-Sent Events: comment, update, gone, count, resync, degraded,"
                " bye. Resumes from Last-Event-ID, or says resync: read the thread again.",
                tag=TAG,
                answers={200: EVENT_STREAM},
                problems=(TooManyStreams, RateLimited),
                cors=True,
                handler=self.listen,
            )
        ]

    async def listen(self, call: Call) -> Reply:
        """Open a stream."""
        stream = await self.events.listen(
            call.site,
            call.article,
            after=call.headers.get("Last-Event-ID"),
            network=call.network,
        )
        return Reply(stream=stream, media_type=EVENT_STREAM, cache=Cache.NEVER)
