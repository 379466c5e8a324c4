"""What a request presents of whoever asks: credentials, and the page it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from service.errors import Forbidden
from service.model import Discreet
from service.web import cors

SECURE_COOKIE: Final = "__Host-postbag"
"""Browsers take it over TLS only, and of no other host."""
PLAIN_COOKIE: Final = "postbag"
"""Over plain HTTP on this machine alone."""
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})

OWN: Final = frozenset({"same-origin", "none"})
"""Values of `Sec-Fetch-Site`: our own page, or the person themselves."""


class ForeignPage(Forbidden):
    """A page of another origin asks with, or for, somebody's session."""

    code = "foreign_page"
    title = "Only the service's own pages may ask this."


class InsecureConnection(Forbidden):
    """A session's cookie would travel in the clear."""

    code = "insecure_connection"
    title = "Sign in over https, or at http://localhost on this machine."


class Presented(Discreet, frozen=True, kw_only=True):
    """Everything of a request from which it is told who asks."""

    unshown = frozenset({"authorization", "cookies"})

    authorization: Sequence[str] = ()
    """All such headers."""
    cookies: Sequence[str] = ()
    """All such headers."""
    origin: str | None = None
    fetch_site: str | None = None
    """`Sec-Fetch-Site`."""
    fetch_destination: str | None = None
    """`Sec-Fetch-Dest`."""
    host: str = ""
    public_url: str | None = None
    """Of the service, where it is known."""
    writes: bool = False

    @property
    def token(self) -> str | None:
        """The session's token, of the cookie that fits the connection."""
        found = _cookies(self.cookies)
        return found.get(SECURE_COOKIE) or (found.get(PLAIN_COOKIE) if self.is_local else None)

    @property
    def is_local(self) -> bool:
        """Whether this machine is asked by a name of its own."""
        return is_loopback(self.host)

    @property
    def opens_page(self) -> bool:
        """Whether a person goes to a page: it cannot be read by whoever led there."""
        return not self.writes and self.fetch_destination == "document"

    def refuse_foreign_page(self, *, with_session: bool) -> None:
        """Let our own pages pass, and what is no browser where no session is at stake.

        Browsers say `Sec-Fetch-Site`, those before 2023 at least `Origin` when something is
        written; with a session, whoever writes and says neither is refused.

        Raises:
            ForeignPage: another page asks, or who knows which.
        """
        if self.fetch_site is not None:
            if self.fetch_site not in OWN:
                raise ForeignPage
            return
        if self.origin is not None:
            if self.origin not in cors.own_origins(self.public_url, self.host):
                raise ForeignPage
            return
        if self.writes and with_session:
            raise ForeignPage


def is_loopback(host: str) -> bool:
    """Tell whether a `Host`, with or without a port, is this machine's own name."""
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return name in LOOPBACK


def _cookies(headers: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for header in headers:
        for part in header.split(";"):
            name, separator, value = part.strip().partition("=")
            if separator and name not in found:
                found[name] = value
    return found
