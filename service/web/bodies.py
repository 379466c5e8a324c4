"""Bodies of requests: is the type right, is it small enough, does it arrive in time?"""

from __future__ import annotations

import asyncio

from aiohttp import hdrs
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web import BaseRequest, RequestPayloadError
from msgspec import Struct

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


class Bodies(Struct, frozen=True, kw_only=True):
    """Reads bodies within their bounds."""

    admission: Admission
    seconds: float = BODY_SECONDS

    async def read(self, request: BaseRequest, operation: Operation) -> bytes:
        """Return the body; none is read where the operation takes none.

        Its bytes count as held until whoever asked for them lets them go.

        Raises:
            WrongMediaType, TooLarge, TooSlow, ExpectationFailed, BadRequest: as named.
            Overloaded: too many bytes are held already.
        """
        if operation.body is None:
            return b""
        _check_type(request, operation)
        announced = request.content_length
        if announced is not None and announced > operation.body_limit:
            raise _too_large(operation)
        if not request.body_exists:
            return b""
        if hdrs.EXPECT in request.headers:
            await _invite(request)
        return await self._received(request, operation)

    async def _received(self, request: BaseRequest, operation: Operation) -> bytes:
        """Return the body, counted as held."""
        try:
            if request.content.is_eof():  # nothing is waited for
                whole = request.content.read_nowait()
                self._hold(whole, operation, size=len(whole))
                return whole
            async with asyncio.timeout(self.seconds):
                return await self._gathered(request, operation)
        except TimeoutError:
            self.admission.pulse.pressure.heard("slow_body")
            raise TooSlow from None
        except (RequestPayloadError, HttpProcessingError):
            raise BadRequest from None

    async def _gathered(self, request: BaseRequest, operation: Operation) -> bytes:
        parts: list[bytes] = []
        held = 0
        try:
            while part := await request.content.readany():
                self._hold(part, operation, size=held + len(part))
                held += len(part)
                parts.append(part)
        except BaseException:
            self.admission.let_go(held)
            raise
        return b"".join(parts)

    def _hold(self, part: bytes, operation: Operation, *, size: int) -> None:
        """Count a part as held, unless it makes the body, now of this size, too large."""
        if size > operation.body_limit:
            raise _too_large(operation)
        self.admission.hold(len(part))


def _check_type(request: BaseRequest, operation: Operation) -> None:
    """Compare the body's type; no type is no wrong one where there is no body.

    Raises:
        WrongMediaType: it is another, in another charset, compressed, or said twice.
    """
    encoding = request.headers.get(hdrs.CONTENT_ENCODING)
    if encoding is not None and encoding.strip().lower() != "identity":
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
    if said == wanted:
        return True
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
    if request.headers[hdrs.EXPECT].strip().lower() != "100-continue":
        raise ExpectationFailed
    await request.writer.write(CONTINUE)
    request.writer.output_size = 0  # it counts what was sent of the answer itself


def _too_large(operation: Operation) -> TooLarge:
    return TooLarge(f"At most {operation.body_limit:,} bytes are taken here.")
