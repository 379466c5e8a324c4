"""Whoever has the dashboard open is told what happens, within a second, and never a text."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from service.model import Mode, Scope, Site
from service.wiring.ground import clock
from tests.api.calls import Answer
from tests.api.conftest import Api

SOON_SECONDS = 1.0
PATIENCE_SECONDS = 10
TEXT = "A text that nobody is told."


@dataclass(slots=True, kw_only=True)
class Dashboard:
    """One open stream."""

    api: Api
    site: Site
    response: http.client.HTTPResponse
    heard: list[tuple[str, Any]] = field(default_factory=list)

    def next(self) -> tuple[str, Any]:
        """Return the next event's name and data; pauses and comments are passed over."""
        kind = ""
        while True:
            line = self.response.readline().decode()
            assert line, "The stream has ended."
            assert TEXT not in line
            if line.startswith("event: "):
                kind = line.removeprefix("event: ").strip()
            elif line.startswith("data: "):
                event = (kind, orjson.loads(line.removeprefix("data: ")))
                self.heard.append(event)
                return event

    def hears(self, kind: str, *, within: float = PATIENCE_SECONDS) -> Any:
        """Return the data of the next event of a kind."""
        begun = time.monotonic()
        while True:
            name, said = self.next()
            if name == kind:
                assert time.monotonic() - begun < within, f"{kind} came late"
                return said

    def counts(self, **wanted: int) -> None:
        """Wait until these are the counts."""
        while (counts := self.hears("counts")) | wanted != counts:
            pass

    def ends(self) -> list[str]:
        """Return every line until the end."""
        return self.response.read().decode().splitlines()

    def ask(self, method: str, what: str, json: Any = None, *, key: str) -> Answer:
        return self.api.ask(method, f"/v1/moderation/{what}", json=json, bearer=key)


@contextmanager
def listening(api: Api, site: Site, key: str) -> Iterator[Dashboard]:
    line = http.client.HTTPConnection("127.0.0.1", api.caller.port, timeout=PATIENCE_SECONDS)
    headers = {"Authorization": f"Bearer {key}"}
    line.request("GET", f"/v1/moderation/events?site={site.slug}", headers=headers)
    response = line.getresponse()
    assert response.status == 200, response.read()
    assert response.headers["Content-Type"] == "text/event-stream"
    try:
        yield Dashboard(api=api, site=site, response=response)
    finally:
        response.close()
        line.close()


@pytest.fixture
def site(api: Api) -> Site:
    return api.new_site()


@pytest.fixture
def sam(api: Api, site: Site) -> str:
    return api.new_key(site, name="Sam")


@pytest.fixture
def kim(api: Api, site: Site) -> str:
    return api.new_key(site, name="Kim")


@pytest.fixture
def dashboard(api: Api, site: Site, kim: str) -> Iterator[Dashboard]:
    """Kim's."""
    with listening(api, site, kim) as opened:
        assert opened.hears("counts", within=SOON_SECONDS)["held"] == 0
        yield opened


def claim(dashboard: Dashboard, key: str) -> list[str]:
    json = {"site": dashboard.site.slug, "lane": "held", "limit": 5}
    answer = dashboard.ask("POST", "claims", json, key=key)
    assert answer.status == 200, answer.raw
    return [each["comment"]["id"] for each in answer.json["items"]]


def test_counts_of_the_lanes_are_told_at_once_and_when_they_change(
    dashboard: Dashboard, api: Api, site: Site, sam: str
) -> None:
    comment = api.posted("story", TEXT, site=site)
    dashboard.counts(held=1, all=1, reported=0, appeals=0)
    api.decide("approve", comment["id"], key=sam)
    dashboard.counts(held=0, all=0)
    where = f"/v1/sites/{site.slug}/comments/{comment['id']}/reports"
    api.ask("POST", where, json={"reason": "spam"}, bearer=api.receipt_of(site))
    dashboard.counts(reported=1)


def test_who_has_what_open_is_told_with_their_name_within_a_second(
    dashboard: Dashboard, api: Api, site: Site, sam: str, kim: str
) -> None:
    comment = api.posted("story", TEXT, site=site)
    held = claim(dashboard, sam)
    told = dashboard.hears("claimed", within=SOON_SECONDS)
    assert told["comment_ids"] == held == [comment["id"]]
    assert told["by"] == "Sam"
    first = told["until"]
    dashboard.ask("POST", "claims/renew", {"comment_ids": held}, key=sam)
    assert dashboard.hears("claimed", within=SOON_SECONDS)["until"] > first
    dashboard.ask("POST", "claims/release", {"comment_ids": held}, key=kim)
    dashboard.ask("POST", "claims/release", {"comment_ids": held}, key=sam)
    assert dashboard.hears("released", within=SOON_SECONDS) == {"comment_ids": held}
    assert claim(dashboard, kim) == held
    told = dashboard.hears("claimed", within=SOON_SECONDS)
    assert told["by"] == "Kim", "what Kim gave back before was not hers, and was not told"


def test_a_decision_is_told_with_who_made_it(
    dashboard: Dashboard, api: Api, site: Site, sam: str
) -> None:
    ids = [api.posted("story", f"{TEXT} {n}", site=site)["id"] for n in range(3)]
    decided = api.decide("reject", *ids, key=sam, reason="spam")
    told = dashboard.hears("decided", within=SOON_SECONDS)
    assert told["by"] == {"kind": "key", "name": "Sam"}
    assert {each["comment_id"] for each in told["decisions"]} == set(ids)
    assert {(each["action"], each["status"]) for each in told["decisions"]} == {
        ("reject", "rejected")
    }
    decision = decided[0]["decision"]["decision_id"]
    dashboard.ask("POST", f"decisions/{decision}/reverse", key=sam)
    (undone,) = dashboard.hears("decided", within=SOON_SECONDS)["decisions"]
    assert (undone["comment_id"], undone["action"], undone["status"]) == (
        ids[0],
        "reverse",
        "pending",
    )


