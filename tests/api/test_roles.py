"""Who may do what where: every role, every operation for members, every site; and which pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from service.model import Role, Site
from service.web.operation import AMember, AModerator, Operation
from service.wiring.ground import clock
from tests.api.calls import Answer
from tests.api.conftest import Api
from tests.api.insiders import Insider, session_for, signed_in
from tests.api.table import NOBODY, body, broken_body, each, names_site, target

ROLES = (None, *Role)
FOREIGN = ("cross-site", "same-site", "", "evil")
ORIGINS = ("https://evil.example", "null", "http://127.0.0.1:1", "http://localhost")


def takes_session(operation: Operation) -> bool:
    return isinstance(operation.credential, AMember | AModerator)


def takes_both(operation: Operation) -> bool:
    return isinstance(operation.credential, AModerator)


def least_role(operation: Operation) -> Role | None:
    credential = operation.credential
    assert isinstance(credential, AMember | AModerator)
    return credential.role


@pytest.fixture(scope="module")
def insiders(api: Api) -> dict[Role | None, Insider]:
    """One of each role on `site`; of None somebody of another site alone."""
    team: dict[Role | None, Insider] = {role: signed_in(api, role) for role in Role}
    team[None] = signed_in(api, Role.ADMIN, api.other)
    return team


@pytest.mark.parametrize("role", ROLES, ids=str)
@each(takes_session)
def test_an_operation_is_done_by_whoever_has_the_role_on_the_site(
    api: Api, insiders: dict[Role | None, Insider], operation: Operation, role: Role | None
) -> None:
    """The request itself is broken, or about nothing, so that the right is all that is tried."""
    least = least_role(operation)
    token = insiders[role].token
    if operation.operation_id == "sign_out":
        token = session_for(api, operation) or ""
    answer = asked(api, operation, token, api.site)
    if names_site(operation) and role is None and least is not None:
        assert (answer.status, answer.code) == (404, "unknown_site")
    elif role is not None and least is not None and not role.includes(least):
        assert (answer.status, answer.code) == (403, "forbidden")
    else:
        assert answer.status not in {401, 403}, answer.raw
        assert answer.code != "unknown_site"


@each(lambda operation: takes_both(operation) and names_site(operation))
def test_for_members_of_other_sites_a_site_does_not_exist(api: Api, operation: Operation) -> None:
    """They are told the same as of a site that nobody has."""
    stranger = signed_in(api, Role.ADMIN, api.new_site()).token
    told = []
    for slug in (api.site.slug, "nowhere"):
        json = {"site": slug, **(body(operation) or {})} if operation.site_in_body else None
        where = target(operation, slug)
        answer = api.ask(
            operation.method,
            where,
            json=json if json is not None else body(operation),
            bearer=stranger,
        )
        told.append({**answer.json, "request_id": None})
    assert told[0] == told[1]
    assert told[0]["code"] == "unknown_site"


@each(takes_session)
@pytest.mark.long
def test_a_foreign_page_asks_nothing_with_a_session(api: Api, operation: Operation) -> None:
    """Refused before anything is looked at, whatever the session could do."""
    token = session_for(api, operation)
    for name, headers in foreign_pages(api):
        answer = bare(api, operation, token, headers)
        assert (answer.status, answer.code) == (403, "foreign_page"), name


@each(takes_session)
@pytest.mark.long
def test_an_own_page_asks_with_a_session(api: Api, operation: Operation) -> None:
    for headers in (
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
        {"Origin": api.caller.origin},
    ):
        answer = bare(api, operation, session_for(api, operation), headers)
        assert answer.status not in {401, 403}, headers


@each(lambda operation: takes_session(operation) and operation.writes)
@pytest.mark.long
def test_nothing_is_written_with_a_session_by_who_knows_what_page(
    api: Api, operation: Operation
) -> None:
    answer = bare(api, operation, session_for(api, operation), {})
    assert (answer.status, answer.code) == (403, "foreign_page")


@each(takes_session)
def test_a_session_that_is_none_is_refused(api: Api, operation: Operation) -> None:
    for token in ("pbs_" + "A" * 43, "pbs_x", "pbs_"):
        answer = asked(api, operation, token, api.site)
        assert (answer.status, answer.code) == (401, "unauthenticated"), token


@each(takes_both)
@pytest.mark.long
def test_a_key_goes_before_a_session(api: Api, operation: Operation) -> None:
    """Else a page that holds a key would act as whoever is signed in."""
    token = session_for(api, operation)
    headers = {"Sec-Fetch-Site": "cross-site", "Cookie": f"postbag={token}"}
    wrong = api.ask(
        operation.method,
        target(operation, api.site.slug),
        body=broken_body(operation),
        headers={**headers, "Authorization": "Bearer nonsense"},
    )
    assert (wrong.status, wrong.code) == (401, "unauthenticated")
    assert isinstance(operation.credential, AModerator)
    good = api.ask(
        operation.method,
        target(operation, api.site.slug),
        body=broken_body(operation),
        headers=headers,
        bearer=api.keys[operation.credential.scope],
    )
    assert good.status not in {401, 403}


@each(lambda operation: getattr(operation.credential, "fresh", False))
def test_what_is_dangerous_needs_a_second_proof_of_an_admin(api: Api, operation: Operation) -> None:
    if least_role(operation) is not Role.ADMIN:
        return
    weak = signed_in(api, Role.ADMIN, method="password").token
    answer = asked(api, operation, weak, api.site)
    assert (answer.status, answer.code) == (403, "second_factor_needed")


@each(takes_both)
def test_everything_that_members_do_keys_may_too(api: Api, operation: Operation) -> None:
    assert isinstance(operation.credential, AModerator)
    bearer = api.keys[operation.credential.scope]
    answer = api.ask(
        operation.method,
        target(operation, api.site.slug),
        body=broken_body(operation),
        bearer=bearer,
    )
    assert answer.status not in {401, 403}


# What a role does to comments


def test_a_member_decides_with_their_name_on_all_of_their_sites(api: Api) -> None:
    other = api.new_site()
    sam = signed_in(api, Role.MODERATOR)
    api.aside.run(api.service.members.team.invite(sam.email, Role.MODERATOR, other, clock()))
    here = api.posted(api.article())["id"]
    there = api.posted(api.article(), site=other)["id"]
    foreign = api.posted(api.article(), site=api.other)["id"]
    results = decided(api, sam, here, there, foreign)
    assert [each["outcome"] for each in results] == ["applied", "applied", "not_found"]
    assert results[0]["decision"]["by"]["kind"] == "member"
    where = f"/v1/moderation/comments/{there}"
    assert api.ask("GET", where, bearer=sam.token).json["comment"]["id"] == there
    undone = api.ask(
        "POST",
        f"/v1/moderation/decisions/{results[1]['decision']['decision_id']}/reverse",
        bearer=sam.token,
    )
    assert undone.status == 200


def test_of_comments_on_foreign_sites_members_are_told_nothing(api: Api) -> None:
    sam = signed_in(api, Role.SENIOR)
    foreign = api.posted(api.article(), site=api.other)["id"]
    told = [
        {
            **api.ask("GET", f"/v1/moderation/comments/{each}", bearer=sam.token).json,
            "request_id": 0,
        }
        for each in (foreign, NOBODY)
    ]
    assert told[0] == told[1]
    assert told[0]["status"] == 404


def test_what_was_escalated_only_seniors_see(api: Api) -> None:
    site = api.new_site()
    key = api.new_key(site)
    comment = api.posted(api.article(), site=site)["id"]
    api.decide("escalate", comment, key=key)
    junior, senior = signed_in(api, Role.MODERATOR, site), signed_in(api, Role.SENIOR, site)
    queue = f"/v1/moderation/queue?site={site.slug}"
    whole = f"/v1/moderation/comments/{comment}"
    assert api.ask("GET", queue, bearer=junior.token).json["total"] == 0
    assert api.ask("GET", queue, bearer=senior.token).json["total"] == 1
    assert api.ask("GET", whole, bearer=junior.token).status == 404
    assert api.ask("GET", whole, bearer=senior.token).status == 200
    assert decided(api, junior, comment)[0]["outcome"] == "conflict"
    assert decided(api, senior, comment)[0]["outcome"] == "applied"


def test_a_senior_of_one_site_is_none_on_another(api: Api) -> None:
    """Also where a request is about comments of both."""
    site, other = api.new_site(), api.new_site()
    sam = signed_in(api, Role.SENIOR, site)
    api.aside.run(api.service.members.team.invite(sam.email, Role.MODERATOR, other, clock()))
    ids = []
    for where in (site, other):
        comment = api.posted(api.article(), site=where)["id"]
        api.decide("escalate", comment, key=api.new_key(where))
        ids.append(comment)
    results = decided(api, sam, *ids)
    assert [each["outcome"] for each in results] == ["applied", "conflict"]
    assert api.ask("GET", f"/v1/moderation/comments/{ids[1]}", bearer=sam.token).status == 404


def test_more_than_fifty_at_once_are_decided_by_seniors(api: Api) -> None:
    site = api.new_site()
    ids = [str(uuid4()) for _ in range(51)]
    junior, senior = signed_in(api, Role.MODERATOR, site), signed_in(api, Role.SENIOR, site)
    assert len(decided(api, junior, *ids[:50])) == 50
    wishes = {"decisions": [{"comment_id": e, "revision": 1, "action": "approve"} for e in ids]}
    answer = api.ask("POST", "/v1/moderation/decisions", json=wishes, bearer=junior.token)
    assert (answer.status, answer.code) == (403, "forbidden")
    assert len(decided(api, senior, *ids)) == 51


def test_leases_are_a_members_own(api: Api) -> None:
    site = api.new_site()
    comment = api.posted(api.article(), site=site)["id"]
    sam, kim = signed_in(api, Role.MODERATOR, site), signed_in(api, Role.MODERATOR, site)
    claim = {"site": site.slug, "lane": "held", "limit": 1}
    (item,) = api.ask("POST", "/v1/moderation/claims", json=claim, bearer=sam.token).json["items"]
    assert item["comment"]["id"] == comment
    ids = {"comment_ids": [comment]}
    renew = "/v1/moderation/claims/renew"
    assert api.ask("POST", renew, json=ids, bearer=sam.token).json["renewed"] == [comment]
    assert api.ask("POST", renew, json=ids, bearer=kim.token).json["lost"] == [comment]
    assert decided(api, kim, comment)[0]["outcome"] == "leased"
    assert (
        api.ask("POST", "/v1/moderation/claims/release", json=ids, bearer=sam.token).status == 204
    )
    assert decided(api, kim, comment)[0]["outcome"] == "applied"


def test_a_changed_role_counts_within_a_second(api: Api) -> None:
    sam = signed_in(api, Role.MODERATOR)
    queue = f"/v1/moderation/queue?site={api.site.slug}"
    assert api.ask("GET", queue, bearer=sam.token).status == 200
    where = f"/v1/members/{sam.member_id}"
    changed = api.ask("PATCH", where, json={"role": "viewer"}, bearer=api.keys["manage"])
    assert changed.json["role"] == "viewer"
    claim = {"site": api.site.slug}
    api.eventually(
        lambda: api.ask("POST", "/v1/moderation/claims", json=claim, bearer=sam.token).status == 403
    )
    assert api.ask("DELETE", where, bearer=api.keys["manage"]).status == 204
    api.eventually(lambda: api.ask("GET", queue, bearer=sam.token).status == 401)


def test_a_member_of_several_sites_names_one(api: Api) -> None:
    sam = signed_in(api, Role.MODERATOR)
    queue = "/v1/moderation/queue"
    assert api.ask("GET", queue, bearer=sam.token).status == 200, "the only one"
    api.aside.run(api.service.members.team.invite(sam.email, Role.VIEWER, api.other, clock()))
    api.eventually(lambda: api.ask("GET", queue, bearer=sam.token).status == 422)
    answer = api.ask("GET", queue, bearer=sam.token)
    assert answer.pointers == {"/site": "missing"}


def asked(api: Api, operation: Operation, token: str, site: Site) -> Answer:
    """Ask as one of our own pages; a body is broken unless it has to name the site."""
    said: dict[str, Any] = {"body": broken_body(operation)}
    if operation.site_in_body:
        said = {"json": {"site": site.slug, "limit": 0}}
        if site == api.site and operation.operation_id == "claim":
            said = {"json": {"site": site.slug, "lane": "check", "limit": 1}}
    return api.ask(operation.method, target(operation, site.slug), bearer=token, **said)


def bare(api: Api, operation: Operation, token: str | None, headers: dict[str, str]) -> Answer:
    """Ask with a session's cookie and these headers alone."""
    return api.ask(
        operation.method,
        target(operation, api.site.slug),
        body=broken_body(operation),
        headers={"Cookie": f"postbag={token}", **headers},
    )


def foreign_pages(api: Api) -> Iterator[tuple[str, dict[str, str]]]:
    """Everything that tells of another page, by what it is."""
    for site in FOREIGN:
        yield f"Sec-Fetch-Site: {site}", {"Sec-Fetch-Site": site}
        own = {"Sec-Fetch-Site": site, "Origin": api.caller.origin}
        yield f"Sec-Fetch-Site: {site}, though of our origin", own
    for origin in ORIGINS:
        yield f"Origin: {origin}", {"Origin": origin}


def decided(api: Api, insider: Insider, *ids: str) -> list[dict[str, Any]]:
    """Let a member approve comments."""
    wishes = {"decisions": [{"comment_id": e, "revision": 1, "action": "approve"} for e in ids]}
    answer = api.ask("POST", "/v1/moderation/decisions", json=wishes, bearer=insider.token)
    assert answer.status == 200, answer.raw
    results: list[dict[str, Any]] = answer.json["results"]
    return results
