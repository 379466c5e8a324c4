"""The log over HTTP: who sees what of it, filters, the table, the check, and searches kept."""

from __future__ import annotations

import csv
import io

import pytest

from service.model import Role, Scope
from tests.api.conftest import Api
from tests.api.insiders import signed_in
from tests.api.log_examples import decided, kept, logged


@pytest.fixture(scope="module")
def removed(api: Api) -> str:
    return decided(api)


def test_an_entry_says_who_did_what_when_and_what_it_was_before(api: Api, removed: str) -> None:
    newest, before = logged(api, comment=removed).json["items"]
    assert (newest["act"], newest["before"], newest["after"]) == ("remove", "approved", "removed")
    assert (newest["reason"], newest["by"]["kind"], newest["reversible"]) == ("spam", "key", True)
    assert (before["act"], before["before"], before["after"]) == ("approve", "pending", "approved")
    assert not before["reversible"]
    assert newest["ref"] == before["ref"] is not None
    assert newest["request_id"] != before["request_id"]


def test_a_decision_of_the_log_can_be_taken_back(api: Api) -> None:
    comment_id = decided(api)
    (newest, _) = logged(api, comment=comment_id).json["items"]
    where = f"/v1/moderation/decisions/{newest['id']}/reverse"
    answer = api.ask("POST", where, json={"comment_id": comment_id}, bearer=api.keys["moderate"])
    assert answer.status == 200
    api.eventually(lambda: len(logged(api, comment=comment_id).json["items"]) == 3)
    last, undone, _ = logged(api, comment=comment_id).json["items"]
    assert (last["act"], last["reverses"], last["after"]) == ("reverse", newest["id"], "approved")
    assert not undone["reversible"]


def test_filters_are_checked_and_combined(api: Api, removed: str) -> None:
    for asked in ({"act": "remove"}, {"reason": "spam"}, {"act": "remove,restore"}):
        (entry,) = logged(api, comment=removed, **asked).json["items"]
        assert entry["act"] == "remove"
    today = logged(api, comment=removed).json["items"][0]["at"][:10]
    assert len(logged(api, comment=removed, date=f"{today}..").json["items"]) == 2
    assert logged(api, comment=removed, date="..2020-01-01").json["items"] == []
    assert logged(api, comment=removed, by="nobody at all").json["items"] == []
    assert logged(api, date="soon").pointers == {"/date": "bad_format"}
    assert logged(api, comment="it").pointers == {"/comment": "bad_format"}
    assert logged(api, kind="deed").pointers == {"/kind": "unknown_value"}


def test_what_was_done_to_the_team_is_for_admins_and_keys(api: Api) -> None:
    signed_in(api, Role.VIEWER)  # invites, which the log tells
    api.eventually(lambda: bool(logged(api, act="member.invited").json["items"]))
    for role in Role:
        sam = signed_in(api, role)
        found = logged(api, bearer=sam.token, act="member.invited").json["items"]
        assert bool(found) is (role is Role.ADMIN), role
        status = 200 if role.includes(Role.SENIOR) else 403
        assert logged(api, bearer=sam.token, what=".csv", act="approve").status == status, role


def test_only_who_manages_reads_the_log_and_only_at_home(api: Api) -> None:
    for what in ("", ".csv", "/verification"):
        where = f"/v1/sites/{api.site.slug}/audit{what}"
        for scope in set(Scope) - {Scope.MANAGE}:
            assert api.ask("GET", where, bearer=api.keys[scope]).status == 403
        assert api.ask("GET", where).status == 401
        assert api.ask("GET", where, bearer=api.keys["foreign"]).code == "unknown_site"


def test_the_log_taken_away_is_a_table_of_the_same_entries(api: Api, removed: str) -> None:
    answer = logged(api, what=".csv", comment=removed)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="log.csv"'
    text = answer.raw.decode("utf-8-sig")
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    items = logged(api, comment=removed).json["items"]
    for name in ("act", "hash", "reason", "before", "after", "request_id"):
        assert [row[header.index(name)] for row in rows] == [each[name] or "" for each in items]


def test_a_check_of_the_chain_tells_its_head(api: Api, removed: str) -> None:
    checked = logged(api, what="/verification").json
    assert (checked["done"], checked["broken"]) == (True, None)
    assert checked["position"] == checked["head"] > 0
    newest = logged(api, limit=1).json["items"][0]
    assert newest["position"] >= checked["position"]
    again = logged(api, what="/verification", after=checked["position"]).json
    assert (again["done"], again["broken"]) == (True, None)
    beyond = logged(api, what="/verification", after=10**9).json
    assert beyond["broken"] == {"fault": "gap", "position": 10**9, "id": None}
    assert removed


def test_searches_are_kept_for_their_member_alone(api: Api) -> None:
    sam, mina = signed_in(api, Role.VIEWER), signed_in(api, Role.ADMIN)
    where = f"/v1/sites/{api.site.slug}/searches"
    first = kept(api, sam).json
    kept(api, sam, name="Another", q="badsite", sort="newest")
    second = kept(api, sam, q="rule:link-new-author").json
    listed = api.ask("GET", where, bearer=sam.token).json["items"]
    assert [(each["name"], each["q"]) for each in listed] == [
        ("Another", "badsite"),
        ("Links", "rule:link-new-author"),
    ]
    assert api.ask("GET", where, bearer=mina.token).json["items"] == []
    gone = api.ask("DELETE", f"{where}/{first['search_id']}", bearer=sam.token)
    assert (gone.status, gone.code) == (404, "unknown_search")
    assert api.ask("DELETE", f"{where}/{second['search_id']}", bearer=mina.token).status == 404
    assert api.ask("DELETE", f"{where}/{second['search_id']}", bearer=sam.token).status == 204


def test_a_search_that_cannot_be_understood_is_not_kept(api: Api) -> None:
    sam = signed_in(api, Role.VIEWER)
    assert kept(api, sam, q="colour:red").pointers == {"/q/0": "unknown_filter"}
    assert kept(api, sam, name="  ").pointers == {"/name": "missing"}


def test_there_are_only_so_many_searches(api: Api) -> None:
    sam = signed_in(api, Role.VIEWER)
    for number in range(50):
        assert kept(api, sam, name=f"Number {number}").status == 201
    assert kept(api, sam, name="One more").code == "too_many_searches"
    assert kept(api, sam, name="Number 7", q="another").status == 201
