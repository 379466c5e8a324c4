"""The HTTP server: aiohttp's, with the deadlines and bounds it lacks.

Measured on aiohttp 3.14.5: it waits for ever for a request's head, keeps idle connections an
hour, waits for ever for a client that does not read, and answers HTTP/0.9 (protocol.md F10).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, NoReturn, cast

import structlog
from aiohttp import hdrs
from aiohttp.web import (
    BaseRequest,
    Server,
    ServerRunner,
    StreamResponse,
)
from msgspec import Struct

from service.errors import Failure, RateLimited
from service.telemetry import begin_request
from service.web.addresses import LOCAL, network_of_peer
from service.web.answers import Circumstances
from service.web.gate import Gate
from service.web.listening import Listening
from service.web.operation import LONG_TARGET_MAX_CHARS
from service.web.problems import (
    PROBLEM,
    BadRequest,
    Broken,
    Overloaded,
    TooSlow,
    problem,
    status_of,
)
from service.web.ready import AGAIN, Question
from service.web.serial import SerialHandler
from service.web.whole import COPIED_MAX_BYTES, Whole

log = structlog.get_logger(__name__)

FIELD_MAX_BYTES = 8_190
"""Of one header (protocol.md 3.1)."""
HEADERS_MAX = 64
"""Headers of one request (protocol.md 3.1)."""
LINE_MAX_BYTES = LONG_TARGET_MAX_CHARS + 256
"""Of the request line; each operation has its own, lower bound of its target."""
LOOK_SECONDS_MAX = 1.0
"""Between two looks at all connections; less where a deadline is short."""


class Deadlines(Struct, frozen=True, kw_only=True):
    """How long a client may take (protocol.md 3.1). Each is noticed at most 10 % late."""

    head_seconds: float = 10.0
    """From the connection, or from the first byte of a later request, to the end of the head."""
    idle_seconds: float = 75.0
    """Between two requests; longer than proxies keep theirs."""
    write_seconds: float = 10.0
    """Without reading anything of what is ready to be sent."""
    linger_seconds: float = 2.0
    """Sending a body that nobody reads, after the answer."""
    stop_seconds: float = 15.0
    """For what is in work when the server stops."""

    @property
    def look_seconds(self) -> float:
        """How often to look."""
        return min(min(self.head_seconds, self.write_seconds) / 10, LOOK_SECONDS_MAX)


class Bounds(Struct, frozen=True, kw_only=True):
    """How many connections there may be (protocol.md 3.1)."""

    connections: int = 10_000
    per_address: int | None = 64
    """None: no bound. Trusted proxies and Unix sockets have none."""


class HttpServer(Server):
    """Makes a `Connection` of each client and watches them all."""

    def __init__(
        self, gate: Gate, *, deadlines: Deadlines, bounds: Bounds, loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(cast("Any", gate), loop=loop)
        self.gate = gate
        self.deadlines = deadlines
        self.bounds = bounds
        self._of_network: Counter[str] = Counter()
        self._open = 0

    def __call__(self) -> Connection:
        """Make the protocol of a new connection."""
        return Connection(self, loop=self._loop)

    async def watch(self) -> NoReturn:
        """End connections whose time is over, until cancelled."""
        while True:
            await asyncio.sleep(self.deadlines.look_seconds)
            now = self._loop.time()
            for connection in self.connections:
                cast("Connection", connection).look(now)
            self.gate.ready.count(self.gate.ledger.note_ready)

    def all_have_asked(self) -> bool:
        """Tell whether nobody is about to ask: has just connected, or sent half a head."""
        return not any(cast("Connection", each).is_about_to_ask for each in self.connections)

    def enter(self, peer: str | None) -> tuple[Failure | None, str]:
        """Count a new connection; return why it is refused, and whom it is counted for."""
        network = network_of_peer(peer)
        bound = self.bounds.per_address
        if network == LOCAL or self.gate.addresses.is_proxy(peer):
            bound = None
        self._open += 1
        self._of_network[network] += 1
        shed = self.gate.admission.pulse.pressure.heard
        if self._open > self.bounds.connections:
            shed("connections")
            return Overloaded("There are too many connections."), network
        if bound is not None and self._of_network[network] > bound:
            shed("connections_of_address")
            return RateLimited("There are too many connections from this address."), network
        return None, network

    def leave(self, network: str) -> None:
        """Count a connection no longer."""
        self._open -= 1
        self._of_network[network] -= 1
        if not self._of_network[network]:
            del self._of_network[network]


class Connection(SerialHandler):
    """One client: aiohttp's protocol, with deadlines and with problem documents."""

    __slots__ = (
        "_has_answered",
        "_head_begun",
        "_head_since",
        "_network",
        "_owed",
        "_question",
        "_server",
        "_stalled_since",
        "_trusted",
        "_unsent",
        "_wire",
        "gone",
    )

    def __init__(self, server: HttpServer, *, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            server,
            loop=loop,
            keepalive_timeout=server.deadlines.idle_seconds,
            lingering_time=server.deadlines.linger_seconds,
            max_line_size=LINE_MAX_BYTES,
            max_field_size=FIELD_MAX_BYTES,
            max_headers=HEADERS_MAX,
            auto_decompress=False,
            access_log=cast("Any", None),
        )
        self._server = server
        self._head_since: float | None = loop.time()
        self._head_begun = False
        self._stalled_since: float | None = None
        self._unsent = 0
        self._question: Question | None = None
        self._owed: int | None = 0
        self._has_answered = False
        self._trusted = False
        self._network: str | None = None
        self._wire: asyncio.Transport | None = None
        self.gone: asyncio.Future[None] = loop.create_future()
        """Done once the client is not there any more."""

    @property
    def is_about_to_ask(self) -> bool:
        """Whether it is new, or in the middle of a head."""
        return self._wire is not None and self._head_since is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a head, or refuse the connection."""
        super().connection_made(transport)
        self._wire = wire = cast("asyncio.Transport", transport)
        peer = wire.get_extra_info("peername")
        address = peer[0] if isinstance(peer, tuple) else None
        self._trusted = self._server.gate.addresses.is_proxy(address)
        refusal, self._network = self._server.enter(address)
        if refusal is not None:
            self._end(refusal)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Count it no longer."""
        super().connection_lost(exc)
        self._wire = None
        if not self.gone.done():
            self.gone.set_result(None)
        if self._network is not None:
            self._server.leave(self._network)
            self._network = None

    def data_received(self, data: bytes) -> None:
        """Take bytes in: answer what is ready, or note when a head begins and ends."""
        if self._is_idle() and self._answered_at_once(data):
            return
        heads = self._request_count
        self._has_answered = False
        super().data_received(data)
        self._owed = self._bytes_owed(data, self._request_count - heads)
        if self._request_count != heads:
            self._head_since, self._head_begun = None, False
        elif self._waiter is not None and not self._waiter.done():
            self._head_begun = True
            if self._head_since is None:
                self._head_since = self._loop.time()

    def resume_reading(self, resume_parser: bool = True) -> None:  # noqa: FBT001, FBT002 - aiohttp's
        """Go on reading if it was stopped; aiohttp asks for it at every part of a body."""
        if self._reading_paused:
            super().resume_reading(resume_parser)

    async def finish_response(
        self, request: BaseRequest, resp: StreamResponse, start_time: float | None
    ) -> tuple[StreamResponse, bool]:
        """Send an answer, and remember it if it may be given again."""
        finished = await super().finish_response(request, resp, start_time)
        _, is_lost = finished
        self._has_answered = not is_lost and bool(resp.keep_alive)
        question, self._question = self._question, None
        again = resp.get(AGAIN) if question is not None else None
        if question is not None and again is not None:
            self._server.gate.ready.remember(
                question,
                status=resp.status,
                reason=resp.reason or "",
                headers=resp.headers,
                again=again,
            )
        return finished

    def _is_idle(self) -> bool:
        """Tell whether nothing is under way: no request, no answer, no part of a head or body.

        Between an answer and aiohttp's waiting for what comes next there is a turn of the loop. A
        client that is quicker would be answered the long way, be quicker again, and so on.
        """
        return (
            self._owed == 0
            and (self._has_answered or (self._waiter is not None and not self._waiter.done()))
            and not self._messages
            and not self._force_close
            and not self._close
            and self._wire is not None
            and not self._wire.get_write_buffer_size()
        )

    def _answered_at_once(self, data: bytes) -> bool:
        ready = self._server.gate.ready
        self._question = question = ready.read(data, trusted=self._trusted)
        answer = ready.answer(question) if question is not None else None
        if answer is None:
            return False
        assert self._wire is not None
        head, body = answer
        if len(body) > COPIED_MAX_BYTES:
            self._wire.writelines(answer)
        else:
            self._wire.write(head + body)
        self._question = None
        self._head_since = None
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        return True

    def _bytes_owed(self, data: bytes, heads: int) -> int | None:
        """Return how many bytes of a body are still to come before the next head.

        None: it cannot be told for sure, so nothing is answered at once on this connection any
        more. Bytes that only seem to be a request's head must never be taken for one.
        """
        owed = self._owed
        if owed is None or self._upgraded:
            return None
        if heads == 0:
            # The rest of a body, or the beginning of a head: this waits until it is whole.
            return owed - len(data) if len(data) <= owed else None
        end = data.find(b"\r\n\r\n")
        if heads > 1 or owed or end < 0 or data.count(b"\n", 0, end) != data.count(b"\r\n", 0, end):
            return None
        message = self._messages[-1][0] if self._messages else None
        headers = getattr(message, "headers", None)
        if headers is None or hdrs.TRANSFER_ENCODING in headers:
            return None
        length = headers.get(hdrs.CONTENT_LENGTH, "0")
        owed = int(length) - (len(data) - end - 4) if length.isdecimal() else -1
        return owed if owed >= 0 else None

    def look(self, now: float) -> None:
        """End the connection if its client took too long; `now` on the loop's clock."""
        if self._wire is None:
            return
        deadlines = self._server.deadlines
        if self._head_since is not None and now - self._head_since >= deadlines.head_seconds:
            self._head_since = None
            if self._head_begun:
                self._shed("slow_head")
                self._end(TooSlow())
            else:
                self._shed("silent")
                self.force_close()  # it never asked for anything
        unsent = self._wire.get_write_buffer_size()
        if unsent == 0 or unsent < self._unsent:
            self._stalled_since = None
        elif self._stalled_since is None:
            self._stalled_since = now
        elif now - self._stalled_since >= deadlines.write_seconds:
            self._shed("slow_reader")
            self._wire.abort()
        self._unsent = unsent

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - aiohttp's; it repeats what was sent
    ) -> Whole:
        """Answer what is no HTTP, or a bug of the gate itself, with a problem document."""
        if request.writer.output_size > 0:
            raise ConnectionError("Part of an answer is sent already.")
        request_id = begin_request(None)
        failure: Failure = BadRequest() if status < HTTPStatus.INTERNAL_SERVER_ERROR else Broken()
        if isinstance(failure, Broken):
            log.error("failed", operation="none", exc_info=exc)
        else:
            log.info("refused", reason=type(exc).__name__)
        reply = problem(failure, request_id=request_id)
        circumstances = Circumstances(request_id=request_id, closes=True)
        return self._server.gate.answers.whole(reply, circumstances)

    def _shed(self, reason: str) -> None:
        self._server.gate.admission.pulse.pressure.heard(reason)

    def _end(self, failure: Failure) -> None:
        """Say why, outside of any request, and close."""
        assert self._wire is not None
        self._wire.write(_bare_answer(failure))
        self.force_close()


