from __future__ import annotations

import re
from typing import Any

import pytest

from service.web.ready import Fixed
from tests.web import toys
from tests.web.conftest import House, Newsroom, Serve
from tests.web.raw import Answer, ask, connected, request
from tests.web.toys import NOTE

NOTES = "/v1/sites/demo/articles/story-1/notes"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/",
        "/v1/sites/demo/articles/a/notes/",
        "/v1/sites/demo/articles//notes",
        "//v1/fail",
        "/V1/fail",
        "/v1/fail/",
        "/v1/sites/demo/articles/a%ZZ/notes",
        "/v1/sites/demo/articles/a%2/notes",
        "/v1/sites/demo/articles/%ff/notes",
        "/v1/sites/demo/articles/%ed%a0%80/notes",
        "/v1/sites/demo/articles/a/b/notes",
    ],
)
async def test_a_path_that_leads_nowhere_is_404(house: House, path: str) -> None:
    answer = await ask(house.port, "GET", path)
    assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize("key", ["a/b", "ü漢字", "a b", "100%", "?", "#", "..", "é" * 200])
async def test_an_article_key_is_any_printable_text_percent_encoded(house: House, key: str) -> None:
    encoded = "".join(f"%{byte:02X}" for byte in key.encode())
    answer = await ask(house.port, "GET", f"/v1/sites/demo/articles/{encoded}/notes")
    assert answer.status == 200
    assert answer.json["article"] == key


@pytest.mark.parametrize(
    ("key", "code"), [("x" * 201, "too_long"), ("a%00", "bad_format"), ("%0a", "bad_format")]
)
async def test_what_cannot_be_an_article_key_is_422(house: House, key: str, code: str) -> None:
    answer = await ask(house.port, "GET", f"/v1/sites/demo/articles/{key}/notes")
    assert (answer.status, answer.code) == (422, "validation_failed")
    assert [(error["pointer"], error["code"]) for error in answer.json["errors"]] == [
        ("/article", code)
    ]


@pytest.mark.parametrize("note", ["x", "0199F1F0-0000-7000-8000-000000000001", "%00", "1" * 300])
async def test_an_id_that_is_none_names_nothing(house: House, note: str) -> None:
    answer = await ask(house.port, "GET", f"/v1/sites/demo/notes/{note}")
    assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE"])
async def test_another_method_is_405_and_says_which_are_allowed(house: House, method: str) -> None:
    answer = await ask(house.port, method, NOTES)
    assert (answer.status, answer.code) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"


async def test_head_is_get_without_the_body(house: House) -> None:
    got = await ask(house.port, "GET", NOTES)
    async with connected(house.port) as line:
        await line.send(request("HEAD", NOTES))
        head = await line.receive(head_only=True)
        await line.send(request("GET", NOTES))
        again = await line.receive()
    assert head.status == 200
    assert head.headers["content-length"] == str(len(got.body))
    assert head.headers["etag"] == got.headers["etag"]
    assert again.body == got.body


async def test_a_large_body_follows_its_head_whole(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = b"".join(b"%d," % number for number in range(40_000))
    monkeypatch.setattr(toys, "READY", Fixed(body=body, etag='"large"', forms={}))
    async with connected(house.port) as line:
        for headers in ({}, {"X-Other": "1"}):  # as it was answered before, and the ordinary way
            for _ in range(2):
                await line.send(request("GET", "/v1/ready", headers=headers))
                answer = await line.receive()
                assert answer.body == body
                assert answer.headers["content-length"] == str(len(body))
        await line.send(request("HEAD", "/v1/ready", headers={"X-Other": "1"}))
        head = await line.receive(head_only=True)
        await line.send(request("GET", NOTES))
        after = await line.receive()
    assert head.headers["content-length"] == str(len(body))
    assert after.status == 200


async def test_head_of_what_cannot_be_got_is_405(house: House) -> None:
    answer = await ask(house.port, "HEAD", "/v1/form")
    assert answer.status == 405


async def test_options_says_what_is_offered(house: House) -> None:
    answer = await ask(house.port, "OPTIONS", NOTES)
    assert answer.status == 204
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert answer.body == b""
    assert "content-type" not in answer.headers


@pytest.mark.parametrize(
    "media",
    [
        "text/plain",
        "application/json; charset=latin-1",
        "application/x-www-form-urlencoded",
        "json",
        "",
    ],
)
async def test_a_wrong_media_type_is_415(house: House, media: str) -> None:
    answer = await ask(house.port, "POST", NOTES, body=b"{}", headers={"Content-Type": media})
    assert (answer.status, answer.code) == (415, "unsupported_media_type")


async def test_a_body_without_a_media_type_is_415(house: House) -> None:
    answer = await ask(house.port, "POST", NOTES, body=b'{"text": "x"}')
    assert answer.status == 415


@pytest.mark.parametrize(
    "media",
    ["application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"'],
)
async def test_json_is_json_however_it_is_written(house: House, media: str) -> None:
    answer = await ask(
        house.port, "POST", NOTES, json={"text": "x"}, headers={"Content-Type": media}
    )
    assert answer.status == 201


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "gzip, identity"])
async def test_a_compressed_body_is_415(house: House, coding: str) -> None:
    answer = await ask(
        house.port, "POST", NOTES, json={"text": "x"}, headers={"Content-Encoding": coding}
    )
    assert (answer.status, answer.code) == (415, "unsupported_media_type")


