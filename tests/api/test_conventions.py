"""Every operation keeps every convention of `docs/api.md` that applies to it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import timedelta

import jwt
import pytest

from service.features import credentials
from service.model import Scope
from service.web.operation import AKey, AMember, Anyone, AVisitor, Operation
from service.wiring.ground import clock
from tests.api.calls import Answer
from tests.api.conftest import GUEST, Api
from tests.api.insiders import session_for
from tests.api.table import (
    NOBODY,
    body,
    broken_body,
    each,
    is_a_list,
    looks_at_credential,
    names_ids,
    names_site,
    needs_credential,
    needs_key,
    takes_json,
    target,
)

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
UNKNOWN_SITES = ("nowhere", "Daily", "-daily", "a" * 41, "daily\x00", "dáily", "daily-0 ", "..")

NOT_JSON: dict[str, bytes] = {
    "nothing": b"",
    "blanks": b" \t\r\n",
    "words": b"hello",
    "cut": b'{"body": "x"',
    "two values": b"{} {}",
    "bad UTF-8": b'{"body": "\xff"}',
    "overlong UTF-8": b'{"body": "\xc0\xaf"}',
    "an encoded surrogate": b'{"body": "\xed\xa0\x80"}',
    "a lone surrogate": rb'{"body": "\ud800"}',
    "NaN": b'{"body": NaN}',
    "Infinity": b'{"body": -Infinity}',
    "a comment": b'{"body": 1 /* one */}',
    "a comma too many": b'{"body": 1,}',
    "single quotes": b"{'body': 1}",
    "a byte-order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"body": 1}'.encode("utf-16"),
    "a control character": b'{"body": "\x00"}',
    "a name said twice": b'{"body": 1, "body": 2}',
    "a name said twice, escaped": rb'{"body": 1, "\u0062ody": 2}',
    "a name said twice inside": b'{"body": [{"a": 1, "a": 1}]}',
    "very deep": b"[" * 30_000,
}

NO_OBJECTS = (b"null", b"true", b"0", b'"text"', b"[]", b"[{}]")

WRONG_TYPES: dict[str, list[tuple[str, str]]] = {
    "no type": [("Accept", "*/*")],
    "text": [("Content-Type", "text/plain")],
    "a form": [("Content-Type", "application/x-www-form-urlencoded")],
    "parts": [("Content-Type", "multipart/form-data; boundary=x")],
    "another JSON": [("Content-Type", "application/problem+json")],
    "Latin-1": [("Content-Type", "application/json; charset=iso-8859-1")],
    "compressed": [("Content-Type", "application/json"), ("Content-Encoding", "gzip")],
}


def with_right(api: Api, operation: Operation) -> str | None:
    """Return a credential that may ask."""
    match operation.credential:
        case AKey(scope=scope):
            return api.keys[scope]
        case AVisitor(required=True):
            return api.receipt
        case AMember():
            return session_for(api, operation)
        case _:
            return None


def asked(api: Api, operation: Operation, **said: object) -> Answer:
    """Ask with the right credential, on the site that there is."""
    said.setdefault("bearer", with_right(api, operation))
    return api.ask(operation.method, target(operation, api.site.slug), **said)


@each()
def test_another_method_is_refused_with_those_that_are_offered(
    api: Api, operation: Operation
) -> None:
    offered = {each.method for each in api.caller.operations if each.path == operation.path}
    allowed = offered | {"OPTIONS"} | ({"HEAD"} if "GET" in offered else set())
    for method in ({*METHODS, "HEAD", "TRACE", "PROPFIND"}) - allowed:
        answer = api.ask(method, target(operation, api.site.slug))
        assert answer.status == 405, method
        assert set(answer.headers["Allow"].split(", ")) == allowed


@each(takes_json)
@pytest.mark.parametrize("said", WRONG_TYPES.values(), ids=WRONG_TYPES)
def test_a_body_of_another_type_is_refused_before_anybody_is_asked_who_they_are(
    api: Api, operation: Operation, said: list[tuple[str, str]]
) -> None:
    answer = api.ask(
        operation.method, target(operation, "nowhere"), headers=said, announce=2, body=b"{}"
    )
    assert (answer.status, answer.code) == (415, "unsupported_media_type")


@each(takes_json)
def test_a_body_of_json_may_say_that_it_is_utf_8(api: Api, operation: Operation) -> None:
    for said in ("application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"'):
        answer = asked(api, operation, body=b'{"zzz": 1}', headers={"Content-Type": said})
        assert answer.status == 422


@each(takes_json)
def test_a_body_that_is_too_large_is_refused_and_one_at_the_limit_is_read(
    api: Api, operation: Operation
) -> None:
    where = target(operation, "nowhere")
    json = {"Content-Type": "application/json"}
    answer = api.ask(operation.method, where, announce=operation.body_limit + 1, headers=json)
    assert (answer.status, answer.code) == (413, "body_too_large")
    full = b'{"zzz": 1}'.ljust(operation.body_limit)
    assert asked(api, operation, body=full).pointers["/zzz"] == "unknown_field"


@each(takes_json)
@pytest.mark.parametrize("raw", NOT_JSON.values(), ids=NOT_JSON)
@pytest.mark.long
def test_what_is_no_strict_json_is_malformed(api: Api, operation: Operation, raw: bytes) -> None:
    answer = asked(api, operation, body=raw)
    if operation.body_optional and not raw.strip():
        assert answer.status == 404  # it was left out, as it may; the object is looked for
    else:
        assert (answer.status, answer.code) == (400, "malformed_json")


@each(takes_json)
def test_json_that_is_no_object_is_not_what_is_asked_for(api: Api, operation: Operation) -> None:
    for raw in NO_OBJECTS:
        answer = asked(api, operation, body=raw)
        assert (answer.status, answer.pointers) == (422, {"": "wrong_type"}), raw


@each(takes_json)
def test_nesting_deeper_than_anything_we_read_is_refused(api: Api, operation: Operation) -> None:
    deep = operation.body_depth + 1
    answer = asked(api, operation, body=b'{"zzz":' * deep + b"1" + b"}" * deep)
    assert (answer.status, answer.pointers) == (422, {"": "too_deep"})


@each(takes_json)
def test_an_unknown_field_is_named(api: Api, operation: Operation) -> None:
    answer = asked(api, operation, json={"zzz": 1, "a/b~c": None})
    assert answer.status == 422
    assert answer.pointers.items() >= {("/zzz", "unknown_field"), ("/a~1b~0c", "unknown_field")}


@each(lambda operation: operation.body is None or operation.body_optional)
def test_an_unknown_or_repeated_parameter_of_the_query_is_named(
    api: Api, operation: Operation
) -> None:
    """Where there is a body, that is looked at first."""
    bearer = with_right(api, operation)
    where = target(operation, api.site.slug, zzz="1")
    answer = api.ask(operation.method, where, bearer=bearer, json=body(operation))
    assert (answer.status, answer.pointers["/zzz"]) == (422, "unknown_field")
    if operation.query is not None and "limit" in operation.query.model_fields:
        where = target(operation, api.site.slug, limit=["1", "2"])
        answer = api.ask(operation.method, where, bearer=bearer)
        assert (answer.status, answer.pointers) == (422, {"/limit": "repeated"})


@each(needs_credential)
def test_without_a_credential_nothing_else_is_told(api: Api, operation: Operation) -> None:
    """Neither whether the site exists, nor whether the body is one."""
    broken = broken_body(operation)
    for site in (api.site.slug, "nowhere", "NO SLUG"):
        answer = api.ask(operation.method, target(operation, site), body=broken)
        assert (answer.status, answer.code) == (401, "unauthenticated")


def wrong_credentials(api: Api) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Everything that is no credential, by what is wrong with it."""
    key = api.keys["all"]
    wrong_digit = "0" if key[-1] != "0" else "1"
    unknown = credentials.new_key()[0]
    key_id, secret = key[4:12], credentials.new_key()[0][12:55]
    now = int(clock().timestamp())
    claims: dict[str, str | int] = {
        "iss": "https://daily.example",
        "sub": "7",
        "aud": api.site.slug,
        "iat": now,
        "exp": now + 60,
    }
    bearers = {
        "empty": "",
        "words": "hello there",
        "not ASCII": "pbk_é",
        "a key with a wrong checksum": key[:-1] + wrong_digit,
        "a key with a wrong secret": f"pbk_{key_id}{secret}{credentials.checksum(key_id + secret)}",
        "a key that never was": unknown,
        "a key that has expired": api.keys["expired"],
        "a key that was revoked": api.keys["revoked"],
        "a key and more": f"{key} x",
        "a link of the team": credentials.new_link_token()[0],
        "an unsigned token": jwt.encode(claims, "", algorithm="none", headers={"kid": "k"}),
        "a token of an unknown key": jwt.encode(
            claims, "x" * 32, algorithm="HS256", headers={"kid": "unheard-of"}
        ),
    }
    for name, bearer in bearers.items():
        yield name, [("Authorization", f"Bearer {bearer}")]
    basic = base64.b64encode(f"user:{key}".encode()).decode()
    yield "a password", [("Authorization", f"Basic {basic}")]
    yield "a key without its scheme", [("Authorization", key)]
    yield "two keys", [("Authorization", f"Bearer {key}")] * 2
    yield "a very long key", [("Authorization", f"Bearer {key}{'0' * 5_000}")]
    forged = credentials.receipt([b"0" * 32], api.site.slug, GUEST, 0)
    yield "a forged receipt", [("Authorization", f"Bearer {forged}")]
    foreign = api.receipt_of(api.other)
    yield "a receipt of another site", [("Authorization", f"Bearer {foreign}")]
    swapped = api.receipt.swapcase()
    yield "a receipt with other letters", [("Authorization", f"Bearer pbr_{swapped[4:]}")]


