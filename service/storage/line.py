"""One connection to Redis on which calls follow each other without waiting for answers.

A call costs a tenth of one over the pool: no connection is taken and given back, and what many
requests ask in one turn of the loop travels in one packet. Answers come in the order of the calls.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import hiredis
from msgspec import Struct
from redis._parsers.base import BaseParser
from redis.asyncio.client import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse
from redis.exceptions import TimeoutError as RedisTimeoutError

from service.breaker import Breaker, Permit
from service.storage.breakers import REFUSED

CALLS_MAX = 1_024
"""Calls under way at once: more than requests a process works on, with what goes on behind them."""

LOOK_SECONDS = 0.1
"""Between two looks at how long calls have waited."""

SILENT_TIMES = 2.0
"""A line on which nothing was answered for so many times what a call may take is given up."""

ALONE = frozenset(
    {
        *("EVALSHA", "EVAL", "EXISTS", "GET", "HGET", "HMGET", "HGETALL", "PUBLISH", "ZCARD"),
        *("XADD", "ZMSCORE", "ZRANGE", "ZRANK", "ZSCORE"),
    }
)
"""Commands that may share a connection: they never block it, and change nothing about it."""


PLAIN = frozenset({"EVALSHA", "EVAL"})
"""Of those, the ones whose answer means what it says."""


class _Call(Struct, frozen=True):
    answer: asyncio.Future[Any]
    since: float
    permit: Permit | None


class Opens(Protocol):
    """Makes connections that are not open yet, with all that was configured for them."""

    def make_connection(self) -> AbstractConnection:
        """Make one."""


def taken_over(connection: AbstractConnection) -> asyncio.StreamWriter:
    """Take the wire of a connection that the client has opened and greeted: it is ours from now on.

    Its transport is closed when nobody knows the writer any more.
    """
    writer = connection._writer  # noqa: SLF001 - there is no public way to its transport
    assert writer is not None
    connection._writer = connection._reader = None  # noqa: SLF001 - so it never closes it
    return writer


class _Wire(asyncio.Protocol):
    """An open connection, and who waits for which answer."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, seconds: float, breaker: Breaker | None
    ) -> None:
        self._loop = loop
        self._seconds = seconds
        self._breaker = breaker
        self._reader = hiredis.Reader(
            protocolError=InvalidResponse, replyError=BaseParser.parse_error
        )
        self._calls: deque[_Call] = deque()
        self._unsent: list[bytes] = []
        self._watch: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self._writer: asyncio.StreamWriter | None = None
        self.gone: asyncio.Future[None] = loop.create_future()

    def take_over(self, connection: AbstractConnection) -> None:
        """Speak on a connection that the client has opened and greeted."""
        self._writer = taken_over(connection)
        self._transport = transport = cast("asyncio.Transport", self._writer.transport)
        if transport.is_closing():
            self.connection_lost(None)
        transport.set_protocol(self)

    def expect(self, calls: int) -> None:
        """Pass when there is room for so many calls more.

        Raises:
            RedisConnectionError: too many wait for their answers.
        """
        if len(self._calls) + calls > CALLS_MAX:
            raise RedisConnectionError("too many calls are under way")

    def send(self, command: bytes) -> asyncio.Future[Any]:
        """Send a command with the next packet; the future has its answer.

        Raises:
            RedisConnectionError: too many wait for their answers, or the breaker is open.
        """
        self.expect(1)
        now, permit = self._loop.time(), None
        if self._breaker is not None:
            permit = self._breaker.ask(now)
            if permit is None:
                raise RedisConnectionError(REFUSED)
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(command)
        call = _Call(self._loop.create_future(), now, permit)
        self._calls.append(call)
        if self._watch is None:
            self._watch = self._loop.call_later(LOOK_SECONDS, self._look)
        return call.answer

    def close(self) -> None:
        """End it; calls under way fail."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Give answers to those who wait."""
        self._reader.feed(data)
        try:
            while (answer := self._reader.gets()) is not False:
                self._give(answer)
        except (InvalidResponse, IndexError):  # what is this that answers there?
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell all who wait that the outcome of their calls is unknown."""
        del exc
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        self._unsent.clear()
        calls = [*self._calls]
        self._calls.clear()
        if calls:
            self._note_failure(calls[-1])
        for call in calls:
            if not call.answer.done():
                call.answer.set_exception(
                    RedisConnectionError("the connection was lost before the answer came")
                )
        if not self.gone.done():
            self.gone.set_result(None)

    def _flush(self) -> None:
        packet, self._unsent = b"".join(self._unsent), []
        if packet and self._transport is not None and not self._transport.is_closing():
            self._transport.write(packet)

    def _give(self, answer: Any) -> None:
        call = self._calls.popleft()
        if call.permit is not None and self._breaker is not None:
            self._breaker.succeeded(call.permit, self._loop.time())
        if call.answer.done():
            return  # who asked has given up
        if isinstance(answer, Exception):
            call.answer.set_exception(answer)
        else:
            call.answer.set_result(answer)

    def _look(self) -> None:
        """Let go whoever has waited long enough; their answers may still come, for nobody."""
        self._watch = None
        if not self._calls:
            return
        now = self._loop.time()
        if now - self._calls[0].since >= self._seconds * SILENT_TIMES:
            self.close()
            return
        late = None
        for call in self._calls:
            if now - call.since < self._seconds:
                break
            if not call.answer.done():
                late = call
                call.answer.set_exception(RedisTimeoutError("no answer came in time"))
        if late is not None:
            self._note_failure(late)
        self._watch = self._loop.call_later(LOOK_SECONDS, self._look)

    def _note_failure(self, call: _Call) -> None:
        """Tell the breaker once, however many waited for the same thing."""
        if call.permit is not None and self._breaker is not None:
            self._breaker.failed(call.permit, self._loop.time())


@dataclass(slots=True, kw_only=True)
class Line:
    """Ask on one connection, opened when it is first needed and again after it was lost."""

    opens: Opens
    seconds: float
    """How long one call may take."""
    breaker: Breaker | None = None
    _wire: _Wire | None = field(default=None, init=False)
    _opening: asyncio.Task[_Wire] | None = field(default=None, init=False)

    async def ask(self, command: tuple[Any, ...]) -> Any:
        """Send one command and return its answer, as bytes, numbers and lists of them.

        Nothing is ever sent twice: after a failure it may have been carried out or not.

        Raises:
            RedisConnectionError: it cannot be sent, or the connection broke before the answer.
            RedisTimeoutError: no answer came in time.
            ResponseError: the answer is an error.
        """
        wire = self._wire
        if wire is None or wire.gone.done():
            wire = await self._opened()
        return await wire.send(hiredis.pack_command(command))

    async def ask_each(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Send several commands at once and return their answers, as `ask`.

        Raises:
            RedisError: as `ask`; others of them may have been carried out.
        """
        wire = self._wire
        if wire is None or wire.gone.done():
            wire = await self._opened()
        wire.expect(len(commands))
        asked = [wire.send(hiredis.pack_command(each)) for each in commands]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return answers

    async def close(self) -> None:
        """End it; calls under way fail."""
        opening, wire = self._opening, self._wire
        if opening is not None:
            opening.cancel()
            await asyncio.wait((opening,))
        if wire is not None:
            wire.close()
            await asyncio.wait((wire.gone,), timeout=self.seconds)

    async def _opened(self) -> _Wire:
        """Open it once for all who wait for it."""
        opening = self._opening
        if opening is None:
            opening = self._opening = asyncio.create_task(self._open())
            opening.add_done_callback(self._note_opened)
        return await asyncio.shield(opening)

    async def _open(self) -> _Wire:
        connection = self.opens.make_connection()
        await connection.connect()  # type: ignore[no-untyped-call]
        wire = _Wire(asyncio.get_running_loop(), self.seconds, self.breaker)
        wire.take_over(connection)
        self._wire = wire
        return wire

    def _note_opened(self, opening: asyncio.Task[_Wire]) -> None:
        self._opening = None
        if not opening.cancelled():
            opening.exception()  # whoever waited was told


