"""What the newsroom's people send and are told: sign-in, accounts, the team."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from service.features.administration import ActsPage, NotedAct
from service.features.arrivals import Invitee
from service.features.passkeys import Passkey
from service.features.sessions import (
    IDLE,
    PROOF_LASTS,
    Session,
    SignedInMember,
)
from service.features.sign_in import Proofs
from service.features.team import Member
from service.web.wire.base import Timestamp, Wire, optional_stamp, stamp

RoleName = Literal["viewer", "moderator", "senior", "editor", "admin"]
Email = Annotated[str, StringConstraints(min_length=3, max_length=254)]
Password = Annotated[str, StringConstraints(max_length=1_024)]
Code = Annotated[str, StringConstraints(max_length=40)]
LinkToken = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Credential = Annotated[
    dict[str, Any], Field(description="What the browser answered, as `toJSON()` writes it.")
]
MethodName = Literal["password", "code", "passkey", "invitation"]


class PasswordIn(Wire):
    """Who signs in, and what proves it."""

    email: Email
    password: Password
    code: Code | None = None
    """Of the authenticator, or a recovery code; asked for by `code_needed`."""


class PasskeyIn(Wire):
    """A passkey's answer."""

    credential: Credential


class ProofIn(Wire):
    """What proves again whose session it is.

    A password, with a code where there is an authenticator; or a passkey.
    """

    password: Password | None = None
    code: Code | None = None
    credential: Credential | None = None


class NewPasswordIn(Wire):
    """The password from now on."""

    password: Password


class CodeIn(Wire):
    """The authenticator's first code."""

    code: Code


class NewPasskeyIn(Wire):
    """A passkey that the browser made."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=60)]
    credential: Credential


class LinkIn(Wire):
    """A one-time link's token: what stands behind `#invitation=`."""

    token: LinkToken


class LinkPasskeyIn(LinkIn):
    """For whom a passkey shall be made."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    email: Email | None = None


class ArrivalIn(LinkIn):
    """How somebody who follows a link wants to be known, and to sign in."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    email: Email | None = None
    """Only of the owner, whose link says no address."""
    password: Password | None = None
    credential: Credential | None = None


class OptionsOut(Wire):
    """What the browser is asked for."""

    options: dict[str, Any]
    """For `PublicKeyCredential.parseCreationOptionsFromJSON` or `…RequestOptionsFromJSON`."""


class MembershipOut(Wire):
    """What a member may do on one site."""

    site: str
    role: RoleName


class InviteeOut(Wire):
    """Whom a link is for."""

    owner: bool
    """The first start's link: its follower names themselves."""
    email: str | None
    name: str
    roles: list[MembershipOut]


class SelfOut(Wire):
    """Who is signed in."""

    member_id: str
    email: str
    name: str
    owner: bool
    roles: list[MembershipOut]


class SessionOut(Wire):
    """One browser in which a member is signed in."""

    session_id: str
    current: bool
    method: MethodName
    agent: str
    """The families of browser and system."""
    created_at: Timestamp
    seen_at: Timestamp
    expires_at: Timestamp
    """At the latest; 12 hours without use end it too."""


class SignedInOut(Wire):
    """A member and their session."""

    member: SelfOut
    session: SessionOut
    idle_until: Timestamp
    """Unless something is asked before."""
    proof_until: Timestamp
    """When what is dangerous needs another proof."""


class SessionsOut(Wire):
    """Where a member is signed in."""

    items: list[SessionOut]
    next: None


class ProofsOut(Wire):
    """What a member can sign in with."""

    password_changed_at: Timestamp | None
    authenticator_since: Timestamp | None
    recovery_codes: int
    """Those left."""
    passkeys: int


class NewAuthenticatorOut(Wire):
    """What an authenticator has to know; told once."""

    secret: str
    uri: str
    picture: list[str]
    """The QR code of `uri`: a row each, `1` for what is dark."""


class RecoveryCodesOut(Wire):
    """Codes that each stand in once for a lost authenticator; told once."""

    recovery_codes: list[str]


class PasskeyOut(Wire):
    """A member's passkey."""

    passkey_id: str
    name: str
    synced: bool
    """Kept by more than one device."""
    created_at: Timestamp
    last_used_at: Timestamp | None


class PasskeysOut(Wire):
    """A member's passkeys."""

    items: list[PasskeyOut]
    next: None


class MemberIn(Wire):
    """Somebody to be invited."""

    email: Email
    role: RoleName


