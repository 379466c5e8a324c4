"""Examples of what editors and admins ask about a site, for the tests of the contract."""

from __future__ import annotations

from tests.api.calls import Answer
from tests.api.conftest import Api


def list_articles(api: Api) -> Answer:
    """One that is described, and one that nobody has decided on."""
    site = api.new_site()
    key = api.new_key(site)
    told = {"title": "Budget vote", "close_at": "2090-01-01T00:00:00.000Z", "mode": "post"}
    api.ask("PUT", f"/v1/sites/{site.slug}/articles/told", json=told, bearer=key)
    api.posted("unseen", site=site)
    where = f"/v1/sites/{site.slug}/articles?view=waiting"
    api.eventually(lambda: len(api.ask("GET", where, bearer=key).json["items"]) == 1)
    return api.ask("GET", f"/v1/sites/{site.slug}/articles?limit=1", bearer=key)


def close_old_articles(api: Api) -> Answer:
    site = api.new_site()
    json = {"older_than_days": 30, "dry_run": True}
    where = f"/v1/sites/{site.slug}/closures"
    return api.ask("POST", where, json=json, bearer=api.new_key(site))


def rotate_key(api: Api) -> Answer:
    where = f"/v1/sites/{api.site.slug}/keys"
    json = {"scopes": ["read"], "expires_at": "2090-01-01T00:00:00.000Z"}
    made = api.ask("POST", where, json=json, bearer=api.keys["manage"]).json["key_id"]
    again = {"overlap_hours": 1}
    return api.ask("POST", f"{where}/{made}/rotate", json=again, bearer=api.keys["manage"])


OFFICE_EXAMPLES = (list_articles, close_old_articles, rotate_key)
