"""The one way out: posts to machines that sites name, and never to another than was looked at."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from msgspec import Struct

from service.outgoing.addresses import BadUrl, check_url, is_allowed
from service.settings import VERSION, Network

Failure = Literal["address_denied", "unreachable", "tls", "timeout", "too_large", "broken"]
"""Why there is no answer; stable, for figures and for people."""

CONNECT_SECONDS = 3.0
ANSWER_MAX_BYTES = 65_536
CONNECTIONS_MAX = 64
CONNECTIONS_MAX_HOST = 8
NAMES_KEPT_SECONDS = 30
"""How long it is remembered what a name stands for; only what was allowed is."""
KEPT_OPEN_SECONDS = 4.0
"""Shorter than what common servers keep a connection open (5 s)."""
RESOLVERS = 4
"""Threads that ask what names stand for: a name server that hangs must not take everybody's."""


class Unreached(Exception):  # noqa: N818 - whoever asked decides what it means
    """There is no answer; `kind` says why. The text names no address."""

    def __init__(self, kind: Failure) -> None:
        super().__init__(kind)
        self.kind: Failure = kind


class _Denied(OSError):  # noqa: N818 - never leaves this file
    """An address is not one that may be connected to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a machine answered, whatever its status."""

    status: int
    body: bytes = field(repr=False)
    retry_after: str | None = None
    """The header as it came."""

    @property
    def ok(self) -> bool:
        """Whether it was taken (2xx); a redirect is none."""
        return 200 <= self.status < 300  # noqa: PLR2004 - RFC 9110, 15.3


@dataclass(slots=True)
class _Resolver(AbstractResolver):
    """Asks what a name stands for; every address must be allowed, or none is."""

    networks: tuple[Network, ...]
    threads: ThreadPoolExecutor

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a name.

        Raises:
            OSError: it has none, or one that is denied.
        """
        found = await asyncio.get_running_loop().run_in_executor(
            self.threads, _look_up, host, port, family
        )
        addresses = [str(sockaddr[0]) for _family, sockaddr in found]
        if not all(is_allowed(each, port, networks=self.networks) for each in addresses):
            raise _Denied(host)
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=kind, proto=0, flags=_NUMERIC
            )
            for address, (kind, _sockaddr) in zip(addresses, found, strict=True)
        ]

    async def close(self) -> None:
        """Let the threads end when they are done."""
        self.threads.shutdown(wait=False, cancel_futures=True)


_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


class GuardedClient(Struct, kw_only=True):
    """Post to a machine that a site named. One a process; `close` it at the end."""

    networks: tuple[Network, ...] = ()
    """Networks beside the internet that the operator lets sites name."""
    _session: aiohttp.ClientSession | None = None

    async def post(
        self,
        url: str,
        *,
        body: bytes,
        headers: Mapping[str, str],
        timeout_seconds: float,
        answer_max_bytes: int = ANSWER_MAX_BYTES,
    ) -> Answer:
        """Send a JSON body and return what is answered in time, redirects included.

        It may arrive twice: let a header tell one message from another, as `webhook-id` does.

        Raises:
            Unreached: nothing was, it may not be sent there, or the answer is too large.
        """
        try:
            check_url(url, networks=self.networks)
        except BadUrl as error:
            raise Unreached("address_denied") from error
        try:
            async with asyncio.timeout(timeout_seconds):
                try:
                    return await self._post(url, body, headers, answer_max_bytes)
                except aiohttp.ClientConnectorError:
                    raise
                except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                    # One that was kept open may have ended just now.
                    return await self._post(url, body, headers, answer_max_bytes)
        except TimeoutError as error:
            raise Unreached("timeout") from error
        except aiohttp.ClientConnectorDNSError as error:
            raise Unreached(_said_no(error.os_error)) from error
        except aiohttp.ClientSSLError as error:
            raise Unreached("tls") from error
        except aiohttp.ClientConnectorError as error:
            raise Unreached(_said_no(error.os_error)) from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unreached("broken") from error

    async def close(self) -> None:
        """Give up every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _post(
        self, url: str, body: bytes, headers: Mapping[str, str], most_bytes: int
    ) -> Answer:
        sent = {
            "Content-Type": "application/json",
            "User-Agent": f"Postbag/{VERSION}",
            "Accept-Encoding": "identity",
            **headers,
        }
        session = self._session or await self._open()
        async with session.post(url, data=body, headers=sent, allow_redirects=False) as response:
            return Answer(
                status=response.status,
                body=await _read(response.content, most_bytes),
                retry_after=response.headers.get("Retry-After"),
            )

    async def _open(self) -> aiohttp.ClientSession:
        trusted = await asyncio.to_thread(_authorities)
        if self._session is None:
            threads = ThreadPoolExecutor(RESOLVERS, thread_name_prefix="names")
            connector = aiohttp.TCPConnector(
                resolver=_Resolver(networks=self.networks, threads=threads),
                socket_factory=self._socket,
                ssl=trusted,
                ttl_dns_cache=NAMES_KEPT_SECONDS,
                keepalive_timeout=KEPT_OPEN_SECONDS,
                limit=CONNECTIONS_MAX,
                limit_per_host=CONNECTIONS_MAX_HOST,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session

    def _socket(self, place: tuple[Any, Any, int, str, tuple[Any, ...]]) -> socket.socket:
        """Make the socket for an address, the last moment at which it can be judged.

        Raises:
            OSError: nothing may be connected to it.
        """
        family, kind, protocol, _name, sockaddr = place
        if not is_allowed(str(sockaddr[0]), int(sockaddr[1]), networks=self.networks):
            raise _Denied(sockaddr[0])
        return socket.socket(family, kind, protocol)


async def _read(content: aiohttp.StreamReader, most_bytes: int) -> bytes:
    parts, size = [], 0
    async for part in content.iter_any():
        size += len(part)
        if size > most_bytes:
            raise Unreached("too_large")
        parts.append(part)
    return b"".join(parts)


def _authorities() -> ssl.SSLContext:
    """Read whose certificates are trusted: 25 ms."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def _look_up(
    host: str, port: int, family: socket.AddressFamily
) -> list[tuple[socket.AddressFamily, tuple[Any, ...]]]:
    found = socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
    return [(each[0], each[4]) for each in found]


def _said_no(error: OSError) -> Failure:
    """Tell an address that is denied from a machine that is away, through what wraps it."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, _Denied):
            return "address_denied"
        seen = seen.__cause__ or seen.__context__
    return "unreachable"
