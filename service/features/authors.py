"""Authors' standing with a site: what they have had approved, whether they may write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from service.errors import Forbidden, Unavailable
from service.features.in_time import in_time
from service.model import Site, Standing
from service.storage.readers import ReaderStore


class AuthorBanned(Forbidden):
    """The newsroom has suspended this author; its reason, if it gave one, is the detail."""

    code = "author_banned"
    title = "This author cannot comment here at the moment."


class WarningUnacknowledged(Forbidden):
    """The newsroom has warned this author, and they have not said that they read it."""

    code = "warning_unacknowledged"
    title = "The newsroom has warned you. Please read it before you write again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Authors:
    """Look up standings; a site that never met an author knows nothing against them."""

    readers: ReaderStore

    async def admitted(
        self, site: Site, author_id: UUID, *, also: Sequence[UUID] = (), now: datetime
    ) -> Standing | None:
        """Return the standing of an author who may write, vote and report.

        None when Postgres cannot say: what they write is held (protocol.md Ruling 11).
        `also` are other ids of the same person: what is held against one holds for all.

        Raises:
            AuthorBanned: they may not, until a time or for good.
        """
        try:
            own, *others = await in_time(self.readers.standings(site.site_id, [author_id, *also]))
        except Unavailable:
            return None
        for each in (own, *others):
            if each.banned_until is not None and each.banned_until > now:
                raise AuthorBanned(each.ban_reason or "")
        warnings = (each.warning for each in (own, *others) if each.warning is not None)
        return replace(
            own,
            always_hold=any(each.always_hold for each in (own, *others)),
            warning=next(warnings, None),
        )

    async def standings(self, site: Site, author_ids: Sequence[UUID]) -> dict[UUID, Standing]:
        """Standings of several authors; empty while Postgres is away, so that looking goes on."""
        try:
            found = await self.readers.standings(site.site_id, list(set(author_ids)))
        except Unavailable:
            return {}
        return {standing.author_id: standing for standing in found}
