"""Every operation answers what it declares, and the OpenAPI document declares all of them."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from service.model import Mode
from tests.api.alert_examples import ALERT_EXAMPLES
from tests.api.bridge_examples import BRIDGE_EXAMPLES
from tests.api.calls import Answer, query, segment
from tests.api.cluster_examples import CLUSTER_EXAMPLES
from tests.api.conftest import Api
from tests.api.desk_examples import DESK_EXAMPLES
from tests.api.insiders import INSIDER_EXAMPLES
from tests.api.lane_examples import LANE_EXAMPLES
from tests.api.learning_examples import LEARNING_EXAMPLES
from tests.api.log_examples import LOG_EXAMPLES
from tests.api.loss_examples import LOSS_EXAMPLES
from tests.api.office_examples import OFFICE_EXAMPLES
from tests.api.rule_examples import RULE_EXAMPLES
from tests.api.statistics_examples import STATISTICS_EXAMPLES
from tests.api.table import OPERATIONS
from tests.api.webhook_examples import WEBHOOK_EXAMPLES

EMAIL = "sam@daily.example"


def own_comment(api: Api) -> tuple[str, str]:
    """Post a comment; return where it is and its guest's receipt."""
    answer = api.post(api.article(), "Mine.")
    return answer.headers["Location"], answer.json["receipt"]


def post_comment(api: Api) -> Answer:
    return api.post(api.article())


def read_thread(api: Api) -> Answer:
    article = api.article()
    parent = api.approved(article, "A root.")
    for number in range(4):
        api.approved(article, f"A reply, {number}.", parent_id=parent["id"])
    return api.ask("GET", api.thread_of(article, limit=1, focus=parent["id"]))


def read_count(api: Api) -> Answer:
    return api.ask("GET", f"/v1/sites/{api.site.slug}/articles/{api.article()}/count")


def read_counts(api: Api) -> Answer:
    asked = query(article=[api.article(), api.article()])
    return api.ask("GET", f"/v1/sites/{api.site.slug}/counts{asked}")


def read_comment(api: Api) -> Answer:
    article = api.article()
    root = api.approved(article, "A root.")
    reply = api.approved(article, "A reply.", parent_id=root["id"])
    return api.ask("GET", f"/v1/sites/{api.site.slug}/comments/{reply['id']}")


def become_guest(api: Api) -> Answer:
    return api.ask("POST", f"/v1/sites/{api.site.slug}/guests")


def read_own(api: Api) -> Answer:
    article = api.article()
    answer = api.post(article, "Mine.")
    where = f"/v1/sites/{api.site.slug}/articles/{article}/me"
    return api.ask("GET", where, bearer=answer.json["receipt"])


def edit_comment(api: Api) -> Answer:
    where, receipt = own_comment(api)
    return api.ask("PATCH", where, json={"body": "Better.", "revision": 1}, bearer=receipt)


def open_editor(api: Api) -> Answer:
    where, receipt = own_comment(api)
    return api.ask("POST", f"{where}/editor", bearer=receipt)


def delete_comment(api: Api) -> Answer:
    where, receipt = own_comment(api)
    return api.ask("DELETE", where, bearer=receipt)


def vote(api: Api) -> Answer:
    comment = api.approved(api.article())
    where = f"/v1/sites/{api.site.slug}/comments/{comment['id']}/vote"
    return api.ask("PUT", where, json={"value": 1}, bearer=api.receipt)


def report_comment(api: Api) -> Answer:
    comment = api.approved(api.article())
    where = f"/v1/sites/{api.site.slug}/comments/{comment['id']}/reports"
    json = {"reason": "spam", "text": "It sells pills."}
    return api.ask("POST", where, json=json, bearer=api.receipt)


def dismiss_reports(api: Api) -> Answer:
    where = report_comment(api).target.split("/")
    whole = f"/v1/moderation/comments/{where[-2]}"
    assert api.ask("GET", whole, bearer=api.keys["moderate"]).status == 200
    return api.ask("DELETE", f"{whole}/reports", bearer=api.keys["moderate"])


