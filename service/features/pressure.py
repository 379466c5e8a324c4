"""How much this process has to do, and what it leaves undone for it (protocol.md 3.1)."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

from msgspec import Struct

from service.errors import Unavailable


class Level(IntEnum):
    """Each leaves undone what the ones before it do, and more."""

    CALM = 0
    NO_WRITES = 1
    """Nothing is begun that changes something."""
    NO_BUILDS = 2
    """Nothing is answered but what is ready, and whether the process lives."""


class Busy(Unavailable):
    """Too much is to be done to read this anew; what is ready is still answered."""

    code = "overloaded"
    title = "The service is busy. Please try again in a moment."
    retry_after_seconds = 2
    outcome_unknown = False


def _unheard(_: str) -> None:
    """Count nothing."""


class Pressure(Struct, kw_only=True):
    """Of one process; told by the pulse of its event loop, asked by whoever begins something."""

    level: Level = Level.CALM
    heard: Callable[[str], None] = _unheard
    """Told the reason of each refusal."""

    def let_build(self) -> None:
        """Pass when there is time to read something anew.

        Raises:
            Busy: there is none.
        """
        if self.level >= Level.NO_BUILDS:
            self.heard("lag_reads")
            raise Busy
