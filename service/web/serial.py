"""aiohttp's connection, answering one request after the other in the task it has anyway.

aiohttp makes a task of each request, which is another turn of the loop before it begins and one
after it ends. What a task of its own is there for is kept apart all the same: `begin_request`
sets all that belongs to one request, and who works too long is ended by `web/hourglass`.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from aiohttp.http_writer import StreamWriter
from aiohttp.web import RequestHandler
from aiohttp.web_protocol import _PAYLOAD_ACCESS_ERROR, ERROR, _ErrInfo

if TYPE_CHECKING:
    from aiohttp.abc import AbstractStreamWriter
    from aiohttp.streams import StreamReader
    from aiohttp.web import BaseRequest


class SerialHandler(RequestHandler):
    """Answers requests as aiohttp's own handler does."""

    __slots__ = ()

    async def start(self) -> None:
        """Answer what comes, until the connection is to be closed."""
        while not self._force_close:
            if not self._messages:
                await self._next_message()
            message, payload = self._messages.popleft()
            if self._parser is not None:
                self._parser.message_consumed()
            if self._buffer_paused and len(self._messages) <= self._msg_queue_resume_size:
                self._resume_reading_if_drained()
            if not await self._is_kept(message, payload):
                break
        if not self._force_close:
            self._task_handler = None
            if self.transport is not None:
                self.transport.close()

    async def _next_message(self) -> None:
        try:
            self._waiter = self._loop.create_future()
            await self._waiter
        finally:
            self._waiter = None

    async def _is_kept(self, message: Any, payload: StreamReader) -> bool:
        """Answer one request; tell whether the connection is kept for another."""
        assert self._manager is not None
        assert self._request_factory is not None
        assert self._request_handler is not None
        self._manager.requests_count += 1
        handler = self._request_handler
        if isinstance(message, _ErrInfo):
            handler, message = self._make_error_handler(message), ERROR
        writer: AbstractStreamWriter = StreamWriter(self, self._loop)
        task = cast("asyncio.Task[None]", self._task_handler)
        request: BaseRequest = self._request_factory(message, payload, self, writer, task)
        try:
            response, is_lost = await self._handle_request(request, None, handler)
            if is_lost:
                return False
            self._keepalive = bool(response.keep_alive)
            if not payload.is_eof():
                await self._linger(payload)
            payload.set_exception(_PAYLOAD_ACCESS_ERROR)
        except ConnectionError:
            return False
        except Exception as error:  # noqa: BLE001 - as aiohttp: a bug ends one connection
            self.log_exception("Unhandled exception", exc_info=error)
            self.force_close()
        except BaseException:  # as when it is told to end
            self.force_close()
            raise
        finally:
            request._task = cast("Any", None)  # noqa: SLF001 - or it and its exception keep each other
        if not self._keepalive or self._close or self._force_close:
            return False
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if self._keepalive_handle is None:
            self._keepalive_handle = self._loop.call_at(
                self._next_keepalive_close_time, self._process_keepalive
            )
        return True

    async def _linger(self, payload: StreamReader) -> None:
        """Let the rest of a body come that nobody reads; close if it is too long."""
        if not self._force_close:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._lingering_time):
                    while not payload.is_eof():
                        await payload.readany()
        if not payload.is_eof() and not self._force_close:
            self.close()