@each(looks_at_credential)
def test_a_wrong_credential_is_refused_whatever_is_wrong_with_it(
    api: Api, operation: Operation
) -> None:
    for name, headers in wrong_credentials(api):
        said = [(field, value.encode()) for field, value in headers]
        broken = broken_body(operation)
        answer = api.ask(
            operation.method, target(operation, api.site.slug), headers=said, body=broken
        )
        assert (answer.status, answer.code) == (401, "unauthenticated"), name


@each(needs_key)
def test_a_receipt_is_no_key(api: Api, operation: Operation) -> None:
    answer = api.ask(operation.method, target(operation, api.site.slug), bearer=api.receipt)
    assert answer.status == 401


@each(lambda operation: isinstance(operation.credential, Anyone))
def test_where_no_credential_is_asked_for_a_wrong_one_changes_nothing(
    api: Api, operation: Operation
) -> None:
    where = target(operation, api.site.slug)
    plain = api.ask(operation.method, where)
    for headers in ([("Authorization", "Bearer nonsense")], [("Authorization", "x")] * 2):
        answer = api.ask(operation.method, where, headers=headers)
        assert answer.status == plain.status
        assert answer.headers["Cache-Control"] == plain.headers["Cache-Control"]
        if operation.public:
            assert answer.raw == plain.raw
            assert answer.headers["ETag"] == plain.headers["ETag"]