class Serving(Struct, frozen=True, kw_only=True):
    """A server that takes requests."""

    host: str
    port: int
    server: HttpServer


async def without_a_word() -> None:
    """Have nothing that would go on for ever."""


@asynccontextmanager
async def serving(
    gate: Gate,
    *,
    host: str,
    port: int,
    door: socket.socket | None = None,
    deadlines: Deadlines | None = None,
    bounds: Bounds | None = None,
    farewell: Callable[[], Awaitable[None]] = without_a_word,
) -> AsyncIterator[Serving]:
    """Serve until the context ends; then finish what is in work, within its time.

    Port 0 takes a free one; a bound socket, the `door`, is used instead if there is one.
    `farewell` ends what would go on for ever, after nobody new comes in.

    Raises:
        OSError: the port is taken, or may not be used.
    """
    deadlines = deadlines or Deadlines()
    loop = asyncio.get_running_loop()
    server = HttpServer(gate, deadlines=deadlines, bounds=bounds or Bounds(), loop=loop)
    runner = ServerRunner(server, shutdown_timeout=deadlines.stop_seconds)
    await runner.setup()
    tasks = [
        asyncio.create_task(server.watch(), name="connections"),
        asyncio.create_task(gate.admission.pulse.run(), name="pulse"),
    ]
    try:
        listening = await Listening.begin(server, host=host, port=port, door=door)
        try:
            yield Serving(host=host, port=listening.port, server=server)
        finally:
            await listening.end(all_have_asked=server.all_have_asked)
            await farewell()
    finally:
        await runner.cleanup()
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)


def _bare_answer(failure: Failure) -> bytes:
    """Return a whole answer as bytes, for a client that has not asked for anything yet."""
    request_id = begin_request(None)
    reply = problem(failure, request_id=request_id)
    status = status_of(failure)
    assert reply.ready is not None
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "Server: postbag",
        f"Content-Type: {PROBLEM}",
        f"Content-Length: {len(reply.ready)}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        "Referrer-Policy: no-referrer",
        f"X-Request-Id: {request_id}",
        "Connection: close",
        *(f"{name}: {value}" for name, value in reply.headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + reply.ready
