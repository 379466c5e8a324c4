"""What rules do over HTTP: readers are told in their language, moderators are shown why."""

from __future__ import annotations

from typing import Any

import pytest

from service.model import Site
from tests.api.conftest import Api
from tests.api.rule_examples import rules


@pytest.fixture(scope="module")
def ruled(api: Api) -> Site:
    """A site where comments appear at once, with a rule of each hard kind."""
    site = api.new_site(mode="post")
    key = api.new_key(site)
    refused = {"action": "refuse", "reason": "spam"}
    rejected = {"action": "reject", "reason": "off_topic"}
    _live(api, site, key, name="refuser", word="ferry", then=refused)
    _live(api, site, key, name="rejecter", word="herring", then=rejected)
    return site


def _live(api: Api, site: Site, key: str, *, name: str, word: str, then: dict[str, str]) -> None:
    written = {"title": name.title(), "when": {"text": {"words": [word]}}, "then": then}

    def asked(method: str, what: str, **json: Any) -> Any:
        return rules(api, method, what, site, json=json or None, bearer=key).json

    asked("PUT", f"/{name}", rule=written)
    run = asked("POST", f"/{name}/dry-runs", days=1)
    where = f"/v1/sites/{site.slug}/dry-runs/{run['id']}"
    api.eventually(lambda: api.ask("GET", where, bearer=key).json["state"] == "done")
    assert asked("POST", f"/{name}/live", version=1, comment="Right.")["state"] == "live"


def test_a_refusal_says_why_without_the_word_and_the_same_each_time(api: Api, ruled: Site) -> None:
    article, key = api.article(), {"Idempotency-Key": "refused-and-again"}
    first = api.post(article, "Where is the ferry?", site=ruled, lang="fr", headers=key)
    again = api.post(article, "Where is the ferry?", site=ruled, lang="fr", headers=key)
    for answer in (first, again):
        assert (answer.status, answer.code) == (422, "refused_by_rule")
        assert answer.json["detail"] == "Il ressemble à du pourriel."
        assert "ferry" not in answer.raw.decode()
    assert api.post(article, "Where is the bus?", site=ruled, headers=key).status == 201


def test_a_rejection_is_told_in_the_language_of_the_comment_and_can_be_appealed(
    api: Api, ruled: Site
) -> None:
    article = api.article()
    text = "Le hareng du marché est bien meilleur que celui du port, herring ou pas."
    answer = api.post(article, text, site=ruled)
    assert (answer.status, answer.json["comment"]["status"]) == (202, "pending")
    where = f"/v1/sites/{ruled.slug}/comments/{answer.json['comment']['id']}"
    receipt = answer.json["receipt"]

    def comment() -> dict[str, Any]:
        found = api.ask("GET", where, bearer=receipt).json["comment"]
        assert isinstance(found, dict)
        return found

    api.eventually(lambda: comment()["status"] == "rejected")
    reason = comment()["reason"]
    assert reason["code"] == "off_topic"
    assert reason["text"] == (
        "Il ne porte pas sur l’article. Une règle de ce site en a décidé ; personne n’a encore"
        " regardé."
    )
    appeal = api.ask("POST", f"{where}/appeal", json={"text": "Please."}, bearer=receipt)
    assert appeal.status == 201


def test_moderators_see_who_decided_and_everything_that_was_seen(api: Api, ruled: Site) -> None:
    key = api.new_key(ruled)
    article = api.article()
    sent = api.post(article, "Pure herring, https://a.example/x", site=ruled).json["comment"]
    whole = f"/v1/moderation/comments/{sent['id']}"
    api.eventually(
        lambda: api.ask("GET", whole, bearer=key).json["comment"]["status"] == "rejected"
    )
    found = api.ask("GET", whole, bearer=key).json
    assert found["decisions"][0]["by"] == {"kind": "rule", "name": "rejecter"}
    signals = {each["rule"]: each for each in found["signals"]}
    assert set(signals) == {"rejecter", "link-new-author"}
    assert (signals["rejecter"]["effect"], signals["rejecter"]["state"]) == ("reject", "live")
    assert signals["rejecter"]["spans"] == [[5, 12]]
    assert (signals["rejecter"]["revision"], signals["rejecter"]["error"]) == (1, None)


def test_a_held_comment_says_why_how_urgent_and_what_to_answer(api: Api, ruled: Site) -> None:
    key = api.new_key(ruled)
    article = api.article()
    sent = api.post(article, "See https://bit.ly/x and tell us.", site=ruled)
    assert sent.status == 202
    queue = f"/v1/moderation/queue?site={ruled.slug}"
    items = api.ask("GET", queue, bearer=key).json["items"]
    (item,) = [each for each in items if each["comment"]["id"] == sent.json["comment"]["id"]]
    assert {each["rule"] for each in item["why"]} == {"hidden-link", "link-new-author"}
    assert item["suggested_reason"] == "spam"
    priority = item["priority"]
    assert (priority["risk"], priority["severity"]) == (0.45, 2)
    assert priority["value"] > 0
    assert priority["reach"] == pytest.approx(3.0)
    assert 0 <= priority["urgency"] < 0.1
    whole = api.ask("GET", f"/v1/moderation/comments/{sent.json['comment']['id']}", bearer=key)
    assert (whole.json["risk"], whole.json["suggested_reason"]) == (0.45, "spam")
    assert {each["rule"] for each in whole.json["signals"]} == {"hidden-link", "link-new-author"}