@each(lambda operation: operation.site_in_path or operation.site_in_query)
def test_an_unknown_site_is_not_found(api: Api, operation: Operation) -> None:
    broken = broken_body(operation)
    for site in UNKNOWN_SITES:
        answer = api.ask(
            operation.method,
            target(operation, site),
            bearer=with_right(api, operation),
            body=broken,
        )
        if operation.site_in_query and "\x00" in site:
            assert answer.status == 422, "a query with a NUL cannot be read"
            continue
        assert (answer.status, answer.code) == (404, "unknown_site"), site


@each(lambda operation: looks_at_credential(operation) and names_site(operation))
def test_for_a_foreign_sites_key_the_site_does_not_exist(api: Api, operation: Operation) -> None:
    """It is refused like an unknown site, whatever the key could do at home."""
    json = {"site": api.site.slug} if operation.site_in_body else body(operation)
    where = target(operation, api.site.slug)
    answer = api.ask(operation.method, where, bearer=api.keys["foreign"], json=json)
    assert (answer.status, answer.code) == (404, "unknown_site")


@each(lambda operation: operation.site_in_body)
def test_an_unknown_site_of_the_body_is_not_found(api: Api, operation: Operation) -> None:
    answer = asked(api, operation, json={"site": "nowhere"})
    assert (answer.status, answer.code) == (404, "unknown_site")


