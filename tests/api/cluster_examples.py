"""Examples of what the newsroom asks about near-duplicates, for the tests of the contract."""

from __future__ import annotations

from uuid import uuid4

from tests.api.calls import Answer
from tests.api.conftest import Api

WAVE = "Earn nine hundred euros a day from home, write to my manager {}"


def wave(api: Api) -> tuple[str, str]:
    """Let three post nearly the same; return where their cluster is, and a key."""
    site = api.new_site()
    key = api.new_key(site)
    for name in ("today", "now!!!", "soon"):
        api.posted("story", WAVE.format(name), site=site)
    where = f"/v1/moderation/clusters?site={site.slug}"

    def seen() -> bool:
        items = api.ask("GET", where, bearer=key).json["items"]
        return [each["waiting"] for each in items] == [3]

    api.eventually(seen)
    [cluster] = api.ask("GET", where, bearer=key).json["items"]
    return f"/v1/moderation/clusters/{cluster['id']}", key


def list_clusters(api: Api) -> Answer:
    where, key = wave(api)
    site = api.ask("GET", where, bearer=key).json["cluster"]["site"]
    return api.ask("GET", f"/v1/moderation/clusters?site={site}", bearer=key)


def read_cluster(api: Api) -> Answer:
    where, key = wave(api)
    return api.ask("GET", f"{where}?kind=waiting&limit=2", bearer=key)


def decide_cluster(api: Api) -> Answer:
    where, key = wave(api)
    return _decided(api, where, key)


def read_cluster_decision(api: Api) -> Answer:
    where, key = wave(api)
    operation = _decided(api, where, key).json["id"]
    return api.ask("GET", f"{where}/decisions/{operation}", bearer=key)


def stop_cluster_decision(api: Api) -> Answer:
    """It is begun again until it is stopped before its first piece."""
    where, key = wave(api)
    stopped: list[Answer] = []

    def stop() -> bool:
        begun = _decided(api, where, key)
        assert begun.status == 202, begun.raw
        place = f"{where}/decisions/{begun.json['id']}"
        stopped.append(api.ask("POST", f"{place}/stop", bearer=key))
        if stopped[-1].status == 200:
            return True
        api.ask("POST", f"{place}/undo", bearer=key)
        api.eventually(lambda: api.ask("GET", place, bearer=key).json["state"] == "undone")
        return False

    api.eventually(stop)
    return stopped[-1]


def undo_cluster_decision(api: Api) -> Answer:
    where, key = wave(api)
    operation = _decided(api, where, key).json["id"]
    return api.ask("POST", f"{where}/decisions/{operation}/undo", bearer=key)


def _decided(api: Api, where: str, key: str) -> Answer:
    json = {"action": "reject", "reason": "spam", "operation_id": str(uuid4())}
    return api.ask("POST", f"{where}/decisions", bearer=key, json=json)


CLUSTER_EXAMPLES = (
    list_clusters,
    read_cluster,
    decide_cluster,
    read_cluster_decision,
    stop_cluster_decision,
    undo_cluster_decision,
)