def reopen_reports(api: Api) -> Answer:
    where = dismiss_reports(api).target
    return api.ask("POST", f"{where}/reopen", bearer=api.keys["moderate"])


def appeal(api: Api) -> Answer:
    answer = api.post(api.article(), "Mine.")
    api.decide("reject", answer.json["comment"]["id"], reason="spam")
    where = f"{answer.headers['Location']}/appeal"
    return api.ask("POST", where, json={"text": "It is none."}, bearer=answer.json["receipt"])


def answer_appeal(api: Api) -> Answer:
    where = f"/v1/moderation/appeals/{appeal(api).target.split('/')[-2]}"
    return api.ask("POST", where, json={"grant": True}, bearer=api.keys["moderate"])


def reopen_appeal(api: Api) -> Answer:
    where = answer_appeal(api).target
    return api.ask("POST", f"{where}/reopen", bearer=api.keys["moderate"])


def listen(api: Api) -> Answer:
    return api.ask("GET", f"/v1/sites/{api.site.slug}/articles/{api.article()}/events")


def _under_an_article(api: Api, what: str) -> Answer:
    article = api.article()
    api.approved(article, "Shown *everywhere*.")
    where = f"/v1/sites/{api.site.slug}/articles/{article}/{what}"
    return api.ask("GET", where)


def read_fragment(api: Api) -> Answer:
    return _under_an_article(api, "comments.html")


def read_linked_thread(api: Api) -> Answer:
    return _under_an_article(api, "comments.jsonld")


def read_feed(api: Api) -> Answer:
    return _under_an_article(api, "comments.atom")


def read_site_feed(api: Api) -> Answer:
    api.approved(api.article(), "Shown everywhere.")
    return api.ask("GET", f"/v1/sites/{api.site.slug}/comments.atom")


def count_view(api: Api) -> Answer:
    return api.ask("GET", f"/v1/sites/{api.site.slug}/articles/{api.article()}/view")


def look_at_queue(api: Api) -> Answer:
    article = api.article()
    parent = api.approved(article, "A root.")
    api.posted(article, "It waits.", parent_id=parent["id"])
    where = f"/v1/moderation/queue{query(site=api.site.slug, sort='newest', limit=2)}"
    return api.ask("GET", where, bearer=api.keys["moderate"])


def claim(api: Api) -> Answer:
    site = api.new_site()
    api.posted("story", site=site)
    json = {"site": site.slug, "lane": "held", "limit": 5}
    return api.ask("POST", "/v1/moderation/claims", json=json, bearer=api.new_key(site))


def renew_claims(api: Api) -> Answer:
    return _leases(api, "renew")


def release_claims(api: Api) -> Answer:
    return _leases(api, "release")


def _leases(api: Api, what: str) -> Answer:
    site = api.new_site()
    comment = api.posted("story", site=site)
    key = api.new_key(site)
    api.ask("POST", "/v1/moderation/claims", json={"site": site.slug}, bearer=key)
    json = {"comment_ids": [comment["id"], str(uuid4())]}
    return api.ask("POST", f"/v1/moderation/claims/{what}", json=json, bearer=key)


def decide(api: Api) -> Answer:
    comment = api.posted(api.article())
    decision = {"comment_id": comment["id"], "revision": 1, "action": "approve", "note": "Fine."}
    return api.ask(
        "POST",
        "/v1/moderation/decisions",
        json={"decisions": [decision, {**decision, "comment_id": str(uuid4())}]},
        bearer=api.keys["moderate"],
    )


def reverse_decision(api: Api) -> Answer:
    comment = api.posted(api.article())
    decision = api.decide("reject", comment["id"], reason="spam")[0]["decision"]
    where = f"/v1/moderation/decisions/{decision['decision_id']}/reverse"
    return api.ask("POST", where, bearer=api.keys["moderate"])


def read_whole_comment(api: Api) -> Answer:
    article = api.article()
    parent = api.approved(article, "A root.")
    reply = api.approved(article, "A reply.", parent_id=parent["id"])
    api.decide("remove", reply["id"], reason="abuse")
    where = f"/v1/moderation/comments/{reply['id']}"
    return api.ask("GET", where, bearer=api.keys["moderate"])


