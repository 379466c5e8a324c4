"""Signing in and proving it again: with a password and a code, or with a passkey."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from service.errors import Conflict, Unauthenticated, Unavailable
from service.features.administration import Acts
from service.features.attempts import NO_SITE, Attempts
from service.features.authenticators import Authenticators
from service.features.passkeys import Passkeys, RelyingParty
from service.features.passwords import Passwords
from service.features.sessions import Method, Session, Sessions, SignedInMember
from service.features.team import settled_address
from service.storage.limits import Charge
from service.storage.proofs import Claimant, Proofs, ProofStore

__all__ = ["CodeNeeded", "LastProof", "Proofs", "SignIn", "WrongCode", "WrongPassword"]

PER_ACCOUNT, PER_ADDRESS = 5, 20
"""Attempts in a quarter of an hour that did not succeed."""
PASSKEYS_PER_ADDRESS = 100
"""A passkey cannot be guessed; this bounds the work alone."""
QUARTER_US = 15 * 60 * 1_000_000


class WrongPassword(Unauthenticated):
    """No member has this address and password; nothing tells which of both is wrong."""

    code = "wrong_password"
    title = "Wrong e-mail address or password."


class CodeNeeded(Unauthenticated):
    """The password is right; the authenticator's code is missing."""

    code = "code_needed"
    title = "Please enter the code of your authenticator, or a recovery code."


class WrongCode(Unauthenticated):
    """The password is right; the code is not, or was used already."""

    code = "wrong_code"
    title = "This code is not right, or was used already. Wait for the next one."


class LastProof(Conflict):
    """Without it the member could not sign in any more."""

    code = "last_proof"
    title = "You could not sign in any more; add another way first."


