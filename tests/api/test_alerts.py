"""Alerts over HTTP: told to open pages of the roles a rule names, shown until somebody saw them."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager

from service.model import Role, Site
from tests.api.alert_examples import THREAT, alerted
from tests.api.conftest import Api
from tests.api.insiders import signed_in
from tests.api.test_moderation_events import PATIENCE_SECONDS, Dashboard


@contextmanager
def open_page(api: Api, site: Site, role: Role) -> Iterator[Dashboard]:
    """Listen as a member's own page does."""
    token = signed_in(api, role, site).token
    line = http.client.HTTPConnection("127.0.0.1", api.caller.port, timeout=PATIENCE_SECONDS)
    headers = {"Cookie": f"postbag={token}", "Origin": api.caller.origin}
    line.request("GET", f"/v1/moderation/events?site={site.slug}", headers=headers)
    try:
        yield Dashboard(api=api, site=site, response=line.getresponse())
    finally:
        line.close()


def test_open_pages_of_the_roles_that_a_rule_names_are_told_at_once(api: Api) -> None:
    site = api.new_site()
    with open_page(api, site, Role.SENIOR) as senior, open_page(api, site, Role.MODERATOR) as other:
        comment = api.posted(api.article(), THREAT, site=site)
        told = senior.hears("alert")
        assert told == {
            "rule": "threats",
            "label": "Threats",
            "severity": 10,
            "comments": 1,
            "comment_id": comment["id"],
        }
        seen = {"rule": "threats", "upto": "2090-01-01T00:00:00Z"}
        where = f"/v1/moderation/alerts/seen?site={site.slug}"
        assert api.ask("POST", where, json=seen, bearer=api.new_key(site)).json == {"seen": 1}
        assert other.hears("alerts_seen") == {"rule": "threats"}
        assert "alert" not in [kind for kind, _ in other.heard], (
            "it came before, and was not theirs"
        )


def test_members_are_shown_what_their_role_is_told(api: Api) -> None:
    site, _ = alerted(api)
    where = f"/v1/moderation/alerts?site={site.slug}"
    shown = {
        role: api.ask("GET", where, bearer=signed_in(api, role, site).token)
        for role in (Role.VIEWER, Role.MODERATOR, Role.SENIOR)
    }
    assert shown[Role.VIEWER].status == 403
    assert shown[Role.MODERATOR].json["items"] == []
    assert [each["rule"] for each in shown[Role.SENIOR].json["items"]] == ["threats"]


def test_what_was_shown_is_ticked_off_by_the_time_that_was_shown(api: Api) -> None:
    site, key = alerted(api)
    where = f"/v1/moderation/alerts?site={site.slug}"
    (shown,) = api.ask("GET", where, bearer=key).json["items"]
    seen = {"rule": shown["rule"], "upto": shown["latest_at"]}
    answer = api.ask("POST", f"/v1/moderation/alerts/seen?site={site.slug}", json=seen, bearer=key)
    assert answer.json == {"seen": 1}
    assert api.ask("GET", where, bearer=key).json["items"] == []


def test_a_webhook_that_wants_it_is_told(api: Api) -> None:
    site = api.new_site()
    key = api.new_key(site)
    hook = {"url": "https://pager.daily.example/", "events": ["comment.alerted"]}
    made = api.ask("POST", f"/v1/sites/{site.slug}/webhooks", json=hook, bearer=key)
    assert made.status == 201, made.raw
    api.posted(api.article(), THREAT, site=site)
    where = f"/v1/sites/{site.slug}/webhooks/{made.json['webhook_id']}/deliveries"
    api.eventually(lambda: len(api.ask("GET", where, bearer=key).json["items"]) == 1)
    (sent,) = api.ask("GET", where, bearer=key).json["items"]
    assert "comment.alerted" in sent.values()
