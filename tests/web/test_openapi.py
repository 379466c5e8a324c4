from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from msgspec.structs import replace
from openapi_spec_validator import validate

from service.web.docs import STYLE, STYLE_HASH
from service.web.operation import Operation
from service.web.paths import Routes
from tests.web.conftest import House
from tests.web.raw import ask
from tests.web.toys import Toys


async def test_the_document_is_valid_and_has_every_operation(house: House) -> None:
    answer = await ask(house.port, "GET", "/openapi.json")
    document = answer.json
    validate(document)
    assert document["openapi"] == "3.1.0"
    named = {
        (operation["operationId"], method.upper(), path)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert named == {
        (each.operation_id, each.method, each.path)
        for each in house.gate.routes.operations
        if not each.hidden
    }


async def test_the_document_says_what_can_go_wrong(house: House) -> None:
    document = (await ask(house.port, "GET", "/openapi.json")).json
    write = document["paths"]["/v1/sites/{site}/articles/{article}/notes"]["post"]

    def codes(status: str) -> list[str]:
        schema = write["responses"][status]["content"]["application/problem+json"]["schema"]
        found: list[str] = schema["allOf"][1]["properties"]["code"]["enum"]
        return found

    assert codes("400") == ["malformed_json"]
    assert codes("401") == ["unauthenticated"]
    assert codes("403") == ["forbidden", "origin_not_allowed"]
    assert codes("404") == ["unknown_site"]
    assert codes("409") == ["note_locked"]
    assert codes("413") == ["body_too_large"]
    assert codes("415") == ["unsupported_media_type"]
    assert codes("422") == ["validation_failed"]
    assert codes("429") == ["rate_limited"]
    assert codes("503") == ["overloaded", "timed_out", "unavailable"]
    assert "Retry-After" in write["responses"]["429"]["headers"]
    assert write["security"] == [{}, {"receipt": []}, {"token": []}, {"key": ["write"]}]
    assert [each["name"] for each in write["parameters"]] == ["site", "article", "Idempotency-Key"]


async def test_the_document_describes_queries_and_bodies(house: House) -> None:
    document = (await ask(house.port, "GET", "/openapi.json")).json
    notes = document["paths"]["/v1/sites/{site}/articles/{article}/notes"]
    limit = next(each for each in notes["get"]["parameters"] if each["name"] == "limit")
    assert limit["in"] == "query"
    assert limit["schema"] == {
        "default": 20,
        "maximum": 100,
        "minimum": 1,
        "title": "Limit",
        "type": "integer",
    }
    assert notes["get"]["responses"].keys() >= {"200", "304", "404", "422"}
    body = notes["post"]["requestBody"]
    assert body["required"] is True
    schema = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    assert document["components"]["schemas"][schema]["additionalProperties"] is False
    assert "NotesQuery" not in document["components"]["schemas"]


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        identity = dict(attrs).get("id")
        if identity is not None:
            assert identity not in self.ids, "two things of one name"
            self.ids.add(identity)


async def test_the_page_shows_every_operation_and_code_without_foreign_files(house: House) -> None:
    answer = await ask(house.port, "GET", "/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    text = answer.body.decode()
    page = Page()
    page.feed(text)
    for each in house.gate.routes.operations:
        assert (each.operation_id in page.ids) == (not each.hidden)
    assert {"note_locked", "validation_failed", "unknown_site", "internal"} <= page.ids
    for tag, attributes in page.tags:
        assert tag not in {"script", "img", "link", "iframe", "form"}
        assert "style" not in attributes
        href = attributes.get("href")
        if href is not None:
            assert href.startswith(("#", "/"))
            assert not href.startswith("#") or href[1:] in page.ids | {"content"}
    assert "prefers-color-scheme: dark" in text


async def test_the_pages_policy_allows_its_style_and_nothing_else(house: House) -> None:
    answer = await ask(house.port, "GET", "/docs")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{STYLE_HASH}';")
    assert f"<style>{STYLE}</style>" in answer.body.decode()
    assert not re.search(r"unsafe|https?:|\*", policy)
    again = await ask(house.port, "GET", "/docs", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status == 304


def test_two_operations_may_not_be_called_the_same() -> None:
    operations = Toys().operations()
    with pytest.raises(ValueError, match="write_note"):
        Routes([*operations, operations[0]])


def test_two_operations_may_not_answer_the_same() -> None:
    first = Toys().operations()[0]
    second = Operation(
        operation_id="another",
        method=first.method,
        path=first.path,
        summary="",
        tag="",
        handler=first.handler,
    )
    with pytest.raises(ValueError, match="POST"):
        Routes([first, second])


def test_what_comes_later_is_put_together_when_a_path_begins_with_its_segment() -> None:
    first, *others = Toys().operations()
    asked: list[str] = []

    def pages() -> list[Operation]:
        asked.append(first.operation_id)
        return [replace(first, method="GET", path="/moderate/here")]

    routes = Routes(others, later={"moderate": pages})
    assert routes.find(others[0].path) is not None
    assert routes.find("/moderately") is None
    assert not asked
    for _ in range(2):
        found = routes.find("/moderate/here")
        assert found is not None
        assert list(found.by_method) == ["GET"]
        assert routes.find("/moderate/there") is None
    assert asked == [first.operation_id]
