"""The newsroom's people as tests of the API meet them, and a request of each of their acts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pyotp

from service.features.sessions import Method
from service.model import Role, Site
from service.web.operation import AMember, AModerator, Operation
from service.wiring.ground import clock
from tests.api.calls import Answer
from tests.api.conftest import Api
from tests.passkey import SoftKey

PASSWORD = "plaid otter under nine clouds"
OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Insider:
    """Somebody who is signed in."""

    email: str
    member_id: UUID
    token: str


def invited(api: Api, role: Role = Role.ADMIN, site: Site | None = None) -> tuple[str, str]:
    """Invite somebody new; return their address and the token of their link."""
    email = f"{uuid4().hex[:12]}@daily.example"
    token = api.aside.run(api.service.members.team.invite(email, role, site or api.site, clock()))
    assert token is not None
    return email, token


def signed_in(
    api: Api,
    role: Role = Role.ADMIN,
    site: Site | None = None,
    *,
    email: str | None = None,
    method: Method = "code",
) -> Insider:
    """Return a member with a session, as if they had signed in this way a moment ago."""
    where = site or api.site
    if email is None:
        email, _ = invited(api, role, where)
    team = api.aside.run(api.service.members.team.of_site(where))
    member_id = next(each.member_id for each in team if each.email == email)
    opening = api.service.members.sessions.open(
        member_id, method=method, agent="Tests", now=clock()
    )
    token, _ = api.aside.run(opening)
    return Insider(email=email, member_id=member_id, token=token)


def session_for(api: Api, operation: Operation) -> str | None:
    """Return the token of somebody who may do this on the site that there is."""
    if isinstance(operation.credential, AMember):
        return signed_in(api, operation.credential.role or Role.VIEWER).token
    if isinstance(operation.credential, AModerator):
        return signed_in(api, operation.credential.role).token
    return None


def arrived(api: Api, role: Role = Role.ADMIN, site: Site | None = None) -> tuple[str, Answer]:
    """Let somebody new follow their link; return their address and the answer."""
    email, token = invited(api, role, site)
    wish = {"token": token, "name": "Sam", "password": PASSWORD}
    return email, api.ask("POST", "/v1/invitations", json=wish)


def cookie_of(answer: Answer) -> str:
    """Return the session's token that an answer gives."""
    said: str = answer.headers["Set-Cookie"]
    return said.partition("=")[2].partition(";")[0]


def soft_key(api: Api, **how: Any) -> SoftKey:
    return SoftKey(origin=api.caller.origin, **how)


def added_passkey(api: Api, insider: Insider, **how: Any) -> tuple[SoftKey, Answer]:
    """Add a passkey; the session has another token then."""
    key = soft_key(api, **how)
    asked = api.ask("POST", "/v1/session/passkeys/options", bearer=insider.token)
    wish = {"name": "Telephone", "credential": key.made(asked.json["options"])}
    return key, api.ask("POST", "/v1/session/passkeys", json=wish, bearer=insider.token)


def sign_in(api: Api) -> Answer:
    email, _ = arrived(api)
    return api.ask("POST", "/v1/session", json={"email": email, "password": PASSWORD})


def ask_for_passkey(api: Api) -> Answer:
    return api.ask("POST", "/v1/session/passkey/options")


def sign_in_with_passkey(api: Api) -> Answer:
    key, _ = added_passkey(api, signed_in(api))
    credential = key.used(ask_for_passkey(api).json["options"])
    return api.ask("POST", "/v1/session/passkey", json={"credential": credential})


def look_at_invitation(api: Api) -> Answer:
    _, token = invited(api)
    return api.ask("POST", "/v1/invitations/look", json={"token": token})


def ask_for_first_passkey(api: Api) -> Answer:
    _, token = invited(api)
    wish = {"token": token, "name": "Sam"}
    return api.ask("POST", "/v1/invitations/passkey/options", json=wish)


def accept_invitation(api: Api) -> Answer:
    return arrived(api)[1]


def read_session(api: Api) -> Answer:
    return api.ask("GET", "/v1/session", bearer=signed_in(api).token)


def sign_out(api: Api) -> Answer:
    return api.ask("DELETE", "/v1/session", bearer=signed_in(api).token)


def prove_again(api: Api) -> Answer:
    _, answer = arrived(api)
    json = {"password": PASSWORD}
    return api.ask("POST", "/v1/session/proof", json=json, bearer=cookie_of(answer))


