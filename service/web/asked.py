"""A request on its way through the gate: what was sent, and what became known of it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import hdrs
from aiohttp.web import BaseRequest
from multidict import CIMultiDictProxy

from service.model import Site
from service.web.operation import Operation
from service.web.paths import Found

FORWARDED_FOR = "X-Forwarded-For"
CLAIMS = (FORWARDED_FOR, "Forwarded", "X-Real-IP")
"""Headers in which a proxy says for whom it asks; the first alone is ever believed."""

NO_OPERATION = "none"
"""How metrics and logs call a request for nothing we have."""


@dataclass(slots=True)
class Asked:
    """The answer's head depends on this, however far the request came."""

    request: BaseRequest
    request_id: str
    found: Found | None = None
    operation: Operation | None = None
    site: Site | None = None
    principal: tuple[str, str] | None = None
    """Who asks, as kind and id; only a hash of it is written down."""
    code: str | None = None
    """Of the problem, if the answer is one."""

    @property
    def method(self) -> str:
        """The method, as sent."""
        return self.request.method

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """What was sent, whatever the case."""
        return self.request.headers

    @property
    def target(self) -> str:
        """Path and query as sent; of an absolute URL what follows its host."""
        target = self.request.raw_path
        if target.startswith("/"):
            return target
        scheme, separator, rest = target.partition("://")
        if not separator or scheme.lower() not in {"http", "https"}:
            return target
        _, slash, path = rest.partition("/")
        return f"/{path}" if slash else "/"

    @property
    def path(self) -> str:
        """The path, percent-encoded."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The query, percent-encoded."""
        return self.target.partition("?")[2]

    @property
    def slug(self) -> str | None:
        """What the path calls the site."""
        return None if self.found is None else self.found.values.get("site")

    @property
    def origin(self) -> str | None:
        """The page that asks."""
        return self.headers.get(hdrs.ORIGIN)

    @property
    def host(self) -> str:
        """The host that was asked."""
        return self.headers.get(hdrs.HOST, "").strip().lower()

    @property
    def forwarded_for(self) -> list[str]:
        """Every header in which a proxy lists for whom it asks."""
        return self.headers.getall(FORWARDED_FOR, [])

    @property
    def presents_something(self) -> bool:
        """Whether there is anything that could be a credential."""
        return hdrs.AUTHORIZATION in self.headers or hdrs.COOKIE in self.headers

    @property
    def claims_to_forward(self) -> bool:
        """Whether anything claims to be asked for somebody else."""
        return any(name in self.headers for name in CLAIMS)

    @property
    def name(self) -> str:
        """What logs and metrics call it."""
        return NO_OPERATION if self.operation is None else self.operation.operation_id


def public_hosts(public_url: str) -> frozenset[str]:
    """Return how `Host` may name a public URL: with its port, and without the usual one."""
    parts = urlsplit(public_url)
    usual = ":443" if parts.scheme == "https" else ":80"
    host = parts.netloc.lower().removesuffix(usual)
    return (
        frozenset({host})
        if parts.port and host.endswith(f":{parts.port}")
        else frozenset({host, host + usual})
    )