@pytest.mark.parametrize("size", [32 * 1024 + 1, 10_000_000])
async def test_a_body_that_is_announced_too_large_is_413_before_it_is_sent(
    house: House, size: int
) -> None:
    headers = {"Content-Type": "application/json", "Content-Length": str(size)}
    answer = await ask(house.port, "POST", NOTES, body=b"{", headers=headers)
    assert (answer.status, answer.code) == (413, "body_too_large")
    assert answer.headers["connection"] == "close"


async def test_a_body_that_turns_out_too_large_is_413(house: House) -> None:
    chunk = b"1000\r\n" + b"x" * 0x1000 + b"\r\n"
    headers = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}
    async with connected(house.port) as line:
        await line.send(request("POST", NOTES, headers=headers) + chunk * 9)
        answer = await line.receive()
    assert (answer.status, answer.code) == (413, "body_too_large")


async def test_a_body_of_just_the_limit_is_read(house: House) -> None:
    body = b'{"text": "x"' + b" " * (32 * 1024 - 13) + b"}"
    assert len(body) == 32 * 1024
    headers = {"Content-Type": "application/json"}
    answer = await ask(house.port, "POST", NOTES, body=body, headers=headers)
    assert answer.status == 201


async def test_whoever_waits_to_be_asked_for_the_body_is_asked(house: House) -> None:
    whole = request("POST", NOTES, json={"text": "x"}, headers={"Expect": "100-continue"})
    head, _, body = whole.partition(b"\r\n\r\n")
    async with connected(house.port) as line:
        await line.send(head + b"\r\n\r\n")
        first = await line.receive()
        assert first.status == 100
        await line.send(body)
        assert (await line.receive()).status == 201


async def test_another_expectation_is_417(house: House) -> None:
    answer = await ask(house.port, "POST", NOTES, json={"text": "x"}, headers={"Expect": "tea"})
    assert (answer.status, answer.code) == (417, "expectation_failed")


