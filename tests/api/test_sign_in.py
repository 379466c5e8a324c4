"""Signing in over HTTP: cookies, what is told to whom, and what leaves no trace."""

from __future__ import annotations

import io
from typing import Any
from uuid import uuid4

import pytest

from service.model import Role
from service.wiring.ground import clock
from tests.api.calls import Answer
from tests.api.conftest import Api
from tests.api.insiders import (
    PASSWORD,
    accept_invitation,
    added_passkey,
    arrived,
    ask_for_passkey,
    cookie_of,
    invited,
    sign_in,
    signed_in,
    with_authenticator,
)


def attempt(api: Api, email: str, password: str, code: str | None = None) -> Answer:
    wish = {"email": email, "password": password, **({"code": code} if code else {})}
    return api.ask("POST", "/v1/session", json=wish)


def raw(api: Api, method: str, target: str, headers: dict[str, str]) -> Answer:
    """Ask and inspect nothing."""
    return api.caller.exchange(method, target, list(headers.items()), None)


def test_the_cookie_stays_in_the_browser(api: Api) -> None:
    for answer in (sign_in(api), accept_invitation(api)):
        name, *attributes = answer.headers["Set-Cookie"].split("; ")
        assert name.startswith("postbag=pbs_")
        assert set(attributes) == {"Max-Age=604800", "Path=/", "HttpOnly", "SameSite=Strict"}
        assert cookie_of(answer) not in answer.raw.decode()


def test_behind_tls_the_cookie_is_of_this_host_alone(api: Api) -> None:
    """Without a public URL the page's own origin tells how it was opened."""
    email, _ = arrived(api)
    host = "comments.daily.example"
    answer = api.ask(
        "POST",
        "/v1/session",
        json={"email": email, "password": PASSWORD},
        headers={"Host": host, "Origin": f"https://{host}"},
    )
    name, *attributes = answer.headers["Set-Cookie"].split("; ")
    assert name.startswith("__Host-postbag=pbs_")
    assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} <= set(attributes)
    assert "Domain" not in answer.headers["Set-Cookie"]
    secure = {"Host": host, "Sec-Fetch-Site": "same-origin"}
    token = cookie_of(answer)
    for cookie, status in ((f"__Host-postbag={token}", 200), (f"postbag={token}", 401)):
        asked = raw(api, "GET", "/v1/session", {**secure, "Cookie": cookie})
        assert asked.status == status, cookie


def test_over_a_line_that_others_may_read_nobody_signs_in(api: Api) -> None:
    email, _ = arrived(api)
    _, token = invited(api)
    for host in ("comments.daily.example", "192.0.2.7:8080", "localhost.evil.example", "[::2]:80"):
        headers = {"Host": host, "Origin": f"http://{host}"}
        for target, wish in (
            ("/v1/session", {"email": email, "password": PASSWORD}),
            ("/v1/invitations", {"token": token, "name": "Sam", "password": PASSWORD}),
        ):
            answer = api.ask("POST", target, json=wish, headers=headers)
            assert (answer.status, answer.code) == (403, "insecure_connection")
            assert answer.headers["Set-Cookie"] is None
    for host in ("localhost:8080", "127.0.0.1", "[::1]:8080"):
        wish = {"email": email, "password": PASSWORD}
        assert api.ask("POST", "/v1/session", json=wish, headers={"Host": host}).status == 200


def test_a_foreign_page_signs_nobody_in(api: Api) -> None:
    """Else somebody could work in another's account without knowing it."""
    email, _ = arrived(api)
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        wish = {"email": email, "password": PASSWORD}
        answer = api.ask("POST", "/v1/session", json=wish, headers=headers)
        assert (answer.status, answer.code) == (403, "foreign_page")


def test_a_wrong_password_and_an_unknown_address_are_told_alike(api: Api) -> None:
    email, _ = arrived(api)
    told = []
    for who, password in ((email, "wrong"), (f"{uuid4().hex}@daily.example", PASSWORD)):
        answer = attempt(api, who, password)
        assert answer.status == 401
        told.append({**answer.json, "request_id": None})
    assert told[0] == told[1]
    assert told[0]["code"] == "wrong_password"


