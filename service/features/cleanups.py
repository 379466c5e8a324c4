"""What follows a commit in Redis: begun before anybody is answered, and waited for by nobody.

Redis carries out commands in the order in which they arrive, and its answer comes only when they
are on its disk. So whoever asks next, by whatever way, finds the queue clean, and need not have
waited for the disk once more. What a crash leaves undone the reconciler does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import structlog
from msgspec import Struct, field

from service import crash

log = structlog.get_logger(__name__)

OUTSTANDING_MAX = 64
"""Rounds of decisions that Redis has not answered; then they wait for it as it goes."""


class Cleanups(Struct, kw_only=True):
    """Keep clean-ups until they have ended; one a process."""

    most: int = OUTSTANDING_MAX
    _outstanding: set[asyncio.Future[Any]] = field(default_factory=set)

    async def begin(self, *works: Awaitable[Any]) -> None:
        """Begin works, and return when each has sent its first command.

        What is sent after that is behind them. With too many outstanding it waits for some.
        """
        whole = asyncio.gather(*works, return_exceptions=True)
        self._outstanding.add(whole)
        whole.add_done_callback(self._note_end)
        # The works' turn comes before ours, and their packet's before others.
        await asyncio.sleep(0)
        while len(self._outstanding) > self.most:
            await asyncio.wait(self._outstanding, return_when=asyncio.FIRST_COMPLETED)

    async def ended(self) -> None:
        """Wait until nothing is outstanding; each work has limits of its own."""
        while self._outstanding:
            await asyncio.wait(self._outstanding)

    def _note_end(self, whole: asyncio.Future[Any]) -> None:
        self._outstanding.discard(whole)
        if not whole.cancelled():
            for error in whole.result():
                if isinstance(error, Exception):
                    log.error("cleanup_failed", exc_info=error)
        crash.reached(crash.Point.DECIDE_TOLD)
