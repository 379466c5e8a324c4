"""Rules over HTTP: two editors, faults with their places, trials, and the way to live and back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Api
from tests.api.rule_examples import RULE, rules, saved, tried

TEXT = """title: A bad word
when:
  all:
    - text: {words: [grunzel]}
    - text: {regex: 'a(?=b)'}
then: {action: hold}
"""


def test_of_two_editors_the_second_is_told(api: Api) -> None:
    what = saved(api)
    tag = {"If-Match": rules(api, "GET", what).headers["ETag"]}

    first = rules(api, "PUT", what, json={"rule": {**RULE, "title": "One"}}, headers=tag)
    second = rules(api, "PUT", what, json={"rule": {**RULE, "title": "Two"}}, headers=tag)

    assert (first.status, first.json["latest_version"]) == (200, 2)
    assert (second.status, second.code) == (409, "stale_rule")


def test_a_rule_that_is_there_is_not_made_again(api: Api) -> None:
    answer = rules(api, "PUT", saved(api), json={"rule": RULE})

    assert (answer.status, answer.code) == (409, "stale_rule")


@pytest.mark.parametrize("tag", ['W/"1"', "1", '"x"', '"01"', "*"])
def test_what_is_no_tag_of_ours_is_refused(api: Api, tag: str) -> None:
    answer = rules(api, "PUT", saved(api), json={"rule": RULE}, headers={"If-Match": tag})

    assert answer.pointers == {"/If-Match": "bad_format"}


def test_what_is_wrong_in_yaml_is_told_with_its_place(api: Api) -> None:
    answer = rules(api, "PUT", "/written", json={"text": TEXT})

    (error,) = answer.json["errors"]
    assert (answer.status, error["code"]) == (422, "bad_pattern")
    assert (error["line"], error["column"]) == (5, 14)
    assert "Character 2, `(?=`" in error["detail"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("title: [", 1),
        ("title: x\ntitle: y", 2),
        ("- a", 1),
        ("title: x\nwhen: {links: {min: 1}}\nthem: {action: hold}", 3),
    ],
)
def test_what_is_no_rule_in_yaml_is_told_with_its_line(api: Api, text: str, line: int) -> None:
    answer = rules(api, "POST", "/try", json={"comment": "A text.", "text": text})

    assert answer.status == 422
    assert line in {error["line"] for error in answer.json["errors"]}


def test_a_typed_text_tells_what_was_seen_where_and_how(api: Api) -> None:
    json = {"comment": "You g.r.u.n.z.e.l, see https://bit.ly/x", "rule": RULE}
    answer = rules(api, "POST", "/try", json=json)

    assert answer.status == 200, answer.raw
    signals: dict[str, Any] = {signal["rule"]: signal for signal in answer.json["signals"]}
    mine, shipped = signals["tried-rule"], signals["hidden-link"]
    assert (mine["tried"], shipped["tried"]) == (True, False)
    (place,) = mine["places"]
    assert place == {"span": [4, 17], "text": "g.r.u.n.z.e.l", "via": ["skeleton"]}
    assert answer.json["ruling"] == "hold"


@pytest.mark.long
def test_a_rule_goes_from_draft_to_live_and_back(api: Api) -> None:
    what = saved(api)
    said = {"version": 1, "comment": "It is right."}
    early = rules(api, "POST", f"{what}/live", json=said)
    assert (early.status, early.code) == (409, "dry_run_needed")

    assert rules(api, "POST", f"{what}/shadow", json=said).json["state"] == "shadow"
    begun = rules(api, "POST", f"{what}/dry-runs", json={"days": 1}).json
    where = f"/v1/sites/{api.site.slug}/dry-runs/{begun['id']}"
    key = api.keys["manage"]
    api.eventually(lambda: api.ask("GET", where, bearer=key).json["state"] == "done")
    live = rules(api, "POST", f"{what}/live", json=said)
    assert (live.status, live.json["state"], live.json["precision_floor"]) == (200, "live", 0.5)

    off = rules(api, "POST", f"{what}/off", json={})
    assert off.json["state"] == "draft"
    back = rules(api, "POST", f"{what}/roll-back", json={"comment": "After all."})
    assert (back.json["state"], back.json["live_version"]) == ("live", 1)
    states = rules(api, "GET", what).json["states"]
    assert [each["state"] for each in states] == ["live", "draft", "live", "shadow"]
    rules(api, "POST", f"{what}/off", json={})


def test_a_shadow_rule_changes_nothing_and_a_live_one_holds(api: Api) -> None:
    site = api.new_site(mode="post")
    key = api.new_key(site)

    def asked(method: str, what: str, **json: Any) -> Any:
        return rules(api, method, what, site, json=json or None, bearer=key).json

    def sent(text: str) -> int:
        return api.post(api.article(), text, site=site).status

    asked("PUT", "/grunzel", rule=RULE)
    asked("POST", "/grunzel/shadow", version=1)
    assert sent("You grunzel in shadow.") == 201

    run = asked("POST", "/grunzel/dry-runs", days=1)
    where = f"/v1/sites/{site.slug}/dry-runs/{run['id']}"
    api.eventually(lambda: api.ask("GET", where, bearer=key).json["state"] == "done")
    asked("POST", "/grunzel/live", version=1, comment="It is right.")
    assert sent("You grunzel, held.") == 202
    assert sent("The bread was good.") == 201

    def lately() -> dict[str, Any]:
        found = asked("GET", "/grunzel")["live"]
        assert isinstance(found, dict)
        return found

    api.eventually(lambda: lately()["hits"] == 2)
    asked("POST", "/grunzel/off", comment="No use.")
    assert sent("You grunzel once more.") == 201


def test_what_an_editor_does_is_in_the_log(api: Api) -> None:
    site = api.new_site()
    key = api.new_key(site)
    rules(api, "PUT", "/logged", site, json={"rule": RULE, "comment": "New."}, bearer=key)
    rules(api, "POST", "/logged/shadow", site, json={"version": 1}, bearer=key)

    log = api.ask("GET", f"/v1/sites/{site.slug}/administration", bearer=key).json["items"]
    acts = [(each["act"], each["details"]["rule"], each["details"]["version"]) for each in log]
    assert acts[:2] == [("rule.shadowed", "logged", 1), ("rule.saved", "logged", 1)]


def test_a_dry_run_of_another_site_does_not_exist(api: Api) -> None:
    _, where = tried(api)
    foreign = where.replace(f"/{api.site.slug}/", f"/{api.other.slug}/")

    answer = api.ask("GET", foreign, bearer=api.keys["foreign"])

    assert (answer.status, answer.code) == (404, "unknown_dry_run")


def test_a_word_list_of_two_editors_keeps_the_first(api: Api) -> None:
    where = f"/v1/sites/{api.site.slug}/word-lists/own-{next(api.numbers)}"
    key = api.keys["manage"]
    first = api.ask("PUT", where, json={"words": ["one", " ", "one"]}, bearer=key)
    assert (first.status, first.json["words"], first.json["version"]) == (200, ["one"], 1)

    again = api.ask("PUT", where, json={"words": ["two"]}, bearer=key)
    assert (again.status, again.code) == (409, "stale_rule")
    tag = {"If-Match": first.headers["ETag"]}
    assert api.ask("PUT", where, json={"words": ["two"]}, bearer=key, headers=tag).status == 200


def test_a_list_that_a_live_rule_cannot_use_is_refused(api: Api) -> None:
    where = f"/v1/sites/{api.site.slug}/word-lists/insults-en"
    many = "{" + ",".join("abcdefghij") + "}"
    answer = api.ask("PUT", where, json={"words": [many * 5]}, bearer=api.keys["manage"])

    assert (answer.status, answer.code) == (422, "bad_rules")


@pytest.mark.parametrize("way", ["shadow", "live", "roll-back", "dry-runs"])
def test_a_version_beyond_all_counting_is_refused(api: Api, way: str) -> None:
    said = {"version": 2**31} if way == "dry-runs" else {"version": 2**31, "comment": "Why."}

    answer = rules(api, "POST", f"{saved(api)}/{way}", json=said)

    assert answer.pointers == {"/version": "out_of_range"}
