"""Examples of what is asked about alerts, for the tests of the contract."""

from __future__ import annotations

from service.model import Site
from tests.api.calls import Answer
from tests.api.conftest import Api

THREAT = "I will kill you tomorrow."


def alerted(api: Api) -> tuple[Site, str]:
    """Return a site with a comment that a rule alerts of, and a key."""
    site = api.new_site()
    key = api.new_key(site)
    api.posted(api.article(), THREAT, site=site)
    where = f"/v1/moderation/alerts?site={site.slug}"
    api.eventually(lambda: len(api.ask("GET", where, bearer=key).json["items"]) == 1)
    return site, key


def read_alerts(api: Api) -> Answer:
    site, key = alerted(api)
    return api.ask("GET", f"/v1/moderation/alerts?site={site.slug}", bearer=key)


def see_alerts(api: Api) -> Answer:
    site, key = alerted(api)
    json = {"rule": "threats", "upto": "2090-01-01T00:00:00.000Z"}
    where = f"/v1/moderation/alerts/seen?site={site.slug}"
    return api.ask("POST", where, json=json, bearer=key)


ALERT_EXAMPLES = (read_alerts, see_alerts)
