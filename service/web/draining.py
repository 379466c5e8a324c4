"""Whether this process is about to stop."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Draining:
    """Begun once, when the process is told to stop, and never taken back.

    From then on it is not ready, and every answer closes its connection.
    """

    begun: bool = False
