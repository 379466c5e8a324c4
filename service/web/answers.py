"""Replies as HTTP: the body's bytes, and the head that every answer has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, Final, Protocol, cast

import orjson
from aiohttp import hdrs
from aiohttp.web import BaseRequest, StreamResponse
from msgspec import Struct, field
from multidict import CIMultiDict, istr
from pydantic import BaseModel

from service.model import Site
from service.web import conditional, cors, encodings
from service.web.draining import Draining
from service.web.operation import Anyone, Operation, Reply
from service.web.ready import AGAIN, Again, Source
from service.web.whole import EMPTY, Whole

REQUEST_ID = istr("X-Request-Id")
SERVER = "postbag"
"""Says no version of anything (ASVS 13.4)."""

NOTHING_ALLOWED = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""The policy of what is no page of ours: nothing it might be taken for may run."""
HSTS = "max-age=31536000; includeSubDomains"

ALWAYS: Final = CIMultiDict(
    {
        hdrs.SERVER: SERVER,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Content-Security-Policy": NOTHING_ALLOWED,
    }
)
"""Of every answer, unless its reply says otherwise. Never changed: copied."""


class Circumstances(Struct, frozen=True, kw_only=True):
    """What else than its reply an answer depends on."""

    operation: Operation | None = None
    request_id: str
    allowed_origin: str | None = None
    """The page that may read the answer."""
    with_credential: bool = False
    if_none_match: Sequence[str] = ()
    accept_encoding: str | None = None
    site: Site | None = None
    closes: bool = False
    """Part of the request was not read: the connection is of no further use."""


class Answers(Struct, frozen=True, kw_only=True):
    """Writes answers; one a server."""

    draining: Draining = field(default_factory=Draining)
    secure: bool = False
    """Readers come over TLS."""

    async def send(
        self, request: BaseRequest, reply: Reply, circumstances: Circumstances
    ) -> StreamResponse:
        """Return the answer; one that is a stream has been sent when this returns.

        Raises:
            ConnectionError: the client of a stream is gone.
        """
        if reply.stream is None:
            return self.whole(reply, circumstances)
        headers = self._head(reply, circumstances)
        response = StreamResponse(status=reply.status, headers=headers)
        # It may outlast the drain: its connection, free again when we end, must tempt nobody.
        response.force_close()
        await self._pour(request, response, reply)
        return response

    def whole(self, reply: Reply, circumstances: Circumstances) -> Whole:
        """Return the answer to a reply that is no stream."""
        response = self._unless_known(reply, circumstances)
        self._close_if_needed(response, circumstances)
        return response

    def _unless_known(self, reply: Reply, circumstances: Circumstances) -> Whole:
        headers = self._head(reply, circumstances)
        body = _body(reply)
        operation = circumstances.operation
        if reply.status == 200 and operation is not None and operation.public:  # noqa: PLR2004 - OK
            cache = conditional.cache_of(
                operation, reply, with_credential=circumstances.with_credential
            )
            if cache in conditional.KEPT:
                if reply.source is not None:
                    return self._form(reply, reply.source, circumstances, headers)
                etag = headers[hdrs.ETAG] = reply.etag or conditional.etag_of(body)
                if conditional.is_known(etag, circumstances.if_none_match):
                    return Whole(status=304, headers=headers)
        if body or reply.status not in EMPTY:
            headers[hdrs.CONTENT_TYPE] = reply.media_type
        return Whole(status=reply.status, headers=headers, body=body)

    def _form(
        self,
        reply: Reply,
        source: Source,
        circumstances: Circumstances,
        headers: CIMultiDict[str],
    ) -> Whole:
        """Answer with ready bytes in the form the client likes best, or that it has them."""
        entry, accepted = source.entry, circumstances.accept_encoding
        encoding = encodings.chosen(accepted, entry.forms)
        etag = headers[hdrs.ETAG] = encodings.tag(entry.etag, encoding)
        if encoding:
            headers[hdrs.CONTENT_ENCODING] = encoding
        if conditional.is_known(etag, circumstances.if_none_match):
            response = Whole(status=304, headers=headers)
        else:
            headers[hdrs.CONTENT_TYPE] = reply.media_type
            body = entry.forms[encoding] if encoding else entry.body
            response = Whole(status=reply.status, headers=headers, body=body)
        operation = circumstances.operation
        assert operation is not None
        if encodings.would_choose(accepted, entry.body) and not entry.forms:
            source.wanted()  # and it is not remembered: the next answer may be another one
        elif isinstance(operation.credential, Anyone):
            response[AGAIN] = Again(
                place=source.place,
                etag=entry.etag,
                encoding=encoding,
                site=circumstances.site,
                operation_id=operation.operation_id,
            )
        return response

    async def _pour(self, request: BaseRequest, response: StreamResponse, reply: Reply) -> None:
        assert reply.stream is not None
        response.headers[hdrs.CONTENT_TYPE] = reply.media_type
        async with aclosing(reply.stream) as pieces:
            await response.prepare(request)
            if request.method == hdrs.METH_HEAD:
                return
            gone = cast("_Line", request.protocol).gone
            while (piece := await _next_unless(gone, pieces)) is not None:
                await response.write(piece)

    def _head(self, reply: Reply, circumstances: Circumstances) -> CIMultiDict[str]:
        operation = circumstances.operation
        headers = ALWAYS.copy()
        headers[REQUEST_ID] = circumstances.request_id
        headers[hdrs.CACHE_CONTROL] = _cache(reply, circumstances)
        headers[hdrs.VARY] = conditional.vary_of(operation)
        if self.secure:
            headers["Strict-Transport-Security"] = HSTS
        if circumstances.allowed_origin is not None:
            headers.update(cors.headers(circumstances.allowed_origin))
        headers.update(reply.headers)
        return headers

    def _close_if_needed(self, response: StreamResponse, circumstances: Circumstances) -> None:
        if circumstances.closes or self.draining.begun:
            response.force_close()


class _Line(Protocol):
    """What a stream needs to know of its connection."""

    gone: asyncio.Future[None]
    """Done once the client is not there any more."""


async def _next_unless(
    gone: asyncio.Future[None], pieces: AsyncGenerator[bytes, None]
) -> bytes | None:
    """Return the next piece; None at the end, and as soon as nobody is there to read it."""
    coming: asyncio.Future[bytes | None] = asyncio.ensure_future(anext(pieces, None))
    try:
        await asyncio.wait((coming, gone), return_when=asyncio.FIRST_COMPLETED)
        return coming.result() if coming.done() else None
    finally:
        if not coming.done():
            coming.cancel()
            await asyncio.wait((coming,))


def _cache(reply: Reply, circumstances: Circumstances) -> str:
    if circumstances.operation is None:
        return str(reply.cache or "no-store")
    return str(
        conditional.cache_of(
            circumstances.operation, reply, with_credential=circumstances.with_credential
        )
    )


def _body(reply: Reply) -> bytes:
    if reply.source is not None:
        return reply.source.entry.body
    if reply.ready is not None:
        return reply.ready
    if reply.content is None:
        return b""
    return _json(reply.content)


def _json(content: BaseModel | Any) -> bytes:
    if isinstance(content, BaseModel):
        return content.model_dump_json(by_alias=True).encode()
    return orjson.dumps(content)
