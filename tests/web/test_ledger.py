"""The line of each request, and the stream of security."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.web.conftest import House, Newsroom
from tests.web.raw import ask

NOTES = "/v1/sites/demo/articles/story-1/notes"
SETTINGS = "/v1/sites/demo/settings"

Lines = list[MutableMapping[str, Any]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    with capture_logs() as captured:
        yield captured


def answered(lines: Lines) -> MutableMapping[str, Any]:
    (line,) = [each for each in lines if each["event"] == "answered"]
    return line


def of_security(lines: Lines) -> Lines:
    return [each for each in lines if "." in each["event"]]


async def test_a_request_leaves_one_line(house: House, newsroom: Newsroom, lines: Lines) -> None:
    headers = {"Authorization": newsroom.keys["manage"]}
    answer = await ask(house.port, "PUT", SETTINGS, json={"tree": []}, headers=headers)
    assert answer.status == 200
    line = answered(lines)
    assert line["operation"] == "set_up"
    assert line["route"] == "/v1/sites/{site}/settings"
    assert (line["method"], line["status"], line["outcome"]) == ("PUT", 200, "ok")
    assert line["site"] == "demo"
    assert len(line["principal"]) == 16
    assert line["ms"] >= 0
    assert newsroom.keys["manage"].removeprefix("Bearer ") not in str(line)
    assert of_security(lines) == []


async def test_the_same_people_have_the_same_hash(
    house: House, newsroom: Newsroom, lines: Lines
) -> None:
    for name in ("manage", "manage", "moderate"):
        headers = {"Authorization": newsroom.keys[name]}
        await ask(house.port, "GET", "/v1/moderation/queue", headers=headers)
        await ask(house.port, "PUT", SETTINGS, json={"tree": []}, headers=headers)
    principals = [each["principal"] for each in lines if each["event"] == "answered"]
    assert len(set(principals) - {None}) == 2


REFUSED = {
    "Bearer pbk_live_wrong": (401, "authn.fail", "unauthenticated"),
    "read": (403, "authz.deny", "forbidden"),
}


@pytest.mark.parametrize("credential", REFUSED)
async def test_who_may_not_is_told_of_in_the_stream_of_security(
    house: House, newsroom: Newsroom, lines: Lines, credential: str
) -> None:
    def failures() -> float:
        labels = {"kind": "unauthenticated"}
        found = house.metrics.registry.get_sample_value("postbag_auth_failures_total", labels)
        return found or 0.0

    status, event, code = REFUSED[credential]
    before = failures()
    headers = {"Authorization": newsroom.keys.get(credential, credential)}
    answer = await ask(house.port, "PUT", SETTINGS, json={"tree": []}, headers=headers)
    assert answer.status == status
    (line,) = of_security(lines)
    assert (line["event"], line["operation"], line["code"]) == (event, "set_up", code)
    assert answered(lines)["outcome"] == code
    assert failures() - before == (status == 401)


async def test_whoever_presents_nothing_has_failed_at_nothing(house: House, lines: Lines) -> None:
    answer = await ask(house.port, "PUT", SETTINGS, json={"tree": []})
    assert answer.status == 401
    assert of_security(lines) == []
    assert answered(lines)["outcome"] == "unauthenticated"


async def test_a_foreign_page_is_told_of_as_one(house: House, lines: Lines) -> None:
    headers = {"Origin": "https://evil.example"}
    answer = await ask(house.port, "POST", NOTES, json={"text": "x"}, headers=headers)
    assert (answer.status, answer.code) == (403, "origin_not_allowed")
    (line,) = of_security(lines)
    assert line["event"] == "csrf.block"
