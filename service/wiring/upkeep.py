"""What goes on by itself: journal, repair, the outbox, and what is measured."""

from __future__ import annotations

import secrets as chance
from functools import partial
from typing import Self

from msgspec import Struct

from service.features.errands import ANYWAY_SECONDS
from service.features.forwarders import Forwarders
from service.features.journal import NOTED_SECONDS, Journal
from service.features.levels import Levels
from service.features.reconcile import Reconcile
from service.features.recount import Recount
from service.features.redo import Redoing
from service.features.refill import Refill
from service.features.relay import Relay
from service.features.repair import Repair
from service.storage.accounts import AccountStore
from service.storage.decisions import DecisionStore
from service.storage.journal import JournalStore
from service.storage.leadership import Leadership
from service.storage.outbox import OutboxStore
from service.storage.recounts import RecountStore
from service.storage.redo import RedoStore
from service.storage.screenings import ScreeningStore
from service.storage.sightings import SightingStore
from service.wiring.core import Core
from service.wiring.ground import Ground, Loop, clock
from service.wiring.live import Live


class Upkeep(Struct, frozen=True, kw_only=True):
    """What keeps the two stores in step."""

    leadership: Leadership
    journal: Journal
    reconcile: Reconcile
    redoing: Redoing
    relay: Relay
    repair: Repair
    levels: Levels
    forwarders: Forwarders

    @classmethod
    def build(cls, ground: Ground, core: Core, live: Live) -> Self:
        """Wire it to the stores."""
        pool, metrics = ground.pool, ground.metrics
        rows, outbox = JournalStore(pool=pool), OutboxStore(pool=pool)
        recount = Recount(
            store=RecountStore(pool=pool), invalidations=core.invalidations, clock=clock
        )
        journal = Journal(
            store=rows,
            pending=core.pending,
            sites=core.sites,
            refill=Refill(
                store=rows,
                pending=core.pending,
                losses=core.losses,
                new_epoch=partial(chance.token_hex, 16),
                clock=clock,
                journaled_first=ground.settings.durability == "journal",
                noting_seconds=NOTED_SECONDS,
            ),
            acknowledged=core.acknowledged,
        )
        reconcile = Reconcile(
            decisions=DecisionStore(pool=pool),
            journal=rows,
            outbox=outbox,
            screenings=ScreeningStore(pool=pool),
            pending=core.pending,
            sites=core.sites,
            recount=recount,
            mended=lambda rule, count: metrics.reconciled.labels(rule).inc(count),
            clock=clock,
            refilled=journal.refill.refilled,
        )
        redoing = Redoing(
            store=RedoStore(redis=ground.redis, pool=pool),
            decisions=core.decisions,
            log_store=DecisionStore(pool=pool),
            pending=core.pending,
            sites=core.sites,
            subject_of=ground.secrets.subject,
            made_again=metrics.redone.inc,
        )
        relay = Relay(
            outbox=outbox,
            invalidations=core.invalidations,
            events=live.events,
            sites=core.sites,
            clock=clock,
            pause_seconds=ANYWAY_SECONDS,
        )
        return cls(
            leadership=Leadership(pool=pool),
            journal=journal,
            reconcile=reconcile,
            redoing=redoing,
            relay=relay,
            repair=Repair(
                journal=journal,
                redoing=redoing,
                reconcile=reconcile,
                recount=recount,
                relay=relay,
            ),
            levels=Levels(
                losses=core.losses,
                pending=core.pending,
                outbox=outbox,
                accounts=AccountStore(pool=pool),
                sites=core.sites,
                metrics=metrics,
                clock=clock,
            ),
            forwarders=Forwarders(sightings=SightingStore(redis=ground.redis)),
        )

    def loops(self) -> list[Loop]:
        """Return what goes on in every process."""
        return [self.journal.run_watermarks, self.forwarders.run]

    def leader_loops(self) -> list[Loop]:
        """Return what goes on in one process of all."""
        return [
            self.journal.run,
            self.reconcile.run,
            self.redoing.run,
            self.relay.run,
            self.levels.run,
        ]
