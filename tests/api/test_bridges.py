"""Coral, clients of Perspective and a site's own service, over HTTP."""

from __future__ import annotations

import hashlib
import hmac
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from service.model import Role, Site
from tests.api.bridge_examples import SECRET
from tests.api.calls import Answer
from tests.api.conftest import Api
from tests.api.insiders import signed_in
from tests.place import Place, standing

RECORDED = Path(__file__).parents[1] / "features" / "bridges" / "recorded"
TEXT = "What a complete idiot. Thank you, though."


def bridge(api: Api, site: Site, method: str, rest: str, json: Any = None) -> Answer:
    """Set one up with a key of the site's own."""
    where = f"/v1/sites/{site.slug}/bridges{rest}"
    return api.ask(method, where, json=json, bearer=api.new_key(site))


@pytest.fixture(scope="module")
def coral_site(api: Api) -> Site:
    site = api.new_site()
    answer = bridge(api, site, "PUT", "/coral", {"secret": f" {SECRET}\n"})
    assert answer.json["path"] == f"/v1/sites/{site.slug}/bridges/coral/moderate"
    assert SECRET not in answer.told
    return site


def coral(api: Api, site: Site, body: bytes, secret: str = SECRET) -> Answer:
    """Ask as Coral does."""
    mac = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-Coral-Signature": f"sha256={mac}"}
    where = f"/v1/sites/{site.slug}/bridges/coral/moderate"
    return api.ask("POST", where, body=body, headers=headers)


def test_a_recorded_request_of_coral_is_answered_exactly(api: Api, coral_site: Site) -> None:
    body = (RECORDED / "coral-new.json").read_bytes()
    answer = coral(api, coral_site, body)
    assert (answer.status, answer.json) == (
        200,
        {
            "status": "SYSTEM_WITHHELD",
            "actions": [
                {"actionType": "FLAG", "reason": "COMMENT_DETECTED_SPAM"},
                {"actionType": "FLAG", "reason": "COMMENT_DETECTED_TOXIC"},
            ],
        },
    )


def test_of_what_nothing_speaks_against_coral_goes_on(api: Api, coral_site: Site) -> None:
    answer = coral(api, coral_site, (RECORDED / "coral-reply.json").read_bytes())
    assert (answer.status, answer.raw) == (204, b"")


def test_nothing_of_coral_is_kept(api: Api, coral_site: Site) -> None:
    coral(api, coral_site, (RECORDED / "coral-new.json").read_bytes())
    pool = api.service.ground.pool
    for table in ("comments", "screenings", "signals", "intake_journal"):
        counted = f"SELECT count(*) FROM {table} WHERE site_id = $1"  # noqa: S608 - our own names
        assert api.aside.run(pool.fetchval(counted, coral_site.site_id)) == 0, table
    queue = f"/v1/moderation/queue?site={coral_site.slug}"
    assert api.ask("GET", queue, bearer=api.new_key(coral_site)).json["items"] == []


def test_without_the_secret_of_this_site_nothing_is_said(api: Api, coral_site: Site) -> None:
    body = (RECORDED / "coral-new.json").read_bytes()
    other = api.new_site()
    where = f"/v1/sites/{coral_site.slug}/bridges/coral/moderate"
    for answer in (
        coral(api, coral_site, body, secret="another-secret-of-another-coral"),
        coral(api, other, body),
        api.ask("POST", where, body=body),
    ):
        assert (answer.status, answer.code) == (401, "bad_signature")


def test_what_coral_never_sends_is_refused(api: Api, coral_site: Site) -> None:
    assert coral(api, coral_site, b'{"action": "NEW"}').status == 422
    assert coral(api, coral_site, b"{").status == 400


@pytest.fixture(scope="module")
def scored(api: Api) -> tuple[Site, str]:
    """A site and the key that its clients of Perspective have."""
    site = api.new_site()
    made = bridge(api, site, "POST", "/perspective/keys")
    assert made.status == 201
    return site, made.json["key"]


def analyze(api: Api, site: Site, key: str | None, **more: Any) -> Answer:
    """Ask as a client of Perspective does, that has another base alone."""
    base = f"/v1/sites/{site.slug}/bridges/perspective/v1alpha1"
    query = "" if key is None else f"?key={key}&alt=json"
    body = (RECORDED / "perspective.json").read_bytes()
    return api.ask("POST", f"{base}/comments:analyze{query}", body=body, **more)


