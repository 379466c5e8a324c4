"""What a member does with their own account: sessions, password, authenticator, passkeys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from msgspec import Struct

from service.errors import FieldError, Invalid, RateLimited
from service.features.authenticators import AuthenticatorInUse, Authenticators, NoAuthenticator
from service.features.passkeys import PasskeyKnown, Passkeys, TooManyPasskeys, UnknownPasskey
from service.features.sessions import Method, Sessions, UnknownSession
from service.features.sign_in import CodeNeeded, LastProof, SignIn, WrongCode, WrongPassword
from service.web.cookies import Doorstep
from service.web.operation import AMember, Call, Operation, Reply
from service.web.presented import InsecureConnection
from service.web.wire.people import (
    CodeIn,
    NewAuthenticatorOut,
    NewPasskeyIn,
    NewPasswordIn,
    OptionsOut,
    PasskeyOut,
    PasskeysOut,
    ProofIn,
    ProofsOut,
    RecoveryCodesOut,
    SessionsOut,
    SignedInOut,
    passkey_json,
    proofs_json,
    session_json,
    signed_in_json,
)

TAG = "Sign-in"
SIGNED_IN = AMember()
PROVED = AMember(fresh=True)
PASSKEYS = "/v1/session/passkeys"
AUTHENTICATOR = "/v1/session/authenticator"


class OwnAccount(Struct, frozen=True, kw_only=True):
    """What is asked by whoever is signed in, about themselves."""

    sign_in: SignIn
    sessions: Sessions
    authenticators: Authenticators
    passkeys: Passkeys
    doorstep: Doorstep

    def operations(self) -> list[Operation]:
        """Return the table of them all."""
        return [
            *self._about_sessions(),
            *self._about_passwords(),
            *self._about_authenticators(),
            *self._about_passkeys(),
        ]

    def _about_sessions(self) -> list[Operation]:
        return [
            Operation(
                operation_id="read_session",
                method="GET",
                path="/v1/session",
                summary="See who is signed in, and what they may do where",
                tag=TAG,
                credential=SIGNED_IN,
                answers={200: SignedInOut},
                handler=self.read_session,
            ),
            Operation(
                operation_id="sign_out",
                method="DELETE",
                path="/v1/session",
                summary="Sign out",
                tag=TAG,
                credential=SIGNED_IN,
                answers={204: None},
                problems=(UnknownSession, InsecureConnection),
                handler=self.sign_out,
            ),
            Operation(
                operation_id="prove_again",
                method="POST",
                path="/v1/session/proof",
                summary="Prove once more who you are, for ten minutes of what is dangerous",
                description="The session gets another cookie.",
                tag=TAG,
                credential=SIGNED_IN,
                body=ProofIn,
                answers={200: SignedInOut},
                problems=(WrongPassword, CodeNeeded, WrongCode, RateLimited, InsecureConnection),
                handler=self.prove,
            ),
            Operation(
                operation_id="list_sessions",
                method="GET",
                path="/v1/sessions",
                summary="See where you are signed in",
                tag=TAG,
                credential=SIGNED_IN,
                answers={200: SessionsOut},
                handler=self.list_sessions,
            ),
            Operation(
                operation_id="end_other_sessions",
                method="DELETE",
                path="/v1/sessions",
                summary="Sign out everywhere but here",
                tag=TAG,
                credential=SIGNED_IN,
                answers={204: None},
                handler=self.end_others,
            ),
            Operation(
                operation_id="end_session",
                method="DELETE",
                path="/v1/sessions/{session_id}",
                summary="Sign out of one session",
                tag=TAG,
                credential=SIGNED_IN,
                answers={204: None},
                problems=(UnknownSession,),
                handler=self.end_session,
            ),
        ]

    def _about_passwords(self) -> list[Operation]:
        return [
            Operation(
                operation_id="read_proofs",
                method="GET",
                path="/v1/session/proofs",
                summary="See what you can sign in with",
                tag=TAG,
                credential=SIGNED_IN,
                answers={200: ProofsOut},
                handler=self.read_proofs,
            ),
            Operation(
                operation_id="change_password",
                method="PUT",
                path="/v1/session/password",
                summary="Change your password; all other sessions end",
                tag=TAG,
                credential=PROVED,
                body=NewPasswordIn,
                answers={204: None},
                handler=self.change_password,
            ),
        ]

    def _about_authenticators(self) -> list[Operation]:
        return [
            Operation(
                operation_id="begin_authenticator",
                method="POST",
                path=AUTHENTICATOR,
                summary="Get a secret for an authenticator; it counts once a code was seen",
                tag=TAG,
                credential=PROVED,
                answers={201: NewAuthenticatorOut},
                problems=(AuthenticatorInUse,),
                handler=self.begin_authenticator,
            ),
            Operation(
                operation_id="confirm_authenticator",
                method="PUT",
                path=AUTHENTICATOR,
                summary="Show the authenticator's first code, and get recovery codes",
                description="The session gets another cookie.",
                tag=TAG,
                credential=PROVED,
                body=CodeIn,
                answers={200: RecoveryCodesOut},
                problems=(NoAuthenticator, AuthenticatorInUse, InsecureConnection),
                handler=self.confirm_authenticator,
            ),
            Operation(
                operation_id="remove_authenticator",
                method="DELETE",
                path=AUTHENTICATOR,
                summary="Do without authenticator and recovery codes",
                tag=TAG,
                credential=PROVED,
                answers={204: None},
                problems=(NoAuthenticator,),
                handler=self.remove_authenticator,
            ),
            Operation(
                operation_id="replace_recovery_codes",
                method="POST",
                path="/v1/session/recovery-codes",
                summary="Get other recovery codes; the former ones are void",
                tag=TAG,
                credential=PROVED,
                answers={201: RecoveryCodesOut},
                problems=(NoAuthenticator,),
                handler=self.replace_recovery_codes,
            ),
        ]

    def _about_passkeys(self) -> list[Operation]:
        return [
            Operation(
                operation_id="list_passkeys",
                method="GET",
                path=PASSKEYS,
                summary="See your passkeys",
                tag=TAG,
                credential=SIGNED_IN,
                answers={200: PasskeysOut},
                handler=self.list_passkeys,
            ),
            Operation(
                operation_id="ask_for_new_passkey",
                method="POST",
                path=f"{PASSKEYS}/options",
                summary="Ask what a new passkey has to be made of",
                tag=TAG,
                credential=PROVED,
                answers={200: OptionsOut},
                problems=(TooManyPasskeys,),
                handler=self.ask_for_new_passkey,
            ),
            Operation(
                operation_id="add_passkey",
                method="POST",
                path=PASSKEYS,
                summary="Add a passkey that the browser made",
                description="The session gets another cookie.",
                tag=TAG,
                credential=PROVED,
                body=NewPasskeyIn,
                answers={201: PasskeyOut},
                problems=(PasskeyKnown, InsecureConnection),
                handler=self.add_passkey,
            ),
            Operation(
                operation_id="remove_passkey",
                method="DELETE",
                path=f"{PASSKEYS}/{{passkey_id}}",
                summary="Take a passkey back, but not the last thing that lets you in",
                tag=TAG,
                credential=PROVED,
                answers={204: None},
                problems=(UnknownPasskey, LastProof),
                handler=self.remove_passkey,
            ),
        ]

    async def read_session(self, call: Call) -> Reply:
        """Show who is signed in."""
        return Reply(content=signed_in_json(call.member))

    async def sign_out(self, call: Call) -> Reply:
        """End this session."""
        await self.sessions.end(call.member.member_id, call.member.session.session_id)
        self.sessions.forget(_token(call))
        return Reply(status=204, headers={"Set-Cookie": self.doorstep.no_cookie(call)})

    async def prove(self, call: Call) -> Reply:
        """Take another proof."""
        self.doorstep.check(call)
        wish, member = call.body_as(ProofIn), call.member
        if wish.credential is not None:
            token = await self.sign_in.prove_by_passkey(
                member,
                self.doorstep.party(call),
                wish.credential,
                network=call.network,
                now=call.now,
            )
        elif wish.password is not None:
            token = await self.sign_in.prove_by_password(
                member, wish.password, wish.code, network=call.network, now=call.now
            )
        else:
            detail = "A password or a passkey is needed."
            error = FieldError(pointer="/password", code="missing", detail=detail)
            raise Invalid(detail, errors=(error,))
        self.sessions.forget(_token(call))
        signed_in = await self.sessions.find(token, now=call.now)
        cookie = {"Set-Cookie": self.doorstep.cookie(call, token)}
        return Reply(content=signed_in_json(signed_in), headers=cookie)

    async def list_sessions(self, call: Call) -> Reply:
        """Show where the member is signed in."""
        member = call.member
        found = await self.sessions.of_member(member.member_id, now=call.now)
        own = member.session.session_id
        items = [session_json(each, current=each.session_id == own) for each in found]
        return Reply(content={"items": items, "next": None})

    async def end_others(self, call: Call) -> Reply:
        """End every session but this one."""
        member = call.member
        await self.sessions.end_others(member.member_id, spared=member.session.session_id)
        return Reply(status=204)

    async def end_session(self, call: Call) -> Reply:
        """End one session."""
        await self.sessions.end(call.member.member_id, UUID(call.path["session_id"]))
        return Reply(status=204)

    async def read_proofs(self, call: Call) -> Reply:
        """Show what the member can sign in with."""
        return Reply(content=proofs_json(await self.sign_in.proofs(call.member)))

    async def change_password(self, call: Call) -> Reply:
        """Change the password."""
        wish = call.body_as(NewPasswordIn)
        await self.sign_in.change_password(call.member, wish.password, now=call.now)
        return Reply(status=204)

    async def begin_authenticator(self, call: Call) -> Reply:
        """Make a secret."""
        member = call.member
        begun = await self.authenticators.begin(member.member_id, member.email, now=call.now)
        content = {"secret": begun.secret, "uri": begun.uri, "picture": list(begun.picture)}
        return Reply(status=201, content=content)

    async def confirm_authenticator(self, call: Call) -> Reply:
        """Let the secret count."""
        self.doorstep.check(call)
        code = call.body_as(CodeIn).code
        codes = await self.authenticators.confirm(call.member.member_id, code, now=call.now)
        headers = await self._stronger(call, "code")
        return Reply(content={"recovery_codes": codes}, headers=headers)

    async def remove_authenticator(self, call: Call) -> Reply:
        """Do without."""
        await self.authenticators.remove(call.member.member_id, now=call.now)
        return Reply(status=204)

    async def replace_recovery_codes(self, call: Call) -> Reply:
        """Make other recovery codes."""
        member_id = call.member.member_id
        codes = await self.authenticators.new_recovery_codes(member_id, now=call.now)
        return Reply(status=201, content={"recovery_codes": codes})

    async def list_passkeys(self, call: Call) -> Reply:
        """Show the passkeys."""
        found = await self.passkeys.of_member(call.member.member_id)
        return Reply(content={"items": [passkey_json(each) for each in found], "next": None})

    async def ask_for_new_passkey(self, call: Call) -> Reply:
        """Say what a new passkey has to be made of."""
        member = call.member
        options = await self.passkeys.ask_for_new(
            self.doorstep.party(call),
            member.member_id,
            email=member.email,
            name=member.name,
            purpose=str(member.member_id),
        )
        return Reply(content={"options": options})

    async def add_passkey(self, call: Call) -> Reply:
        """Keep a new passkey."""
        self.doorstep.check(call)
        wish, member_id = call.body_as(NewPasskeyIn), call.member.member_id
        passkey = await self.passkeys.read_new(
            self.doorstep.party(call),
            wish.credential,
            member_id=member_id,
            name=wish.name,
            purpose=str(member_id),
            now=call.now,
        )
        await self.passkeys.add(passkey, now=call.now)
        headers = await self._stronger(call, "passkey")
        return Reply(status=201, content=passkey_json(passkey), headers=headers)

    async def remove_passkey(self, call: Call) -> Reply:
        """Take a passkey back."""
        passkey_id = UUID(call.path["passkey_id"])
        await self.sign_in.remove_passkey(call.member, passkey_id, now=call.now)
        return Reply(status=204)

    async def _stronger(self, call: Call, method: Method) -> Mapping[str, Any]:
        """Go on as somebody who has just shown a second proof, with another cookie."""
        token = await self.sessions.renew(call.member.session, method=method, now=call.now)
        self.sessions.forget(_token(call))
        return {"Set-Cookie": self.doorstep.cookie(call, token)}


def _token(call: Call) -> str:
    assert call.token is not None, "Whoever is signed in has a token."
    return call.token
