"""Bodies of requests: is the type right, is it small enough, does it arrive in time?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass

from aiohttp import hdrs
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web import BaseRequest, RequestPayloadError

from service.web.admission import Admission
from service.web.operation import Operation
from service.web.problems import (
    BadRequest,
    ExpectationFailed,
    TooLarge,
    TooSlow,
    WrongMediaType,
)

BODY_SECONDS = 10.0
"""How long a body may take to arrive (protocol.md 3.1)."""

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bodies:
    """Reads bodies within their bounds."""

    admission: Admission
    seconds: float = BODY_SECONDS

    @asynccontextmanager
    async def read(self, request: BaseRequest, operation: Operation) -> AsyncIterator[bytes]:
        """Return the body; none is read where the operation takes none.

        Its bytes count as held until the context ends.

        Raises:
            WrongMediaType, TooLarge, TooSlow, ExpectationFailed, BadRequest: as named.
            Overloaded: too many bytes are held already.
        """
        if operation.body is None:
            yield b""
            return
        _check_type(request, operation)
        announced = request.content_length
        if announced is not None and announced > operation.body_limit:
            raise _too_large(operation)
        parts: list[bytes] = []
        try:
            if request.body_exists:
                await _invite(request)
                await self._receive(request, operation, parts)
            yield b"".join(parts)
        finally:
            self.admission.let_go(sum(map(len, parts)))

    async def _receive(
        self, request: BaseRequest, operation: Operation, parts: list[bytes]
    ) -> None:
        """Add the body's pieces to `parts`, each counted as held."""
        whole = request.content.is_eof()  # then nothing is waited for
        try:
            async with nullcontext() if whole else asyncio.timeout(self.seconds):
                await self._take(request, operation, parts)
        except TimeoutError:
            self.admission.pulse.pressure.heard("slow_body")
            raise TooSlow from None
        except (RequestPayloadError, HttpProcessingError):
            raise BadRequest from None

    async def _take(self, request: BaseRequest, operation: Operation, parts: list[bytes]) -> None:
        size = 0
        while part := await request.content.readany():
            size += len(part)
            if size > operation.body_limit:
                raise _too_large(operation)
            self.admission.hold(len(part))
            parts.append(part)


def _check_type(request: BaseRequest, operation: Operation) -> None:
    """Compare the body's type; no type is no wrong one where there is no body.

    Raises:
        WrongMediaType: it is another, in another charset, compressed, or said twice.
    """
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").strip().lower() != "identity":
        raise WrongMediaType(
            "Compressed bodies are not taken.", headers={"Accept-Encoding": "identity"}
        )
    said = request.headers.getall(hdrs.CONTENT_TYPE, [])
    if not said and not request.body_exists:
        return
    if len(said) == 1 and _is_type(said[0], operation.body_media):
        return
    raise WrongMediaType(
        f"The body must be {operation.body_media} in UTF-8.",
        headers={"Accept": operation.body_media},
    )


def _is_type(said: str, wanted: str) -> bool:
    media, *parameters = (part.strip().lower() for part in said.split(";"))
    if media != wanted:
        return False
    charsets = [name.removeprefix("charset=") for name in parameters if name.startswith("charset=")]
    return all(charset.strip('"') in {"utf-8", "utf8"} for charset in charsets)


async def _invite(request: BaseRequest) -> None:
    """Ask for the body if the client waits to be asked.

    Raises:
        ExpectationFailed: it waits for something else.
    """
    expectation = request.headers.get(hdrs.EXPECT)
    if expectation is None:
        return
    if expectation.strip().lower() != "100-continue":
        raise ExpectationFailed
    await request.writer.write(CONTINUE)
    request.writer.output_size = 0  # it counts what was sent of the answer itself


def _too_large(operation: Operation) -> TooLarge:
    return TooLarge(f"At most {operation.body_limit:,} bytes are taken here.")
