from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from service.errors import Invalid
from service.web.problems import MalformedJson
from service.web.reading import strict_json
from tests.web.conftest import House, Newsroom
from tests.web.raw import ask, request, send_raw
from tests.web.toys import NOTE

NOTES = "/v1/sites/demo/articles/story-1/notes"
CORPUS = Path(__file__).parents[3] / "shared" / "corpora" / "json-test-suite" / "test_parsing"
TYPED = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b'{"text": "x"} x',
        b"{'text': 'x'}",
        b'{"text": "x",}',
        b'{"text": NaN}',
        b'{"stars": Infinity, "text": "x"}',
        b'{"stars": -Infinity, "text": "x"}',
        b'{"stars": 01, "text": "x"}',
        b'{"text": "\xff"}',
        b'{"text": "\xed\xa0\x80"}',
        b'{"text": "\\ud800"}',
        b'{"text": "a\nb"}',
        b'\xef\xbb\xbf{"text": "x"}',
        '{"text": "x"}'.encode("utf-16"),
        b'{"text": "x", "text": "y"}',
        b'{"text": "x", "\\u0074ext": "y"}',
        b'{"text": "x", "author": {"name": "a", "name" : "b"}}',
        b'{"text": {"name": ":"}, "text": "::"}',
        b'{"text": "x", "tags": [{"a:b": 1}, {"a": 1, "a": 2}]}',
        b'{"text": "x"} {"text": "y"}',
        b"[" * 100_0 + b"]" * 100,
    ],
)
async def test_what_is_no_strict_json_is_400(house: House, body: bytes) -> None:
    answer = await ask(house.port, "POST", NOTES, body=body, headers=TYPED)
    assert (answer.status, answer.code) == (400, "malformed_json")


@pytest.mark.parametrize(
    "body",
    [
        b'{"text": "\\"text\\": 1, \\\\"}',
        b'{"text": "\\\\u0000"}',
        b'\n\t {"text"\n:"x" , "author" :null}\r\n',
        '{"text": "\\ud83d\\ude00 ü"}'.encode(),
        b'{"text": "x", "author": {"name": "text"}}',
        b'{"text": "[[[[[[[[[[[["}',
    ],
)
async def test_strict_json_is_read_however_it_is_written(house: House, body: bytes) -> None:
    answer = await ask(house.port, "POST", NOTES, body=body, headers=TYPED)
    assert answer.status == 201


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, [("/text", "missing")]),
        ({"text": 1}, [("/text", "wrong_type")]),
        ({"text": None}, [("/text", "wrong_type")]),
        ({"text": ""}, [("/text", "too_short")]),
        ({"text": "x" * 21}, [("/text", "too_long")]),
        ({"text": "x", "nope": 1}, [("/nope", "unknown_field")]),
        ({"text": "x", "a/b~c": 1}, [("/a~1b~0c", "unknown_field")]),
        ({"text": "x", "author": {"name": "too long"}}, [("/author/name", "too_long")]),
        ({"text": "x", "author": {"name": "a", "x": 1}}, [("/author/x", "unknown_field")]),
        ({"text": "x", "author": "Leila"}, [("/author", "wrong_type")]),
        ({"text": "x", "parent_id": "nonsense"}, [("/parent_id", "bad_format")]),
        ({"text": "x", "stars": 0}, [("/stars", "out_of_range")]),
        ({"text": "x", "stars": 10**30}, [("/stars", "out_of_range")]),
        ({"text": "x", "stars": "3"}, [("/stars", "wrong_type")]),
        ({"text": "x", "stars": 1.5}, [("/stars", "wrong_type")]),
        ({"text": "x", "stars": True}, [("/stars", "wrong_type")]),
        ({"text": "x", "kind": "poem"}, [("/kind", "unknown_value")]),
        ({"text": "x", "tags": ["a", "B"]}, [("/tags/1", "bad_format")]),
        ({"text": "x", "tags": "a"}, [("/tags", "wrong_type")]),
        ({"text": "a\0b"}, [("/text", "forbidden_character")]),
        ({"text": "x", "author": {"name": "\0"}}, [("/author/name", "forbidden_character")]),
        ({"text": "x", "tags": ["a", "\0"]}, [("/tags/1", "forbidden_character")]),
        ({"text": "x", "a\0": 1}, [("/a\\x00", "forbidden_character")]),
        ([], [("", "wrong_type")]),
        ("text", [("", "wrong_type")]),
        (
            {"stars": 9, "x": 1},
            [("/text", "missing"), ("/stars", "out_of_range"), ("/x", "unknown_field")],
        ),
    ],
)
async def test_each_wrong_field_is_named_with_a_stable_code(
    house: House, body: Any, errors: list[tuple[str, str]]
) -> None:
    sent = str(body).encode() if isinstance(body, dict) and body.get("stars") == 10**30 else None
    if sent is not None:
        sent = sent.replace(b"'", b'"')
    answer = await ask(
        house.port, "POST", NOTES, headers=TYPED, **({"body": sent} if sent else {"json": body})
    )
    assert (answer.status, answer.code) == (422, "validation_failed")
    assert [(each["pointer"], each["code"]) for each in answer.json["errors"]] == errors
    assert all(each["detail"] for each in answer.json["errors"])