def test_attempts_are_bounded(limited: Api) -> None:
    email, _ = arrived(limited)
    codes = [attempt(limited, email, "wrong").code for _ in range(6)]
    assert codes == ["wrong_password"] * 5 + ["rate_limited"]
    answer = attempt(limited, email, PASSWORD)
    assert answer.status == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 180


def test_whoever_signs_out_is_out_everywhere_in_a_second(api: Api, limited: Api) -> None:
    """Also in the other process, which knew the session."""
    sam = signed_in(api)
    for each in (api, limited):
        assert each.ask("GET", "/v1/session", bearer=sam.token).status == 200
    answer = api.ask("DELETE", "/v1/session", bearer=sam.token)
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert api.ask("GET", "/v1/session", bearer=sam.token).status == 401
    limited.eventually(lambda: limited.ask("GET", "/v1/session", bearer=sam.token).status == 401)


def test_one_session_ends_another(api: Api) -> None:
    sam = signed_in(api)
    other = signed_in(api, email=sam.email)
    assert api.ask("GET", "/v1/session", bearer=other.token).status == 200
    listed = api.ask("GET", "/v1/sessions", bearer=sam.token).json["items"]
    assert {each["agent"] for each in listed} == {"Tests"}
    (current,) = [each["session_id"] for each in listed if each["current"]]
    assert api.ask("DELETE", "/v1/sessions", bearer=other.token).status == 204
    api.eventually(lambda: api.ask("GET", "/v1/session", bearer=sam.token).status == 401)
    stranger = signed_in(api)
    answer = api.ask("DELETE", f"/v1/sessions/{current}", bearer=stranger.token)
    assert answer.status == 404


def test_a_proof_gives_another_cookie_and_the_former_is_void(api: Api) -> None:
    email, answer = arrived(api)
    before = cookie_of(answer)
    api.ask("GET", "/v1/session", bearer=before)
    json = {"password": PASSWORD}
    after = cookie_of(api.ask("POST", "/v1/session/proof", json=json, bearer=before))
    assert after != before
    assert api.ask("GET", "/v1/session", bearer=after).json["member"]["email"] == email
    assert api.ask("GET", "/v1/session", bearer=before).status == 401
    wishes: list[dict[str, Any]] = [{}, {"password": "wrong"}, {"credential": {}}]
    for wrong in wishes:
        answer = api.ask("POST", "/v1/session/proof", json=wrong, bearer=after)
        assert answer.status in {401, 422}
        assert answer.headers["Set-Cookie"] is None


def test_an_admin_of_a_password_alone_becomes_one_of_two_proofs(api: Api) -> None:
    email, answer = arrived(api)
    weak = cookie_of(answer)
    invite = {"email": f"{uuid4().hex}@daily.example", "role": "viewer"}
    where = f"/v1/members?site={api.site.slug}"
    refused = api.ask("POST", where, json=invite, bearer=weak)
    assert refused.code == "second_factor_needed"
    sam = signed_in(api, email=email, method="password")
    once, confirmed = with_authenticator(api, sam)
    strong = cookie_of(confirmed)
    assert api.ask("POST", where, json=invite, bearer=strong).status == 201
    assert attempt(api, email, PASSWORD).code == "code_needed"
    assert attempt(api, email, PASSWORD, once.at(clock())).code == "wrong_code"
    (first, *_) = confirmed.json["recovery_codes"]
    assert attempt(api, email, PASSWORD, first).json["session"]["method"] == "code"


def test_a_passkey_signs_in_on_this_host_alone(api: Api) -> None:
    key, added = added_passkey(api, signed_in(api))
    assert added.json["name"] == "Telephone"
    options = ask_for_passkey(api).json["options"]
    assert options["rpId"] == "127.0.0.1"
    elsewhere = {"Host": "localhost", "Origin": "http://localhost"}
    credential = key.used(options)
    wish = {"credential": credential}
    answer = api.ask("POST", "/v1/session/passkey", json=wish, headers=elsewhere)
    assert (answer.status, answer.code) == (401, "unauthenticated")
    credential = key.used(ask_for_passkey(api).json["options"])
    answer = api.ask("POST", "/v1/session/passkey", json={"credential": credential})
    assert answer.json["session"]["method"] == "passkey"


