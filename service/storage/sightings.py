"""Which networks sent forwarded addresses that were not believed, for `postbag doctor`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import cast

from msgspec import Struct
from redis.asyncio.client import Redis

from service.storage.redis import unavailable_when_down

KEY = "pb:forwarders"
"""ZSET with a time to live: a network, by when it was last seen (seconds)."""
KEPT = timedelta(hours=1)
"""How long a sighting counts: a proxy that was made known is no finding an hour later."""
NETWORKS_MAX = 32
"""An operator has a few proxies; the oldest sightings make room."""


class SightingStore(Struct, frozen=True, kw_only=True):
    """Sightings of the last hour. Both methods raise QueueUnavailable while Redis is away."""

    redis: Redis

    async def note(self, networks: Collection[str], *, now: datetime) -> None:
        """Remember that these were seen."""
        seen = now.timestamp()
        with unavailable_when_down():
            async with self.redis.pipeline(transaction=True) as pipe:
                pipe.zadd(KEY, dict.fromkeys(networks, seen))
                pipe.zremrangebyrank(KEY, 0, -NETWORKS_MAX - 1)
                pipe.expire(KEY, KEPT)
                await pipe.execute()

    async def seen(self, *, now: datetime) -> list[str]:
        """Return the networks of the last hour, the latest first."""
        oldest = (now - KEPT).timestamp()
        with unavailable_when_down():
            found = await self.redis.zrange(KEY, "+inf", f"({oldest}", byscore=True, desc=True)
        return [network.decode() for network in cast("list[bytes]", found)]