@each(looks_at_credential)
def test_a_key_without_the_scope_may_not(api: Api, operation: Operation) -> None:
    """Before its body or the object is looked at."""
    credential = operation.credential
    assert isinstance(credential, AKey | AVisitor)
    scope = credential.scope if isinstance(credential, AKey) else credential.key_scope
    broken = broken_body(operation)
    for other in set(Scope) - {scope}:
        answer = api.ask(
            operation.method,
            target(operation, api.site.slug),
            bearer=api.keys[other],
            body=broken,
        )
        assert (answer.status, answer.code) == (403, "forbidden"), other


@each(lambda operation: bool(names_ids(operation)))
def test_what_is_no_id_in_a_path_names_nothing(api: Api, operation: Operation) -> None:
    json = body(operation)
    for wrong in (
        "x",
        "0",
        NOBODY.upper(),
        NOBODY.replace("-", ""),
        f"{{{NOBODY}}}",
        f"urn:uuid:{NOBODY}",
        f"{NOBODY}\n",
        f" {NOBODY}",
        NOBODY[:-1] + "\uff10",
        "1" * 300,
        "%",
    ):
        for name in names_ids(operation):
            where = target(operation, api.site.slug, **{name: wrong})
            answer = api.ask(operation.method, where, bearer=with_right(api, operation), json=json)
            assert answer.status == 404, wrong


@each(lambda operation: bool(names_ids(operation)))
def test_an_object_of_a_foreign_site_is_like_one_that_does_not_exist(
    api: Api, operation: Operation
) -> None:
    foreign = api.posted(api.article(), site=api.other)["id"]
    told = []
    for comment_id in (foreign, NOBODY):
        where = target(operation, api.site.slug, **dict.fromkeys(names_ids(operation), comment_id))
        bearer = with_right(api, operation)
        answer = api.ask(operation.method, where, bearer=bearer, json=body(operation))
        assert answer.status == 404
        told.append({**answer.json, "request_id": None})
    assert told[0] == told[1]


@each(lambda operation: is_a_list(operation) and not names_ids(operation))
def test_a_cursor_that_was_not_given_out_for_the_list_is_refused(
    api: Api, operation: Operation
) -> None:
    article = api.article()
    for number in range(3):
        api.approved(article, f"Comment {number}.")
        api.posted(article, f"Waiting {number}.")
    for said in ("The trees behind the station were here first", "Nobody asked the ferrymen again"):
        api.posted(article, f"{said}.")
        api.posted(article, f"{said}!")
    bearer = with_right(api, operation)

    def page(**more: object) -> Answer:
        values = {"article": article, **more} if "{article}" in operation.path else more
        return api.ask("GET", target(operation, api.site.slug, **values), bearer=bearer)

    api.eventually(lambda: page(limit=1).json["next"] is not None)  # a search follows
    good = page(limit=1).json["next"]
    assert page(limit=1, cursor=good).status == 200
    is_sorted = "sort" in getattr(operation.query, "model_fields", ())
    another = page(limit=1, sort="oldest").json["next"] if is_sorted else "another"
    for wrong in (
        "",
        "x",
        good[:-1],
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        good + "=",
        good + "A",
        f" {good}",
        good[::-1],
        another,
        "A" * 5_000 if operation.target_limit > 5_200 else "A" * 2_000,
        "é",
        "\x01",
    ):
        answer = page(limit=1, cursor=wrong)
        assert (answer.status, answer.code) == (400, "bad_cursor"), ascii(wrong)


