"""How often something may happen: the generic cell rate algorithm (GCRA, ATM Forum TM 4.0).

Each limit is one timestamp in Redis; several are charged together or not at all.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from redis.asyncio import Redis

from service.errors import RateLimited
from service.storage.redis import Argument, Keys, Scripts

MICROSECONDS = 1_000_000
SUBJECT_BYTES = 12
"""Of the HMAC that stands for a subject: 96 bits, so that no two meet by chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One limit, and how much of it is used up."""

    scope: str
    subject: str
    """Who or what is limited; only its keyed hash gets into Redis."""
    interval_us: int
    """Between two, once the burst is used up."""
    burst: int
    cost: int = 1

    @classmethod
    def of(
        cls,
        scope: str,
        subject: str,
        *,
        burst: int,
        per_second: int | None = None,
        per_minute: int | None = None,
        per_hour: int | None = None,
        per_day: int | None = None,
        cost: int = 1,
    ) -> Self:
        """Make a charge of a limit said in people's units; exactly one of them is given."""
        rates = ((per_second, 1), (per_minute, 60), (per_hour, 3_600), (per_day, 86_400))
        ((count, seconds),) = [(count, span) for count, span in rates if count is not None]
        return cls(
            scope=scope,
            subject=subject,
            interval_us=seconds * MICROSECONDS // count,
            burst=burst,
            cost=cost,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Charge limits against the clock of Redis."""

    redis: Redis
    scripts: Scripts
    key: bytes = field(repr=False)

    async def charge(self, slug: str, charges: Sequence[Charge]) -> None:
        """Charge all limits of one action on a site, or none.

        Raises:
            RateLimited: one is used up; it says when to come back.
            QueueUnavailable: Redis is away.
        """
        keys = [Keys(slug).limit(charge.scope, self._hashed(charge)) for charge in charges]
        arguments: list[Argument] = []
        for charge in charges:
            arguments += [charge.interval_us, charge.burst, charge.cost]
        allowed, _, wait_ms = await self.scripts.run(self.redis, "gcra", keys, arguments)
        if not allowed:
            raise RateLimited(retry_after_seconds=max(1, -(-int(wait_ms) // 1_000)))

    def _hashed(self, charge: Charge) -> str:
        said = f"{charge.scope}\n{charge.subject}".encode()
        return hmac.digest(self.key, said, "sha256")[:SUBJECT_BYTES].hex()
