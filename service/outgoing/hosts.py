"""A breaker for each machine that sites name: one that is away costs nobody's time for long."""

from __future__ import annotations

from collections import OrderedDict

from msgspec import Struct, field

from service.breaker import Breaker

PROBE_SECONDS = 10.0
"""How often one that is away is asked all the same."""
HOSTS_MAX = 10_000
"""Kept at once; who was not asked for longest is forgotten."""


class Hosts(Struct, frozen=True, kw_only=True):
    """The breakers of a process, by whatever name tells one machine from another."""

    probe_seconds: float = PROBE_SECONDS
    _breakers: OrderedDict[str, Breaker] = field(default_factory=OrderedDict)

    def of(self, name: str) -> Breaker:
        """Return a machine's breaker; a machine never met has a closed one."""
        breaker = self._breakers.setdefault(name, Breaker(probe_seconds=self.probe_seconds))
        self._breakers.move_to_end(name)
        if len(self._breakers) > HOSTS_MAX:
            self._breakers.popitem(last=False)
        return breaker
