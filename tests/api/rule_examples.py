"""Examples of what editors ask about rules, for the tests of the contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.model import Site
from tests.api.calls import Answer
from tests.api.conftest import Api

RULE: Mapping[str, Any] = {
    "title": "A bad word",
    "when": {"all": [{"text": {"words": ["grunzel"]}}]},
    "then": {"action": "hold", "severity": 1, "reason": "abuse"},
}


def rules(api: Api, method: str, what: str = "", site: Site | None = None, **said: Any) -> Answer:
    """Ask about a site's rules."""
    where = f"/v1/sites/{(site or api.site).slug}/rules{what}"
    return api.ask(method, where, bearer=said.pop("bearer", api.keys["manage"]), **said)


def saved(api: Api) -> str:
    """Keep a new rule, and return where it is."""
    what = f"/rule-{next(api.numbers)}"
    assert rules(api, "PUT", what, json={"rule": RULE}).status == 201
    return what


def tried(api: Api) -> tuple[str, str]:
    """Try a new rule on what is there; return where the rule is and where the dry run."""
    what = saved(api)
    begun = rules(api, "POST", f"{what}/dry-runs", json={"days": 1})
    where = f"/v1/sites/{api.site.slug}/dry-runs/{begun.json['id']}"
    api.eventually(lambda: api.ask("GET", where, bearer=api.keys["manage"]).json["state"] == "done")
    return what, where


def list_rules(api: Api) -> Answer:
    return rules(api, "GET")


def read_rule(api: Api) -> Answer:
    return rules(api, "GET", saved(api))


def save_rule(api: Api) -> Answer:
    what = saved(api)
    tag = rules(api, "GET", what).headers["ETag"]
    json = {"rule": {**RULE, "title": "Another title"}, "comment": "Clearer."}
    return rules(api, "PUT", what, json=json, headers={"If-Match": tag})


def try_rules(api: Api) -> Answer:
    json = {"comment": "You g.r.u.n.z.e.l", "rule": RULE, "author": {"approved": 3}}
    return rules(api, "POST", "/try", json=json)


def put_rule_in_shadow(api: Api) -> Answer:
    return rules(api, "POST", f"{saved(api)}/shadow", json={"version": 1})


def put_rule_live(api: Api) -> Answer:
    json = {"version": 1, "comment": "It is right.", "precision_floor": 0.7}
    return rules(api, "POST", f"{tried(api)[0]}/live", json=json)


def switch_rule_off(api: Api) -> Answer:
    what = saved(api)
    rules(api, "POST", f"{what}/shadow", json={"version": 1})
    return rules(api, "POST", f"{what}/off", json={"comment": "No use."})


def roll_rule_back(api: Api) -> Answer:
    site = api.new_site()
    key = api.new_key(site)
    what = "/capitals"
    assert rules(api, "POST", f"{what}/off", site, json={}, bearer=key).status == 200
    json = {"comment": "It was right."}
    return rules(api, "POST", f"{what}/roll-back", site, json=json, bearer=key)


def dry_run_rule(api: Api) -> Answer:
    what = saved(api)
    answer = rules(api, "POST", f"{what}/dry-runs", json={"days": 1})
    api.ask("POST", _run(api, answer) + "/stop", bearer=api.keys["manage"])
    return answer


def list_dry_runs(api: Api) -> Answer:
    what, _ = tried(api)
    return rules(api, "GET", f"{what}/dry-runs")


def read_dry_run(api: Api) -> Answer:
    comment = api.approved(api.article(), "A grunzel is a bird.")
    found = f"/v1/moderation/comments?site={api.site.slug}&q=grunzel"
    key = api.keys["moderate"]
    api.eventually(lambda: comment["id"] in api.ask("GET", found, bearer=key).raw.decode())
    _, where = tried(api)
    return api.ask("GET", where, bearer=api.keys["manage"])


def stop_dry_run(api: Api) -> Answer:
    begun = [rules(api, "POST", f"{saved(api)}/dry-runs", json={"days": 1}) for _ in range(2)]
    answer = api.ask("POST", _run(api, begun[-1]) + "/stop", bearer=api.keys["manage"])
    api.ask("POST", _run(api, begun[0]) + "/stop", bearer=api.keys["manage"])
    return answer


def _run(api: Api, begun: Answer) -> str:
    return f"/v1/sites/{api.site.slug}/dry-runs/{begun.json['id']}"


def list_word_lists(api: Api) -> Answer:
    return _lists(api, "GET")


def read_word_list(api: Api) -> Answer:
    return _lists(api, "GET", "/threats-en")


def save_word_list(api: Api) -> Answer:
    what = f"/own-{next(api.numbers)}"
    json = {"title": "Our own", "langs": ["en"], "words": ["grunzel", "knurz*"], "comment": "New."}
    return _lists(api, "PUT", what, json=json)


def _waiting_list(api: Api) -> tuple[str, str]:
    """Keep a version of a list that a live rule names; return where it is, and a key for it."""
    site = api.new_site()
    key = api.new_key(site)
    where = f"/v1/sites/{site.slug}/word-lists/insults-en"
    kept = api.ask("PUT", where, bearer=key, json={"langs": ["en"], "words": ["grunzel"]})
    assert kept.json["waits"], kept.raw
    return where, key


def _tried_list(api: Api) -> tuple[str, str]:
    where, key = _waiting_list(api)
    begun = api.ask("POST", f"{where}/dry-runs", bearer=key, json={"days": 1})
    (run,) = begun.json["items"]
    there = f"{where.partition('/word-lists')[0]}/dry-runs/{run['id']}"
    api.eventually(lambda: api.ask("GET", there, bearer=key).json["state"] == "done")
    return where, key


def dry_run_word_list(api: Api) -> Answer:
    where, key = _waiting_list(api)
    return api.ask("POST", f"{where}/dry-runs", bearer=key, json={"days": 1})


def put_word_list_live(api: Api) -> Answer:
    where, key = _tried_list(api)
    return api.ask("POST", f"{where}/live", bearer=key, json={"comment": "It hurts."})


def roll_word_list_back(api: Api) -> Answer:
    where, key = _tried_list(api)
    api.ask("POST", f"{where}/live", bearer=key, json={"comment": "It hurts."})
    return api.ask("POST", f"{where}/roll-back", bearer=key, json={"comment": "Too much."})


def _lists(api: Api, method: str, what: str = "", **said: Any) -> Answer:
    where = f"/v1/sites/{api.site.slug}/word-lists{what}"
    return api.ask(method, where, bearer=api.keys["manage"], **said)


RULE_EXAMPLES = (
    list_rules,
    read_rule,
    save_rule,
    try_rules,
    put_rule_in_shadow,
    put_rule_live,
    switch_rule_off,
    roll_rule_back,
    dry_run_rule,
    list_dry_runs,
    read_dry_run,
    stop_dry_run,
    list_word_lists,
    read_word_list,
    save_word_list,
    dry_run_word_list,
    put_word_list_live,
    roll_word_list_back,
)
