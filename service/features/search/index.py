"""Keep what search looks through up to date: within a second, and also what it never heard of."""

from __future__ import annotations

import asyncio
from uuid import UUID

from msgspec import Struct

from service.features.errands import Rest
from service.features.patience import Patience
from service.storage.search import SearchStore

BATCH = 500
PAUSE_SECONDS = 0.8
"""Between looks: what has changed is found within a second."""
STRETCH = 10_000
"""Comments of one look for what has no row."""
BEGINNING = (-1, UUID(int=0))


class SearchIndex(Struct, frozen=True, kw_only=True):
    """Follow what changes. Only one process may."""

    store: SearchStore
    rest: Rest = asyncio.sleep
    """How it waits for more to do."""

    async def run(self) -> None:
        """Look once for comments without a row, then follow what changes, without end."""
        patience = Patience("search_waits")
        place: tuple[int, UUID] | None = BEGINNING
        while True:
            renewed = 0
            with patience:
                renewed = await self.store.renew(limit=BATCH)
                if place is not None and renewed < BATCH:
                    place = await self.store.enlist_missing(place, limit=STRETCH)
                    continue
            if renewed < BATCH:
                await self.rest(PAUSE_SECONDS)

    async def catch_up(self) -> None:
        """Make everything anew that is known to have changed."""
        while await self.store.renew(limit=BATCH):
            pass
