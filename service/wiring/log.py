"""The log, sealed behind what is decided and done, and what it tells of authors."""

from __future__ import annotations

from typing import Self

from msgspec import Struct

from service.features.audit import AuditLog
from service.features.audit_seal import AuditSeal
from service.features.dossiers import Dossiers
from service.storage.administration import AdministrationStore
from service.storage.audit import AuditStore
from service.storage.audit_chain import ChainStore
from service.storage.decisions import DecisionStore
from service.storage.dossiers import DossierStore
from service.wiring.core import Core
from service.wiring.ground import Ground, Loop, clock


class Log(Struct, frozen=True, kw_only=True):
    """The log."""

    audit: AuditLog
    seal: AuditSeal
    dossiers: Dossiers

    @classmethod
    def build(cls, ground: Ground, core: Core) -> Self:
        """Wire it to the stores."""
        pool = ground.pool
        chains = ChainStore(pool=pool)
        audit = AuditLog(
            store=AuditStore(pool=pool),
            chains=chains,
            decisions=DecisionStore(pool=pool),
            acts=core.acts,
            administration=AdministrationStore(pool=pool),
            cursors=core.cursors,
        )
        return cls(
            audit=audit,
            seal=AuditSeal(
                store=chains,
                audit=audit,
                sites=core.sites,
                clock=clock,
                rest=core.errands.rest_until("seal"),
            ),
            dossiers=Dossiers(store=DossierStore(pool=pool)),
        )

    def leader_loops(self) -> list[Loop]:
        """Return what goes on in one process of all."""
        return [self.seal.run, self.seal.run_checks]
