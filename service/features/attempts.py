"""How often somebody may try to sign in: bounded by Redis, and by this process while it is away.

People have to get in during an outage, and nobody may guess the faster for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from msgspec import Struct, field

from service.errors import RateLimited, Unavailable
from service.storage.limits import MICROSECONDS, Charge, Limits

log = structlog.get_logger(__name__)

NO_SITE: Final = "-"
"""No site is called so: people sign in to all of theirs at once."""
REMEMBERED_MAX = 10_000
"""Who has tried lately, in this process; when more have, whoever is new is refused."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_Subject = tuple[str, str]


class Attempts(Struct, kw_only=True):
    """Charge attempts.

    Each process counts for itself while Redis is away: an account has as many more attempts as
    there are processes, once.
    """

    limits: Limits
    remembered_max: int = REMEMBERED_MAX
    _due: dict[_Subject, int] = field(default_factory=dict)
    """When a limit is next due (microseconds since 1970): as in Redis, GCRA."""

    async def charge(self, charges: Sequence[Charge], *, now: datetime) -> None:
        """Charge every limit of one attempt, or none.

        Raises:
            RateLimited: one is used up, or too many are counted to count another.
        """
        try:
            await self.limits.charge(NO_SITE, charges)
        except Unavailable as failure:
            if isinstance(failure, RateLimited):
                raise
            log.warning("attempts_counted_here", code=failure.stable_code)
            self._charge(charges, _microseconds(now))

    async def give_back(self, charges: Sequence[Charge]) -> None:
        """Give back what an attempt was charged that succeeded."""
        for each in charges:
            subject = each.scope, each.subject
            if subject in self._due:
                self._due[subject] -= each.interval_us * each.cost
        try:
            await self.limits.give_back(NO_SITE, charges)
        except Unavailable:
            log.warning("attempts_not_given_back")

    def _charge(self, charges: Sequence[Charge], now_us: int) -> None:
        self._forget(now_us)
        due: dict[_Subject, int] = {}
        waits = [0]
        for each in charges:
            subject = each.scope, each.subject
            due[subject] = (
                max(self._due.get(subject, now_us), now_us) + each.interval_us * each.cost
            )
            waits.append(due[subject] - each.interval_us * each.burst - now_us)
        wait_us = max(waits)
        if len(self._due.keys() | due) > self.remembered_max:
            wait_us = max(wait_us, 60 * MICROSECONDS)
        if wait_us > 0:
            raise RateLimited(retry_after_seconds=-(-wait_us // MICROSECONDS))
        self._due |= due

    def _forget(self, now_us: int) -> None:
        if len(self._due) >= self.remembered_max:
            self._due = {subject: due for subject, due in self._due.items() if due > now_us}


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
