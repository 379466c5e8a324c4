"""The piles of comments that do not wait in Redis: reported, unseen, appealed, to be checked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from msgspec import Struct

from service.model import Actor, Site
from service.storage.appeals import AppealStore
from service.storage.checks import CheckStore
from service.storage.reports import ReportStore
from service.storage.seen import SeenStore


class Lane(StrEnum):
    """One of the piles moderators work through."""

    HELD = "held"
    REPORTED = "reported"
    NEW = "new"
    APPEALS = "appeals"
    CHECK = "check"
    ALL = "all"


WAITING_LANES = frozenset({Lane.HELD, Lane.ALL})
"""Those whose comments wait in Redis."""
BESIDE: Final = (Lane.REPORTED, Lane.APPEALS)
"""What else lies in `all`: what readers object to, and what authors do."""


def counted(totals: Mapping[Lane, int]) -> dict[Lane, int]:
    """Return how much lies in each lane, `all` being the sum of what is known."""
    parts = [totals[lane] for lane in (Lane.HELD, *BESIDE) if lane in totals]
    return {**totals, Lane.ALL: sum(parts)}


class LanePage(Struct, frozen=True, kw_only=True):
    """A page of a pile, in the order in which it is worked off."""

    ids: tuple[UUID, ...]
    since: dict[UUID, datetime]
    """When each comment came to lie there."""
    following: list[Any] | None
    """Where the next page begins; a small JSON value."""
    within: timedelta = timedelta(0)
    """How soon after it came to lie there a comment is due."""
    blind: bool = False
    """Whoever looks is not told how the comment was decided, or why."""


REPORTED_WITHIN = timedelta(minutes=15)
APPEALED_WITHIN = timedelta(hours=24)
SEEN_WITHIN = timedelta(hours=24)
CHECKED_WITHIN = timedelta(days=7)

EMPTY = LanePage(ids=(), since={}, following=None)
BLIND = LanePage(ids=(), since={}, following=None, within=CHECKED_WITHIN, blind=True)
"""No page of the lane, but how its comments are shown."""


class Lanes(Struct, frozen=True, kw_only=True):
    """Read the piles in Postgres. Methods raise Unavailable while it is away."""

    reports: ReportStore
    appeals: AppealStore
    seen: SeenStore
    checks: CheckStore

    async def page(
        self, site: Site, lane: Lane, *, actor: Actor, after: Any, limit: int
    ) -> LanePage:
        """Return a page of a pile, from the start or after `following` of another."""
        match lane:
            case Lane.REPORTED:
                return await self._reported(site, after, limit)
            case Lane.APPEALS:
                rows = await self.appeals.lane(site.site_id, after=_moment(after), limit=limit + 1)
                return _page(rows, limit, within=APPEALED_WITHIN)
            case Lane.NEW:
                rows = await self.seen.lane(site.site_id, after=_moment(after), limit=limit + 1)
                return _page(rows, limit, within=SEEN_WITHIN)
            case Lane.CHECK:
                rows = await self.checks.lane(
                    site.site_id, actor=actor, after=_moment(after), limit=limit + 1
                )
                return _page(rows, limit, within=CHECKED_WITHIN, blind=True)
            case _:
                return EMPTY

    async def total(self, site: Site, lane: Lane, *, actor: Actor | None = None) -> int:
        """Count a pile, as far as this actor may work on it."""
        match lane:
            case Lane.REPORTED:
                return await self.reports.count_lane(site.site_id)
            case Lane.APPEALS:
                return await self.appeals.count_lane(site.site_id)
            case Lane.NEW:
                return await self.seen.count_lane(site.site_id)
            case Lane.CHECK:
                return await self.checks.count_lane(site.site_id, actor=actor)
            case _:
                return 0

    async def _reported(self, site: Site, after: Any, limit: int) -> LanePage:
        start = (after[0], datetime.fromisoformat(after[1]), UUID(after[2])) if after else None
        rows = await self.reports.lane(site.site_id, after=start, limit=limit + 1)
        page = rows[:limit]
        following = None
        if len(rows) > limit:
            comment_id, reports, first = page[-1]
            following = [reports, first.isoformat(), str(comment_id)]
        return LanePage(
            ids=tuple(comment_id for comment_id, _, _ in page),
            since={comment_id: first for comment_id, _, first in page},
            following=following,
            within=REPORTED_WITHIN,
        )


def _moment(after: Any) -> tuple[datetime, UUID] | None:
    return (datetime.fromisoformat(after[0]), UUID(after[1])) if after else None


def _page(
    rows: list[tuple[UUID, datetime]], limit: int, *, within: timedelta, blind: bool = False
) -> LanePage:
    """Return a page of a pile that is worked off by time; of one row more than fit."""
    page = rows[:limit]
    following = [page[-1][1].isoformat(), str(page[-1][0])] if len(rows) > limit else None
    return LanePage(
        ids=tuple(comment_id for comment_id, _ in page),
        since=dict(page),
        following=following,
        within=within,
        blind=blind,
    )
