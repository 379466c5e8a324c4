"""How many writes are worked on at once, and how many bytes of bodies are held."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field

from service.features.pressure import Level
from service.web.problems import Overloaded
from service.web.pulse import Pulse

IN_FLIGHT_MAX = 64
"""Writes worked on at once (protocol.md 3.1)."""
WAITING_MAX = 128
"""Writes that wait for their turn (protocol.md 3.1)."""
WAITING_SECONDS = 0.2
"""How long a write waits for its turn (protocol.md 3.1)."""
HELD_MAX_BYTES = 64 * 1024 * 1024
"""Of all bodies being read: whoever sends them has not shown a credential yet."""
JITTER_SECONDS = 5
"""Refused clients come back spread over 1 to this many seconds."""


@dataclass(slots=True, kw_only=True)
class Admission:
    """Lets in as much work as can be done."""

    pulse: Pulse
    in_flight_max: int = IN_FLIGHT_MAX
    waiting_max: int = WAITING_MAX
    waiting_seconds: float = WAITING_SECONDS
    held_max_bytes: int = HELD_MAX_BYTES
    held_bytes: int = 0
    waiting: int = 0
    _turns: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._turns = asyncio.Semaphore(self.in_flight_max)

    async def take_turn(self) -> None:
        """Wait for a turn to write; whoever has one gives it back.

        Raises:
            Overloaded: too many wait, it takes too long, or the loop is late.
        """
        if self.pulse.pressure.level >= Level.NO_WRITES:
            raise self._refusal("lag_writes")
        if self._turns.locked():
            await self._wait()
        else:
            await self._turns.acquire()  # at once: nothing is awaited

    def give_back_turn(self) -> None:
        """Let the next one write."""
        self._turns.release()

    def hold(self, count: int) -> None:
        """Count bytes of a body as held.

        Raises:
            Overloaded: too many are held by now; these are not counted.
        """
        if self.held_bytes + count > self.held_max_bytes:
            raise self._refusal("bodies")
        self.held_bytes += count

    def let_go(self, count: int) -> None:
        """Count them as held no longer."""
        self.held_bytes -= count

    async def _wait(self) -> None:
        if self.waiting >= self.waiting_max:
            raise self._refusal("in_flight")
        self.waiting += 1
        try:
            async with asyncio.timeout(self.waiting_seconds):
                await self._turns.acquire()
        except TimeoutError:
            raise self._refusal("waited") from None
        finally:
            self.waiting -= 1

    def _refusal(self, reason: str) -> Overloaded:
        self.pulse.pressure.heard(reason)
        return Overloaded(retry_after_seconds=1 + secrets.randbelow(JITTER_SECONDS))
