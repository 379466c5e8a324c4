"""Collections of hostile texts and of JSON, sent over one connection like anybody's comments."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.model import Site
from tests.api.calls import Answer
from tests.api.conftest import Api

pytestmark = pytest.mark.long

CORPORA = Path(__file__).parents[3] / "shared" / "corpora"
INJECTIONS_MAX = 600
"""Lines of script injections that are sent; which ones is a matter of their number alone."""
BULK = 200

NAMED_TWICE = {"y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"}
"""Good JSON; but who says a name twice may mean either."""


def folder(name: str) -> Path:
    found = CORPORA / name
    if not found.is_dir():
        pytest.skip(f"no corpus ../shared/corpora/{name} beside the checkout")
    return found


def naughty_strings() -> list[str]:
    strings: list[str] = json.loads((folder("blns") / "blns.json").read_text())
    return strings


def script_injections() -> list[str]:
    lines = {
        line: None
        for path in sorted(folder("xss-payloads").glob("*.txt"))
        for line in path.read_text(errors="surrogateescape").splitlines()
    }
    return [*lines][:: len(lines) // INJECTIONS_MAX + 1]


@pytest.mark.parametrize("corpus", [naughty_strings, script_injections])
def test_a_hostile_text_is_refused_or_shown_byte_for_byte(api: Api, corpus: Any) -> None:
    texts = corpus()
    assert 0 < len(texts) <= INJECTIONS_MAX
    site = api.new_site(body_max_chars=10_000)
    key = api.new_key(site)
    sent: dict[str, Any] = {}
    for number, text in enumerate(texts):
        answer = post(api, site, text, key=f"hostile-{number:06d}")
        if answer.status == 202:
            comment = answer.json["comment"]
            sent[comment["id"]] = comment
        else:
            assert answer.code in {"malformed_json", "validation_failed"}, ascii(text)
    assert len(sent) > len(texts) // 2
    ids = [*sent]
    for begin in range(0, len(ids), BULK):
        api.decide("approve", *ids[begin : begin + BULK], key=key)
    shown = list(everything_shown(api, site))
    assert [each["id"] for each in shown] == ids, "each once, in the order they came"
    for each in shown:
        assert each["text"] == sent[each["id"]]["text"]
        assert each["body"] == sent[each["id"]]["body"]


def post(api: Api, site: Site, text: str, *, key: str) -> Answer:
    """Post a text; what is no Unicode is escaped, as a browser would."""
    raw = json.dumps({"body": text, "author": {"name": "Leila"}}).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    return api.ask("POST", api.thread_of("story", site=site), body=raw, headers=headers)


def everything_shown(api: Api, site: Site) -> Iterator[dict[str, Any]]:
    cursor = None
    while True:
        where = api.thread_of("story", site=site, sort="oldest", limit=100, cursor=cursor)
        page = api.ask("GET", where).json
        yield from page["comments"]
        cursor = page["next"]
        if cursor is None:
            return


def test_good_json_is_read_and_bad_json_is_malformed(api: Api) -> None:
    """`y_` files are read, whatever they say; `n_` files never; `i_` files are no bug of ours."""
    files = sorted((folder("json-test-suite") / "test_parsing").glob("*.json"))
    assert len(files) > 300
    where = api.thread_of(api.article())
    for path in files:
        raw = path.read_bytes()
        if len(raw) > 32 * 1024:
            assert api.ask("POST", where, body=raw).status == 413
            continue
        answer = api.ask("POST", where, body=raw)
        kind = path.name[0]
        if kind == "y" and path.name not in NAMED_TWICE:
            assert (answer.status, answer.code) == (422, "validation_failed"), path.name
        elif kind == "i":
            assert answer.status in {400, 422}, path.name
        else:
            assert (answer.status, answer.code) == (400, "malformed_json"), path.name
