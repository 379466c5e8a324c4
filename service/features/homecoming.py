"""Stores that came back from a backup are made one again before anybody is served from them."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from service.features.erasures import Erasures
from service.model import Site
from service.storage.journal import JournalStore
from service.storage.redo import RedoStore


class Homecoming(Struct, frozen=True, kw_only=True):
    """What the general repair cannot know: that Redis is the older of the two.

    A backup copies Redis first. Methods raise Unavailable while a store is away.
    """

    journal: JournalStore
    redo: RedoStore
    erasures: Erasures

    async def begin(self, sites: Sequence[Site]) -> None:
        """Let the repair see that Redis went back, and drop what is known to be in Postgres.

        What came while the backup was made is in the journal alone, perhaps with numbers above
        the watermark, which is written once a second. The log of decisions in Redis is wholly
        in Postgres, and may hold texts of somebody who was forgotten meanwhile.
        """
        for site in sites:
            highest = await self.journal.highest_seq(site.site_id)
            if highest:
                await self.journal.note_acknowledged(site.site_id, highest)
            await self.redo.forget(site.slug)

    async def forget_again(self, sites: Sequence[Site]) -> int:
        """Carry out every erasure that either store or the file knows of; returns how many."""
        return sum([await self.erasures.go_on(site) for site in sites])
