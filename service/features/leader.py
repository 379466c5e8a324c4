"""One process leads: it alone journals, settles, repairs and relays."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog
from msgspec import Struct

from service.features.patience import Patience
from service.storage.leadership import Leadership

log = structlog.get_logger(__name__)

SEEK_SECONDS = 0.5
"""How often a process asks whether it may lead: a dead leader is replaced within a second."""
CHECK_SECONDS = 0.5
"""How often the leader makes sure its connection, and so its lock, still stands."""


class Leader(Struct, frozen=True, kw_only=True):
    """Run some loops in exactly one of several processes."""

    leadership: Leadership
    loops: Sequence[Callable[[], Awaitable[None]]]
    leads: Callable[[bool], None]
    """Told whenever this process begins or ceases to lead."""

    async def run(self) -> None:
        """Seek to lead, lead, and seek again, until cancelled."""
        patience = Patience("leading_waits")
        while True:
            with patience:
                await self._lead_if_free()
            await asyncio.sleep(SEEK_SECONDS)

    async def _lead_if_free(self) -> None:
        async with self.leadership.sought() as connection:
            if connection is None:
                return
            log.info("leading")
            self.leads(True)
            tasks = [asyncio.ensure_future(loop()) for loop in self.loops]
            try:
                while not connection.is_closed() and not any(task.done() for task in tasks):
                    await connection.fetchval("SELECT 1")
                    await asyncio.sleep(CHECK_SECONDS)
            finally:
                self.leads(False)
                for task in tasks:
                    task.cancel()
                ended = await asyncio.gather(*tasks, return_exceptions=True)
            for result in ended:
                if isinstance(result, Exception):
                    raise result
