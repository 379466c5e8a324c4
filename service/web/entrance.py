"""The way in for the newsroom's people: signing in, and following a link."""

from __future__ import annotations

from msgspec import Struct

from service.errors import RateLimited, Unauthenticated
from service.features.arrivals import Arrivals, Wish
from service.features.passkeys import TooManyPasskeys
from service.features.sessions import Session, Sessions
from service.features.sign_in import CodeNeeded, SignIn, WrongCode, WrongPassword
from service.features.team import UnknownLink
from service.web.cookies import Doorstep, agent_of
from service.web.operation import Call, Operation, Reply
from service.web.presented import InsecureConnection
from service.web.wire.people import (
    ArrivalIn,
    InviteeOut,
    LinkIn,
    LinkPasskeyIn,
    OptionsOut,
    PasskeyIn,
    PasswordIn,
    SignedInOut,
    invitee_json,
    signed_in_json,
)

TAG = "Sign-in"


class Entrance(Struct, frozen=True, kw_only=True):
    """What is asked by whoever is not signed in yet."""

    sign_in: SignIn
    sessions: Sessions
    arrivals: Arrivals
    doorstep: Doorstep

    def operations(self) -> list[Operation]:
        """Return the table of them all."""
        return [*self._signing_in(), *self._links()]

    def _signing_in(self) -> list[Operation]:
        return [
            Operation(
                operation_id="sign_in",
                method="POST",
                path="/v1/session",
                summary="Sign in with a password, and a code where there is an authenticator",
                description="Answers with the session's cookie. Five attempts a quarter of an hour"
                " on an account and twenty from an address may fail.",
                tag=TAG,
                own_pages=True,
                body=PasswordIn,
                answers={200: SignedInOut},
                problems=(WrongPassword, CodeNeeded, WrongCode, RateLimited, InsecureConnection),
                handler=self.by_password,
            ),
            Operation(
                operation_id="ask_for_passkey",
                method="POST",
                path="/v1/session/passkey/options",
                summary="Ask what a passkey has to answer",
                tag=TAG,
                own_pages=True,
                answers={200: OptionsOut},
                problems=(RateLimited,),
                handler=self.ask_for_passkey,
            ),
            Operation(
                operation_id="sign_in_with_passkey",
                method="POST",
                path="/v1/session/passkey",
                summary="Sign in with a passkey",
                tag=TAG,
                own_pages=True,
                body=PasskeyIn,
                answers={200: SignedInOut},
                problems=(Unauthenticated, RateLimited, InsecureConnection),
                handler=self.by_passkey,
            ),
        ]

    def _links(self) -> list[Operation]:
        return [
            Operation(
                operation_id="look_at_invitation",
                method="POST",
                path="/v1/invitations/look",
                summary="See whom a one-time link is for; it stays good",
                tag=TAG,
                own_pages=True,
                body=LinkIn,
                answers={200: InviteeOut},
                problems=(UnknownLink,),
                handler=self.look,
            ),
            Operation(
                operation_id="ask_for_first_passkey",
                method="POST",
                path="/v1/invitations/passkey/options",
                summary="Ask what the first passkey has to be made of",
                tag=TAG,
                own_pages=True,
                body=LinkPasskeyIn,
                answers={200: OptionsOut},
                problems=(UnknownLink, TooManyPasskeys),
                handler=self.ask_for_first_passkey,
            ),
            Operation(
                operation_id="accept_invitation",
                method="POST",
                path="/v1/invitations",
                summary="Use up a one-time link: name, and a password or a passkey",
                description="Answers with the session's cookie.",
                tag=TAG,
                own_pages=True,
                body=ArrivalIn,
                answers={201: SignedInOut},
                problems=(UnknownLink, InsecureConnection),
                handler=self.arrive,
            ),
        ]

    async def by_password(self, call: Call) -> Reply:
        """Sign in with a password."""
        self.doorstep.check(call)
        wish = call.body_as(PasswordIn)
        opened = await self.sign_in.by_password(
            wish.email,
            wish.password,
            wish.code,
            network=call.network,
            agent=agent_of(call),
            now=call.now,
        )
        return await self._welcomed(call, *opened)

    async def ask_for_passkey(self, call: Call) -> Reply:
        """Say what a passkey has to answer."""
        party = self.doorstep.party(call)
        options = await self.sign_in.ask_for_passkey(party, network=call.network)
        return Reply(content={"options": options})

    async def by_passkey(self, call: Call) -> Reply:
        """Sign in with a passkey."""
        self.doorstep.check(call)
        opened = await self.sign_in.by_passkey(
            self.doorstep.party(call),
            call.body_as(PasskeyIn).credential,
            network=call.network,
            agent=agent_of(call),
            now=call.now,
        )
        return await self._welcomed(call, *opened)

    async def look(self, call: Call) -> Reply:
        """Say whom a link is for."""
        invitee = await self.arrivals.look(call.body_as(LinkIn).token, now=call.now)
        return Reply(content=invitee_json(invitee))

    async def ask_for_first_passkey(self, call: Call) -> Reply:
        """Say what whoever follows a link needs for a passkey."""
        wish = call.body_as(LinkPasskeyIn)
        options = await self.arrivals.ask_for_passkey(
            wish.token,
            email=wish.email,
            name=wish.name,
            party=self.doorstep.party(call),
            now=call.now,
        )
        return Reply(content={"options": options})

    async def arrive(self, call: Call) -> Reply:
        """Let somebody in who follows a link."""
        self.doorstep.check(call)
        wish = call.body_as(ArrivalIn)
        opened = await self.arrivals.arrive(
            wish.token,
            Wish(
                name=wish.name,
                email=wish.email,
                password=wish.password,
                credential=wish.credential,
            ),
            party=self.doorstep.party(call),
            agent=agent_of(call),
            now=call.now,
        )
        return await self._welcomed(call, *opened, status=201)

    async def _welcomed(
        self, call: Call, token: str, session: Session, *, status: int = 200
    ) -> Reply:
        """Answer whoever just signed in, with the cookie."""
        signed_in = await self.sessions.find(token, now=session.created_at)
        return Reply(
            status=status,
            content=signed_in_json(signed_in),
            headers={"Set-Cookie": self.doorstep.cookie(call, token)},
        )