class LineRedis(Redis):
    """The ordinary client, with calls that may share a connection on a line.

    Pipelines, subscriptions and everything else go over its pool.
    """

    line: Line

    @classmethod
    def on(cls, pool: Any, line: Line) -> LineRedis:
        """Make one of a pool, which it closes in the end, and a line."""
        client = cls.from_pool(pool)
        assert isinstance(client, cls)
        client.line = line
        return client

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send a command, and return what its answer means."""
        if args[0] not in ALONE:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        answer = await self.line.ask(args)
        return answer if args[0] in PLAIN else self.meaning(args, answer)

    def meaning(self, command: tuple[Any, ...], answer: Any) -> Any:
        """Return what the answer to a command means, as the ordinary client does."""
        read = self.response_callbacks.get(command[0])
        return answer if read is None else read(answer)

    async def aclose(self, close_connection_pool: bool | None = None) -> None:  # noqa: FBT001
        """Close the line and the pool."""
        await self.line.close()
        await super().aclose(close_connection_pool)


async def ask_each(redis: Redis, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Send several commands that may be carried out apart, in one packet; return their answers."""
    if isinstance(redis, LineRedis) and all(command[0] in ALONE for command in commands):
        answers = await redis.line.ask_each(commands)
        return [redis.meaning(*each) for each in zip(commands, answers, strict=True)]
    async with redis.pipeline(transaction=False) as pipe:
        for command in commands:
            pipe.execute_command(*command)
        return list(await pipe.execute())
