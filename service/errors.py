"""The six kinds of failure every floor speaks of.

A concrete failure is a subclass beside the code that raises it; the web floor
maps the six kinds to HTTP once and never needs to know the concrete ones.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct


class FieldError(Struct, frozen=True, kw_only=True):
    """One thing wrong with one field of a request."""

    pointer: str
    """JSON pointer to the field, e.g. `/author/name`."""
    code: str
    """Stable, snake_case, for programs and translations."""
    detail: str
    """A sentence for a person."""
    line: int | None = None
    """Of a document that was sent as a text, from 1; with `column`."""
    column: int | None = None


class Failure(Exception):  # noqa: N818 - the field speaks of failures; "Error" is each kind's own choice
    """An expected refusal, told to whoever asked."""

    code: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, detail: str = "", *, code: str | None = None) -> None:
        """Carry a sentence for a person and, where a kind has several, its own code."""
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.stable_code = code or self.code


class Invalid(Failure):
    """What was sent cannot be accepted as it is (422, or 400 for a broken envelope)."""

    code = "validation_failed"
    title = "The request is not valid."

    def __init__(
        self,
        detail: str = "",
        *,
        code: str | None = None,
        errors: tuple[FieldError, ...] = (),
    ) -> None:
        """Carry each field's error beside the sentence."""
        super().__init__(detail, code=code)
        self.errors = errors


class Unauthenticated(Failure):
    """No credential, or a wrong one (401)."""

    code = "unauthenticated"
    title = "A valid credential is needed."


class Forbidden(Failure):
    """The credential is good, the right is missing (403)."""

    code = "forbidden"
    title = "This is not allowed."


class NotFound(Failure):
    """No such thing, or a foreign site's (404)."""

    code = "not_found"
    title = "There is no such thing here."


class Conflict(Failure):
    """The thing is in another state than the caller thinks (409)."""

    code = "conflict"
    title = "The state has changed."


class Unavailable(Failure):
    """Not now; nothing is promised; try again (503, or 429 for a limit)."""

    code = "unavailable"
    title = "The service cannot do this right now."
    retry_after_seconds: int = 5
    """Whole seconds for `Retry-After`."""
    outcome_unknown: bool = True
    """Whether what was asked may have been done all the same."""

    def __init__(
        self,
        detail: str = "",
        *,
        code: str | None = None,
        retry_after_seconds: int | None = None,
        outcome_unknown: bool | None = None,
    ) -> None:
        """Carry when to come back, and whether anything may have been done."""
        super().__init__(detail, code=code)
        if outcome_unknown is not None:
            self.outcome_unknown = outcome_unknown
        if retry_after_seconds is not None:
            self.retry_after_seconds = retry_after_seconds


class RateLimited(Unavailable):
    """Too many requests from one place (429)."""

    code = "rate_limited"
    title = "Too many requests. Please wait a little."
