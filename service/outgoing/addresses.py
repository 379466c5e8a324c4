"""Where requests of ours may go: addresses of the public internet, and what an operator names.

A site names a URL, so the URL may be a trap: a name that stands for this machine, for one beside
it or for the cloud's own services. Every address is judged by explicit lists, made of the
special-purpose registries of IANA (RFC 6890 and after, as of 2026-11); what is not surely public
is denied. `ipaddress.is_global` differs between versions of Python, so it is not asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from service.settings import Network

URL_MAX_CHARS = 2_000
PORTS = frozenset({443, 8443})
"""Where https is served; others belong to what a site has no business with."""

DENIED_V4 = tuple(
    ip_network(each)
    for each in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carriers' own, and clouds' services
        "127.0.0.0/8",  # this machine
        "168.63.129.16/32",  # a cloud's services for its guests, though public
        "169.254.0.0/16",  # this link; clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # tunnels (AMT)
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
PUBLIC_V6 = IPv6Network("2000::/3")
"""All that was ever given out; whatever lies outside is denied, also NAT64 (64:ff9b::/96)."""
DENIED_V6 = tuple(
    ip_network(each)
    for each in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address in disguise
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "instance-data"})
"""Clouds answer with secrets under these names."""


class BadUrl(Exception):  # noqa: N818 - it is said to a person
    """Nothing may be sent there; the text says why."""


def unwrapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv6 one of the form `::ffff:a.b.c.d` stands for."""
    return getattr(address, "ipv4_mapped", None) or address


def is_public(text: str) -> bool:
    """Tell whether an address belongs to the public internet, and to nobody special there."""
    address = _address(text)
    if address is None:
        return False
    if isinstance(address, IPv4Address):
        return not any(address in each for each in DENIED_V4)
    return address in PUBLIC_V6 and not any(address in each for each in DENIED_V6)


def is_allowed(text: str, port: int, *, networks: Iterable[Network]) -> bool:
    """Tell whether a connection may be made: public, or in a network the operator named.

    Named networks are served on any port; the internet on those of https alone.
    """
    address = _address(text)
    if address is not None and any(address in each for each in networks):
        return True
    return port in PORTS and is_public(text)


def check_url(url: str, *, networks: tuple[Network, ...] = ()) -> SplitResult:
    """Return a URL's parts if something may be sent there as far as the text alone shows.

    What a name stands for is looked at when a connection is made. `http` is for this very machine
    and only where the operator named its network.

    Raises:
        BadUrl: it may not.
    """
    parts = _parts(url)
    host, port = parts.hostname or "", _port(parts)
    here = _is_here(host, networks)
    if parts.scheme != "https" and not (parts.scheme == "http" and here):
        raise BadUrl("The address must begin with https://.")
    if host.rstrip(".") in METADATA_NAMES:
        raise BadUrl("Nothing is sent to this host.")
    literal = _literal(host)
    if literal is not None and not is_allowed(literal, port, networks=networks):
        raise BadUrl("Nothing is sent to this address or port: it is not on the public internet.")
    if literal is None and port not in PORTS and not networks:
        raise BadUrl("Only the ports 443 and 8443 are used.")
    return parts


def _parts(url: str) -> SplitResult:
    if len(url) > URL_MAX_CHARS:
        raise BadUrl(f"At most {URL_MAX_CHARS:,} characters.")
    if not url.isascii() or any(each <= " " or each == "\\" for each in url):
        raise BadUrl("Write the address in plain letters, without blanks.")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise BadUrl("This is no web address.") from error
    if not parts.hostname or "%" in parts.netloc:
        raise BadUrl("The address names no host.")
    if parts.username is not None or parts.password is not None:
        raise BadUrl("Put no name or password into the address; requests are signed.")
    if parts.fragment:
        raise BadUrl("Leave out what follows the #.")
    return parts


def _port(parts: SplitResult) -> int:
    try:
        return parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise BadUrl("The port is no number from 1 to 65,535.") from error


def _is_here(host: str, networks: Iterable[Network]) -> bool:
    """Tell whether a host is this machine, and the operator named that as a goal."""
    addresses = ("127.0.0.1", "::1") if host == "localhost" else (host,)
    found = [each for each in map(_address, addresses) if each is not None and each.is_loopback]
    return any(each in network for each in found for network in networks)


def _literal(host: str) -> str | None:
    """Return an address that is written instead of a name; None for a name.

    Raises:
        BadUrl: it is written in a way that programs read differently (127.1, 0x7f.0.0.1).
    """
    if _address(host) is not None:
        return host
    last = host.rstrip(".").rpartition(".")[2]
    if last.isdigit() or last.startswith("0x"):
        raise BadUrl("Write the address as four decimal numbers.")
    return None


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return unwrapped(ip_address(text.partition("%")[0]))
    except ValueError:
        return None