class SignIn(Struct, frozen=True, kw_only=True):
    """Let members in."""

    store: ProofStore
    sessions: Sessions
    passwords: Passwords
    authenticators: Authenticators
    passkeys: Passkeys
    attempts: Attempts
    acts: Acts
    limits_on: bool = True
    """False: no bound per address; that of an account stays."""

    async def by_password(
        self,
        email: str,
        password: str,
        code: str | None,
        *,
        network: str,
        agent: str,
        now: datetime,
    ) -> tuple[str, Session]:
        """Sign somebody in; return the session's token, told once, and the session.

        The answer for an unknown address is that for a wrong password, and takes as long.

        Raises:
            WrongPassword, CodeNeeded, WrongCode.
            RateLimited: too many attempts on this account, or from this address.
            Unavailable: a store is away, or many people sign in at once.
        """
        address = settled_address(email)
        charges = self._charges(address, network)
        async with self._attempt(charges, now=now):
            claimant = await self.store.claimant(address)
            method = await self._prove(claimant, password, code, charges, now=now)
            assert claimant is not None
        return await self.sessions.open(claimant.member_id, method=method, agent=agent, now=now)

    async def by_passkey(
        self,
        party: RelyingParty,
        credential: Mapping[str, Any],
        *,
        network: str,
        agent: str,
        now: datetime,
    ) -> tuple[str, Session]:
        """Sign somebody in; as `by_password`.

        Raises:
            Unauthenticated: the passkey is nobody's, or answers another question.
            RateLimited: too many attempts from this address.
            Unavailable: a store is away.
        """
        await self._charge_passkey(network)
        member_id = await self.passkeys.recognise(party, credential, now=now)
        return await self.sessions.open(member_id, method="passkey", agent=agent, now=now)

    async def ask_for_passkey(self, party: RelyingParty, *, network: str) -> Mapping[str, Any]:
        """Return the options of `navigator.credentials.get`.

        Raises:
            RateLimited: too many questions from this address.
            Unavailable: Redis is away.
        """
        await self._charge_passkey(network)
        return await self.passkeys.ask_to_sign_in(party)

    async def prove_by_password(
        self,
        signed_in: SignedInMember,
        password: str,
        code: str | None,
        *,
        network: str,
        now: datetime,
    ) -> str:
        """Let a member prove who they are once more; return the session's new token.

        Raises:
            WrongPassword, CodeNeeded, WrongCode.
            RateLimited: too many attempts on this account, or from this address.
            Unavailable: a store is away, or many people sign in at once.
        """
        charges = self._charges(signed_in.email, network)
        async with self._attempt(charges, now=now):
            claimant = await self.store.claimant(signed_in.email)
            method = await self._prove(claimant, password, code, charges, now=now)
        return await self.sessions.renew(signed_in.session, method=method, now=now)

    async def prove_by_passkey(
        self,
        signed_in: SignedInMember,
        party: RelyingParty,
        credential: Mapping[str, Any],
        *,
        network: str,
        now: datetime,
    ) -> str:
        """Let a member prove who they are once more; return the session's new token.

        Raises:
            Unauthenticated: the passkey is not theirs, or answers another question.
            RateLimited: too many attempts from this address.
            Unavailable: a store is away.
        """
        await self._charge_passkey(network)
        if await self.passkeys.recognise(party, credential, now=now) != signed_in.member_id:
            raise Unauthenticated
        return await self.sessions.renew(signed_in.session, method="passkey", now=now)

    async def change_password(
        self, signed_in: SignedInMember, password: str, *, now: datetime
    ) -> None:
        """Change a member's password; they are signed out everywhere else.

        Raises:
            Invalid: it is too short, too long, or soon guessed.
            Unavailable: Postgres is away, or many people sign in at once.
        """
        kept = await self.passwords.hash(password, told=told_words(signed_in.email, signed_in.name))
        member_id = signed_in.member_id
        act = self.acts.own("password.changed", member_id, now=now)
        await self.store.set_password(member_id, kept, act=act)
        await self.sessions.end_others(member_id, spared=signed_in.session.session_id)

    async def remove_passkey(
        self, signed_in: SignedInMember, passkey_id: UUID, *, now: datetime
    ) -> None:
        """Take a passkey back, but never the last thing that lets its member in.

        Raises:
            LastProof: it is.
            UnknownPasskey: the member has none of this id.
            Unavailable: Postgres is away.
        """
        known = await self.passkeys.of_member(signed_in.member_id)
        is_last = [each.passkey_id for each in known] == [passkey_id]
        if is_last and (await self.proofs(signed_in)).password_changed_at is None:
            raise LastProof
        await self.passkeys.remove(signed_in.member_id, passkey_id, now=now)

    async def proofs(self, signed_in: SignedInMember) -> Proofs:
        """Return what a member can sign in with.

        Raises:
            Unavailable: Postgres is away.
        """
        return await self.store.of_member(signed_in.member_id)

    @asynccontextmanager
    async def _attempt(self, charges: list[Charge], *, now: datetime) -> AsyncIterator[None]:
        """Charge an attempt, and give it back when it succeeds or could not be judged."""
        await self.attempts.charge(charges, now=now)
        try:
            yield
        except Unavailable:
            await self.attempts.give_back(charges)
            raise
        await self.attempts.give_back(charges)

    async def _prove(
        self,
        claimant: Claimant | None,
        password: str,
        code: str | None,
        charges: list[Charge],
        *,
        now: datetime,
    ) -> Method:
        kept = claimant.password_hash if claimant else None
        if not await self.passwords.fits(password, kept) or claimant is None or kept is None:
            raise WrongPassword
        if claimant.has_authenticator:
            if not code:
                # The address tried nothing out; that the password is known tells of the account.
                await self.attempts.give_back(charges[1:])
                raise CodeNeeded
            if not await self.authenticators.accepts(claimant.member_id, code, now=now):
                raise WrongCode
        if self.passwords.is_outdated(kept):
            fresh = await self.passwords.rehash(password)
            await self.store.rehash(claimant.member_id, old=kept, new=fresh)
        return "code" if claimant.has_authenticator else "password"

    def _charges(self, address: str, network: str) -> list[Charge]:
        """Return what an attempt costs: of the account first, then of the address."""
        account = _quarterly("sign-in", address, PER_ACCOUNT)
        sender = _quarterly("sign-in-from", network, PER_ADDRESS)
        return [account, sender] if self.limits_on else [account]

    async def _charge_passkey(self, network: str) -> None:
        if self.limits_on:
            charge = _quarterly("passkey-from", network, PASSKEYS_PER_ADDRESS)
            await self.attempts.limits.charge(NO_SITE, [charge])


def told_words(email: str, name: str) -> list[str]:
    """Return words that whoever guesses a member's password would begin with."""
    return [email, *email.replace("@", ".").split("."), name, *name.split(), "postbag"]


def _quarterly(scope: str, subject: str, count: int) -> Charge:
    """Return a charge of which `count` may come at once and in every quarter of an hour."""
    return Charge(scope=scope, subject=subject, interval_us=QUARTER_US // count, burst=count)