def asks_for_a_page(operation: Operation) -> bool:
    return "limit" in getattr(operation.query, "model_fields", ())


@each(lambda operation: asks_for_a_page(operation) and not names_ids(operation))
def test_a_page_has_1_to_100_items(api: Api, operation: Operation) -> None:
    for limit, status in {
        "1": 200,
        "100": 200,
        "0": 422,
        "101": 422,
        "-1": 422,
        "1.5": 422,
        "": 422,
        "x": 422,
        "9" * 30: 422,
    }.items():
        where = target(operation, api.site.slug, limit=limit)
        answer = api.ask("GET", where, bearer=with_right(api, operation))
        assert answer.status == status, limit
        if status == 422:
            assert set(answer.pointers) == {"/limit"}


@each()
def test_the_clients_request_id_is_answered_if_it_is_one(api: Api, operation: Operation) -> None:
    where = target(operation, api.site.slug)
    answer = api.ask(operation.method, where, headers={"X-Request-Id": "abc-12345"})
    assert answer.headers["X-Request-Id"] == "abc-12345"
    for wrong in ("short", "x" * 65, "with space", "a\tb", "<script>", "é" * 8):
        answer = api.ask(operation.method, where, headers=[("X-Request-Id", wrong.encode())])
        assert answer.headers["X-Request-Id"] != wrong


def test_the_checks_run_in_the_contracts_order(api: Api) -> None:
    """Each request is wrong in several ways; the first one counts."""
    whole = f"/v1/moderation/comments/{NOBODY}"
    settings = "/v1/sites/{}/settings"
    read, manage, foreign = api.keys["read"], api.keys["manage"], api.keys["foreign"]
    text = {"Content-Type": "text/plain"}
    here, nowhere = settings.format(api.site.slug), settings.format("nowhere")
    steps = [
        (404, api.ask("PROPFIND", "/v1/nothing", body=b"{", headers=text)),
        (405, api.ask("POST", nowhere, body=b"{", headers=text)),
        (415, api.ask("PUT", nowhere, body=b"{", headers=text)),
        (401, api.ask("PUT", nowhere, body=b"{")),
        (404, api.ask("PUT", nowhere, body=b"{", bearer=read)),
        (404, api.ask("PUT", here, body=b"{", bearer=foreign)),
        (403, api.ask("PUT", here, body=b"{", bearer=read)),
        (400, api.ask("PUT", here, body=b"{", bearer=manage)),
        (422, api.ask("PUT", here, json={"version": 999, "zzz": 1}, bearer=manage)),
        (409, api.ask("PUT", here, json={"version": 999}, bearer=manage)),
        (401, api.ask("GET", whole)),
        (403, api.ask("GET", whole, bearer=read)),
        (404, api.ask("GET", whole, bearer=api.keys["moderate"])),
    ]
    assert [answer.status for _, answer in steps] == [status for status, _ in steps]


def test_a_revoked_key_stops_within_a_second(api: Api) -> None:
    """In every process; this one at once."""
    token = api.new_key(api.site, frozenset({Scope.READ}))
    where = f"/v1/sites/{api.site.slug}/articles/story-1"
    assert api.ask("GET", where, bearer=token).status == 200
    key_id = token.removeprefix("pbk_")[:8]
    answer = api.ask(
        "DELETE", f"/v1/sites/{api.site.slug}/keys/{key_id}", bearer=api.keys["manage"]
    )
    assert answer.status == 204
    deadline = clock() + timedelta(seconds=1)
    while api.ask("GET", where, bearer=token).status != 401:
        assert clock() < deadline
