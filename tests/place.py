"""A machine that a site named: says what it is told to, and keeps what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass(slots=True)
class Place:
    """One on this machine, over plain HTTP."""

    says: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    waits: bool = False
    """Until whoever asks goes away."""
    asked: list[bytes] = field(default_factory=list)
    """Head and body of every request."""
    connections: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/check"

    def answers(self, body: bytes, status: str = "200 OK") -> None:
        """Answer so from now on."""
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"
        self.says = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    def headers(self, number: int = -1) -> dict[str, str]:
        """Return the headers of a request, names in lower case."""
        lines = self.asked[number].partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}

    def body(self, number: int = -1) -> bytes:
        """Return the body of a request."""
        return self.asked[number].partition(b"\r\n\r\n")[2]

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one request."""
        self.connections += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.partition(b":")[2])
                for line in head.splitlines()
                if line.lower().startswith(b"content-length")
            )
            self.asked.append(head + await reader.readexactly(length))
            if self.waits:
                await reader.read()
            writer.write(self.says)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def standing() -> AsyncIterator[Place]:
    """Let one stand until the block ends."""
    place = Place()
    server = await asyncio.start_server(place.connected, "127.0.0.1", 0)
    place.port = server.sockets[0].getsockname()[1]
    try:
        yield place
    finally:
        server.close()