def test_whoever_can_sign_in_is_invited_without_a_link(api: Api) -> None:
    email, _ = arrived(api)
    answer = api.ask(
        "POST",
        "/v1/members",
        json={"email": email, "role": "viewer"},
        bearer=api.keys["foreign"],
    )
    assert answer.json == {"token": None}


def test_what_was_done_to_the_team_is_read_with_names(api: Api) -> None:
    site = api.new_site()
    key = api.new_key(site, name="CMS")
    email, _ = arrived(api, Role.VIEWER, site)
    where = f"/v1/members?site={site.slug}"
    (sam,) = api.ask("GET", where, bearer=key).json["items"]
    assert (sam["email"], sam["arrived"], sam["owner"]) == (email, True, False)
    path = f"/v1/members/{sam['member_id']}?site={site.slug}"
    api.ask("PATCH", path, json={"role": "senior"}, bearer=key)
    log = f"/v1/sites/{site.slug}/administration"
    (latest, *_) = api.ask("GET", log, bearer=key).json["items"]
    assert latest["act"] == "role.changed"
    assert latest["by"] == {"kind": "key", "name": "CMS"}
    assert latest["member"] == "Sam"
    assert latest["details"] == {"from": "viewer", "to": "senior"}


@pytest.mark.parametrize("wish", [{}, {"email": "x"}, {"email": "a@b.c", "password": 1}])
def test_what_is_no_attempt_is_invalid(api: Api, wish: dict[str, Any]) -> None:
    assert api.ask("POST", "/v1/session", json=wish).status == 422


def test_no_secret_is_written_to_the_log(api: Api, log_lines: io.StringIO) -> None:
    email, link = invited(api)
    json = {"token": link, "name": "Sam Secret", "password": PASSWORD}
    token = cookie_of(api.ask("POST", "/v1/invitations", json=json))
    attempt(api, email, "wrong horse")
    attempt(api, email, PASSWORD)
    api.ask("GET", "/v1/session", bearer=token)
    said = log_lines.getvalue()
    for secret in (email, link, token, PASSWORD, "wrong horse", "Sam Secret"):
        assert secret not in said


def test_keys_and_settings_are_changed_by_admins_and_written_down(api: Api) -> None:
    site = api.new_site()
    sam = signed_in(api, Role.ADMIN, site)
    base = f"/v1/sites/{site.slug}"
    wish = {"name": "CMS", "scopes": ["read"]}
    made = api.ask("POST", f"{base}/keys", json=wish, bearer=sam.token).json
    settings = api.ask("PUT", f"{base}/settings", json={"mode": "post"}, bearer=sam.token)
    assert settings.json["mode"] == "post"
    key_id = made["key_id"]
    assert api.ask("DELETE", f"{base}/keys/{key_id}", bearer=sam.token).status == 204
    token_key = {"kid": "k1", "issuer": "x", "algorithm": "HS256", "key": "s" * 32}
    assert api.ask("POST", f"{base}/token-keys", json=token_key, bearer=sam.token).status == 201
    assert api.ask("DELETE", f"{base}/token-keys/k1", bearer=sam.token).status == 204
    log = api.ask("GET", f"{base}/administration", bearer=sam.token).json["items"]
    told = [(each["act"], each["by"]["kind"]) for each in reversed(log)]
    assert told == [
        ("member.invited", "operator"),
        ("key.created", "member"),
        ("settings.changed", "member"),
        ("key.revoked", "member"),
        ("token_key.added", "member"),
        ("token_key.revoked", "member"),
    ]
    assert log[-2]["details"] == {"key": key_id, "scopes": ["read"]}
    assert made["key"] not in str(log)
    assert token_key["key"] not in str(log)
