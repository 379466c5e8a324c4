"""What wakes the loops of the leader: one look at what waits for any of them.

Each of them would ask for its own work two to four times a second, most of them in a transaction:
sixty statements a second of a service with nothing to do. Here one statement asks for all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TypeAlias

from msgspec import Struct, field

from service.features.patience import Patience
from service.storage.errands import ERRANDS, Errand, ErrandStore

LOOK_SECONDS = 0.25
"""Between two looks: what comes waits half as long on average."""
ANYWAY_SECONDS = 5.0
"""After which a loop looks for its work itself, whatever was seen."""

Rest: TypeAlias = Callable[[float], Awaitable[object]]
"""Returns when a loop that has done its work may look again: after so many seconds at least, so
that under load it finds more to do at a time."""


def _bells() -> dict[Errand, asyncio.Event]:
    return {errand: asyncio.Event() for errand in ERRANDS}


class Errands(Struct, frozen=True, kw_only=True):
    """Wake loops when there is work for them."""

    store: ErrandStore
    clock: Callable[[], datetime]
    _rings: dict[Errand, asyncio.Event] = field(default_factory=_bells)

    async def run(self) -> None:
        """Look without end. Only the process that leads needs to."""
        patience = Patience("errands_wait")
        while True:
            with patience:
                await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Wake whom there is work for.

        Raises:
            Unavailable: Postgres is away.
        """
        for errand in await self.store.waiting(now=self.clock()):
            self._rings[errand].set()

    def wake(self, errand: Errand, ring: asyncio.Event) -> None:
        """Let a kind of work wake whoever waits for an event of their own."""
        self._rings[errand] = ring

    def rest_until(self, errand: Errand) -> Rest:
        """Return how the loop that does this kind of work rests."""
        return partial(self._rest, self._rings[errand])

    async def _rest(self, ring: asyncio.Event, seconds: float) -> None:
        """Wait for the next look that sees work; one before now may have seen what is done."""
        ring.clear()
        await asyncio.sleep(seconds)
        with suppress(TimeoutError):
            async with asyncio.timeout(ANYWAY_SECONDS):
                await ring.wait()