async def test_at_most_twenty_errors_are_told(house: House) -> None:
    body = {"text": "x", **{f"x{number}": 1 for number in range(500)}}
    answer = await ask(house.port, "POST", NOTES, json=body)
    assert len(answer.json["errors"]) == 20


async def test_bodies_are_read_to_a_depth_of_eight(house: House, newsroom: Newsroom) -> None:
    headers = {"Authorization": newsroom.keys["manage"]}
    path = "/v1/sites/demo/settings"
    tree: Any = []
    for _ in range(6):
        tree = [tree]
    deep = await ask(house.port, "PUT", path, json={"tree": tree}, headers=headers)
    assert deep.status == 200
    deeper = await ask(house.port, "PUT", path, json={"tree": [tree]}, headers=headers)
    assert (deeper.status, deeper.code) == (422, "validation_failed")
    assert deeper.json["errors"][0]["code"] == "too_deep"


async def test_a_refusal_never_repeats_what_was_sent(house: House) -> None:
    answer = await ask(house.port, "POST", NOTES, json={"text": "s3cret-value-that-is-too-long"})
    assert answer.status == 422
    assert b"s3cret" not in answer.body


@pytest.mark.parametrize(
    ("query", "limit"),
    [
        ("", 20),
        ("limit=5", 5),
        ("sort=oldest&limit=100", 100),
        ("article=a&article=b", 20),
        ("&", 20),
    ],
)
async def test_a_query_is_read(house: House, query: str, limit: int) -> None:
    answer = await ask(house.port, "GET", f"{NOTES}?{query}")
    assert answer.status == 200
    assert answer.json["limit"] == limit


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [
        ("limit=0", "/limit", "out_of_range"),
        ("limit=101", "/limit", "out_of_range"),
        ("limit=x", "/limit", "wrong_type"),
        ("limit=", "/limit", "wrong_type"),
        ("limit=1&limit=2", "/limit", "repeated"),
        ("sort=worst", "/sort", "unknown_value"),
        ("parent=x", "/parent", "bad_format"),
        ("nope=1", "/nope", "unknown_field"),
        ("article=%ff", "", "bad_format"),
        ("article=%00", "", "bad_format"),
        ("&".join(["article=a"] * 300), "", "too_long"),
    ],
)
async def test_a_wrong_query_is_422(house: House, query: str, pointer: str, code: str) -> None:
    answer = await ask(house.port, "GET", f"{NOTES}?{query}")
    assert (answer.status, answer.code) == (422, "validation_failed")
    assert [(each["pointer"], each["code"]) for each in answer.json["errors"]] == [(pointer, code)]


async def test_where_no_query_is_taken_none_may_be_sent(house: House) -> None:
    answer = await ask(house.port, "GET", f"{NOTE}?x=1")
    assert [each["code"] for each in answer.json["errors"]] == ["unknown_field"]


async def test_a_query_decodes_pluses_and_percent_signs(house: House) -> None:
    answer = await ask(house.port, "GET", f"{NOTES}?article=a+b&article=%C3%BC%2Fx%26y")
    assert answer.json["articles"] == ["a b", "ü/x&y"]


async def test_a_body_may_come_in_pieces(house: House) -> None:
    headers = {**TYPED, "Transfer-Encoding": "chunked"}
    pieces = b'8\r\n{"text":\r\n4\r\n "x"\r\n1\r\n}\r\n0\r\n\r\n'
    answer = await send_raw(house.port, request("POST", NOTES, headers=headers) + pieces)
    assert answer.status == 201


def corpus() -> list[Path]:
    """Return the files of JSONTestSuite (MIT), where they lie beside the checkout."""
    return sorted(CORPUS.glob("*.json"))


@pytest.mark.skipif(not CORPUS.is_dir(), reason="no ../shared/corpora/json-test-suite")
def test_the_parser_agrees_with_json_test_suite_but_for_names_said_twice() -> None:
    refused_on_purpose = {"y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"}
    wrong = []
    for file in corpus():
        try:
            strict_json(file.read_bytes(), depth_max=1_000)
        except (MalformedJson, Invalid):
            accepted = False
        else:
            accepted = True
        if file.name in refused_on_purpose:
            assert not accepted
        elif file.name.startswith(("y_", "n_")) and accepted != file.name.startswith("y_"):
            wrong.append(file.name)
    assert wrong == []
    assert len(corpus()) > 300
