"""Alerts: what a rule wants somebody told of at once reaches open pages and webhooks.

They are written down with what screening saw, so none is lost while nobody listens; the leader
tells them within a second. A wave rings once: open pages are told a line a rule, and webhooks of a
rule at most every five minutes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import structlog
from msgspec import Struct

from service.features.errands import Rest
from service.features.patience import Patience
from service.features.sites import SiteDirectory
from service.features.telling import Telling
from service.model import Actor, Role, Site
from service.storage.alerts import AlertStore, Unseen

__all__ = ["Alerts", "Unseen", "roles_below"]

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 0.7
AT_ONCE: Final = 500
"""Alerts that are told in one turn."""
RING_AFTER: Final = timedelta(minutes=5)
"""How often webhooks are told of one rule at most."""
SHOWN_FOR: Final = timedelta(days=7)
"""After that nobody was told in time."""
SHOWN_MAX: Final = 1_000
"""Alerts that are looked at for what is shown; a wave has more."""
SHOWN_TO: Final = timedelta(microseconds=999)
"""Times are shown to the millisecond, and kept more finely."""
KEPT_FOR: Final = timedelta(days=30)
PURGE_EVERY: Final = timedelta(hours=1)

TOLD: Final = (Role.MODERATOR, Role.SENIOR, Role.EDITOR, Role.ADMIN)
"""Roles that a rule may name."""


def roles_below(role: Role | None) -> tuple[Role, ...]:
    """Return the roles whose alerts are also somebody's; None is a key, which sees all."""
    return TOLD if role is None else tuple(each for each in TOLD if role.includes(each))


class Alerts(Struct, frozen=True, kw_only=True):
    """Tell, show, and tick off. Methods but `run` raise Unavailable while Postgres is away."""

    store: AlertStore
    sites: SiteDirectory
    telling: Telling
    clock: Callable[[], datetime]
    rest: Rest = asyncio.sleep
    """How it waits for more to do."""

    async def run(self) -> None:
        """Tell what is new, without end. One process of all does."""
        patience, purged = Patience("alerts_wait"), None
        while True:
            with patience:
                now = self.clock()
                told = await self.tell(now=now)
                if purged is None or now - purged >= PURGE_EVERY:
                    await self.store.purge(before=now - KEPT_FOR)
                    purged = now
                if told == AT_ONCE:
                    continue
            await self.rest(LOOK_SECONDS)

    async def tell(self, *, now: datetime) -> int:
        """Tell open pages and webhooks what they were not told yet; return of how many alerts."""
        groups = await self.store.take_untold(now=now, rung_since=now - RING_AFTER, limit=AT_ONCE)
        if not groups:
            return 0
        sites = {site.site_id: site for site in await self.sites.all_sites()}
        for group in groups:
            latest = group[-1]
            log.info("alerted", rule=latest.rule, comments=len(group), severity=latest.severity)
            self.telling.alerted(
                sites[latest.site_id],
                rule=latest.rule,
                label=latest.label,
                severity=latest.severity,
                comment_ids=[each.comment_id for each in group],
                role=latest.role,
            )
        return sum(map(len, groups))

    async def unseen(self, site: Site, role: Role | None, *, now: datetime) -> list[Unseen]:
        """Return what nobody has seen or decided yet, a line a rule, the worst first."""
        return await self.store.unseen(
            site.site_id, roles=roles_below(role), since=now - SHOWN_FOR, limit=SHOWN_MAX
        )

    async def see(
        self,
        site: Site,
        rule: str,
        role: Role | None,
        *,
        upto: datetime,
        actor: Actor,
        now: datetime,
    ) -> int:
        """Tick off what a rule alerted of up to a time, for the whole team; return how many."""
        seen = await self.store.see(
            site.site_id,
            rule,
            upto=upto + SHOWN_TO,
            roles=roles_below(role),
            seen_by=actor.actor_id,
            now=now,
        )
        if seen:
            self.telling.alerts_seen(site, rule)
        return seen