async def test_checks_run_in_the_order_of_the_contract(house: House, newsroom: Newsroom) -> None:
    """One request wrong in every way; mending one thing at a time meets the next check."""
    port = house.port

    async def put(path: str = "/v1/sites/nosuch/settings", **said: object) -> Answer:
        return await ask(port, "PUT", path, **said)

    typed = {"Content-Type": "application/json"}
    assert (await put("/v1/sites/nosuch/setting", body=b"x")).code == "not_found"
    assert (await ask(port, "PATCH", "/v1/sites/nosuch/settings", body=b"x")).status == 405
    assert (await put(body=b"x")).status == 415
    large = {**typed, "Content-Length": "2000000"}
    assert (await put(body=b"x", headers=large)).status == 413
    assert (await put(body=b"x", headers=typed)).code == "unauthenticated"
    reads = {**typed, "Authorization": newsroom.keys["read"]}
    assert (await put(body=b"x", headers=reads)).code == "unknown_site"
    here = "/v1/sites/demo/settings"
    assert (await put(here, body=b"x", headers=reads)).code == "forbidden"
    manages = {**typed, "Authorization": newsroom.keys["manage"]}
    assert (await put(here, body=b"x", headers=manages)).code == "malformed_json"
    assert (await put(here, body=b"{}", headers=manages)).code == "validation_failed"
    assert (await put(here, body=b'{"tree": []}', headers=manages)).status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", NOTE),
        ("DELETE", NOTE.replace("demo", "nosuch")),
        ("DELETE", NOTE + "x"),
        ("PUT", "/v1/sites/nosuch/settings"),
        ("GET", "/v1/moderation/queue"),
    ],
)
async def test_without_a_credential_it_is_401_whether_or_not_the_thing_exists(
    house: House, method: str, path: str
) -> None:
    answer = await ask(house.port, method, path)
    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/sites/nosuch/articles/a/notes"),
        ("GET", NOTE.replace("demo", "nosuch")),
        ("DELETE", NOTE.replace("demo", "nosuch")),
        ("PUT", "/v1/sites/nosuch/settings"),
        ("GET", "/v1/moderation/queue?site=nosuch"),
        ("GET", "/v1/sites/NOT%20ONE/articles/a/notes"),
    ],
)
async def test_an_unknown_site_is_404_on_every_route(
    house: House, newsroom: Newsroom, method: str, path: str
) -> None:
    credential = newsroom.receipt if method == "DELETE" else newsroom.keys["read"]
    answer = await ask(
        house.port,
        method,
        path,
        headers={"Authorization": credential},
        **({"json": {"tree": []}} if method == "PUT" else {}),
    )
    assert (answer.status, answer.code) == (404, "unknown_site")


async def test_an_unknown_site_does_not_excuse_a_wrong_key(
    house: House, newsroom: Newsroom
) -> None:
    path = NOTE.replace("demo", "nosuch")
    for wrong in ("Bearer nonsense", newsroom.keys["read"][:-1] + "0", "Basic eDp5"):
        answer = await ask(house.port, "DELETE", path, headers={"Authorization": wrong})
        assert answer.code == "unauthenticated"


async def test_a_foreign_site_is_like_one_that_does_not_exist(
    house: House, newsroom: Newsroom
) -> None:
    tries: list[tuple[str, str, str, dict[str, Any]]] = [
        ("foreign", "PUT", "/v1/sites/demo/settings", {"json": {"tree": []}}),
        ("foreign-moderate", "GET", "/v1/moderation/queue?site=demo", {}),
        ("foreign-moderate", "POST", "/v1/moderation/claims", {"json": {"site": "demo"}}),
        ("foreign", "POST", NOTES, {"json": {"text": "x"}}),
    ]
    for name, method, path, said in tries:
        headers = {"Authorization": newsroom.keys[name]}
        answer = await ask(house.port, method, path, headers=headers, **said)
        assert (answer.status, answer.code) == (404, "unknown_site")


async def test_without_a_site_it_is_the_keys_own(house: House, newsroom: Newsroom) -> None:
    headers = {"Authorization": newsroom.keys["moderate"]}
    for path in ("/v1/moderation/queue", "/v1/moderation/queue?site=demo"):
        answer = await ask(house.port, "GET", path, headers=headers)
        assert answer.json == {"text": "demo"}


async def test_the_body_may_name_the_site(house: House, newsroom: Newsroom) -> None:
    headers = {"Authorization": newsroom.keys["moderate"]}
    path = "/v1/moderation/claims"
    named = await ask(house.port, "POST", path, json={"site": "demo"}, headers=headers)
    assert named.json == {"text": "demo"}
    unknown = await ask(house.port, "POST", path, json={"site": "nosuch"}, headers=headers)
    assert unknown.code == "unknown_site"


async def test_everybody_who_may_write_is_known_for_who_they_are(
    house: House, newsroom: Newsroom
) -> None:
    who = {None: "nobody", newsroom.receipt: "guest", newsroom.keys["write"]: "key write"}
    for credential, name in who.items():
        headers = {"Authorization": credential} if credential else {}
        answer = await ask(house.port, "POST", NOTES, json={"text": "x"}, headers=headers)
        assert answer.json["who"] == name
        assert answer.headers["location"] == NOTE


