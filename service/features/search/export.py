"""Everything a search finds, read out: who took it away is logged before the first line goes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from msgspec import Struct

from service.features.administration import Acts
from service.features.search.find import Hits, Search, Sort
from service.features.search.language import parse
from service.model import Actor, Site
from service.storage.administration import AdministrationStore


class Export(Struct, frozen=True, kw_only=True):
    """Read searches out."""

    search: Search
    log: AdministrationStore
    acts: Acts

    async def begin(
        self,
        site: Site,
        line: str,
        *,
        sort: Sort,
        actor: Actor,
        sees_escalated: bool,
        now: datetime,
    ) -> AsyncIterator[Hits]:
        """Log who asks for what kind of thing, and return all of it, some at a time.

        Raises:
            Mistake: the line cannot be understood.
            Unavailable: Postgres is away; nothing is read out that was not logged.
        """
        filters = sorted({str(term.field) for term in parse(line)})
        act = self.acts.by(
            actor, "comments.exported", site=site, now=now, details={"filters": filters}
        )
        await self.log.note(act)
        return self.search.everything(site, line, sort=sort, sees_escalated=sees_escalated, now=now)
