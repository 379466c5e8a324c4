"""Which failures an operation can answer: its own, and those its form brings with it."""

from __future__ import annotations

from collections.abc import Iterator

from service.errors import Failure, Forbidden, Invalid, NotFound, Unauthenticated, Unavailable
from service.features.sessions import ProofNeeded, SecondFactorNeeded
from service.features.sites import UnknownSite
from service.web.operation import AMember, AModerator, Anyone, Operation
from service.web.paths import parameters_of
from service.web.presented import ForeignPage
from service.web.problems import (
    BadRequest,
    Broken,
    ExpectationFailed,
    MalformedJson,
    MethodNotAllowed,
    Misdirected,
    OriginNotAllowed,
    Overloaded,
    TargetTooLong,
    TimedOut,
    TooLarge,
    TooSlow,
    WrongMediaType,
    status_of,
)

EVERYWHERE: tuple[type[Failure], ...] = (
    BadRequest,
    MethodNotAllowed,
    TooSlow,
    TargetTooLong,
    ExpectationFailed,
    Misdirected,
    Broken,
)
"""What any request can be told; not repeated at each operation."""


def failures_of(operation: Operation) -> list[type[Failure]]:
    """Return them by status, each code once, without those of `EVERYWHERE`."""
    by_code = {failure.code: failure for failure in _all(operation)}
    return sorted(by_code.values(), key=lambda failure: (status_of(failure), failure.code))


def _all(operation: Operation) -> Iterator[type[Failure]]:
    names = parameters_of(operation.path)
    if operation.body is not None:
        yield from (TooLarge, WrongMediaType)
        if operation.body_media.endswith("json"):
            yield MalformedJson
    if operation.body is not None or operation.query is not None or not operation.hidden:
        yield Invalid  # at least a parameter that it does not have
    if "site" in names or operation.site_in_query or operation.site_in_body:
        yield UnknownSite
    if any(name not in {"site", "article"} for name in names):
        yield NotFound
    yield from _of_credential(operation)
    if operation.cors and operation.writes:
        yield OriginNotAllowed
    if operation.writes:
        yield Overloaded
    yield from (TimedOut, Unavailable)
    yield from operation.problems


def _of_credential(operation: Operation) -> Iterator[type[Failure]]:
    if not isinstance(operation.credential, Anyone):
        yield Unauthenticated
        yield Forbidden
    if isinstance(operation.credential, AMember | AModerator) or operation.own_pages:
        yield ForeignPage
    if getattr(operation.credential, "fresh", False):
        yield from (ProofNeeded, SecondFactorNeeded)
