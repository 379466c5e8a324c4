"""A connection to Redis that only listens: what is said on a channel, as it comes.

The client's own way costs four times as much a message: it reads with a time limit, and takes each
for the answer to a command.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

import hiredis
from redis._parsers.base import BaseParser
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from service.storage.line import Opens, taken_over

SILENCE_SECONDS = 1.0
"""A line this long silent is asked whether it still stands, and has as long to answer."""
UNREAD_MAX = 1_000
"""Messages that wait for whoever listens; then Redis keeps what is said."""


class Ear(asyncio.Protocol):
    """An open connection that listens to one channel."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._reader = hiredis.Reader(
            protocolError=InvalidResponse, replyError=BaseParser.parse_error
        )
        self._said: deque[bytes | None] = deque()
        self._end: RedisError | None = None
        self._more: asyncio.Future[None] | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._is_heard = False
        self._is_asked = False
        self._is_held = False

    @classmethod
    async def open(cls, opens: Opens, name: str) -> Ear:
        """Connect, and listen to a channel.

        Raises:
            RedisError: Redis is away.
        """
        connection = opens.make_connection()
        await connection.connect()  # type: ignore[no-untyped-call]
        ear = cls(asyncio.get_running_loop())
        ear._writer = writer = taken_over(connection)
        if writer.transport.is_closing():
            ear.connection_lost(None)
            return ear
        writer.transport.set_protocol(ear)
        subscribe: tuple[Any, ...] = ("SUBSCRIBE", name)
        writer.transport.write(hiredis.pack_command(subscribe))
        ear._watch = ear._loop.call_later(SILENCE_SECONDS, ear._look)
        return ear

    async def messages(self) -> AsyncIterator[bytes | None]:
        """Yield what is said, and None when it is listened to from now on.

        Raises:
            RedisError: the line broke or is dead, or Redis refuses.
        """
        while True:
            while self._said:
                yield self._said.popleft()
            if self._end is not None:
                raise self._end
            self._hold(held=False)
            self._more = self._loop.create_future()
            await self._more

    def close(self, why: RedisError | None = None) -> None:
        """End it."""
        self._end = self._end or why
        if self._writer is not None:
            self._writer.transport.abort()
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def data_received(self, data: bytes) -> None:
        """Keep what is said for whoever listens."""
        self._is_heard = True
        self._reader.feed(data)
        try:
            while (said := self._reader.gets()) is not False:
                self._take(said)
        except (InvalidResponse, IndexError, TypeError):  # what is this that speaks there?
            self.close()
        if len(self._said) > UNREAD_MAX:
            self._hold(held=True)
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever listens."""
        del exc
        self.close(RedisConnectionError("the connection was lost"))
        self._wake()

    def _take(self, said: list[bytes] | RedisError) -> None:
        if isinstance(said, RedisError):
            self.close(said)
        elif said[0] == b"message":
            self._said.append(said[2])
        elif said[0] == b"subscribe":
            self._said.append(None)

    def _wake(self) -> None:
        if self._more is not None and not self._more.done():
            self._more.set_result(None)

    def _hold(self, *, held: bool) -> None:
        """Read no more, or again."""
        if held is self._is_held or self._writer is None or self._end is not None:
            return
        self._is_held = held
        transport = self._writer.transport
        assert isinstance(transport, asyncio.ReadTransport)
        (transport.pause_reading if held else transport.resume_reading)()

    def _look(self) -> None:
        """Ask a silent line whether it stands; one that was asked and is silent does not."""
        self._watch = self._loop.call_later(SILENCE_SECONDS, self._look)
        assert self._writer is not None
        if self._is_heard or self._is_held:
            self._is_heard = self._is_asked = False
        elif self._is_asked:
            self.close(RedisTimeoutError("the line is silent"))
        else:
            self._is_asked = True
            self._writer.transport.write(hiredis.pack_command(("PING",)))
