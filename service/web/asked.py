"""A request on its way through the gate: what was sent, and what became known of it."""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import hdrs
from aiohttp.web import BaseRequest
from msgspec import Struct
from multidict import CIMultiDictProxy, istr

from service.model import Site
from service.web.operation import Operation
from service.web.paths import Found

FORWARDED_FOR = hdrs.X_FORWARDED_FOR
"""In which a proxy says for whom it asks; it alone is ever believed."""
FORWARDED = hdrs.FORWARDED
REAL_IP = istr("X-Real-IP")

NO_OPERATION = "none"
"""How metrics and logs call a request for nothing we have."""


class Asked(Struct):
    """The answer's head depends on this, however far the request came."""

    request: BaseRequest
    request_id: str
    method: str
    """As sent."""
    headers: CIMultiDictProxy[str]
    """What was sent, whatever the case."""
    target: str
    """Path and query as sent; of an absolute URL what follows its host."""
    path: str
    """Percent-encoded."""
    query: str
    """Percent-encoded."""
    origin: str | None
    """The page that asks."""
    host: str
    """The host that was asked."""
    found: Found | None = None
    operation: Operation | None = None
    site: Site | None = None
    principal: tuple[str, str] | None = None
    """Who asks, as kind and id; only a hash of it is written down."""
    code: str | None = None
    """Of the problem, if the answer is one."""

    @classmethod
    def of(cls, request: BaseRequest, *, request_id: str) -> Asked:
        """Look once at what every check asks for."""
        headers = request.headers
        target = _target(request.raw_path)
        path, _, query = target.partition("?")
        return cls(
            request,
            request_id,
            request.method,
            headers,
            target,
            path,
            query,
            headers.get(hdrs.ORIGIN),
            headers.get(hdrs.HOST, "").strip().lower(),
        )

    @property
    def slug(self) -> str | None:
        """What the path calls the site."""
        return None if self.found is None else self.found.values.get("site")

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
        headers = self.headers
        return FORWARDED_FOR in headers or FORWARDED in headers or REAL_IP in headers

    @property
    def name(self) -> str:
        """What logs and metrics call it."""
        return NO_OPERATION if self.operation is None else self.operation.operation_id


def _target(said: str) -> str:
    if said.startswith("/"):
        return said
    scheme, separator, rest = said.partition("://")
    if not separator or scheme.lower() not in {"http", "https"}:
        return said
    _, slash, path = rest.partition("/")
    return f"/{path}" if slash else "/"


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
