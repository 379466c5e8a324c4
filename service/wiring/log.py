"""The log of decisions and administrative acts: sealed behind them, read, and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from service.features.audit import AuditLog
from service.features.audit_seal import AuditSeal
from service.storage.administration import AdministrationStore
from service.storage.audit import AuditStore
from service.storage.decisions import DecisionStore
from service.web.audit import Auditing
from service.web.operation import Operation
from service.wiring.core import Core
from service.wiring.ground import Ground, Loop, clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """The log."""

    audit: AuditLog
    seal: AuditSeal

    @classmethod
    def build(cls, ground: Ground, core: Core) -> Self:
        """Wire it to the stores."""
        pool = ground.pool
        store = AuditStore(pool=pool)
        audit = AuditLog(
            store=store,
            decisions=DecisionStore(pool=pool),
            acts=core.acts,
            administration=AdministrationStore(pool=pool),
            cursors=core.cursors,
        )
        return cls(
            audit=audit,
            seal=AuditSeal(store=store, audit=audit, sites=core.sites, clock=clock),
        )

    def operations(self) -> list[Operation]:
        """Return what is asked of it."""
        return Auditing(audit=self.audit).operations()

    def leader_loops(self) -> list[Loop]:
        """Return what goes on in one process of all."""
        return [self.seal.run, self.seal.run_checks]
