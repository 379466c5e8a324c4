"""Everything that repairs, once: for whoever does not want to wait, or looks after a disaster."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from msgspec import Struct

from service.features.journal import Journal
from service.features.reconcile import Reconcile
from service.features.recount import Recount
from service.features.redo import Redoing
from service.features.relay import Relay
from service.model import Site

BATCHES_MAX = 10_000
"""Of what is copied or told, in one go; what comes meanwhile is the service's to do."""


class Rule(Struct, frozen=True, kw_only=True):
    """One thing that is compared and put right."""

    name: str
    does: str
    """What it puts right, in a few words."""
    on_site: Callable[[Site], Awaitable[int]]
    """Applies it to a site, and returns how much was put right."""


class Repair(Struct, frozen=True, kw_only=True):
    """The rules of protocol.md 2.9 in the order in which one rests on another.

    Each may be applied again, and beside a service that runs.
    """

    journal: Journal
    redoing: Redoing
    reconcile: Reconcile
    recount: Recount
    relay: Relay

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Return what is applied to each site."""
        return (
            Rule(
                name="refill",
                does="comments put back into a Redis that had lost them",
                on_site=self.journal.refill.open_queue,
            ),
            Rule(
                name="redo",
                does="decisions made again that Postgres had lost",
                on_site=lambda site: self.redoing.compare(site, wholly=True),
            ),
            Rule(
                name="finish",
                does="decided comments taken out of the queue",
                on_site=self.reconcile.finish_decided,
            ),
            Rule(
                name="leases",
                does="leases ended that had run out",
                on_site=self._expire,
            ),
            Rule(
                name="structure",
                does="items and places of the queue that did not agree",
                on_site=self._mend,
            ),
            Rule(
                name="journal",
                does="comments copied to the journal",
                on_site=self._copy,
            ),
            Rule(
                name="missing",
                does="comments put back that only the journal had",
                on_site=self.reconcile.put_back_missing,
            ),
            Rule(
                name="counts",
                does="counters that were wrong",
                on_site=self.recount.every,
            ),
        )

    async def apply(self, sites: Sequence[Site]) -> AsyncIterator[tuple[Rule, Site, int]]:
        """Apply every rule to every site; yields how much each put right.

        Raises:
            Unavailable: a store is away; what was put right stays.
        """
        for rule in self.rules:
            for site in sites:
                yield rule, site, await rule.on_site(site)

    async def tell(self) -> int:
        """Pass on what was not told yet, and return how many messages that was."""
        return await _until_none(self.relay.relay)

    async def purge(self) -> None:
        """Delete what is too old."""
        await self.reconcile.purge()

    async def _expire(self, site: Site) -> int:
        return await _until_none(lambda: self.reconcile.expire_leases(site))

    async def _mend(self, site: Site) -> int:
        return sum(await self.reconcile.mend_structure(site))

    async def _copy(self, site: Site) -> int:
        return await _until_none(lambda: self.journal.copy(site))


async def _until_none(step: Callable[[], Awaitable[int]]) -> int:
    done = 0
    for _ in range(BATCHES_MAX):
        found = await step()
        done += found
        if not found:
            break
    return done
