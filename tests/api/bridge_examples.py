"""Examples of what admins ask about bridges, for the tests of the contract."""

from __future__ import annotations

from tests.api.calls import Answer
from tests.api.conftest import Api

CHECK = {"url": "https://checks.daily.example/comments", "timeout_ms": 300}
SECRET = "a-signing-secret-that-coral-made"


def read_bridges(api: Api) -> Answer:
    set_check(api)
    return _ask(api, "GET", "")


def set_coral_bridge(api: Api) -> Answer:
    return _ask(api, "PUT", "/coral", {"secret": SECRET})


def make_perspective_key(api: Api) -> Answer:
    return _ask(api, "POST", "/perspective/keys")


def set_check(api: Api) -> Answer:
    """One that nobody's comments wait for: it is ended at once."""
    answer = _ask(api, "PUT", "/check", CHECK)
    _ask(api, "DELETE", "/check")
    return answer


def try_check(api: Api) -> Answer:
    """Nothing is reached there, and that is told."""
    site = api.new_site()
    where, key = f"/v1/sites/{site.slug}/bridges/check", api.new_key(site)
    json = {"url": "https://checks.invalid/", "timeout_ms": 100}
    assert api.ask("PUT", where, json=json, bearer=key).status == 200
    return api.ask("POST", f"{where}/try", json={"text": "Good morning."}, bearer=key)


def end_coral(api: Api) -> Answer:
    set_coral_bridge(api)
    return _ask(api, "DELETE", "/coral")


def end_perspective(api: Api) -> Answer:
    make_perspective_key(api)
    return _ask(api, "DELETE", "/perspective")


def end_check(api: Api) -> Answer:
    _ask(api, "PUT", "/check", CHECK)
    return _ask(api, "DELETE", "/check")


def _ask(api: Api, method: str, rest: str, json: object = None) -> Answer:
    where = f"/v1/sites/{api.site.slug}/bridges{rest}"
    return api.ask(method, where, json=json, bearer=api.keys["manage"])


BRIDGE_EXAMPLES = (
    read_bridges,
    set_coral_bridge,
    make_perspective_key,
    set_check,
    try_check,
    end_coral,
    end_perspective,
    end_check,
)