async def test_a_key_without_the_right_may_not(house: House, newsroom: Newsroom) -> None:
    reads = {"Authorization": newsroom.keys["read"]}
    answer = await ask(house.port, "POST", NOTES, json={"text": "x"}, headers=reads)
    assert (answer.status, answer.code) == (403, "forbidden")
    manages = {"Authorization": newsroom.keys["manage"]}
    answer = await ask(house.port, "DELETE", NOTE, headers=manages)
    assert (answer.status, answer.code) == (403, "forbidden")


async def test_public_reads_do_not_look_at_credentials(house: House) -> None:
    answer = await ask(house.port, "GET", NOTES, headers={"Authorization": "Bearer wrong"})
    assert answer.status == 200
    assert answer.headers["cache-control"].startswith("public")


async def test_two_credentials_are_none(house: House, newsroom: Newsroom) -> None:
    raw = request("DELETE", NOTE, headers={"Authorization": newsroom.receipt})
    twice = raw.replace(b"\r\n\r\n", f"\r\nAuthorization: {newsroom.receipt}\r\n\r\n".encode())
    async with connected(house.port) as line:
        await line.send(twice)
        assert (await line.receive()).status == 401


@pytest.mark.parametrize("key", ["short", "x" * 129, "with space", "ünicode-key"])
async def test_an_idempotency_key_has_its_grammar(house: House, key: str) -> None:
    answer = await ask(
        house.port, "POST", NOTES, json={"text": "x"}, headers={"Idempotency-Key": key}
    )
    assert (answer.status, answer.code) == (422, "validation_failed")


async def test_an_idempotency_key_reaches_the_handler(house: House) -> None:
    answer = await ask(
        house.port, "POST", NOTES, json={"text": "x"}, headers={"Idempotency-Key": "12345678"}
    )
    assert answer.json["idempotency_key"] == "12345678"


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("invalid", 422, "validation_failed"),
        ("cursor", 400, "bad_cursor"),
        ("unauthenticated", 401, "unauthenticated"),
        ("forbidden", 403, "forbidden"),
        ("missing", 404, "not_found"),
        ("conflict", 409, "note_locked"),
        ("limited", 429, "rate_limited"),
        ("unavailable", 503, "queue_unavailable"),
        ("bug", 500, "internal"),
    ],
)
async def test_each_kind_of_failure_has_its_status(
    house: House, kind: str, status: int, code: str
) -> None:
    answer = await ask(house.port, "GET", f"/v1/fail?kind={kind}")
    assert (answer.status, answer.code) == (status, code)
    problem = answer.json
    assert problem["status"] == status
    assert problem["type"] == f"/docs#{code}"
    assert problem["title"]
    assert problem["detail"]
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert ("retry-after" in answer.headers) == (status in {429, 503})
    assert ("errors" in problem) == (status == 422)
    assert answer.headers["cache-control"] == "no-store"
    assert b"secret" not in answer.body
    assert b"Traceback" not in answer.body


async def test_a_limit_says_when_to_come_back(house: House) -> None:
    answer = await ask(house.port, "GET", "/v1/fail?kind=limited")
    assert answer.headers["retry-after"] == "7"


async def test_a_handler_that_takes_too_long_is_503(house: House) -> None:
    answer = await ask(house.port, "GET", "/v1/sleep")
    assert (answer.status, answer.code) == (503, "timed_out")
    assert int(answer.headers["retry-after"]) >= 1
    assert house.toys.working == 0


@pytest.mark.parametrize("said", ["a-client-s-own-id", "A1" * 32])
async def test_a_short_safe_request_id_is_kept(house: House, said: str) -> None:
    answer = await ask(house.port, "GET", NOTES, headers={"X-Request-Id": said})
    assert answer.headers["x-request-id"] == said


@pytest.mark.parametrize("said", ["", "short", "x" * 65, "with space", "a;b=c&d<e>"])
async def test_any_other_request_id_is_replaced(house: House, said: str) -> None:
    answer = await ask(house.port, "GET", NOTES, headers={"X-Request-Id": said})
    assert answer.headers["x-request-id"] != said
    assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["x-request-id"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", NOTES),
        ("GET", "/nowhere"),
        ("PUT", NOTES),
        ("GET", "/page"),
        ("OPTIONS", NOTES),
        ("GET", "/v1/fail?kind=bug"),
        ("GET", "/healthz"),
        ("GET", "/docs"),
        ("GET", "/v1/stream"),
    ],
)
async def test_every_answer_has_the_same_safe_head(house: House, method: str, path: str) -> None:
    answer = await ask(house.port, method, path)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["content-security-policy"].startswith("default-src ")
    assert answer.headers["x-request-id"]
    assert answer.headers["server"] == "postbag"
    assert "set-cookie" not in answer.headers
    assert "strict-transport-security" not in answer.headers


