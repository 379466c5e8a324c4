"""Checks: a sample of decisions is judged again, blind, so that one knows how often people agree.

The sample is a fixed share of comments (`is_audited`), and on quiet days a few more. Whoever
checks is not told what was decided, by whom or why, until they have said what they think; what
they say changes nothing but the statistics.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec import Struct, field

from service.errors import Conflict, Forbidden, NotFound
from service.features.administration import Acts
from service.features.lookup import Found, Lookup
from service.features.patience import Patience
from service.features.reasons import check_reason
from service.features.screening.priority import is_audited
from service.features.sites import SiteDirectory
from service.model import Actor, Decision, Site
from service.storage.checks import Agreement, CheckStore, Sampled, Verdict

__all__ = [
    "Agreement",
    "AlreadyTold",
    "CheckAnswered",
    "Checked",
    "Checks",
    "DecidedYourself",
    "NotChecked",
    "UnknownCheck",
    "Verdict",
]

PAUSE_SECONDS = 60.0
DAY_MIN = 30
"""Decisions of a day that are checked at least (screening.md F)."""
QUIET_SHARE = 5
"""But not more than one decision in so many: colleagues have other work."""
BATCH = 5_000
"""Decisions that one look goes through."""
LATE = timedelta(minutes=2)
"""How long after its time a decision may still be committed."""
START = timedelta(days=2)
"""How far back the first look goes."""
OPEN_FOR = timedelta(days=14)
"""How long a check waits for somebody."""


class UnknownCheck(NotFound):
    """The comment is not in the sample."""

    code = "unknown_check"
    title = "There is nothing to check here."


class CheckAnswered(Conflict):
    """A colleague was faster, or the comment was decided again."""

    code = "check_answered"
    title = "This was checked already, or decided again since."


class DecidedYourself(Forbidden):
    """Nobody checks what they decided themselves."""

    code = "own_decision"
    title = "A decision is checked by somebody else."


class AlreadyTold(Forbidden):
    """Whoever took a second look back knows what was decided, and is blind no more."""

    code = "already_told"
    title = "You were told how this was decided: somebody else looks at it."


class NotChecked(Conflict):
    """There is nothing to take back."""

    code = "not_checked"
    title = "You have not looked at this a second time."


class Checked(Struct, frozen=True, kw_only=True):
    """A second look, with what it was compared to."""

    agrees: bool
    decision: Decision


class Checks(Struct, frozen=True, kw_only=True):
    """Draw the sample, and take second looks. Methods raise Unavailable without Postgres."""

    store: CheckStore
    lookup: Lookup
    sites: SiteDirectory
    acts: Acts
    clock: Callable[[], datetime]
    _reached: dict[int, datetime] = field(default_factory=dict)
    """By site: the decisions up to then were looked through."""

    async def run(self) -> None:
        """Draw the sample, without end."""
        patience = Patience("checks_not_drawn")
        while True:
            with patience:
                for site in await self.sites.known_sites():
                    await self.draw(site, now=self.clock())
            await asyncio.sleep(PAUSE_SECONDS)

    async def draw(self, site: Site, *, now: datetime) -> None:
        """Put into the sample what was decided since the last look, and drop what is too old."""
        day = now.replace(hour=0, minute=0, second=0, microsecond=0)
        reached = self._reached.get(site.site_id, now - START)
        drawn = await self.store.count_since(site.site_id, day)
        after = min(reached, day) if drawn < DAY_MIN else reached
        decided = await self.store.decided(site.site_id, after=after, until=now, limit=BATCH)
        await self.store.add(
            site.site_id, [each for each in decided if is_audited(each.comment_id)]
        )
        if drawn < DAY_MIN:
            await self._fill_up(site, [each for each in decided if each.at >= day], day)
        full = len(decided) == BATCH
        self._reached[site.site_id] = decided[-1].at if full else max(reached, now - LATE)
        await self.store.forget(site.site_id, before=now - OPEN_FOR)

    async def answer(
        self,
        site: Site,
        found: Found,
        verdict: Verdict,
        *,
        reason: str | None,
        actor: Actor,
        now: datetime,
    ) -> Checked:
        """Keep a second look, and tell what had been decided.

        Raises:
            Invalid: the reason is not one of the site's, or missing beside a rejection.
            UnknownCheck: the comment is not in the sample.
            DecidedYourself, AlreadyTold, CheckAnswered.
        """
        check_reason(site, reason, is_needed=verdict == "reject")
        check = await self.store.find(site.site_id, found.article_id, found.comment_id)
        if check is None:
            raise UnknownCheck
        if (check.decided_by, check.decider_id) == (actor.kind, actor.actor_id):
            raise DecidedYourself
        if f"{actor.kind}:{actor.actor_id}" in check.told:
            raise AlreadyTold
        history = await self.lookup.history(found, site)
        if not history or history[-1].n != check.n:
            raise CheckAnswered
        kept = await self.store.answer(
            site.site_id,
            found.article_id,
            found.comment_id,
            checked=verdict,
            reason=reason,
            actor=actor,
            at=now,
        )
        if not kept:
            raise CheckAnswered
        return Checked(agrees=verdict == check.verdict, decision=history[-1])

    async def withdraw(self, site: Site, found: Found, *, actor: Actor, now: datetime) -> None:
        """Take one's own second look back: it counts no more, and is for somebody else.

        The log keeps what was said.

        Raises:
            NotChecked: they said nothing of this comment.
            Unavailable: Postgres cannot commit.
        """
        act = self.acts.by(
            actor,
            "comment.check_withdrawn",
            site=site,
            now=now,
            details={"comment_id": str(found.comment_id)},
        )
        withdrawn = await self.store.withdraw(
            site.site_id, found.article_id, found.comment_id, actor=actor, act=act
        )
        if not withdrawn:
            raise NotChecked

    async def agreement(self, site: Site, *, since: datetime, until: datetime) -> list[Agreement]:
        """Count the second looks of a stretch of time and those that agreed."""
        return await self.store.agreement(site.site_id, since=since, until=until)

    async def _fill_up(self, site: Site, today: list[Sampled], day: datetime) -> None:
        """Add a few more on a quiet day: always the same ones, whoever decided them."""
        wanted = min(DAY_MIN, len(today) // QUIET_SHARE)
        missing = wanted - await self.store.count_since(site.site_id, day)
        if missing > 0:
            first = sorted(today, key=lambda each: hashlib.sha256(each.comment_id.bytes).digest())
            await self.store.add(site.site_id, first[:wanted])
