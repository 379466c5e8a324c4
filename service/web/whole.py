"""An answer whose body is there: head and body leave in one write."""

from __future__ import annotations

from aiohttp import HttpVersion10, HttpVersion11, hdrs
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.web import BaseRequest, StreamResponse
from multidict import CIMultiDict

EMPTY = frozenset({204, 304})
"""Statuses whose answers have no body."""

COPIED_MAX_BYTES = 32_768
"""Of a body that is put behind its head; for a larger one two writes are cheaper than a copy."""


class Whole(StreamResponse):
    """An answer of ours as aiohttp's connections send it.

    aiohttp's own `Response` may be a file, chunked or compressed, and has to find out each time
    that it is none of it: twice the time.
    """

    def __init__(self, *, status: int, headers: CIMultiDict[str], body: bytes = b"") -> None:
        """Take a head, which names its media type if there is a body, and the body."""
        super().__init__(status=status, headers=headers)
        self.body = body

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        """Send it.

        Raises:
            ConnectionError: the client is gone.
        """
        headers, body, is_head = self.headers, self.body, request.method == hdrs.METH_HEAD
        if self.status not in EMPTY and (body or not is_head):
            headers[hdrs.CONTENT_LENGTH] = str(len(body))
        headers[hdrs.DATE] = rfc822_formatted_time()
        version = request.version
        if self._keep_alive is None:
            self._keep_alive = request.keep_alive
        if not self._keep_alive and version == HttpVersion11:
            headers[hdrs.CONNECTION] = "close"
        elif self._keep_alive and version == HttpVersion10:
            headers[hdrs.CONNECTION] = "keep-alive"
        writer = request.writer
        line = f"HTTP/{version.major}.{version.minor} {self.status} {self.reason}"
        await writer.write_headers(line, headers)
        if len(body) > COPIED_MAX_BYTES:
            writer.send_headers()
        await writer.write_eof(b"" if is_head or self.status in EMPTY else body)
        return writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: all of it is sent."""
