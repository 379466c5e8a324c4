"""Authors' standing with a site: what they have had approved, whether they are banned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from service.errors import Unavailable
from service.model import Site, Standing
from service.storage.readers import ReaderStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Authors:
    """Look up standings; a site that never met an author knows nothing against them."""

    readers: ReaderStore

    async def standing_or_none(self, site: Site, author_id: UUID) -> Standing | None:
        """An author's standing, or None when Postgres cannot say (Ruling 11: hold)."""
        try:
            return await self.readers.standing(site.site_id, author_id)
        except Unavailable:
            return None

    async def standings(self, site: Site, author_ids: Sequence[UUID]) -> dict[UUID, Standing]:
        """Standings of several authors; empty while Postgres is away, so that looking goes on."""
        try:
            found = await self.readers.standings(site.site_id, list(set(author_ids)))
        except Unavailable:
            return {}
        return {standing.author_id: standing for standing in found}
