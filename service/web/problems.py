"""Failures as problem documents (RFC 9457), and what the web floor itself refuses.

The six kinds of `service.errors` are mapped to HTTP here, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

import orjson

from service.errors import (
    Conflict,
    Failure,
    FieldError,
    Forbidden,
    Invalid,
    NotFound,
    RateLimited,
    Unauthenticated,
    Unavailable,
)
from service.web.operation import Cache, Reply

PROBLEM = "application/problem+json"

NOT_DONE = "This request changed nothing."
PERHAPS_DONE = "It may have been done: repeat it unchanged, with the same key, to make sure."

CHALLENGE = 'Bearer realm="postbag"'
"""Of `WWW-Authenticate`, as RFC 9110 asks of every 401."""

BROKEN_ENVELOPE = frozenset({"bad_cursor", "malformed_json"})
"""Codes of `Invalid` that are 400: what was sent could not even be read."""


class MalformedJson(Invalid):
    """The body is empty, no UTF-8, or no strict JSON."""

    code = "malformed_json"
    title = "The body is not JSON."


class OriginNotAllowed(Forbidden):
    """A page of an origin that the site did not register."""

    code = "origin_not_allowed"
    title = "Pages of this origin may not write here."


class Refused(Failure):
    """Something that HTTP itself has a status for."""

    status: ClassVar[int]

    def __init__(self, detail: str = "", *, headers: Mapping[str, str] | None = None) -> None:
        """Carry what the answer's head says beside."""
        super().__init__(detail)
        self.headers = headers or {}


class BadRequest(Refused):
    """No HTTP that this service speaks."""

    status = 400
    code = "bad_request"
    title = "The request is not valid HTTP/1.1."


class MethodNotAllowed(Refused):
    """The path is right, the method is not; `Allow` tells which are."""

    status = 405
    code = "method_not_allowed"
    title = "This method is not offered here."


class TooSlow(Refused):
    """The request did not arrive in time."""

    status = 408
    code = "request_timeout"
    title = "The request did not arrive in time."


class TooLarge(Refused):
    """The body is larger than the operation takes."""

    status = 413
    code = "body_too_large"
    title = "The body is too large."


class TargetTooLong(Refused):
    """Path and query are longer than the operation takes."""

    status = 414
    code = "uri_too_long"
    title = "The address is too long."


class WrongMediaType(Refused):
    """The body is of another type than the operation takes, or it is compressed."""

    status = 415
    code = "unsupported_media_type"
    title = "The body is of a type that is not taken here."


class ExpectationFailed(Refused):
    """`Expect` asks for something else than `100-continue`."""

    status = 417
    code = "expectation_failed"
    title = "This expectation cannot be met."


class Misdirected(Refused):
    """`Host` names another service."""

    status = 421
    code = "wrong_host"
    title = "This service does not answer for that host."


class Overloaded(Unavailable):
    """More requests than can be worked on; this one was not begun."""

    code = "overloaded"
    title = "The service is busy. Please try again in a moment."
    outcome_unknown = False
    retry_after_seconds = 1


class TimedOut(Unavailable):
    """The work took too long; it may or may not have been done."""

    code = "timed_out"
    title = "This took too long."
    retry_after_seconds = 2


class Broken(Failure):
    """A bug; its traceback is in the log, under the request's id."""

    code = "internal"
    title = "Something went wrong on our side."


_KINDS: tuple[tuple[type[Failure], int], ...] = (
    (Invalid, 422),
    (Unauthenticated, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (RateLimited, 429),
    (Unavailable, 503),
)
"""In order: the first kind that fits counts."""


def status_of(failure: Failure | type[Failure]) -> int:
    """Return the HTTP status of a failure."""
    kind = failure if isinstance(failure, type) else type(failure)
    code = failure.code if isinstance(failure, type) else failure.stable_code
    if issubclass(kind, Refused):
        return kind.status
    if issubclass(kind, Invalid) and code in BROKEN_ENVELOPE:
        return 400
    return next((status for known, status in _KINDS if issubclass(kind, known)), 500)


def problem(failure: Failure, *, request_id: str, writes: bool = False) -> Reply:
    """Return the problem document of a failure, with the headers its status asks for.

    A 503 to something that `writes` says whether it may have been done.
    """
    status = status_of(failure)
    document: dict[str, Any] = {
        "type": f"/docs#{failure.stable_code}",
        "title": failure.title,
        "status": status,
        "detail": _sentence(failure, status=status) if writes else failure.detail,
        "code": failure.stable_code,
        "request_id": request_id,
    }
    if isinstance(failure, Invalid) and (failure.errors or status == status_of(Invalid)):
        document["errors"] = [_error(error) for error in failure.errors]
    return Reply(
        status=status,
        ready=orjson.dumps(document),
        media_type=PROBLEM,
        headers=_headers(failure),
        cache=Cache.NEVER,
    )


def _sentence(failure: Failure, *, status: int) -> str:
    if status != HTTPStatus.SERVICE_UNAVAILABLE or not isinstance(failure, Unavailable):
        return failure.detail
    return f"{failure.detail} {PERHAPS_DONE if failure.outcome_unknown else NOT_DONE}"


def _error(error: FieldError) -> dict[str, Any]:
    told: dict[str, Any] = {"pointer": error.pointer, "code": error.code, "detail": error.detail}
    if error.line is not None:
        told |= {"line": error.line, "column": error.column}
    return told


def _headers(failure: Failure) -> Mapping[str, str]:
    if isinstance(failure, Refused):
        return failure.headers
    if isinstance(failure, Unauthenticated):
        return {"WWW-Authenticate": CHALLENGE}
    if isinstance(failure, Unavailable):
        return {"Retry-After": str(max(int(failure.retry_after_seconds), 1))}
    return {}
