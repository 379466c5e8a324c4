"""Examples of what is asked of webhooks, for the tests of the contract."""

from __future__ import annotations

from tests.api.calls import Answer
from tests.api.conftest import Api

NOWHERE = "https://localhost:8443/postbag"
"""May be said, as its name alone says nothing; nothing is ever sent there."""


def _asked(api: Api) -> tuple[Answer, str]:
    """Return the answer with a new webhook of a new site, and a key that may ask more."""
    site = api.new_site()
    key = api.new_key(site)
    json = {"url": NOWHERE, "name": "Newsletter", "events": ["comment.approved"]}
    return api.ask("POST", f"/v1/sites/{site.slug}/webhooks", json=json, bearer=key), key


def create_webhook(api: Api) -> Answer:
    return _asked(api)[0]


def list_webhooks(api: Api) -> Answer:
    made, key = _asked(api)
    return api.ask("GET", made.target, bearer=key)


def _webhook(api: Api) -> tuple[str, str]:
    """Return where a new webhook is, and a key that may ask of it."""
    made, key = _asked(api)
    return f"{made.target}/{made.json['webhook_id']}", key


def change_webhook(api: Api) -> Answer:
    where, key = _webhook(api)
    return api.ask("PATCH", where, json={"active": False}, bearer=key)


def delete_webhook(api: Api) -> Answer:
    where, key = _webhook(api)
    return api.ask("DELETE", where, bearer=key)


def rotate_webhook(api: Api) -> Answer:
    where, key = _webhook(api)
    return api.ask("POST", f"{where}/rotate", json={"overlap_hours": 1}, bearer=key)


def try_webhook(api: Api) -> Answer:
    where, key = _webhook(api)
    return api.ask("POST", f"{where}/test", bearer=key)


def list_deliveries(api: Api) -> Answer:
    where, key = _webhook(api)
    for _ in range(2):
        api.ask("POST", f"{where}/test", bearer=key)
    return api.ask("GET", f"{where}/deliveries?limit=1", bearer=key)


def _delivery(api: Api) -> tuple[str, str]:
    where, key = _webhook(api)
    sent = api.ask("POST", f"{where}/test", bearer=key)
    return f"{where}/deliveries/{sent.json['delivery_id']}", key


def read_delivery(api: Api) -> Answer:
    where, key = _delivery(api)
    return api.ask("GET", where, bearer=key)


def redeliver(api: Api) -> Answer:
    where, key = _delivery(api)
    return api.ask("POST", f"{where}/redeliver", bearer=key)


WEBHOOK_EXAMPLES = (
    create_webhook,
    list_webhooks,
    change_webhook,
    delete_webhook,
    rotate_webhook,
    try_webhook,
    list_deliveries,
    read_delivery,
    redeliver,
)
