"""Where a request comes from, behind proxies that are trusted and those that are not."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from ipaddress import IPv6Address
from typing import NamedTuple, Protocol

from msgspec import Struct

from service.settings import Network

V6_PREFIX = 64
"""One subscriber's part of IPv6; an address more or less costs them nothing."""
LOCAL = "local"
"""The network of a peer without an address: a Unix socket."""
HOPS_MAX = 20
"""Entries of `X-Forwarded-For` that are looked at, from the right."""

PEERS_MAX = 1_024
"""Addresses that are remembered once they are read: one asks many times on its connection, and
a proxy for everybody."""


class Address(NamedTuple):
    """An address, as it is compared and written."""

    version: int
    number: int
    text: str


class NotesForwarders(Protocol):
    """Remembers who sends forwarded addresses without being trusted."""

    def note(self, address: str, *, now: datetime) -> None:
        """Note one; never waits, never fails."""


class Whence(Struct, frozen=True, kw_only=True):
    """Where a request comes from."""

    network: str
    """An IPv4 address or the /64 of an IPv6 one."""
    pretender: str | None
    """The peer, if it sent a forwarded address without being trusted to."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Finds the client's network: the right-most hop that is not a trusted proxy."""

    trusted: tuple[Network, ...] = ()
    _ranges: tuple[tuple[int, int, int], ...] = field(init=False, repr=False)
    """Of the trusted: version, first and last address as numbers."""

    def __post_init__(self) -> None:
        """Write the trusted networks as numbers, which are compared ten times as fast."""
        ranges = tuple((each.version, int(each[0]), int(each[-1])) for each in self.trusted)
        object.__setattr__(self, "_ranges", ranges)

    def whence(self, peer: str | None, forwarded_for: Sequence[str]) -> Whence:
        """Tell where a request comes from that claims to be asked for somebody else.

        `forwarded_for` are the values of all `X-Forwarded-For` headers in their order.
        """
        address = _address(peer or "")
        if address is None:
            return Whence(network=LOCAL, pretender=None)
        if not self.trusts(address):
            return Whence(network=network_of(address), pretender=address.text)
        return Whence(network=network_of(self._client(address, forwarded_for)), pretender=None)

    def trusts(self, address: Address) -> bool:
        """Tell whether an address is a trusted proxy's."""
        for version, first, last in self._ranges:
            if first <= address.number <= last and version == address.version:
                return True
        return False

    def is_proxy(self, peer: str | None) -> bool:
        """Tell whether whoever is at the other end of a connection is a trusted proxy."""
        address = _address(peer or "")
        return address is not None and self.trusts(address)

    def _client(self, peer: Address, forwarded_for: Sequence[str]) -> Address:
        client = peer
        hops = ",".join(forwarded_for).split(",")
        for hop in reversed(hops[-HOPS_MAX:]):
            address = _address(_without_port(hop.strip(" \t")))
            if address is None:  # whatever is left of it was not written by a proxy of ours
                return client
            client = address
            if not self.trusts(client):
                return client
        return client


def network_of(address: Address) -> str:
    """Return an IPv4 address as it is, an IPv6 one as its /64."""
    if address.version == 4:  # noqa: PLR2004 - IPv4
        return address.text
    return str(ipaddress.ip_network((address.number, V6_PREFIX), strict=False))


@lru_cache(PEERS_MAX)
def network_of_peer(peer: str | None) -> str:
    """Return the network of whoever is at the other end of a connection."""
    address = _address(peer or "")
    return LOCAL if address is None else network_of(address)


@lru_cache(PEERS_MAX)
def _address(text: str) -> Address | None:
    try:  # four numbers, each in its only form, are the rule
        return Address(4, int.from_bytes(socket.inet_pton(socket.AF_INET, text)), text)
    except (OSError, ValueError):
        pass
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return Address(address.version, int(address), str(address))


def _without_port(hop: str) -> str:
    """Take the port off `1.2.3.4:5` and `[::1]:5`; leave anything else as it is."""
    if hop.startswith("["):
        inside, closed, port = hop[1:].partition("]")
        whole = closed and (not port or (port[0] == ":" and port[1:].isdecimal()))
        return inside if whole else hop
    host, colon, port = hop.partition(":")
    return host if colon and port.isdecimal() and "." in host else hop
