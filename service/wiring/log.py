"""The log, sealed behind what is decided and done, and the pages of log, search and authors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from service.features.audit import AuditLog
from service.features.audit_seal import AuditSeal
from service.features.dossiers import Dossiers
from service.storage.administration import AdministrationStore
from service.storage.audit import AuditStore
from service.storage.audit_chain import ChainStore
from service.storage.decisions import DecisionStore
from service.storage.dossiers import DossierStore
from service.web.audit import Auditing
from service.web.dashboard.author import AuthorPages
from service.web.dashboard.log import LogPages
from service.web.dashboard.search import SearchPages
from service.web.operation import Operation
from service.wiring.core import Core
from service.wiring.ground import Ground, Loop, clock
from service.wiring.moderators import Moderators


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
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

    def operations(self, core: Core, moderators: Moderators) -> list[Operation]:
        """Return what is asked of the log, and the pages."""
        log = LogPages(
            audit=self.audit, wishes=moderators.wishes, sites=core.sites, lookup=core.lookup
        )
        search = SearchPages(
            search=moderators.search,
            searches=moderators.saved_searches,
            wishes=moderators.wishes,
            sites=core.sites,
        )
        author = AuthorPages(
            records=moderators.records,
            dossiers=self.dossiers,
            sweeps=moderators.sweeps,
            search=moderators.search,
            audit=self.audit,
            wishes=moderators.wishes,
            sites=core.sites,
        )
        return [
            *Auditing(audit=self.audit).operations(),
            *log.operations(),
            *search.operations(),
            *author.operations(),
        ]

    def leader_loops(self) -> list[Loop]:
        """Return what goes on in one process of all."""
        return [self.seal.run, self.seal.run_checks]
