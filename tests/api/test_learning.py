"""Models over HTTP: what is known, steps back, and what may not be allowed."""

from __future__ import annotations

from service.model import Role
from tests.api.conftest import Api
from tests.api.insiders import signed_in
from tests.api.learning_examples import explain_comment, with_models


def test_an_editor_steps_back_to_an_older_version_and_it_is_logged(api: Api) -> None:
    site, key = with_models(api)
    editor = signed_in(api, Role.EDITOR, site).token
    where = f"/v1/sites/{site.slug}/models"
    [abuse, spam] = api.ask("GET", where, bearer=key).json["items"]
    assert (abuse["current"], spam["current"]) == (2, None)

    answer = api.ask("POST", f"{where}/abuse/promote", bearer=editor, json={"version": 1})
    assert answer.json["items"][0]["current"] == 1
    states = {each["version"]: each["state"] for each in answer.json["items"][0]["versions"]}
    assert states == {1: "current", 2: "kept"}
    unknown = api.ask("POST", f"{where}/abuse/promote", bearer=editor, json={"version": 9})
    assert (unknown.status, unknown.code) == (404, "unknown_model")
    unknown = api.ask("POST", f"{where}/charm/promote", bearer=editor, json={"version": 1})
    assert (unknown.status, unknown.code) == (404, "unknown_model")
    admin = signed_in(api, Role.ADMIN, site).token
    acts = api.ask("GET", f"/v1/sites/{site.slug}/administration", bearer=admin)
    assert "model.promoted" in acts.raw.decode()


def test_a_model_below_its_gate_may_not_be_asked_before_approving(api: Api) -> None:
    site, key = with_models(api)
    where = f"/v1/sites/{site.slug}/models/abuse/approval"
    answer = api.ask("PUT", where, bearer=key, json={"approves": True})
    assert (answer.status, answer.code) == (409, "gate_not_met")
    state = api.ask("GET", f"/v1/sites/{site.slug}/models", bearer=key).json["items"][0]
    assert state["approves"] is False
    assert set(state["approval_lacks"]) == {"decisions", "audited", "misses"}


def test_moderators_see_models_and_do_not_steer_them(api: Api) -> None:
    site, _ = with_models(api)
    moderator = signed_in(api, Role.MODERATOR, site).token
    where = f"/v1/sites/{site.slug}/models"
    assert api.ask("GET", where, bearer=moderator).status == 200
    answer = api.ask("POST", f"{where}/abuse/promote", bearer=moderator, json={"version": 1})
    assert (answer.status, answer.code) == (403, "forbidden")


def test_a_new_comment_is_scored_by_the_model_in_use_and_explained(api: Api) -> None:
    explained = explain_comment(api)
    [abuse] = explained.json["items"]
    assert abuse["probability"] > 0.7
    assert abuse["words"]
    assert all(start < end for start, end in (each["span"] for each in abuse["words"]))
