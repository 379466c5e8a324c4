"""How long a comment usually waits for a moderator: what its author may expect."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec import Struct

from service.errors import Unavailable
from service.model import Site, made_at
from service.storage.waits import WaitStore

WEEK = timedelta(days=7)
HOUR = timedelta(hours=1)
FEWEST = 20
"""Decisions in a week below which nothing is promised (ux.md 3.6)."""
LOOKED_THROUGH = 2_000
"""Of the latest decisions: 3 ms, and with most made by rules still hundreds of people's."""
MINUTE_SECONDS = 60
FRESH_SECONDS = 300
"""How old a figure may be that changes by the week."""


class _Kept(NamedTuple):
    turn: int
    minutes: int | None


class Pace(Struct, frozen=True, kw_only=True):
    """What people got done lately."""

    decided: int
    """Comments that had waited, at most as many as are looked through."""
    median_minutes: int | None
    """How long half of them had waited at most; None where nothing was decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """Tell how long comments wait, from what the newsroom did lately."""

    store: WaitStore
    _kept: dict[int, _Kept] = field(default_factory=dict, init=False)
    """By site; there are as many as sites."""

    @staticmethod
    def turn(now: datetime) -> int:
        """Return a number that is another one whenever a figure is worked out anew."""
        return int(now.timestamp()) // FRESH_SECONDS

    async def last_hour(self, site: Site, *, now: datetime) -> Pace:
        """Return how many comments people decided in the last hour, and how long these waited.

        Raises:
            Unavailable: Postgres is away.
        """
        rulings = await self.store.first_rulings(
            site.site_id, since=now - HOUR, limit=LOOKED_THROUGH
        )
        waited = [(at - made_at(comment_id)).total_seconds() for comment_id, at in rulings]
        return Pace(decided=len(waited), median_minutes=_minutes(waited) if waited else None)

    async def usual_minutes(self, site: Site, *, now: datetime) -> int | None:
        """Return the median of the last week, in whole minutes begun; None for too few decisions.

        While Postgres is away the last figure stands.
        """
        turn = self.turn(now)
        kept = self._kept.get(site.site_id, _Kept(-1, None))
        if kept.turn == turn:
            return kept.minutes
        # Whoever asks meanwhile is told what was known: one look a site is enough.
        self._kept[site.site_id] = _Kept(turn, kept.minutes)
        try:
            rulings = await self.store.first_rulings(
                site.site_id, since=now - WEEK, limit=LOOKED_THROUGH
            )
        except Unavailable:
            return kept.minutes
        waited = [(at - made_at(comment_id)).total_seconds() for comment_id, at in rulings]
        minutes = None
        if len(waited) >= FEWEST:
            minutes = _minutes(waited)
        self._kept[site.site_id] = _Kept(turn, minutes)
        return minutes


def _minutes(waited: Sequence[float]) -> int:
    """Return the median of some seconds in whole minutes begun."""
    return max(math.ceil(statistics.median(waited) / MINUTE_SECONDS), 1)
