"""Near-duplicates over HTTP: pages, progress, rights."""

from __future__ import annotations

from service.model import Role
from tests.api.cluster_examples import wave
from tests.api.conftest import Api
from tests.api.insiders import signed_in


def test_a_cluster_is_read_page_by_page_and_decided_to_its_end(api: Api) -> None:
    where, key = wave(api)
    first = api.ask("GET", f"{where}?limit=2", bearer=key).json
    rest = api.ask("GET", f"{where}?limit=2&cursor={first['next']}", bearer=key).json
    texts = {each["comment"]["text"] for each in first["items"] + rest["items"]}
    assert len(texts) == 3
    assert rest["next"] is None
    assert first["cluster"]["representative"]["text"] in texts
    assert api.ask("GET", f"{where}?limit=2&cursor=x", bearer=key).code == "bad_cursor"
    assert api.ask("GET", f"{where}?limit=101", bearer=key).status == 422

    json = {"action": "reject", "reason": "spam", "comment_ids": None}
    begun = api.ask("POST", f"{where}/decisions", bearer=key, json=json)
    place = f"{where}/decisions/{begun.json['id']}"
    api.eventually(lambda: api.ask("GET", place, bearer=key).json["state"] == "done")
    assert api.ask("GET", place, bearer=key).json["decided"] == 3

    def nothing_waits() -> bool:  # the cluster hears of decisions from the log, behind them
        again = api.ask("POST", f"{where}/decisions", bearer=key, json=json)
        return (again.status, again.code) == (409, "nothing_waits")

    api.eventually(nothing_waits)

    assert api.ask("POST", f"{place}/undo", bearer=key).status == 202
    api.eventually(lambda: api.ask("GET", place, bearer=key).json["state"] == "undone")
    assert api.ask("POST", f"{place}/undo", bearer=key).code == "already_undone"


def test_a_cluster_of_another_site_is_unknown(api: Api) -> None:
    where, key = wave(api)
    stranger = signed_in(api, Role.ADMIN, api.new_site()).token
    assert api.ask("GET", where, bearer=stranger).code == "unknown_cluster"
    json = {"action": "approve"}
    answer = api.ask("POST", f"{where}/decisions", bearer=stranger, json=json)
    assert (answer.status, answer.code) == (404, "unknown_cluster")
    begun = api.ask("POST", f"{where}/decisions", bearer=key, json=json).json["id"]
    answer = api.ask("GET", f"{where}/decisions/{begun}", bearer=stranger)
    assert (answer.status, answer.code) == (404, "unknown_operation")


def test_a_rejection_without_a_reason_is_refused(api: Api) -> None:
    where, key = wave(api)
    answer = api.ask("POST", f"{where}/decisions", bearer=key, json={"action": "reject"})
    assert answer.status == 422
    assert set(answer.pointers) == {"/reason"}
