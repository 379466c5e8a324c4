"""Notes who sends forwarded addresses without being trusted: often a proxy somebody forgot."""

from __future__ import annotations

import asyncio
import ipaddress
from datetime import datetime, timedelta
from typing import NoReturn

import structlog
from msgspec import Struct, field

from service.errors import Unavailable
from service.storage.sightings import NETWORKS_MAX, SightingStore

PUBLIC = "public"
"""All public addresses together: one may be a reader's, and readers' addresses are not kept."""
AGAIN_AFTER = timedelta(minutes=1)
"""How often one network is noted."""
V4_PREFIX = 24
V6_PREFIX = 64

log = structlog.get_logger(__name__)


class Forwarders(Struct, frozen=True, kw_only=True):
    """Remembers the networks for an hour, so that `postbag doctor` can name them."""

    sightings: SightingStore
    _noted: dict[str, datetime] = field(default_factory=dict)
    _waiting: dict[str, datetime] = field(default_factory=dict)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, address: str, *, now: datetime) -> None:
        """Note that an untrusted peer sent a forwarded address; never waits, never fails."""
        network = network_of(address)
        last = self._noted.get(network)
        if last is not None and now - last < AGAIN_AFTER:
            return
        if last is None and len(self._noted) >= NETWORKS_MAX:
            return
        self._noted[network] = self._waiting[network] = now
        self._news.set()
        log.warning("proxy.untrusted", network="public" if network == PUBLIC else "private")

    async def run(self) -> NoReturn:
        """Write down what was noted, until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            networks = dict(self._waiting)
            self._waiting.clear()
            try:
                await self.sightings.note(networks, now=max(networks.values()))
            except Unavailable as failure:
                # It is noted again in a minute if the proxy is still there.
                log.warning("proxy.not_noted", code=failure.stable_code)


def network_of(address: str) -> str:
    """Return the private network an address is in (/24, /64), or `public`."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return PUBLIC
    if not found.is_private:
        return PUBLIC
    prefix = V4_PREFIX if found.version == 4 else V6_PREFIX  # noqa: PLR2004 - IPv4
    return str(ipaddress.ip_network(f"{found}/{prefix}", strict=False))