def _article(api: Api, method: str, key: str, rest: str = "", **said: Any) -> Answer:
    where = f"/v1/sites/{api.site.slug}/articles/{segment(key)}{rest}"
    return api.ask(method, where, bearer=api.keys["all"], **said)


def describe_article(api: Api) -> Answer:
    changes = {
        "url": "https://daily.example/1",
        "title": "Budget",
        "lang": "fr",
        "state": "premoderated",
        "mode": "post",
        "close_at": "2030-01-01T00:00:00.000Z",
        "aliases": [api.article()],
        "views_per_hour": 12.5,
        "section": "Politics",
        "tags": ["budget"],
        "published_at": "2026-01-01T00:00:00.000Z",
    }
    return _article(api, "PUT", api.article(), json=changes)


def read_article(api: Api) -> Answer:
    return _article(api, "GET", api.article())


def merge_article(api: Api) -> Answer:
    return _article(api, "POST", api.article(), "/merge", json={"into": api.article()})


def _operate(api: Api, method: str, rest: str, json: Any = None) -> Answer:
    where = f"/v1/sites/{api.site.slug}/{rest}"
    return api.ask(method, where, json=json, bearer=api.keys["manage"])


def read_settings(api: Api) -> Answer:
    return _operate(api, "GET", "settings")


def change_settings(api: Api) -> Answer:
    return _operate(api, "PUT", "settings", {"mode": "pre"})


def list_keys(api: Api) -> Answer:
    return _operate(api, "GET", "keys")


def create_key(api: Api) -> Answer:
    json = {"name": "Bot", "scopes": ["read"], "expires_at": "2030-01-01T00:00:00Z"}
    return _operate(api, "POST", "keys", json)


def revoke_key(api: Api) -> Answer:
    return _operate(api, "DELETE", f"keys/{create_key(api).json['key_id']}")


def list_token_keys(api: Api) -> Answer:
    add_token_key(api)
    return _operate(api, "GET", "token-keys")


def add_token_key(api: Api) -> Answer:
    kid = f"key {uuid4()}"
    json = {"kid": kid, "issuer": "https://daily.example", "algorithm": "HS256", "key": "k" * 32}
    answer = _operate(api, "POST", "token-keys", json)
    _operate(api, "DELETE", f"token-keys/{segment(kid)}")
    return answer


def revoke_token_key(api: Api) -> Answer:
    json = {"kid": str(uuid4()), "issuer": "i", "algorithm": "HS256", "key": "k" * 32}
    kid = _operate(api, "POST", "token-keys", json).json["kid"]
    return _operate(api, "DELETE", f"token-keys/{kid}")


def list_members(api: Api) -> Answer:
    invite_member(api)
    return api.ask("GET", "/v1/members", bearer=api.keys["manage"])


def invite_member(api: Api) -> Answer:
    json = {"email": EMAIL, "role": "moderator"}
    return api.ask("POST", "/v1/members", json=json, bearer=api.keys["manage"])


EXAMPLES: Mapping[str, Callable[[Api], Answer]] = {
    example.__name__: example
    for example in (
        post_comment,
        read_thread,
        read_count,
        read_counts,
        read_comment,
        become_guest,
        read_own,
        edit_comment,
        open_editor,
        delete_comment,
        vote,
        report_comment,
        dismiss_reports,
        reopen_reports,
        appeal,
        answer_appeal,
        reopen_appeal,
        listen,
        read_fragment,
        read_linked_thread,
        read_feed,
        read_site_feed,
        count_view,
        look_at_queue,
        claim,
        renew_claims,
        release_claims,
        decide,
        reverse_decision,
        read_whole_comment,
        *DESK_EXAMPLES,
        *LANE_EXAMPLES,
        *STATISTICS_EXAMPLES,
        *LOG_EXAMPLES,
        *ALERT_EXAMPLES,
        *BRIDGE_EXAMPLES,
        *WEBHOOK_EXAMPLES,
        *CLUSTER_EXAMPLES,
        *LEARNING_EXAMPLES,
        *LOSS_EXAMPLES,
        describe_article,
        read_article,
        merge_article,
        read_settings,
        change_settings,
        list_keys,
        create_key,
        revoke_key,
        list_token_keys,
        add_token_key,
        revoke_token_key,
        list_members,
        invite_member,
        *INSIDER_EXAMPLES,
        *OFFICE_EXAMPLES,
        *RULE_EXAMPLES,
    )
}
"""A request of each operation that succeeds, by its name."""

