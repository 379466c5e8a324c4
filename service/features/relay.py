"""Telling the world: messages of the outbox go out in order, each at least once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from service import crash
from service.features.events import Events
from service.features.invalidation import Invalidations
from service.features.patience import Patience
from service.features.sites import SiteDirectory
from service.model import Site
from service.storage.outbox import Message, OutboxStore

BATCH = 200
PAUSE_SECONDS = 0.25
LEAST_SECONDS = 0.4
"""Between two looks, however much is decided: what is decided alone is told at once, and of what
follows soon several at a time, all within a second."""
TAKES_AWAY = frozenset({"comment.removed", "comment.deleted", "comment.pending"})
"""Messages after which no cache may keep the old page."""


class Relay(Struct, frozen=True, kw_only=True):
    """Pass on what decisions left in the outbox."""

    outbox: OutboxStore
    invalidations: Invalidations
    events: Events
    sites: SiteDirectory
    clock: Callable[[], datetime]
    pause_seconds: float = PAUSE_SECONDS
    """How long a decision may wait that was not heard of."""

    async def run(self) -> None:
        """Relay without end. Only one process may."""
        patience = Patience("relay_waits")
        while True:
            full = False
            with patience:
                full = await self.relay() == BATCH
            if not full:
                await self._rest()

    async def _rest(self) -> None:
        """Wait until a decision is heard of; one that is not heard of waits a little longer.

        What is heard of was committed: it is told by Redis, or by NOTIFY while Redis is away.
        """
        await asyncio.sleep(LEAST_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(self.pause_seconds):
                await self.invalidations.heard.wait()
        self.invalidations.heard.clear()

    async def relay(self) -> int:
        """Tell every process which articles changed, tick off, and return how many messages.

        Whoever decided has told them already, as a rule. What reaches no other process is not
        ticked off: it is told again.
        """
        messages = await self.outbox.untold(limit=BATCH)
        if not messages or not await self._tell(messages):
            return 0
        crash.reached(crash.Point.RELAY_TOLD)
        await self.outbox.told(messages, at=self.clock())
        crash.reached(crash.Point.RELAY_TICKED)
        return len(messages)

    async def _tell(self, messages: Sequence[Message]) -> bool:
        sites = await self._sites({message.site_id for message in messages})
        told = True
        new = [each for each in messages if self._is_news(each)]
        for drop in (False, True):
            changed: dict[int, set[UUID]] = {}
            for message in new:
                if (message.kind in TAKES_AWAY) is drop:
                    changed.setdefault(message.site_id, set()).add(message.article_id)
            for site_id, article_ids in changed.items():
                if site_id in sites:
                    told &= await self.invalidations.tell(
                        sites[site_id], article_ids, drop=drop, again=True
                    )
        for site_id, site in sites.items():
            own = [message for message in messages if message.site_id == site_id]
            await self.events.publish(site, own)
        return told

    def _is_news(self, message: Message) -> bool:
        """Tell whether articles change by this that nobody has been told of.

        A text that is taken away is told of twice: who missed it the first time believes no page
        that tells it, but keeps its bytes against need.
        """
        told = self.invalidations.was_told(message.comment_id, message.payload.get("decision_id"))
        return not told or message.kind in TAKES_AWAY

    async def _sites(self, site_ids: set[int]) -> dict[int, Site]:
        """Look sites up; one may be younger than what is remembered of all."""
        sites = {site.site_id: site for site in await self.sites.known_sites()}
        if not site_ids <= sites.keys():
            sites = {site.site_id: site for site in await self.sites.all_sites()}
        return {site_id: sites[site_id] for site_id in sorted(site_ids & sites.keys())}
