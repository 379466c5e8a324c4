"""Watch live rules: one that misbehaves goes back to shadow by itself, and it is said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from msgspec import Struct

from service.features.dry_run_tally import wilson
from service.features.patience import Patience
from service.features.rule_changes_trial import FLOOR
from service.features.rulebook import Rulebook
from service.features.sites import SiteDirectory
from service.model import Site
from service.storage.administration import Act
from service.storage.rule_figures import Figures, RuleFigureStore
from service.storage.rules import Effect, RuleStore, Watched

log = structlog.get_logger(__name__)

LOOK_SECONDS = 60.0
TIMES = 3
"""So many times what its dry run led to expect a rule may hit in an hour."""
HITS_MIN = 10
"""Hits of an hour below which nothing is said of a rule: chance."""
CONFIRMED_MIN = 10
"""Decisions within the hour by which people can say that a rule is right all the same."""
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
_NONE = Figures()


class RuleWatch(Struct, frozen=True, kw_only=True):
    """Look after live rules. Methods raise Unavailable while Postgres is away."""

    rules: RuleStore
    figures: RuleFigureStore
    rulebook: Rulebook
    sites: SiteDirectory
    new_id: Callable[[datetime], UUID]
    clock: Callable[[], datetime]

    async def run(self) -> None:
        """Look once a minute, without end. Only one process may."""
        patience = Patience("rule_watch_waits")
        while True:
            with patience:
                await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> int:
        """Take every live rule out of effect that misbehaves; return how many."""
        by_site: dict[int, list[Watched]] = {}
        for each in await self.rules.watched():
            by_site.setdefault(each.site_id, []).append(each)
        sites = {site.site_id: site for site in await self.sites.all_sites()} if by_site else {}
        demoted = 0
        for site_id, watched in by_site.items():
            demoted += await self._look_at(sites[site_id], watched)
        return demoted

    async def _look_at(self, site: Site, watched: list[Watched]) -> int:
        now, demoted = self.clock(), 0
        hour = await self.figures.of_site(site.site_id, since=now - HOUR)
        day = await self.figures.of_site(site.site_id, since=now - DAY)
        received = await self.figures.screened(site.site_id, since=now - HOUR)
        for rule in watched:
            key = rule.rule_id, rule.live_version
            why = too_often(rule, hour.get(key, _NONE), received) or too_wrong(
                rule, day.get(key, _NONE), now
            )
            if why is not None:
                demoted += await self._demote(site, rule, why, now)
        return demoted

    async def _demote(
        self, site: Site, rule: Watched, why: Mapping[str, Any], now: datetime
    ) -> bool:
        done = await self.rules.put_into_effect(
            site.site_id,
            rule.rule_id,
            Effect(version=rule.live_version, state="shadow", demoted_for=why),
            revision=None,
            shipped=None,
            act=Act(
                entry_id=self.new_id(now),
                at=now,
                actor_kind="service",
                actor_id="",
                act="rule.demoted",
                site_id=site.site_id,
            ),
        )
        if done:
            await self.rulebook.renew(site)
            log.warning("rule_demoted", site=site.slug, rule=rule.rule_id, because=why["because"])
        return done


def too_often(rule: Watched, hour: Figures, received: int) -> dict[str, Any] | None:
    """Say why a rule hits too often, if it does: three times what its dry run let expect.

    What is expected of an hour is the dry run's share of the comments that came in it, so that a
    busy hour is no fault. Where people have turned down what it hit, it is right.
    """
    if rule.expected_share is None or hour.hits < HITS_MIN:
        return None
    expected = rule.expected_share * received
    if hour.hits <= TIMES * expected:
        return None
    floor = rule.precision_floor or FLOOR
    if hour.decided >= CONFIRMED_MIN and hour.rejected >= floor * hour.decided:
        return None
    return {
        "because": "too_often",
        "hits": hour.hits,
        "expected": round(expected, 1),
        "received": received,
    }


def too_wrong(rule: Watched, day: Figures, now: datetime) -> dict[str, Any] | None:
    """Say why a rule is wrong too often, if for a day it surely was."""
    floor = rule.precision_floor
    if floor is None or now - rule.went_live_at < DAY:
        return None
    interval = wilson(day.rejected, day.decided)
    if interval is None or interval[1] >= floor:
        return None
    return {
        "because": "too_wrong",
        "rejected": day.rejected,
        "approved": day.approved,
        "floor": floor,
    }
