"""How often something may happen: the generic cell rate algorithm (protocol.md 3.2).

A limit is one time in Redis, when its next charge is due; several are charged together or
not at all.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import NamedTuple, Self

from redis.asyncio.client import Redis

from service.errors import RateLimited
from service.model import Discreet
from service.storage.redis import Argument, Keys, Scripts

MICROSECONDS = 1_000_000
SUBJECT_BYTES = 16
"""Of the HMAC that stands for a subject: no two meet by chance."""


class Charge(Discreet, frozen=True, kw_only=True):
    """One limit, and how much of it an action uses up."""

    unshown = frozenset({"subject"})

    scope: str
    subject: str
    """Who or what is limited; only its keyed hash gets into Redis."""
    interval_us: int
    """Between two, once the burst is used up."""
    burst: int
    """How many may come at once."""
    cost: int = 1
    """At most the burst, else it never passes."""

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
        """Make a charge of a limit in people's units; exactly one rate is given."""
        rates = ((per_second, 1), (per_minute, 60), (per_hour, 3_600), (per_day, 86_400))
        ((count, seconds),) = [(count, span) for count, span in rates if count is not None]
        return cls(
            scope=scope,
            subject=subject,
            interval_us=seconds * MICROSECONDS // count,
            burst=burst,
            cost=cost,
        )

    def on(self, subject: str) -> Charge:
        """Return the same for somebody else: cheaper than to reckon its rate again."""
        return Charge(
            scope=self.scope,
            subject=subject,
            interval_us=self.interval_us,
            burst=self.burst,
            cost=self.cost,
        )


class Dues(NamedTuple):
    """What one action is charged, as scripts take it."""

    keys: Sequence[str] = ()
    """Of its limits."""
    rates: Sequence[Argument] = ()
    """Of each: microseconds between two, burst, cost."""


NO_DUES = Dues()


class Limits(Discreet, frozen=True, kw_only=True):
    """Charge limits by the clock of Redis."""

    unshown = frozenset({"key"})

    redis: Redis
    scripts: Scripts
    key: bytes
    """Hides who is limited from whoever reads Redis."""

    async def charge(self, slug: str, charges: Sequence[Charge]) -> None:
        """Charge every limit of one action on a site, or none.

        Raises:
            RateLimited: one is used up; it says when all have room again.
            QueueUnavailable: Redis is away.
        """
        await self.collect(self.dues(slug, charges))

    async def collect(self, dues: Dues) -> None:
        """Charge what one action costs, as `charge`.

        Raises:
            RateLimited, QueueUnavailable: as `charge`.
        """
        if not dues.keys:
            return
        wait_ms = int(await self.scripts.run(self.redis, "gcra", dues.keys, dues.rates))
        if wait_ms:
            raise limited(wait_ms)

    def dues(self, slug: str, charges: Sequence[Charge]) -> Dues:
        """Return what an action is to be charged, by somebody who asks more at the same time."""
        keys = [Keys(slug).limit(each.scope, self._hashed(slug, each)) for each in charges]
        rates: list[Argument] = []
        for each in charges:
            rates += (each.interval_us, each.burst, each.cost)
        return Dues(keys, rates)

    async def give_back(self, slug: str, charges: Sequence[Charge]) -> None:
        """Give back what an action was charged that turned out not to count.

        Raises:
            QueueUnavailable: Redis is away.
        """
        keys = [Keys(slug).limit(each.scope, self._hashed(slug, each)) for each in charges]
        arguments: list[Argument] = []
        for each in charges:
            arguments += [each.interval_us, each.cost]
        await self.scripts.run(self.redis, "give_back", keys, arguments)

    def _hashed(self, slug: str, charge: Charge) -> str:
        """Name a subject so that it cannot be recognised, here or on another site."""
        said = f"{slug}\n{charge.scope}\n{charge.subject}".encode()
        return hmac.digest(self.key, said, "sha256")[:SUBJECT_BYTES].hex()


def limited(wait_ms: int) -> RateLimited:
    """Return the refusal of what has no room for so long."""
    return RateLimited(retry_after_seconds=-(-wait_ms // 1_000))
