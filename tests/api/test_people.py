"""The newsroom deals with authors over HTTP, and authors meet the consequences."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt

from service.model import Mode, Scope
from service.wiring.ground import clock
from tests.api.calls import Answer
from tests.api.conftest import Api
from tests.api.desk_examples import about, met

ISSUER = "https://daily.example"
SECRET = "s" * 32


def rule(api: Api, ref: str, **json: Any) -> Answer:
    answer = about(api, ref, "PUT", json=json)
    assert answer.status == 200, answer.raw
    return answer


def of_comment(api: Api, comment: dict[str, Any]) -> str:
    """Return who wrote a comment."""
    whole = f"/v1/moderation/comments/{comment['id']}"
    ref: str = api.ask("GET", whole, bearer=api.keys["all"]).json["author"]["ref"]
    return ref


def with_token_key(api: Api) -> str:
    kid = f"k-{uuid4()}"
    json = {"kid": kid, "issuer": ISSUER, "algorithm": "HS256", "key": SECRET}
    where = f"/v1/sites/{api.site.slug}/token-keys"
    answer = api.ask("POST", where, json=json, bearer=api.keys["all"])
    assert answer.status == 201, answer.raw
    return kid


def token(api: Api, kid: str, subject: str) -> str:
    now = int(clock().timestamp())
    claims = {"iss": ISSUER, "sub": subject, "aud": api.site.slug, "iat": now, "exp": now + 600}
    return jwt.encode({**claims, "name": "Omar"}, SECRET, algorithm="HS256", headers={"kid": kid})


def on_behalf(api: Api, subject: str, **more: Any) -> Answer:
    reader = {"id": subject, "name": "Omar", **more}
    where = api.thread_of(api.article())
    json = {"body": f"Again {uuid4()}.", "on_behalf_of": reader}
    return api.ask("POST", where, json=json, bearer=api.keys["write"])


def test_a_ban_is_told_with_its_reason_and_holds_at_once(api: Api) -> None:
    ref, receipt = met(api)
    until = "2090-01-01T00:00:00.000Z"
    answer = rule(api, ref, ban={"until": until, "reason": "Please calm down."})
    told = {"until": until, "reason": "Please calm down."}
    assert answer.json["ban"] == {**told, "everywhere": False}
    refused = api.post(api.article(), bearer=receipt)
    assert (refused.status, refused.code) == (403, "author_banned")
    assert refused.json["detail"] == "Please calm down."
    me = f"/v1/sites/{api.site.slug}/articles/{api.article()}/me"
    assert api.ask("GET", me, bearer=receipt).json["ban"] == told
    assert rule(api, ref, trusted=True).json["ban"] == answer.json["ban"], "left out, it stays"
    assert rule(api, ref, ban=None).json["ban"] is None
    assert api.post(api.article(), bearer=receipt).status == 202
    assert api.ask("GET", me, bearer=receipt).json["ban"] is None


def test_a_ban_holds_for_posts_votes_reports_and_edits_by_every_route(api: Api) -> None:
    kid, subject = with_token_key(api), str(uuid4())
    bearer = token(api, kid, subject)
    own = api.posted(api.article(), "Mine.", bearer=bearer)
    other = api.approved(api.article())
    rule(api, of_comment(api, own), ban={})
    comments = f"/v1/sites/{api.site.slug}/comments"
    reported = {"reason": "spam"}
    refusals = [
        api.post(api.article(), bearer=bearer),
        on_behalf(api, subject),
        on_behalf(api, subject, issuer=ISSUER),
        api.ask("PUT", f"{comments}/{other['id']}/vote", json={"value": 1}, bearer=bearer),
        api.ask("POST", f"{comments}/{other['id']}/reports", json=reported, bearer=bearer),
        api.ask(
            "PATCH", f"{comments}/{own['id']}", json={"body": "B.", "revision": 1}, bearer=bearer
        ),
    ]
    assert [(each.status, each.code) for each in refusals] == [(403, "author_banned")] * 6
    held = about(api, f"reader:{subject}").json["ban"]
    assert held == {"until": None, "reason": None, "everywhere": False}
    assert on_behalf(api, "somebody-else").status == 202


def test_a_reader_known_to_the_back_end_alone_is_banned_by_its_name_for_them(api: Api) -> None:
    subject = str(uuid4())
    assert on_behalf(api, subject).status == 202
    rule(api, f"reader:{subject}", ban={})
    assert on_behalf(api, subject).code == "author_banned"
    kid = with_token_key(api)
    refused = api.post(api.article(), bearer=token(api, kid, subject))
    assert refused.code == "author_banned", "also once the site signs its readers in"


def test_a_ban_in_the_past_or_of_no_kind_is_refused(api: Api) -> None:
    ref, _ = met(api)
    for ban, pointer in (
        ({"until": "2020-01-01T00:00:00.000Z"}, "/ban/until"),
        ({"until": 7}, "/ban/until"),
        ({"for": "good"}, "/ban/for"),
        ({"reason": "a\u0000b"}, "/ban/reason"),
    ):
        answer = about(api, ref, "PUT", json={"ban": ban})
        assert answer.status == 422
        assert pointer in answer.pointers
    assert about(api, ref).json["ban"] is None


def test_a_warning_stands_before_the_next_comment_until_its_author_has_read_it(api: Api) -> None:
    ref, receipt = met(api)
    warning = about(api, ref, "POST", "/warnings", json={"text": "Be kind."}).json
    refused = api.post(api.article(), bearer=receipt)
    assert (refused.status, refused.code) == (403, "warning_unacknowledged")
    assert refused.json["detail"] == "Be kind."
    me = f"/v1/sites/{api.site.slug}/articles/{api.article()}/me"
    assert api.ask("GET", me, bearer=receipt).json["warnings"] == [warning]
    where = f"/v1/sites/{api.site.slug}/warnings/{warning['id']}/acknowledge"
    foreign = api.ask("POST", where, bearer=api.receipt)
    assert (foreign.status, foreign.code) == (404, "unknown_warning")
    for _ in range(2):
        assert api.ask("POST", where, bearer=receipt).status == 204
    assert api.post(api.article(), bearer=receipt).status == 202
    assert api.ask("GET", me, bearer=receipt).json["warnings"] == []
    (kept,) = about(api, ref).json["warnings"]
    assert kept["acknowledged_at"] is not None
    assert kept["by"] == {"kind": "key", "name": "Manage"}


def test_a_back_end_acknowledges_for_its_reader(api: Api) -> None:
    subject = str(uuid4())
    on_behalf(api, subject)
    json = {"text": "Be kind."}
    warning = about(api, f"reader:{subject}", "POST", "/warnings", json=json).json["id"]
    assert on_behalf(api, subject).code == "warning_unacknowledged"
    where = f"/v1/sites/{api.site.slug}/warnings/{warning}/acknowledge"
    assert api.ask("POST", where, bearer=api.keys["read"]).status == 403
    assert api.ask("POST", where, bearer=api.keys["write"]).status == 204
    assert on_behalf(api, subject).status == 202


def test_who_is_always_held_waits_where_everybody_else_is_published(api: Api) -> None:
    site = api.new_site(mode=Mode.POST)
    key = api.new_key(site)
    first = api.post("story", "One.", site=site)
    assert first.status == 201
    whole = f"/v1/moderation/comments/{first.json['comment']['id']}"
    ref = api.ask("GET", whole, bearer=key).json["author"]["ref"]
    where = f"/v1/sites/{site.slug}/readers/{ref}"
    answer = api.ask("PUT", where, json={"always_hold": True}, bearer=key)
    assert answer.json["always_hold"]
    bearer = first.json["receipt"]
    assert api.post("story", "Two.", site=site, bearer=bearer).status == 202
    assert api.post("story", "Two, too.", site=site).status == 201


def test_everything_an_author_has_waiting_is_rejected_and_waits_again(api: Api) -> None:
    article = api.article()
    first = api.post(article, "Flood 0.")
    bearer = first.json["receipt"]
    ids = [first.json["comment"]["id"]]
    ids += [api.posted(article, f"Flood {n}.", bearer=bearer)["id"] for n in range(1, 60)]
    ref = of_comment(api, first.json["comment"])
    json = {"reason": "spam", "operation_id": str(uuid4())}
    begun = about(api, ref, "POST", "/rejections", json=json)
    assert begun.json["id"] == json["operation_id"]
    assert begun.json["total"] == 60
    where = f"/v1/sites/{api.site.slug}/rejections/{begun.json['id']}"

    def seen() -> dict[str, Any]:
        progress: dict[str, Any] = api.ask("GET", where, bearer=api.keys["manage"]).json
        return progress

    api.eventually(lambda: seen()["state"] == "done")
    assert (seen()["rejected"], seen()["skipped"]) == (60, 0)
    assert about(api, ref).json["waiting"] == 0
    again = about(api, ref, "POST", "/rejections", json=json)
    assert again.json["state"] == "done", "the same operation"
    assert api.ask("POST", f"{where}/undo", bearer=api.keys["manage"]).json["state"] == "undoing"
    api.eventually(lambda: seen()["state"] == "undone")
    assert seen()["restored"] == 60
    record = about(api, ref).json
    assert (record["waiting"], record["rejected"]) == (60, 0)
    assert {each["status"] for each in record["comments"]} == {"pending"}
    refused = api.ask("POST", f"{where}/undo", bearer=api.keys["manage"])
    assert (refused.status, refused.code) == (409, "already_undone")


def test_an_operation_of_another_site_is_unknown(api: Api) -> None:
    ref, _ = met(api)
    begun = about(api, ref, "POST", "/rejections", json={"reason": "spam"}).json["id"]
    where = f"/v1/sites/{api.other.slug}/rejections/{begun}"
    assert api.ask("GET", where, bearer=api.keys["foreign"]).code == "unknown_operation"
    assert api.ask("POST", f"{where}/undo", bearer=api.keys["foreign"]).code == "unknown_operation"
    reader = f"/v1/sites/{api.other.slug}/readers/{ref}"
    assert api.ask("GET", reader, bearer=api.keys["foreign"]).code == "unknown_reader"
    assert api.ask("PUT", reader, json={"ban": {}}, bearer=api.keys["foreign"]).status == 404
    assert about(api, ref).json["ban"] is None


def test_only_keys_that_manage_deal_with_authors(api: Api) -> None:
    ref, receipt = met(api)
    where = f"/v1/sites/{api.site.slug}/readers/{ref}"
    for scope in set(Scope) - {Scope.MANAGE}:
        assert api.ask("GET", where, bearer=api.keys[scope]).status == 403
    assert api.ask("GET", where, bearer=receipt).status == 401


def test_a_ban_holds_in_another_process_within_a_second(api: Api, limited: Api) -> None:
    ref, receipt = met(api)
    rule(api, ref, ban={})
    begun = time.monotonic()
    while limited.post(limited.article(), bearer=receipt).status != 403:
        assert time.monotonic() < begun + 1


def test_a_mute_is_a_ban_that_ends_soon(api: Api) -> None:
    ref, receipt = met(api)
    until = (clock() + timedelta(hours=1)).isoformat(timespec="milliseconds")
    log = rule(api, ref, ban={"until": until.replace("+00:00", "Z")}).json["log"]
    assert [each["act"] for each in log] == ["reader.muted"]
    assert UUID(log[0]["id"])
    assert api.post(api.article(), bearer=receipt).code == "author_banned"
