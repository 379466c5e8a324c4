"""What colleagues look up of an author beside the record: reports, and accounts like theirs."""

from __future__ import annotations

from uuid import UUID

from msgspec import Struct

from service.model import Site
from service.storage.dossiers import Alike, DossierStore, ReportSeen

__all__ = ["Alike", "Dossiers", "ReportSeen"]

REPORTS_SHOWN = 50
ALIKE_SHOWN = 20


class Dossiers(Struct, frozen=True, kw_only=True):
    """Look things up. Methods raise Unavailable while Postgres is away."""

    store: DossierStore

    async def reports(self, site: Site, author_id: UUID) -> list[ReportSeen]:
        """Return reports on an author's comments and by the author, the newest first."""
        return await self.store.reports(site.site_id, author_id, limit=REPORTS_SHOWN)

    async def alike(self, site: Site, author_id: UUID) -> list[Alike]:
        """Return accounts that may be the same person's, those with most in common first.

        A clue, never a proof: a family shares a network, and many share a name.
        """
        return await self.store.alike(site.site_id, author_id, limit=ALIKE_SHOWN)
