"""A site's own program that receives webhooks: a real server that answers as it is told to."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web
from aiohttp.test_utils import TestServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One letter as it came."""

    headers: Mapping[str, str]
    raw: bytes

    @property
    def event_id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def json(self) -> Any:
        return orjson.loads(self.raw)

    @property
    def kind(self) -> str:
        return str(self.json["type"])

    def is_signed_with(self, secret: str) -> bool:
        """Check a signature as docs/webhooks.md tells receivers to."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        stamp = self.headers["webhook-timestamp"]
        signed = f"{self.event_id}.{stamp}.".encode() + self.raw
        wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return f"v1,{wanted}" in self.headers["webhook-signature"].split(" ")


@dataclass(slots=True, kw_only=True)
class Receiver:
    """What came, and how to answer."""

    url: str = ""
    letters: list[Received] = field(default_factory=list)
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    silent: bool = False
    """Answer nothing until the sender gives up."""
    came: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def kinds(self) -> list[str]:
        return [each.kind for each in self.letters]

    async def take(self, request: web.Request) -> web.Response:
        self.letters.append(Received(headers=request.headers, raw=await request.read()))
        self.came.set()
        if self.silent:
            await asyncio.Event().wait()
        return web.Response(status=self.status, headers=self.headers)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Receive on a port of this machine for as long as the block lasts."""
    receiver = Receiver()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", receiver.take)
    server = TestServer(application, host="127.0.0.1")
    await server.start_server(shutdown_timeout=0.1)
    receiver.url = str(server.make_url("/hook"))
    try:
        yield receiver
    finally:
        await server.close()
