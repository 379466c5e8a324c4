"""Whether this process is about to stop."""

from __future__ import annotations

from msgspec import Struct


class Draining(Struct):
    """Begun once, when the process is told to stop, and never taken back.

    From then on it is not ready, and every answer closes its connection.
    """

    begun: bool = False
