"""Whose pages may call: the exact origins of the site, and the service's own."""

from __future__ import annotations

from collections.abc import Mapping

from service.model import Site

METHODS = "GET, POST, PUT, PATCH, DELETE"
HEADERS = "Authorization, Content-Type, Idempotency-Key, Last-Event-ID"
EXPOSED = "ETag, Location, Retry-After, Idempotency-Replayed, X-Request-Id"
PREFLIGHT_SECONDS = 600
"""How long a browser may remember a preflight; an origin that is taken away is refused at once
all the same, by the request itself."""


def is_allowed(origin: str, site: Site, *, own: frozenset[str]) -> bool:
    """Tell whether pages of an origin may call a site's operations.

    Origins are compared as they are, byte for byte: browsers send them in one form.
    """
    return origin in own or origin in site.settings.origins


def own_origins(public_url: str | None, host: str) -> frozenset[str]:
    """Return the origins of the service's own pages.

    Without a public URL it is whatever host it was called by: a proxy in front may speak TLS.
    """
    if public_url is not None:
        return frozenset({public_url})
    return frozenset({f"http://{host}", f"https://{host}"}) if host else frozenset()


def headers(origin: str) -> Mapping[str, str]:
    """Return what an answer to a page of an allowed origin says."""
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": EXPOSED}


def preflight_headers(origin: str) -> Mapping[str, str]:
    """Return what the answer to its preflight says."""
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": HEADERS,
        "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
    }
