"""A line between the service and a store that can be bad in every way a line is."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

CHUNK = 65_536
DELAY_SECONDS = 0.3
CUT_AFTER_BYTES = 20_000


class Line(StrEnum):
    """How the line is."""

    GOOD = "good"
    SLOW = "slow"
    """Everything takes `DELAY_SECONDS` longer."""
    SILENT = "silent"
    """Both ends stay connected; nothing arrives any more: a partition, or a firewall that drops."""
    ONE_WAY = "one way"
    """What is asked arrives, what is answered does not: the store has done it and nobody knows."""
    CUT = "cut"
    """Connections are reset somewhere in the middle, new ones too."""


@dataclass(slots=True)
class Proxy:
    """Passes bytes between TCP clients and a server behind a Unix socket."""

    target: Path
    dice: random.Random
    line: Line = Line.GOOD
    port: int = 0
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _serving: set[asyncio.Task[None]] = field(default_factory=set)

    def become(self, line: Line) -> None:
        """Change the line, for connections that are there as well."""
        self.line = line
        if line is Line.CUT:
            self.reset()

    def reset(self) -> None:
        """End every connection without a word."""
        for writer in list(self._writers):
            writer.transport.abort()

    def mend(self) -> None:
        """Make the line good again; what was lost on it meanwhile makes its connections useless."""
        if self.line in {Line.SILENT, Line.ONE_WAY}:
            self.reset()
        self.line = Line.GOOD

    def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection of a client."""
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def close(self) -> None:
        """End every connection and wait until it has ended."""
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            away, there = await asyncio.open_unix_connection(str(self.target))
            ends = {writer, there}
            self._writers |= ends
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._pass(reader, there, answers=False))
                    both.create_task(self._pass(away, writer, answers=True))
            except* OSError:
                pass
            finally:
                self._writers -= ends
                for end in ends:
                    end.transport.abort()
        writer.transport.abort()

    async def _pass(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, answers: bool
    ) -> None:
        left = self.dice.randrange(CUT_AFTER_BYTES)
        while chunk := await source.read(CHUNK):
            match self.line:
                case Line.SLOW:
                    await asyncio.sleep(DELAY_SECONDS)
                case Line.SILENT:
                    continue
                case Line.ONE_WAY if answers:
                    continue
                case Line.CUT:
                    sink.write(chunk[: max(0, left)])
                    left -= len(chunk)
                    if left <= 0:
                        raise ConnectionResetError
                    continue
            if sink.transport.is_closing():
                break  # uvloop would say so by a RuntimeError
            sink.write(chunk)
            await sink.drain()
        if self.line in {Line.SILENT, Line.ONE_WAY}:
            await asyncio.Event().wait()  # that the other end is gone does not arrive either
        raise ConnectionResetError


@asynccontextmanager
async def proxied(target: Path, dice: random.Random) -> AsyncIterator[Proxy]:
    """Listen on a free port of this machine until the block ends."""
    proxy = Proxy(target=target, dice=dice)
    server = await asyncio.start_server(proxy.connect, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