class RoleIn(Wire):
    """What somebody may do from now on."""

    role: RoleName


class MemberOut(Wire):
    """Somebody of the team."""

    member_id: str
    email: str
    name: str
    """Empty until they followed their link."""
    role: RoleName
    since: Timestamp
    owner: bool
    """An admin of every site."""
    arrived: bool
    """They can sign in."""
    passkey: bool
    """They have one."""
    authenticator: bool
    """They use one beside a password."""
    seen_at: Timestamp | None
    """When they were last at work, to some minutes."""
    languages: list[str]
    """In which they say that they read comments."""


class MembersOut(Wire):
    """The team of a site."""

    items: list[MemberOut]
    next: None


class InvitationOut(Wire):
    """What lets somebody in once, within 72 hours."""

    token: str | None
    """The link is `/moderate/#invitation=` and this; null for somebody who can sign in already."""


class ActorOut(Wire):
    """Who did something."""

    kind: Literal["member", "key", "operator", "service"]
    name: str


class ActOut(Wire):
    """An entry of the log."""

    id: str
    at: Timestamp
    by: ActorOut
    act: str
    """`thing.verb`, in the past tense."""
    member: str | None
    """What whoever it was done to is called."""
    details: dict[str, Any]


class ActsOut(Wire):
    """A page of the log, latest first."""

    items: list[ActOut]
    next: str | None


def self_json(signed_in: SignedInMember) -> dict[str, Any]:
    """Write who is signed in."""
    return {
        "member_id": str(signed_in.member_id),
        "email": signed_in.email,
        "name": signed_in.name,
        "owner": signed_in.owner,
        "roles": [{"site": each.site, "role": each.role} for each in signed_in.memberships],
    }


def session_json(session: Session, *, current: bool) -> dict[str, Any]:
    """Write one session."""
    return {
        "session_id": str(session.session_id),
        "current": current,
        "method": session.method,
        "agent": session.agent,
        "created_at": stamp(session.created_at),
        "seen_at": stamp(session.seen_at),
        "expires_at": stamp(session.expires_at),
    }


def signed_in_json(signed_in: SignedInMember) -> dict[str, Any]:
    """Write a member and their session."""
    session = signed_in.session
    return {
        "member": self_json(signed_in),
        "session": session_json(session, current=True),
        "idle_until": stamp(min(session.seen_at + IDLE, session.expires_at)),
        "proof_until": stamp(session.proved_at + PROOF_LASTS),
    }


def invitee_json(invitee: Invitee) -> dict[str, Any]:
    """Write whom a link is for."""
    return {
        "owner": invitee.is_owner,
        "email": invitee.email,
        "name": invitee.name,
        "roles": [{"site": each.site, "role": each.role} for each in invitee.memberships],
    }


def proofs_json(proofs: Proofs) -> dict[str, Any]:
    """Write what a member can sign in with."""
    return {
        "password_changed_at": optional_stamp(proofs.password_changed_at),
        "authenticator_since": optional_stamp(proofs.authenticator_since),
        "recovery_codes": proofs.recovery_codes,
        "passkeys": proofs.passkeys,
    }


def passkey_json(passkey: Passkey) -> dict[str, Any]:
    """Write a passkey, without its key."""
    return {
        "passkey_id": str(passkey.passkey_id),
        "name": passkey.name,
        "synced": passkey.synced,
        "created_at": stamp(passkey.created_at),
        "last_used_at": optional_stamp(passkey.last_used_at),
    }


def member_json(member: Member) -> dict[str, Any]:
    """Write somebody of the team."""
    return {
        "member_id": str(member.member_id),
        "email": member.email,
        "name": member.name,
        "role": member.role,
        "since": stamp(member.since),
        "owner": member.owner,
        "arrived": member.arrived,
        "passkey": member.has_passkey,
        "authenticator": member.has_authenticator,
        "seen_at": optional_stamp(member.seen_at),
        "languages": list(member.languages),
    }


def acts_json(page: ActsPage) -> dict[str, Any]:
    """Write a page of the log."""
    return {"items": [_act_json(each) for each in page.entries], "next": page.next}


def _act_json(noted: NotedAct) -> dict[str, Any]:
    act = noted.act
    return {
        "id": str(act.entry_id),
        "at": stamp(act.at),
        "by": {"kind": act.actor_kind, "name": noted.actor_name or act.actor_id},
        "act": act.act,
        "member": noted.member_name if act.member_id else None,
        "details": dict(act.details),
    }
