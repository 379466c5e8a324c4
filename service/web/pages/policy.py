"""What browsers let our pages do, and how an answer that is a page looks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from service.errors import Failure, Invalid, NotFound, Unavailable
from service.web.operation import HTML, Call, Handler, Reply
from service.web.pages.files import PAGE_STYLE
from service.web.pages.shown import Link
from service.web.pages.templates import render
from service.web.pages.words import Tongue, tongue_of
from service.web.problems import problem

PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)

PAGE_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": PAGE_POLICY,
    # With no-referrer a browser would say `Origin: null` when the page's own form is sent.
    "Referrer-Policy": "same-origin",
}


def as_pages(handler: Handler) -> Handler:
    """Tell people in words, on a page, why they do not get theirs; programs get the problem."""

    async def answer(call: Call) -> Reply:
        try:
            return await handler(call)
        except Failure as failure:
            if "text/html" not in call.headers.get("Accept", ""):
                raise
            return failed(call, failure)

    return answer


def failed(call: Call, failure: Failure) -> Reply:
    """Return a page that says what is wrong."""
    told = problem(failure, request_id=call.request_id)
    tongue = tongue_of(call.path.get("lang"), getattr(call.query, "lang", None))
    return Reply(
        status=told.status,
        ready=render(
            "problem.html",
            tongue=tongue,
            sentence=_sentence(tongue, failure),
            home=_home(call, tongue),
            style=PAGE_STYLE.address,
        ),
        media_type=HTML,
        headers={**told.headers, **PAGE_HEADERS},
        cache=told.cache,
    )


def _sentence(tongue: Tongue, failure: Failure) -> str:
    if isinstance(failure, NotFound):
        return tongue.say("problem_not_found")
    if isinstance(failure, Invalid) and failure.stable_code == "bad_cursor":
        return tongue.say("problem_bad_cursor")
    if isinstance(failure, Unavailable):
        return tongue.say("problem_later")
    return failure.title


def _home(call: Call, tongue: Tongue) -> Link:
    """Lead from a broken page of a thread to its first one, from one of the demo to its front."""
    if call.found_site is not None:
        return Link(href="?", label=tongue.say("first_page"))
    return Link(href="/demo/", label=tongue.say("front_page"))
