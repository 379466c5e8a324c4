"""Challenges that passkeys answer: each is good once, for a few minutes."""

from __future__ import annotations

import hashlib

from msgspec import Struct
from redis.asyncio.client import Redis

from service.storage.redis import unavailable_when_down

PREFIX = "pb:challenge:"
"""STRING with a time to live, by the SHA-256 of the challenge: what it was given out for."""


class ChallengeStore(Struct, frozen=True, kw_only=True):
    """Challenges in Redis. Every method raises QueueUnavailable while it is away."""

    redis: Redis

    async def put(self, challenge: bytes, purpose: str, *, seconds: int) -> None:
        """Remember what a challenge was given out for."""
        with unavailable_when_down():
            await self.redis.set(_key(challenge), purpose, ex=seconds)

    async def take(self, challenge: bytes) -> str | None:
        """Return what a challenge was given out for, once; None for any other."""
        with unavailable_when_down():
            found = await self.redis.getdel(_key(challenge))
        if found is None:
            return None
        return found.decode() if isinstance(found, bytes) else str(found)


def _key(challenge: bytes) -> str:
    return PREFIX + hashlib.sha256(challenge).hexdigest()