EXEMPLIFIED = pytest.mark.parametrize("name", EXAMPLES)
PUBLIC = pytest.mark.parametrize(
    "name",
    [each.operation_id for each in OPERATIONS if each.public and each.operation_id in EXAMPLES],
)


def test_every_operation_has_an_example() -> None:
    assert set(EXAMPLES) == {operation.operation_id for operation in OPERATIONS}


@EXEMPLIFIED
def test_an_operation_answers_strictly_what_it_declares(api: Api, name: str) -> None:
    """`Caller.inspect` holds the body against the declared model: every field, and no other."""
    operation = next(each for each in OPERATIONS if each.operation_id == name)
    answer = EXAMPLES[name](api)
    assert answer.status in operation.answers
    assert 200 <= answer.status < 300


def test_a_comment_published_at_once_is_answered_with_201(api: Api) -> None:
    site = api.new_site(mode=Mode.POST)
    answer = api.post("story", site=site)
    assert answer.status == 201
    assert answer.json["comment"]["status"] == "approved"


def test_the_openapi_document_is_valid_and_has_every_operation(api: Api) -> None:
    answer = api.ask("GET", "/openapi.json")
    assert answer.status == 200
    document = answer.json
    OpenAPIV31SpecValidator(document).validate()
    written = {
        (path, method.upper()): operation["operationId"]
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    for operation in OPERATIONS:
        if not operation.hidden:
            assert written[operation.path, operation.method] == operation.operation_id


def test_the_documentation_tells_a_person_of_every_operation(api: Api) -> None:
    page = html.unescape(api.ask("GET", "/docs").raw.decode())
    for operation in OPERATIONS:
        assert operation.hidden or operation.summary in page
    assert ' src="' not in page, "a file from somewhere else"


@PUBLIC
def test_what_is_public_may_be_kept_and_need_not_be_sent_twice(api: Api, name: str) -> None:
    answer = EXAMPLES[name](api)
    where = answer.target
    tag = answer.headers["ETag"]
    assert tag.startswith('"'), "strong"
    kept = answer.headers["Cache-Control"]
    ages = "30, 300, 600" if name in {"read_counts", "read_site_feed"} else "2, 10, 60"
    numbers = "".join(each if each.isdigit() else " " for each in kept).split()
    assert (kept.split(",")[0], ", ".join(numbers)) == ("public", ages)
    for known in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        again = api.ask("GET", where, headers={"If-None-Match": known})
        assert again.status == 304
        for header in ("ETag", "Cache-Control", "Vary"):
            assert again.headers[header] == answer.headers[header]
    for other in ('"other"', tag.strip('"'), ""):
        assert api.ask("GET", where, headers={"If-None-Match": other}).raw == answer.raw


@PUBLIC
def test_head_is_answered_like_get_without_the_body(api: Api, name: str) -> None:
    answer = EXAMPLES[name](api)
    where = answer.target
    head = api.ask("HEAD", where)
    assert (head.status, head.raw) == (answer.status, b"")
    for header in ("ETag", "Content-Type", "Content-Length", "Cache-Control", "Vary"):
        assert head.headers[header] == answer.headers[header]
    known = api.ask("HEAD", where, headers={"If-None-Match": answer.headers["ETag"]})
    assert known.status == 304


def test_head_of_what_does_not_exist_is_not_found(api: Api) -> None:
    assert api.ask("HEAD", f"/v1/sites/{api.site.slug}/comments/{uuid4()}").status == 404
