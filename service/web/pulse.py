"""Does the event loop turn, and how late does it wake up?"""

from __future__ import annotations

import asyncio
from typing import NoReturn

from msgspec import Struct, field

from service.features.pressure import Level, Pressure
from service.telemetry import Metrics

BEAT_SECONDS = 0.1
"""Between two looks: 20 of them in the 2 s after which lag counts."""
LAG_MAX_SECONDS = 0.15
"""A loop that wakes up later than this has more to do than it can (protocol.md 3.1)."""
LAGGING_SECONDS = 2.0
"""For how long it must be late before writes are refused."""
STILL_LAGGING_SECONDS = 4.0
"""For how long before reads are that are not ready: refusing writes was not enough."""
ALIVE_SECONDS = 2.0
"""A loop that turned within this time is alive (protocol.md 3.4)."""


class Pulse(Struct, kw_only=True):
    """Beats while the loop turns."""

    metrics: Metrics | None = None
    pressure: Pressure = field(default_factory=Pressure)
    lag_max_seconds: float = LAG_MAX_SECONDS
    lag_seconds: float = 0.0
    _beat_at: float | None = None
    _late_since: float | None = None

    async def run(self) -> NoReturn:
        """Beat until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            begun = self._beat_at = loop.time()
            await asyncio.sleep(BEAT_SECONDS)
            self.note(loop.time() - begun - BEAT_SECONDS, at=loop.time())

    def note(self, lag_seconds: float, *, at: float) -> None:
        """Take in how late the loop woke up, `at` on the loop's clock."""
        self.lag_seconds = max(lag_seconds, 0.0)
        if self.metrics is not None:
            self.metrics.loop_lag_seconds.set(self.lag_seconds)
        if self.lag_seconds <= self.lag_max_seconds:
            self._late_since = None
        elif self._late_since is None:
            self._late_since = at - self.lag_seconds
        self.pressure.level = self._level(at)

    def is_alive(self, *, at: float) -> bool:
        """Tell whether the loop turned lately; `at` on the loop's clock."""
        return self._beat_at is not None and at - self._beat_at < ALIVE_SECONDS

    def _level(self, at: float) -> Level:
        late = 0.0 if self._late_since is None else at - self._late_since
        if late >= STILL_LAGGING_SECONDS:
            return Level.NO_BUILDS
        return Level.NO_WRITES if late >= LAGGING_SECONDS else Level.CALM
