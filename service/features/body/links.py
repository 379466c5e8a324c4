"""Which addresses a comment may link to, and how a bare address is shown."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import quote

import idna

from service.features.text import is_deceptive

HREF_MAX_CHARS = 2_048
"""The longest address of the interface (api.md, `url`)."""

_HOST_MAX_CHARS = 253
_LABEL_MAX_CHARS = 63
_PORT_MAX = 65_535

_ADDRESS = re.compile(r"(https?)://([^/?#\\]+)((?:[/?#].*)?)", re.IGNORECASE)
_AUTHORITY = re.compile(r"([^:]+)(?::(\d{1,5}))?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""The URL Standard, "ends in a number checker"."""
_ASCII_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?")
_KEPT_IN_HREF = "/?#@!$&'()*+,;=:%~-._"
"""Reserved characters that mean something where they stand, and the percent sign of what
is encoded already."""

_HOST_END = re.compile(r"[/?#]")
_SPOOFING = re.compile(r"[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")

_BARE = re.compile(
    r"https?://[^\s<>\[\]\"`\\^{|}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+",
    re.IGNORECASE,
)
_CLOSING = ".,;:!?'*_~\u2026\u060c\u061b\u061f\u3002\u3001\uff01\uff1f\xbb\u201d\u2019"
"""What ends the sentence around an address rather than the address."""


def safe_href(address: str) -> str | None:
    """Write an address so that every browser reads the same one, or None if refused.

    Refused are schemes but http and https, userinfo, hosts no browser would look up as
    they stand, and addresses of more than 2,048 characters. The host comes back in lower
    case and ASCII (punycode), the rest percent-encoded.
    """
    if len(address) > HREF_MAX_CHARS or not (match := _ADDRESS.fullmatch(address)):
        return None
    scheme, authority, rest = match.groups()
    if not (parts := _AUTHORITY.fullmatch(authority)):
        return None
    host, port = parts.groups()
    ascii_host = _ascii_host(host)
    if ascii_host is None or (port and int(port) > _PORT_MAX):
        return None
    href = f"{scheme.lower()}://{ascii_host}{f':{port}' if port else ''}"
    href += quote(rest, safe=_KEPT_IN_HREF, errors="replace")
    return href if len(href) <= HREF_MAX_CHARS else None


def shown(address: str, href: str) -> str:
    """What a reader sees of a bare address: as written, unless that could deceive.

    A host that mixes scripts or imitates Latin letters is shown in punycode, an address
    with invisible or reordering characters percent-encoded.
    """
    if address.isascii():
        return address
    if _SPOOFING.search(address):
        return href
    scheme, _, rest = address.partition("://")
    host = _HOST_END.split(rest, maxsplit=1)[0]
    if any(is_deceptive(label) for label in host.lower().split(".")):
        return f"{scheme}://{href.split('/', 3)[2]}{rest[len(host) :]}"
    return address


def bare_address(text: str, start: int) -> tuple[str, str] | None:
    """The address that begins at `start` in running text, without the sentence's end.

    Returns:
        The address as written and its `href`; None when none begins there or it is refused.
    """
    match = _BARE.match(text, start, start + HREF_MAX_CHARS + 1)
    if not match:
        return None
    address = _without_sentence_end(match.group())
    href = safe_href(address)
    return (address, href) if href else None


def _without_sentence_end(address: str) -> str:
    end = len(address)
    unclosed = address.count(")") - address.count("(")
    while end:
        last = address[end - 1]
        if last == ")" and unclosed > 0:
            unclosed -= 1
        elif last not in _CLOSING:
            break
        end -= 1
    return address[:end]


def _ascii_host(host: str) -> str | None:
    """Write a host in ASCII as every browser would (IDNA 2008); None where they would not agree."""
    if len(host) > _HOST_MAX_CHARS:
        return None
    labels = [_ascii_label(label.lower()) for label in host.split(".")]
    if None in labels:
        return None
    ascii_host = ".".join(label for label in labels if label)
    if len(ascii_host) > _HOST_MAX_CHARS or not _is_address_or_name(ascii_host):
        return None
    return ascii_host


def _ascii_label(label: str) -> str | None:
    try:
        if not label.isascii():
            return idna.alabel(label).decode("ascii")
        if label.startswith("xn--"):
            idna.ulabel(label)
    except idna.IDNAError:
        return None
    fits = len(label) <= _LABEL_MAX_CHARS and _ASCII_LABEL.fullmatch(label)
    return label if fits else None


def _is_address_or_name(host: str) -> bool:
    """Refuse what ends in a number and is no IPv4 address: browsers read it as a broken one."""
    if not _NUMBER.fullmatch(host.rpartition(".")[2]):
        return True
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True