def test_an_edit_a_report_and_an_appeal_are_told(
    dashboard: Dashboard, api: Api, site: Site, sam: str
) -> None:
    answer = api.post("story", TEXT, site=site)
    where, receipt = answer.headers["Location"], answer.json["receipt"]
    comment_id = answer.json["comment"]["id"]
    json = {"body": f"{TEXT} Better.", "revision": 1}
    assert api.ask("PATCH", where, json=json, bearer=receipt).status == 200
    told = dashboard.hears("edited", within=SOON_SECONDS)
    assert told == {"comment_id": comment_id, "revision": 2}
    approval = {"comment_id": comment_id, "revision": 2, "action": "approve"}
    dashboard.ask("POST", "decisions", {"decisions": [approval]}, key=sam)
    json = {"reason": "abuse", "text": TEXT}
    api.ask("POST", f"{where}/reports", json=json, bearer=api.receipt_of(site))
    told = dashboard.hears("reported", within=SOON_SECONDS)
    assert told == {"comment_id": comment_id, "reason": "abuse"}
    removal = {**approval, "action": "remove", "reason": "abuse"}
    dashboard.ask("POST", "decisions", {"decisions": [removal]}, key=sam)
    api.ask("POST", f"{where}/appeal", json={"text": TEXT}, bearer=receipt)
    told = dashboard.hears("appeal", within=SOON_SECONDS)
    assert told == {"comment_id": comment_id, "state": "open"}
    answered = dashboard.ask("POST", f"appeals/{comment_id}", {"grant": True}, key=sam)
    assert answered.status == 403, "Sam removed it"
    kim = api.new_key(site, name="Kim")
    dashboard.ask("POST", f"appeals/{comment_id}", {"grant": True}, key=kim)
    assert dashboard.hears("decided", within=SOON_SECONDS)["by"]["name"] == "Kim"
    assert dashboard.hears("appeal", within=SOON_SECONDS)["state"] == "granted"


def test_what_an_author_takes_away_is_told_without_their_name(
    dashboard: Dashboard, api: Api, site: Site
) -> None:
    answer = api.post("story", TEXT, site=site)
    api.ask("DELETE", answer.headers["Location"], bearer=answer.json["receipt"])
    told = dashboard.hears("decided", within=SOON_SECONDS)
    assert told["by"] == {"kind": "author", "name": ""}
    assert told["decisions"][0]["status"] == "deleted"


def test_what_is_published_at_once_is_on_nobodys_desk(api: Api) -> None:
    site = api.new_site(mode=Mode.POST)
    key = api.new_key(site)
    with listening(api, site, key) as dashboard:
        dashboard.hears("counts")
        assert api.post("story", TEXT, site=site).status == 201
        comment = api.post("story", f"{TEXT} Too.", site=site).json["comment"]
        api.decide("remove", comment["id"], key=key, reason="spam")
        told = dashboard.hears("decided")
        assert [each["action"] for each in told["decisions"]] == ["remove"]


def test_another_process_and_another_site_are_told_apart(
    dashboard: Dashboard, api: Api, limited: Api, site: Site, sam: str
) -> None:
    elsewhere = api.new_site()
    other = api.posted("story", TEXT, site=elsewhere)
    api.decide("approve", other["id"], key=api.new_key(elsewhere))
    comment = api.posted("story", TEXT, site=site)
    decision = {"comment_id": comment["id"], "revision": 1, "action": "approve"}
    json = {"decisions": [decision]}
    answer = limited.ask("POST", "/v1/moderation/decisions", json=json, bearer=sam)
    assert answer.status == 200
    with contextlib.suppress(TimeoutError):  # that process runs no loop of its own
        api.aside.run(asyncio.wait_for(limited.service.live.desk.run_telling(), 0.3))
    told = dashboard.hears("decided")
    assert [each["comment_id"] for each in told["decisions"]] == [comment["id"]]


def test_who_loses_the_right_is_told_nothing_more(
    api: Api, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.service.live.desk, "check_seconds", 0.2)
    key = api.new_key(site)
    with listening(api, site, key) as dashboard:
        dashboard.hears("counts")
        key_id = key.removeprefix("pbk_")[:8]
        api.aside.run(api.service.members.keyring.revoke(site, key_id, clock()))
        assert "event: bye" in dashboard.ends()


def test_more_dashboards_than_a_process_tells_are_asked_to_come_back(
    api: Api, site: Site, sam: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.service.live.desk, "streams_max", 0)
    answer = api.ask("GET", f"/v1/moderation/events?site={site.slug}", bearer=sam)
    assert (answer.status, answer.code) == (503, "too_many_streams")


def test_only_who_moderates_listens(api: Api) -> None:
    where = f"/v1/moderation/events?site={api.site.slug}"
    for scope in set(Scope) - {Scope.MODERATE}:
        assert api.ask("GET", where, bearer=api.keys[scope]).status == 403
    assert api.ask("GET", where).status == 401
    assert api.ask("GET", where, bearer=api.keys["foreign"]).status == 404
