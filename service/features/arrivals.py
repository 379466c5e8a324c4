"""Following a one-time link: the owner's, an invitation, or the command line's way back in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from msgspec import Struct

from service.errors import FieldError, Invalid
from service.features import credentials, text
from service.features.administration import Acts
from service.features.passkeys import Passkeys, RelyingParty
from service.features.passwords import Passwords
from service.features.sessions import SESSIONS_MAX, Session, hash_of, new_session
from service.features.sign_in import told_words
from service.features.team import UnknownLink, checked_address
from service.model import Membership
from service.storage.accounts import AccountStore
from service.storage.arrivals import Arrival, ArrivalStore, Invitation

NAME_MAX_CHARS = 80
FIRST_PASSKEY = "Passkey"
"""What a first passkey is called until its member says otherwise."""


class Invitee(Struct, frozen=True, kw_only=True):
    """Whom a link is for."""

    email: str | None
    """None: they name themselves, as the service's owner."""
    name: str
    memberships: tuple[Membership, ...]
    """What waits for them."""

    @property
    def is_owner(self) -> bool:
        """Whether the link is the first start's."""
        return self.email is None


class Wish(Struct, frozen=True, kw_only=True):
    """How somebody who follows a link wants to be known, and to sign in: one way or both."""

    name: str
    email: str | None = None
    """Only of an owner."""
    password: str | None = None
    credential: Mapping[str, Any] | None = None
    """What a browser made when it was asked for a passkey."""


class Arrivals(Struct, frozen=True, kw_only=True):
    """Let people in who follow a link."""

    store: ArrivalStore
    accounts: AccountStore
    passwords: Passwords
    passkeys: Passkeys
    acts: Acts
    new_id: Callable[[], UUID] = uuid4

    async def look(self, token: str, *, now: datetime) -> Invitee:
        """Say whom a link is for; it stays good.

        Raises:
            UnknownLink: it was used, has expired, or never was one; or its member is in already.
            Unavailable: Postgres is away.
        """
        found = await self._found(token, now)
        if found.member_id is None:
            return Invitee(email=None, name="", memberships=())
        memberships = await self.accounts.roles_of_member(found.member_id)
        kept = [each for each in memberships if found.site_id in (None, each.site_id)]
        return Invitee(email=found.email, name=found.name, memberships=tuple(kept))

    async def ask_for_passkey(
        self, token: str, *, email: str | None, name: str, party: RelyingParty, now: datetime
    ) -> Mapping[str, Any]:
        """Return the options of `navigator.credentials.create` for whoever follows a link.

        Raises:
            UnknownLink, Invalid: as `arrive`.
            Unavailable: a store is away.
        """
        found = await self._found(token, now)
        address = self._address(found, email)
        member_id = found.member_id or self.new_id()
        return await self.passkeys.ask_for_new(
            party, member_id, email=address, name=name, purpose=_purpose(token)
        )

    async def arrive(
        self, token: str, wish: Wish, *, party: RelyingParty, agent: str, now: datetime
    ) -> tuple[str, Session]:
        """Use a link up; its member is signed in. Return the session's token and the session.

        Raises:
            UnknownLink: it was used, has expired, or never was one; or its member is in already.
            Invalid: a name, an address, a password or a passkey is missing or cannot be taken.
            Unavailable: a store is away; the link may be used up.
        """
        found = await self._found(token, now)
        address = self._address(found, wish.email)
        name = text.clean_line(wish.name, max_chars=NAME_MAX_CHARS, pointer="/name")
        if wish.password is None and wish.credential is None:
            raise _fault("/password", "missing", "A password or a passkey is needed.")
        member_id = found.member_id or self.new_id()
        passkey = kept = None
        if wish.password is not None:
            kept = await self.passwords.hash(wish.password, told=told_words(address, name))
        if wish.credential is not None:
            passkey = await self.passkeys.read_new(
                party,
                wish.credential,
                member_id=member_id,
                name=FIRST_PASSKEY,
                purpose=_purpose(token),
                now=now,
            )
        session_token, session = new_session(
            member_id,
            method="passkey" if passkey else "invitation",
            agent=agent,
            now=now,
            session_id=self.new_id(),
        )
        arrived = await self.store.arrive(
            credentials.link_token_hash(token),
            Arrival(
                member_id=member_id, email=address, name=name, password_hash=kept, passkey=passkey
            ),
            session_hash=hash_of(session_token),
            session=session,
            kept=SESSIONS_MAX,
            act=self.acts.own("member.arrived", member_id, now=now),
        )
        if not arrived:
            raise UnknownLink
        return session_token, session

    async def _found(self, token: str, now: datetime) -> Invitation:
        found = await self.store.find(credentials.link_token_hash(token), now=now)
        if found is None or (found.arrived and not found.resets):
            raise UnknownLink
        return found

    def _address(self, found: Invitation, said: str | None) -> str:
        """Return the address of whom the link is for; only an owner names their own."""
        if found.email is not None:
            if said is not None:
                raise _fault("/email", "not_yours", "The link says whom it is for.")
            return found.email
        if said is None:
            raise _fault("/email", "missing", "An e-mail address is needed.")
        return checked_address(said)


def _purpose(token: str) -> str:
    """Say what a challenge was given out for: this link's member, and nobody else's."""
    return f"link:{credentials.link_token_hash(token).hex()}"


def _fault(pointer: str, code: str, detail: str) -> Invalid:
    return Invalid(detail, errors=(FieldError(pointer=pointer, code=code, detail=detail),))
