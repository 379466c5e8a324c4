"""The frame of the newsroom's pages: navigation, language, theme, and what browsers let them do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode

import orjson
from msgspec import Struct

from service.errors import Failure, Forbidden, NotFound, Unavailable
from service.features.sessions import SignedInMember
from service.model import Role
from service.web.dashboard import files, words
from service.web.dashboard.view import THEMES, View
from service.web.operation import (
    HTML,
    AMember,
    Cache,
    Call,
    Handler,
    Operation,
    Reply,
)
from service.web.pages.templates import render
from service.web.problems import problem
from service.web.wire.people import signed_in_json

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    # With no-referrer a browser would say `Origin: null` when a page's own form is sent.
    "Referrer-Policy": "same-origin",
    "Vary": "Cookie, Accept-Language",
}
SIGN_IN = "/moderate/sign-in"
TAG = "Pages"


class Section(Struct, frozen=True, kw_only=True):
    """A place in the navigation."""

    key: str
    """Also its phrase: `nav_<key>`."""
    path: str
    role: Role = Role.VIEWER
    """The least somebody needs on one of their sites to be shown it."""


SECTIONS: tuple[Section, ...] = (
    Section(key="queue", path="/moderate/"),
    Section(key="search", path="/moderate/search"),
    Section(key="articles", path="/moderate/articles"),
    Section(key="rules", path="/moderate/rules", role=Role.MODERATOR),
    Section(key="learning", path="/moderate/learning", role=Role.MODERATOR),
    Section(key="sites", path="/moderate/sites", role=Role.EDITOR),
    Section(key="team", path="/moderate/team", role=Role.ADMIN),
    Section(key="statistics", path="/moderate/statistics"),
    Section(key="log", path="/moderate/log"),
)
"""In their order; whoever adds a page that people go to adds a line."""


def page(
    call: Call,
    template: str,
    *,
    title: str,
    section: str = "",
    parts: Sequence[str] = (),
    told: Mapping[str, Any] | None = None,
    status: int = 200,
    **values: Any,
) -> Reply:
    """Return a page in the frame.

    `title` is a phrase; `section` the key of its place in the navigation; `parts` the catalogues
    whose modules' phrases go along; `told` is what else its modules are told, as JSON.
    """
    view = View.of(call)
    tongue = words.tongue(view.lang)
    member = call.found_member
    known = {
        "lang": view.lang,
        "words": words.script_words(view.lang, parts),
        "me": signed_in_json(member) if member else None,
        **(told or {}),
    }
    return Reply(
        status=status,
        ready=render(
            f"dashboard/{template}",
            tongue=tongue,
            view=view,
            title=tongue.say(title),
            section=section,
            sections=shown_sections(member) if member else [],
            member=member,
            known=orjson.dumps(known).decode(),
            asset=files.address,
            languages=[words.tongue(code) for code in words.LANGUAGES],
            themes=THEMES,
            here=call.path.get("here", call.operation.path),
            **values,
        ),
        media_type=HTML,
        headers=HEADERS,
        cache=Cache.PRIVATE,
    )


def shown_sections(member: SignedInMember) -> list[Section]:
    """Return where somebody is shown the way to."""
    return [
        each
        for each in SECTIONS
        if any(membership.role.includes(each.role) for membership in member.memberships)
    ]


def page_operation(
    operation_id: str, path: str, handler: Handler, *, role: Role | None = None
) -> Operation:
    """Return a page for members, of this role on a site if one is named.

    Whoever is not signed in is led to where they can; failures are told on a page.
    """
    return Operation(
        operation_id=operation_id,
        method="GET",
        path=path,
        summary="A page of the newsroom",
        tag=TAG,
        credential=AMember(required=False),
        hidden=True,
        handler=_for_members(handler, role),
    )


def open_page_operation(operation_id: str, path: str, handler: Handler) -> Operation:
    """Return a page for everybody."""
    return Operation(
        operation_id=operation_id,
        method="GET",
        path=path,
        summary="A page of the newsroom's entrance",
        tag=TAG,
        credential=AMember(required=False),
        hidden=True,
        handler=_told_on_a_page(handler),
    )


def led_to(where: str, *, headers: Mapping[str, str] | None = None) -> Reply:
    """Return an answer that leads to another page; what stands behind `#` is kept by browsers."""
    return Reply(status=303, headers={"Location": where, **(headers or {})}, cache=Cache.NEVER)


def _for_members(handler: Handler, role: Role | None) -> Handler:
    told = _told_on_a_page(handler)

    async def answer(call: Call) -> Reply:
        member = call.found_member
        if member is None:
            return _asked_to_sign_in(call)
        if role is not None and not any(each.role.includes(role) for each in member.memberships):
            return page(call, "refused.html", title="refused", status=403)
        return await told(call)

    return answer


def _asked_to_sign_in(call: Call) -> Reply:
    """Lead to the entrance; or ask again, if it is only that another site's link led here.

    Browsers send the session's cookie to our own pages alone (`SameSite=Strict`), so whoever
    follows a link from their mail seems to be nobody, until this page itself asks for the same.
    """
    if call.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"}:
        view = View.of(call)
        return Reply(
            ready=render("dashboard/again.html", tongue=words.tongue(view.lang)),
            media_type=HTML,
            headers=HEADERS,
            cache=Cache.PRIVATE,
        )
    path = call.operation.path
    for name, value in call.path.items():
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
    asked = call.query.model_dump(exclude_defaults=True) if call.query else {}
    path += f"?{urlencode(asked)}" if asked else ""
    following = "" if path == "/moderate/" else f"?next={quote(path, safe='/')}"
    return led_to(SIGN_IN + following)


def _told_on_a_page(handler: Handler) -> Handler:
    async def answer(call: Call) -> Reply:
        try:
            return await handler(call)
        except Forbidden:
            return page(call, "refused.html", title="refused", status=403)
        except Failure as failure:
            told = problem(failure, request_id=call.request_id)
            title = "not_found" if isinstance(failure, NotFound) else "failed"
            if isinstance(failure, Unavailable):
                title = "unavailable"
            reply = page(call, "problem.html", title=title, status=told.status)
            return Reply(
                status=reply.status,
                ready=reply.ready,
                media_type=reply.media_type,
                headers={**reply.headers, **told.headers},
                cache=reply.cache,
            )

    return answer
