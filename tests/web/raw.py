"""A client that sends exactly the bytes it is told to, and reads answers one by one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson

PATIENCE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as it came."""

    status: int
    headers: Mapping[str, str]
    """By lower-case name; repeated ones are joined by commas."""
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def code(self) -> str | None:
        """The code, if it is a problem document."""
        if self.headers.get("content-type") != "application/problem+json":
            return None
        return str(self.json["code"])


@dataclass(slots=True)
class Line:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, raw: bytes) -> None:
        self.writer.write(raw)
        await self.writer.drain()

    async def receive(self, *, head_only: bool = False) -> Answer:
        """Read one whole answer; `head_only` for an answer to HEAD."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.rstrip().split("\r\n")
            headers: dict[str, str] = {}
            for line in lines:
                name, _, value = line.partition(":")
                known = headers.get(name.lower())
                headers[name.lower()] = f"{known}, {value.strip()}" if known else value.strip()
            body = b""
            if headers.get("transfer-encoding") == "chunked" and not head_only:
                while size := int((await self.reader.readline()), 16):
                    body += (await self.reader.readexactly(size + 2))[:-2]
                await self.reader.readline()
            elif not head_only:
                body = await self.reader.readexactly(int(headers.get("content-length", "0")))
            return Answer(int(first.split(" ")[1]), headers, body)

    async def is_closed(self) -> bool:
        """Wait until the other side closes; False when it sends something instead."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            try:
                return await self.reader.read(1) == b""
            except ConnectionError:
                return True


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Line(reader, writer)
    finally:
        writer.close()


def request(
    method: str,
    target: str,
    *,
    json: Any = None,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """Return a request as bytes; a JSON body brings its type, any body its length."""
    sent = {"Host": "postbag.test", **(headers or {})}
    if json is not None:
        body = orjson.dumps(json)
        sent.setdefault("Content-Type", "application/json")
    if body is not None:
        sent.setdefault("Content-Length", str(len(body)))
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


async def ask(port: int, method: str, target: str, **said: Any) -> Answer:
    """Ask once, on a connection of its own."""
    async with connected(port) as line:
        await line.send(request(method, target, **said))
        return await line.receive(head_only=method == "HEAD")


async def send_raw(port: int, raw: bytes) -> Answer:
    """Send bytes as they are and read the first answer."""
    async with connected(port) as line:
        await line.send(raw)
        return await line.receive()


async def until(condition: Callable[[], bool]) -> None:
    """Look again and again until it holds."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.005)
