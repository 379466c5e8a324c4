"""The cookie that holds a session's token, and the connections over which it may travel."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from msgspec import Struct

from service.features.passkeys import RelyingParty
from service.features.sessions import LIFETIME
from service.web import cors
from service.web.operation import Call
from service.web.presented import PLAIN_COOKIE, SECURE_COOKIE, InsecureConnection, is_loopback

_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
"""What tells a browser's family, the most particular first."""
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)
_PRODUCT = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,29}")


class Doorstep(Struct, frozen=True, kw_only=True):
    """By which name and how safely a request came: decides on cookies and passkeys."""

    public_url: str | None = None

    def cookie(self, call: Call, token: str) -> str:
        """Return `Set-Cookie` for a session that begins or goes on.

        Raises:
            InsecureConnection: the token would travel in the clear.
        """
        return self._written(call, token, seconds=int(LIFETIME.total_seconds()))

    def no_cookie(self, call: Call) -> str:
        """Return `Set-Cookie` for a session that ended.

        Raises:
            InsecureConnection: there was no cookie over such a connection.
        """
        return self._written(call, "", seconds=0)

    def check(self, call: Call) -> None:
        """Let those pass to whom a cookie may be given.

        Raises:
            InsecureConnection: it would travel in the clear.
        """
        self._is_secure(call)

    def party(self, call: Call) -> RelyingParty:
        """Return for which host passkeys are good."""
        host = _host(call)
        name = urlsplit(self.public_url or f"//{host}").hostname or ""
        return RelyingParty(host=name, origins=cors.own_origins(self.public_url, host))

    def _written(self, call: Call, token: str, *, seconds: int) -> str:
        secure = self._is_secure(call)
        name, flag = (SECURE_COOKIE, "Secure; ") if secure else (PLAIN_COOKIE, "")
        return f"{name}={token}; Max-Age={seconds}; Path=/; {flag}HttpOnly; SameSite=Strict"

    def _is_secure(self, call: Call) -> bool:
        """Tell whether the request came over TLS, as far as its page's own address says."""
        if self.public_url is not None and self.public_url.startswith("https://"):
            return True
        if call.origin is not None and call.origin == f"https://{_host(call)}":
            return True
        if is_loopback(_host(call)):
            return False
        raise InsecureConnection


def agent_of(call: Call) -> str:
    """Return the families of browser and system, for people to recognise; no more is kept."""
    said = call.headers.get("User-Agent", "")
    browser = next((name for sign, name in _BROWSERS if sign in said), None)
    system = next((name for sign, name in _SYSTEMS if sign in said), None)
    if browser is None:
        product = _PRODUCT.match(said)
        return product[0] if product else "?"
    return f"{browser}, {system}" if system else browser


def _host(call: Call) -> str:
    return call.headers.get("Host", "").strip().lower()