async def test_a_page_has_its_own_policy(house: House) -> None:
    answer = await ask(house.port, "GET", "/page?utm_source=x")
    assert answer.headers["content-security-policy"] == "default-src 'self'"
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


async def test_a_stream_is_poured_and_closed(house: House) -> None:
    before = house.toys.streams_closed
    answer = await ask(house.port, "GET", "/v1/stream")
    assert answer.body == b"data: 1\n\ndata: 2\n\n"
    head = await ask(house.port, "HEAD", "/v1/stream")
    assert head.headers["content-type"] == "text/event-stream"
    assert house.toys.streams_closed >= before + 1


async def test_a_form_is_read_where_one_is_taken(house: House) -> None:
    typed = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await ask(
        house.port, "POST", "/v1/form", body=b"name=a+b%C3%A9&stars=3", headers=typed
    )
    assert answer.json == {"text": "name='a bé' stars=3"}
    twice = await ask(house.port, "POST", "/v1/form", body=b"name=a&name=b&stars=3", headers=typed)
    assert [error["code"] for error in twice.json["errors"]] == ["repeated"]
    wrong = await ask(house.port, "POST", "/v1/form", json={"name": "a", "stars": 3})
    assert wrong.status == 415


async def test_a_body_may_be_left_out_where_it_is_optional(house: House) -> None:
    for body in (None, b""):
        answer = await ask(house.port, "POST", "/v1/reverse", body=body)
        assert answer.json == {"text": "none"}
    answer = await ask(house.port, "POST", "/v1/reverse", json={"note": "x"})
    assert answer.json == {"text": "note='x'"}


async def test_an_unneeded_body_spoils_nothing(house: House, newsroom: Newsroom) -> None:
    headers = {"Authorization": newsroom.receipt, "Content-Type": "text/plain"}
    async with connected(house.port) as line:
        await line.send(request("DELETE", NOTE, body=b"x" * 100, headers=headers))
        assert (await line.receive()).status == 204
        await line.send(request("GET", NOTES))
        assert (await line.receive()).status == 200


async def test_a_public_url_enforces_the_host(serve: Serve) -> None:
    async with serve(public_url="https://comments.example") as house:
        for host, status in [
            ("comments.example", 200),
            ("Comments.Example:443", 200),
            ("comments.example:8080", 421),
            ("evil.example", 421),
        ]:
            answer = await ask(house.port, "GET", NOTES, headers={"Host": host})
            assert answer.status == status, host
        assert (await ask(house.port, "GET", "/readyz")).status == 200
        answer = await ask(house.port, "GET", NOTES, headers={"Host": "comments.example"})
        assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"


async def test_an_absolute_target_is_understood(house: House) -> None:
    answer = await ask(house.port, "GET", f"http://postbag.test{NOTES}?limit=3")
    assert answer.json["limit"] == 3


async def test_a_target_has_its_bound(house: House) -> None:
    keys = "&".join(f"article={'k' * 200}" for _ in range(200))
    answer = await ask(house.port, "GET", f"{NOTES}?{keys}")
    assert answer.status == 200
    assert len(answer.json["articles"]) == 200
    answer = await ask(house.port, "GET", f"/v1/fail?kind={'k' * 5_000}")
    assert (answer.status, answer.code) == (414, "uri_too_long")


async def test_answers_are_counted_by_operation_and_status(serve: Serve) -> None:
    async with serve() as house:
        await ask(house.port, "GET", NOTES)
        await ask(house.port, "GET", "/nowhere")
        counted = house.metrics.render().decode()
    assert 'postbag_http_requests_total{operation="read_notes",status="200"} 1.0' in counted
    assert 'postbag_http_requests_total{operation="none",status="404"} 1.0' in counted
