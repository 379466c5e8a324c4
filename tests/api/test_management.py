"""What a site's back end and its operators are answered: articles, settings, keys, the team."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from service.model import Scope, Site
from service.wiring.ground import clock
from tests.api.calls import Answer, segment
from tests.api.conftest import Api

URL = "https://daily.example/"


class Office:
    """Where the operator of one site works."""

    def __init__(self, api: Api, site: Site, key: str) -> None:
        self.api, self.site, self.key = api, site, key

    def ask(self, method: str, rest: str, json: Any = None) -> Answer:
        return self.api.ask(
            method, f"/v1/sites/{self.site.slug}/{rest}", json=json, bearer=self.key
        )

    def article(self, key: str, **changes: Any) -> Any:
        answer = self.ask("PUT", f"articles/{segment(key)}", changes)
        assert answer.status == 200, answer.raw
        return answer.json

    def settings(self, **changes: Any) -> Answer:
        return self.ask("PUT", "settings", changes)


@pytest.fixture
def office(api: Api) -> Office:
    site = api.new_site()
    return Office(api, site, api.new_key(site, name="Operator"))


def refused(answer: Answer) -> dict[str, str]:
    assert (answer.status, answer.code) == (422, "validation_failed"), answer.raw
    return answer.pointers


# Articles.


def test_an_unseen_article_has_the_defaults(office: Office) -> None:
    assert office.ask("GET", "articles/unseen").json == {
        "key": "unseen",
        "url": None,
        "title": None,
        "lang": None,
        "state": "open",
        "mode": None,
        "close_at": None,
        "aliases": [],
        "views_per_hour": None,
        "section": None,
        "tags": [],
        "published_at": None,
        "count": 0,
    }


def test_what_is_left_out_stays_and_null_clears(office: Office) -> None:
    whole = {
        "url": URL,
        "title": "Budget vote",
        "lang": "fr",
        "state": "premoderated",
        "mode": "post",
        "close_at": "2031-02-03T04:05:06.789Z",
        "aliases": ["b", "a"],
        "views_per_hour": 12.5,
        "section": "Politics",
        "tags": ["budget", "taxes"],
        "published_at": "2026-02-03T04:05:06.789Z",
    }
    told = office.article("story", **whole)
    assert told == {"key": "story", **whole, "aliases": ["a", "b"], "count": 0}
    assert office.article("story") == told
    assert office.article("story", title="Another") == {**told, "title": "Another"}
    cleared = office.article(
        "story", url=None, title=None, lang=None, mode=None, close_at=None, views_per_hour=None
    )
    for name in ("url", "title", "lang", "mode", "close_at", "views_per_hour"):
        assert cleared[name] is None
    assert cleared["state"] == "premoderated"
    assert office.article("story", aliases=None)["aliases"] == []
    assert office.ask("GET", "articles/story").json == {**cleared, "aliases": []}


def test_a_time_is_told_in_utc(office: Office) -> None:
    told = office.article("story", close_at="2031-02-03T04:05:06.789999+02:00")
    assert told["close_at"] == "2031-02-03T02:05:06.789Z"


def test_an_article_closes_when_its_time_has_come(office: Office) -> None:
    past = (clock() - timedelta(seconds=1)).isoformat()
    assert office.article("story", close_at=past)["state"] == "closed"
    answer = office.api.post("story", site=office.site)
    assert (answer.status, answer.code) == (403, "comments_closed")


def test_the_fields_of_an_article_have_their_edges(office: Office) -> None:
    for good in (
        {"title": "é" * 300},
        {"url": URL.ljust(2_048, "x")},
        {"views_per_hour": 0},
        {"views_per_hour": 1e9},
        {"lang": "zh-Hant-TW"},
        {"aliases": [f"alias-{number}" for number in range(50)]},
        {"aliases": ["é" * 200]},
        {"state": "off"},
        {"mode": "trusted"},
    ):
        office.article("story", **good)
    for wrong, pointer, code in (
        ({"title": "é" * 301}, "/title", "too_long"),
        ({"title": ""}, "/title", "too_short"),
        ({"title": "\u200b"}, "/title", "blank"),
        ({"title": "a\x1b"}, "/title", "forbidden_character"),
        ({"url": URL.ljust(2_049, "x")}, "/url", "too_long"),
        ({"url": "/fr/1"}, "/url", "bad_format"),
        ({"url": "https://user:word@daily.example/"}, "/url", "bad_url"),
        ({"url": "javascript:alert(1)"}, "/url", "bad_format"),
        ({"lang": "french language"}, "/lang", "bad_format"),
        ({"state": "hidden"}, "/state", "unknown_value"),
        ({"mode": ""}, "/mode", "unknown_value"),
        ({"close_at": "2031-02-03T04:05:06"}, "/close_at", "bad_format"),
        ({"close_at": "tomorrow"}, "/close_at", "bad_format"),
        ({"aliases": [f"alias-{number}" for number in range(51)]}, "/aliases", "too_long"),
        ({"aliases": ["é" * 201]}, "/aliases/0", "too_long"),
        ({"aliases": [""]}, "/aliases/0", "too_short"),
        ({"aliases": ["a", "b\nc"]}, "/aliases/1", "bad_key"),
        ({"aliases": "a"}, "/aliases", "wrong_type"),
        ({"views_per_hour": -0.1}, "/views_per_hour", "out_of_range"),
        ({"views_per_hour": 1.1e9}, "/views_per_hour", "out_of_range"),
        ({"views_per_hour": "1"}, "/views_per_hour", "wrong_type"),
        ({"count": 7}, "/count", "unknown_field"),
    ):
        assert refused(office.ask("PUT", "articles/story", wrong)) == {pointer: code}, wrong


def test_a_state_cannot_be_cleared(office: Office) -> None:
    """Every article has one: null is the state it begins with."""
    office.article("story", state="closed")
    assert office.article("story", state=None)["state"] == "open"


def test_readers_never_overwrite_what_the_back_end_said(office: Office) -> None:
    office.article("story", title="Told", url=URL)
    hint = {"title": "Claimed", "url": "https://evil.example/"}
    comment = office.api.posted("story", site=office.site, article=hint)
    office.api.decide("approve", comment["id"], key=office.key)
    told = office.ask("GET", "articles/story").json
    assert (told["title"], told["url"], told["count"]) == ("Told", URL, 1)


def test_a_merged_articles_comments_are_read_as_the_targets(office: Office) -> None:
    for key in ("old", "new"):
        comment = office.api.posted(key, f"Under {key}.", site=office.site)
        office.api.decide("approve", comment["id"], key=office.key)
    answer = office.ask("POST", "articles/old/merge", {"into": "new"})
    assert (answer.json["key"], answer.json["aliases"], answer.json["count"]) == ("new", ["old"], 2)
    assert office.ask("POST", "articles/old/merge", {"into": "new"}).status == 200
    for key in ("old", "new"):
        where = office.api.thread_of(key, site=office.site, sort="oldest")
        page = office.api.ask("GET", where).json
        assert page["article"] | {"title": None} == {
            "key": "new",
            "url": None,
            "title": None,
            "state": "open",
            "closed_at": None,
            "count": 2,
        }
        assert [each["text"] for each in page["comments"]] == ["Under old.", "Under new."]
    circle = office.ask("POST", "articles/new/merge", {"into": "old"})
    assert (circle.status, circle.code) == (409, "circular_merge")
    own = office.ask("PUT", "articles/new", {"aliases": ["new"]})
    assert (own.status, own.code) == (409, "circular_merge")
    assert refused(office.ask("POST", "articles/old/merge", {})) == {"/into": "missing"}
    assert refused(office.ask("POST", "articles/old/merge", {"into": ""})) == {"/into": "too_short"}


# Settings.


def test_settings_change_by_what_is_said(office: Office) -> None:
    before = office.ask("GET", "settings").json
    assert (before["version"], before["mode"], before["guests_allowed"]) == (1, "pre", True)
    changed = office.settings(body_max_chars=100, origins=["https://Daily.Example:8443"]).json
    assert changed == {
        **before,
        "version": 2,
        "body_max_chars": 100,
        "origins": ["https://daily.example:8443"],
    }
    assert office.ask("GET", "settings").json == changed
    answer = office.api.post("story", "x" * 101, site=office.site)
    assert refused(answer) == {"/body": "too_long"}


def test_a_change_by_somebody_else_meanwhile_is_a_conflict(office: Office) -> None:
    assert office.settings(version=1, mode="post").json["version"] == 2
    for stale in (0, 1, 3):
        answer = office.settings(version=stale, mode="pre")
        assert (answer.status, answer.code) == (409, "stale_settings")
    assert office.ask("GET", "settings").json["mode"] == "post"
    assert office.settings(version=2, mode="pre").json["version"] == 3


def test_the_fields_of_the_settings_have_their_edges(office: Office) -> None:
    good: dict[str, Any]
    for good in (
        {"body_max_chars": 1},
        {"body_max_chars": 10_000},
        {"edit_window_seconds": 0},
        {"edit_window_seconds": 86_400},
        {"pending_max": 1_000_000},
        {"rejected_text_days": 3_650},
        {"reports_threshold": 1_000},
        {"origins": [f"https://a{number}.example" for number in range(100)]},
        {"languages": ["en"]},
        {"reasons": ["a" * 40]},
        {"reasons": []},
    ):
        assert office.settings(**good).status == 200, good
    for wrong, pointer, code in (
        ({"body_max_chars": 0}, "/body_max_chars", "out_of_range"),
        ({"body_max_chars": 10_001}, "/body_max_chars", "out_of_range"),
        ({"edit_window_seconds": 86_401}, "/edit_window_seconds", "out_of_range"),
        ({"pending_max": 0}, "/pending_max", "out_of_range"),
        ({"rejected_text_days": 0}, "/rejected_text_days", "out_of_range"),
        ({"reports_threshold": 1_001}, "/reports_threshold", "out_of_range"),
        ({"origins": ["*"]}, "/origins/0", "bad_format"),
        ({"origins": ["null"]}, "/origins/0", "bad_format"),
        ({"origins": ["https://daily.example/"]}, "/origins/0", "bad_format"),
        ({"origins": ["https://a b"]}, "/origins/0", "bad_format"),
        ({"origins": [f"https://a{each}.example" for each in range(101)]}, "/origins", "too_long"),
        ({"languages": []}, "/languages", "too_short"),
        ({"languages": ["x"]}, "/languages/0", "bad_format"),
        ({"reasons": ["Not A Slug"]}, "/reasons/0", "bad_format"),
        ({"reasons": ["a" * 41]}, "/reasons/0", "bad_format"),
        ({"mode": "later"}, "/mode", "unknown_value"),
        ({"guests_allowed": 1}, "/guests_allowed", "wrong_type"),
        ({"slug": "x"}, "/slug", "unknown_field"),
    ):
        assert refused(office.settings(**wrong)) == {pointer: code}, wrong


# Keys.


def test_a_new_key_works_at_once_and_its_secret_is_told_once(office: Office) -> None:
    soon = (clock() + timedelta(hours=1)).isoformat()
    json = {"name": "Bot", "scopes": ["moderate", "read", "read"], "expires_at": soon}
    made = office.ask("POST", "keys", json).json
    assert made["scopes"] == ["read", "moderate"]
    assert made["key"].startswith(f"pbk_{made['key_id']}")
    where = f"/v1/moderation/queue?site={office.site.slug}"
    assert office.api.ask("GET", where, bearer=made["key"]).status == 200
    listed = office.ask("GET", "keys")
    assert made["key"][12:] not in listed.told
    names = [each["name"] for each in listed.json["items"]]
    assert names == ["Operator", "Bot"]
    assert office.ask("DELETE", f"keys/{made['key_id']}").status == 204
    assert office.ask("DELETE", f"keys/{made['key_id']}").status == 404
    assert office.ask("GET", "keys").json["items"][1]["revoked_at"] is not None


def test_a_key_cannot_end_itself_nor_anothers(api: Api, office: Office) -> None:
    own = office.key.removeprefix("pbk_")[:8]
    answer = office.ask("DELETE", f"keys/{own}")
    assert (answer.status, answer.code) == (409, "own_key")
    foreign = api.new_key(api.other, frozenset({Scope.READ})).removeprefix("pbk_")[:8]
    for unknown in (foreign, "nowhere1", "x" * 200, "x" * 201, "a/b", "a\0b", "é"):
        assert office.ask("DELETE", f"keys/{segment(unknown)}").status == 404


def test_the_fields_of_a_key_have_their_edges(office: Office) -> None:
    for good in (
        {"scopes": ["read"]},
        {"scopes": ["read", "write", "moderate", "manage"], "name": "é" * 80},
        {"scopes": ["read"], "expires_at": None, "name": ""},
    ):
        assert office.ask("POST", "keys", good).status == 201, good
    past = (clock() - timedelta(seconds=1)).isoformat()
    for wrong, pointer, code in (
        ({}, "/scopes", "missing"),
        ({"scopes": []}, "/scopes", "too_short"),
        ({"scopes": ["root"]}, "/scopes/0", "unknown_value"),
        ({"scopes": "read"}, "/scopes", "wrong_type"),
        ({"scopes": ["read"], "name": "é" * 81}, "/name", "too_long"),
        ({"scopes": ["read"], "name": "\u200b"}, "/name", "blank"),
        ({"scopes": ["read"], "expires_at": past}, "/expires_at", "in_the_past"),
        ({"scopes": ["read"], "expires_at": "soon"}, "/expires_at", "bad_format"),
        ({"scopes": ["read"], "expires_at": 4_000_000_000}, "/expires_at", "bad_format"),
        ({"scopes": ["read"], "expires_at": "4000000000"}, "/expires_at", "bad_format"),
        ({"scopes": ["read"], "key": "pbk_mine"}, "/key", "unknown_field"),
    ):
        assert refused(office.ask("POST", "keys", wrong)) == {pointer: code}, wrong


def test_a_token_key_is_added_once_and_its_secret_never_told(office: Office) -> None:
    secret = "the secret of the sign-in, 32 bytes"
    json = {"kid": "2026/é", "issuer": "https://daily.example", "algorithm": "HS256", "key": secret}
    answer = office.ask("POST", "token-keys", json)
    assert (answer.status, answer.json["public_key"]) == (201, None)
    again = office.ask("POST", "token-keys", json)
    assert (again.status, again.code) == (409, "kid_taken")
    listed = office.ask("GET", "token-keys")
    assert secret not in listed.told
    assert [each["kid"] for each in listed.json["items"]] == ["2026/é"]
    assert office.ask("DELETE", f"token-keys/{segment('2026/é')}").status == 204
    assert office.ask("DELETE", f"token-keys/{segment('2026/é')}").status == 404
    assert office.ask("GET", "token-keys").json["items"][0]["revoked_at"] is not None


def test_the_fields_of_a_token_key_have_their_edges(office: Office) -> None:
    good = {"kid": "k", "issuer": "i", "algorithm": "HS256", "key": "s" * 32}
    for more in ({"kid": "x" * 128}, {"issuer": "x" * 255, "kid": "a"}, {"key": "s" * 1_024}):
        assert office.ask("POST", "token-keys", {**good, **more}).status == 201, more
    for wrong, pointer in (
        ({"kid": ""}, "/kid"),
        ({"kid": "x" * 129}, "/kid"),
        ({"kid": "a\x1b"}, "/kid"),
        ({"issuer": ""}, "/issuer"),
        ({"algorithm": "none"}, "/algorithm"),
        ({"algorithm": "HS512"}, "/algorithm"),
        ({"key": "s" * 31}, "/key"),
        ({"key": "s" * 1_025}, "/key"),
        ({"algorithm": "RS256", "key": "no PEM"}, "/key"),
        ({"algorithm": "EdDSA", "key": "-----BEGIN PUBLIC KEY-----"}, "/key"),
    ):
        said = {**good, "kid": str(uuid4()), **wrong}
        assert set(refused(office.ask("POST", "token-keys", said))) == {pointer}, wrong


# The team.


def test_the_team_of_a_site_is_its_own(api: Api, office: Office) -> None:
    def members(key: str) -> list[dict[str, Any]]:
        answer = api.ask("GET", "/v1/members", bearer=key)
        found: list[dict[str, Any]] = answer.json["items"]
        return found

    json = {"email": " Kim@Daily.Example ", "role": "senior"}
    token = api.ask("POST", "/v1/members", json=json, bearer=office.key).json["token"]
    assert token.startswith("pbi_")
    (kim,) = members(office.key)
    assert (kim["email"], kim["role"]) == ("kim@daily.example", "senior")
    assert "kim@daily.example" not in {each["email"] for each in members(api.keys["foreign"])}
    for wrong, pointer in (
        ({"email": "kim", "role": "senior"}, "/email"),
        ({"email": "@x", "role": "senior"}, "/email"),
        ({"email": "a b@x.example", "role": "senior"}, "/email"),
        ({"email": "k@" + "x" * 253, "role": "senior"}, "/email"),
        ({"email": "kim@daily.example", "role": "owner"}, "/role"),
        ({"email": "kim@daily.example"}, "/role"),
    ):
        answer = api.ask("POST", "/v1/members", json=wrong, bearer=office.key)
        assert set(refused(answer)) == {pointer}, wrong
