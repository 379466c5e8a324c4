"""The last events of each site, in a Redis stream: what a reader who was away may have missed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import chain

from msgspec import Struct
from redis.asyncio.client import Redis

from service.storage.line import ask_each
from service.storage.redis import Keys, unavailable_when_down

KEPT_ABOUT = 10_000
"""Events of a site that can be told again (protocol.md 2.3)."""

EVENT_ID = re.compile(r"[0-9]{1,19}-[0-9]{1,19}\Z")
"""Of a Redis stream: milliseconds and a number, each below 2^64."""

Fields = Mapping[str, str]


class EventStore(Struct, frozen=True, kw_only=True):
    """Append events and read them again. Methods raise QueueUnavailable while Redis is away."""

    redis: Redis

    async def append(self, slug: str, events: Sequence[Fields]) -> list[str]:
        """Append events in their order; return the id each got."""
        begun = ("XADD", Keys(slug).events, "MAXLEN", "~", KEPT_ABOUT, "*")
        commands = [(*begun, *chain.from_iterable(event.items())) for event in events]
        with unavailable_when_down():
            ids = await ask_each(self.redis, commands)
        return [each.decode() for each in ids]

    async def since(
        self, slug: str, event_id: str, *, limit: int
    ) -> list[tuple[str, dict[str, str]]] | None:
        """Return what came after an event; None when some of it is not kept any more.

        None also for an id that is none, and when more than `limit` came.
        """
        if not EVENT_ID.match(event_id):
            return None
        key = Keys(slug).events
        with unavailable_when_down():
            async with self.redis.pipeline(transaction=False) as pipe:
                pipe.xrange(key, min=event_id, max=event_id, count=1)
                pipe.xrange(key, min=f"({event_id}", count=limit + 1)
                seen, later = await pipe.execute()
        if not seen or len(later) > limit:
            return None
        return [
            (each.decode(), {name.decode(): value.decode() for name, value in fields.items()})
            for each, fields in later
        ]