def list_sessions(api: Api) -> Answer:
    return api.ask("GET", "/v1/sessions", bearer=signed_in(api).token)


def end_other_sessions(api: Api) -> Answer:
    return api.ask("DELETE", "/v1/sessions", bearer=signed_in(api).token)


def end_session(api: Api) -> Answer:
    sam = signed_in(api)
    signed_in(api, email=sam.email)
    listed = api.ask("GET", "/v1/sessions", bearer=sam.token).json["items"]
    (other,) = [each["session_id"] for each in listed if not each["current"]]
    return api.ask("DELETE", f"/v1/sessions/{other}", bearer=sam.token)


def read_proofs(api: Api) -> Answer:
    return api.ask("GET", "/v1/session/proofs", bearer=signed_in(api).token)


def change_password(api: Api) -> Answer:
    json = {"password": PASSWORD}
    return api.ask("PUT", "/v1/session/password", json=json, bearer=signed_in(api).token)


def begin_authenticator(api: Api) -> Answer:
    return api.ask("POST", "/v1/session/authenticator", bearer=signed_in(api).token)


def with_authenticator(api: Api, insider: Insider) -> tuple[pyotp.TOTP, Answer]:
    """Set an authenticator up; the session has another token then."""
    begun = api.ask("POST", "/v1/session/authenticator", bearer=insider.token)
    once = pyotp.TOTP(begun.json["secret"])
    json = {"code": once.at(clock())}
    where = "/v1/session/authenticator"
    return once, api.ask("PUT", where, json=json, bearer=insider.token)


def confirm_authenticator(api: Api) -> Answer:
    return with_authenticator(api, signed_in(api))[1]


def remove_authenticator(api: Api) -> Answer:
    token = cookie_of(confirm_authenticator(api))
    return api.ask("DELETE", "/v1/session/authenticator", bearer=token)


def replace_recovery_codes(api: Api) -> Answer:
    token = cookie_of(confirm_authenticator(api))
    return api.ask("POST", "/v1/session/recovery-codes", bearer=token)


def list_passkeys(api: Api) -> Answer:
    _, added = added_passkey(api, signed_in(api))
    return api.ask("GET", "/v1/session/passkeys", bearer=cookie_of(added))


def ask_for_new_passkey(api: Api) -> Answer:
    return api.ask("POST", "/v1/session/passkeys/options", bearer=signed_in(api).token)


def add_passkey(api: Api) -> Answer:
    return added_passkey(api, signed_in(api))[1]


def remove_passkey(api: Api) -> Answer:
    sam = signed_in(api)
    _, first = added_passkey(api, sam)
    _, second = added_passkey(api, Insider(**_of(sam, token=cookie_of(first))))
    where = f"/v1/session/passkeys/{first.json['passkey_id']}"
    return api.ask("DELETE", where, bearer=cookie_of(second))


def change_member(api: Api) -> Answer:
    sam = signed_in(api, Role.VIEWER)
    where = f"/v1/members/{sam.member_id}"
    return api.ask("PATCH", where, json={"role": "senior"}, bearer=api.keys["manage"])


def remove_member(api: Api) -> Answer:
    sam = signed_in(api, Role.VIEWER)
    return api.ask("DELETE", f"/v1/members/{sam.member_id}", bearer=api.keys["manage"])


def list_administrative_acts(api: Api) -> Answer:
    change_member(api)
    where = f"/v1/sites/{api.site.slug}/administration"
    return api.ask("GET", where, bearer=api.keys["manage"])


INSIDER_EXAMPLES = (
    sign_in,
    ask_for_passkey,
    sign_in_with_passkey,
    look_at_invitation,
    ask_for_first_passkey,
    accept_invitation,
    read_session,
    sign_out,
    prove_again,
    list_sessions,
    end_other_sessions,
    end_session,
    read_proofs,
    change_password,
    begin_authenticator,
    confirm_authenticator,
    remove_authenticator,
    replace_recovery_codes,
    list_passkeys,
    ask_for_new_passkey,
    add_passkey,
    remove_passkey,
    change_member,
    remove_member,
    list_administrative_acts,
)
"""A request of each operation that succeeds."""


def _of(insider: Insider, **other: Any) -> dict[str, Any]:
    return {"email": insider.email, "member_id": insider.member_id, **other}
