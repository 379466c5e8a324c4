"""How often articles are read, in Redis: counts by the hour, and the rates made of them.

Nobody's identity is in it: an article and a number is all that is kept, and for hours only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from msgspec import Struct
from redis.asyncio.client import Redis

from service.storage.redis import Keys, unavailable_when_down

COUNTS_SECONDS = 3 * 3_600
"""How long an hour's counts are kept: longer than the leader needs to have seen them."""
RATES_SECONDS = 600
"""How long rates are believed that nobody brings up to date."""
ARTICLES_MAX = 50_000
"""Articles of a site that are counted in an hour, so that invented ones fill no memory."""


class ViewStore(Struct, frozen=True, kw_only=True):
    """Counts and rates. Methods raise QueueUnavailable while Redis is away."""

    redis: Redis

    async def add(self, slug: str, hour: datetime, views: Mapping[UUID, int]) -> None:
        """Add to the counts of an hour; none are taken once it has `ARTICLES_MAX` articles."""
        key = Keys(slug).views(hour)
        with unavailable_when_down():
            if await self.redis.hlen(key) >= ARTICLES_MAX:
                return
            async with self.redis.pipeline(transaction=True) as pipe:
                for article_id, count in views.items():
                    pipe.hincrby(key, str(article_id), count)
                pipe.expire(key, COUNTS_SECONDS)
                await pipe.execute()

    async def counts(self, slug: str, hour: datetime) -> dict[UUID, int]:
        """Return the counts of an hour."""
        with unavailable_when_down():
            found = await self.redis.hgetall(Keys(slug).views(hour))
        counts = cast("dict[bytes, bytes]", found)
        return {UUID(name.decode()): int(count) for name, count in counts.items()}

    async def put_rates(self, slug: str, rates: Mapping[UUID, float]) -> None:
        """Replace a site's rates, in views per hour."""
        key = Keys(slug).view_rates
        named: dict[Any, Any] = {str(each): f"{rate:.3f}" for each, rate in rates.items()}
        with unavailable_when_down():
            async with self.redis.pipeline(transaction=True) as pipe:
                pipe.delete(key)
                if named:
                    pipe.hset(key, mapping=named)
                    pipe.expire(key, RATES_SECONDS)
                await pipe.execute()

    async def all_rates(self, slug: str) -> dict[UUID, float]:
        """Return a site's rates."""
        with unavailable_when_down():
            found = await self.redis.hgetall(Keys(slug).view_rates)
        rates = cast("dict[bytes, bytes]", found)
        return {UUID(name.decode()): float(rate) for name, rate in rates.items()}

    async def rates(self, slug: str, article_ids: Sequence[UUID]) -> dict[UUID, float]:
        """Return the rates of those articles that have one."""
        if not article_ids:
            return {}
        with unavailable_when_down():
            found = await self.redis.hmget(
                Keys(slug).view_rates, [str(each) for each in article_ids]
            )
        return {
            article_id: float(rate)
            for article_id, rate in zip(article_ids, found, strict=True)
            if rate is not None
        }