def test_a_recorded_request_of_perspective_is_answered_exactly(
    api: Api, scored: tuple[Site, str]
) -> None:
    answer = analyze(api, *scored)
    insult = {"value": 0.35, "type": "PROBABILITY"}
    nothing = {"summaryScore": {"value": 0.0, "type": "PROBABILITY"}}
    spans = [{"begin": 16, "end": 21, "score": insult}]
    assert (answer.status, answer.json) == (
        200,
        {
            "attributeScores": {
                "TOXICITY": {"summaryScore": insult, "spanScores": spans},
                "SEVERE_TOXICITY": nothing,
                "INSULT": {"summaryScore": insult, "spanScores": spans},
                "PROFANITY": nothing,
                "SPAM": {"summaryScore": {"value": 0.08, "type": "PROBABILITY"}},
            },
            "languages": ["en"],
            "detectedLanguages": ["en"],
            "clientToken": "comment-17",
        },
    )
    again = analyze(api, scored[0], None, headers={"X-Goog-Api-Key": scored[1]})
    assert again.json == answer.json


def test_another_key_is_refused_as_perspective_does(api: Api, scored: tuple[Site, str]) -> None:
    site, key = scored
    for answer in (
        analyze(api, site, "pbp_wrong"),
        analyze(api, site, None),
        analyze(api, site, ""),
        analyze(api, api.new_site(), key),
    ):
        error = answer.json["error"]
        assert (answer.status, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT")
        assert error["message"] == "API key not valid. Please pass a valid API key."
        assert error["details"][0]["reason"] == "API_KEY_INVALID"


def test_a_new_key_ends_the_one_before_and_an_ended_bridge_has_none(api: Api) -> None:
    site = api.new_site()
    first = bridge(api, site, "POST", "/perspective/keys").json["key"]
    second = bridge(api, site, "POST", "/perspective/keys").json["key"]
    assert (analyze(api, site, first).status, analyze(api, site, second).status) == (400, 200)
    assert bridge(api, site, "DELETE", "/perspective").status == 204
    assert analyze(api, site, second).status == 400
    assert bridge(api, site, "DELETE", "/perspective").code == "unknown_bridge"


def test_neither_a_key_nor_a_text_gets_into_the_log(
    api: Api, scored: tuple[Site, str], log_lines: io.StringIO
) -> None:
    """Also not where the request is refused, or breaks."""
    site, key = scored
    analyze(api, site, key)
    analyze(api, site, f"{key}x")
    base = f"/v1/sites/{site.slug}/bridges/perspective/v1alpha1/comments:analyze?key={key}"
    api.ask("GET", base)
    api.ask("POST", base, body=b"{")
    api.ask("POST", f"{base}&more={'x' * 5_000}", body=b"{}")
    api.ask("POST", f"/v1/nowhere/comments:analyze?key={key}", body=b"{}")
    said = log_lines.getvalue()
    assert '"perspective_analyze"' in said, "they are written down"
    assert key[4:] not in said
    assert "complete idiot" not in said
    assert SECRET not in said


@pytest.fixture
def place(api: Api) -> Iterator[Place]:
    """A site's own service, on this machine."""
    with api.aside.inside(standing()) as one:
        yield one


def test_a_comment_waits_with_what_the_sites_own_service_said(api: Api, place: Place) -> None:
    site = api.new_site(mode="post")
    place.answers(orjson.dumps({"verdict": "hold", "score": 0.83, "label": "An advert"}))
    set_up = bridge(api, site, "PUT", "/check", {"url": place.url, "timeout_ms": 2_000})
    assert set_up.json["secret"].startswith("whsec_")
    article = api.article()
    comment = api.posted(article, "Buy this.", site=site)
    where = f"/v1/moderation/comments/{comment['id']}"
    (why,) = api.ask("GET", where, bearer=api.new_key(site)).json["why"]
    assert (why["rule"], why["version"], why["score"]) == ("outside_check", 1, 0.83)
    assert why["label"] == "The newsroom’s own check: An advert"
    place.answers(orjson.dumps({"verdict": "none"}))
    assert api.post(article, "Good morning.", site=site).status == 201


def test_its_failure_holds_a_comment_and_says_why(api: Api, place: Place) -> None:
    site = api.new_site(mode="post")
    place.answers(b"{}", "500 Oops")
    bridge(api, site, "PUT", "/check", {"url": place.url})
    comment = api.posted(api.article(), "Good morning.", site=site)
    where = f"/v1/moderation/comments/{comment['id']}"
    (why,) = api.ask("GET", where, bearer=api.new_key(site)).json["why"]
    assert why["label"] == "The newsroom’s own check (it answered with an error)"


def test_a_service_can_be_tried_and_nothing_is_kept_of_it(api: Api, place: Place) -> None:
    site = api.new_site()
    assert bridge(api, site, "POST", "/check/try", {"text": TEXT}).code == "unknown_bridge"
    bridge(api, site, "PUT", "/check", {"url": place.url, "timeout_ms": 2_000})
    place.answers(orjson.dumps({"verdict": "hold", "score": 1, "label": "Rude"}))
    tried = bridge(api, site, "POST", "/check/try", {"text": TEXT}).json
    assert tried.pop("milliseconds") >= 0
    assert tried == {"outcome": "answered", "verdict": "hold", "score": 1.0, "label": "Rude"}
    assert orjson.loads(place.body())["trial"] is True
    place.answers(b"no")
    assert bridge(api, site, "POST", "/check/try", {"text": TEXT}).json["outcome"] == "bad_answer"


@pytest.mark.parametrize(
    ("rest", "json", "pointer"),
    [
        ("/check", {"url": "http://10.0.0.1/"}, "/url"),
        ("/check", {"url": "https://daily.example/", "timeout_ms": 99}, "/timeout_ms"),
        ("/check", {"url": "https://daily.example/", "timeout_ms": 2_001}, "/timeout_ms"),
        ("/check", {"url": "https://daily.example/", "on_failure": "publish"}, "/on_failure"),
        ("/coral", {"secret": "short"}, "/secret"),
        ("/coral", {"secret": "sécret with other letters"}, "/secret"),
    ],
)
def test_what_cannot_be_set_is_named(api: Api, rest: str, json: Any, pointer: str) -> None:
    answer = bridge(api, api.new_site(), "PUT", rest, json)
    assert (answer.status, set(answer.pointers)) == (422, {pointer})


def test_every_change_is_in_the_log_without_a_secret(api: Api) -> None:
    site = api.new_site()
    bridge(api, site, "PUT", "/coral", {"secret": SECRET})
    key = bridge(api, site, "POST", "/perspective/keys").json["key"]
    check = {"url": "https://checks.daily.example/comments?token=x", "on_failure": "none"}
    secret = bridge(api, site, "PUT", "/check", check).json["secret"]
    bridge(api, site, "DELETE", "/check")
    rows = api.aside.run(
        api.service.ground.pool.fetch(
            "SELECT act, details FROM administrative_acts WHERE site_id = $1"
            " AND act LIKE 'bridge.%' ORDER BY entry_id",
            site.site_id,
        )
    )
    told = str([dict(row) for row in rows])
    assert [row["act"] for row in rows] == ["bridge.set"] * 3 + ["bridge.ended"]
    assert rows[2]["details"] == {
        "bridge": "check",
        "new_secret": True,
        "host": "checks.daily.example",
        "timeout_ms": 500,
        "on_failure": "none",
    }
    assert not any(each in told for each in (SECRET, key, secret, "token"))


def test_an_editor_may_not_look_and_an_admin_sees_no_secret(api: Api, coral_site: Site) -> None:
    where = f"/v1/sites/{coral_site.slug}/bridges"
    editor = signed_in(api, Role.EDITOR, coral_site).token
    assert api.ask("GET", where, bearer=editor).status == 403
    admin = signed_in(api, Role.ADMIN, coral_site).token
    answer = api.ask("GET", where, bearer=admin)
    shown = {each["bridge"]: each for each in answer.json["items"]}
    assert [shown[kind]["enabled"] for kind in ("coral", "perspective", "check")] == [
        True,
        False,
        False,
    ]
    assert SECRET not in answer.told
