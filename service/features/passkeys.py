"""Passkeys (WebAuthn): asked for, added, and believed."""

from __future__ import annotations

import secrets as chance
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

import webauthn
import webauthn.helpers
import webauthn.helpers.exceptions
import webauthn.helpers.structs
from msgspec import Struct

from service.errors import Conflict, FieldError, Invalid, NotFound, Unauthenticated
from service.features import text
from service.features.administration import Acts
from service.model import JsonObject
from service.storage.challenges import ChallengeStore
from service.storage.proofs import Passkey, ProofStore

__all__ = ["Passkey", "PasskeyKnown", "Passkeys", "RelyingParty", "TooManyPasskeys"]

NAME: Final = "Postbag"
CHALLENGE_BYTES = 32
CHALLENGE_SECONDS = 300
"""How long somebody may look for their key."""
NAME_MAX_CHARS = 60
PASSKEYS_MAX = 20
"""Of one member."""
SIGN_IN = "sign-in"
"""What a challenge is for that nobody in particular asked for."""


class PasskeyKnown(Conflict):
    """The credential was added before."""

    code = "passkey_known"
    title = "This passkey was added before."


class TooManyPasskeys(Conflict):
    """Nobody needs so many."""

    code = "too_many_passkeys"
    title = f"Nobody has more than {PASSKEYS_MAX} passkeys; remove one first."


class UnknownPasskey(NotFound):
    """The member has none of this id."""

    title = "You have no such passkey."


class RelyingParty(Struct, frozen=True, kw_only=True):
    """For which host passkeys are good, and from which pages they may be used."""

    host: str
    """Without port; an address of numbers is none that browsers take."""
    origins: frozenset[str]


class Passkeys(Struct, frozen=True, kw_only=True):
    """Ask browsers for passkeys, and check what they answer."""

    store: ProofStore
    challenges: ChallengeStore
    acts: Acts
    new_id: Callable[[], UUID] = uuid4

    async def ask_to_sign_in(self, party: RelyingParty) -> JsonObject:
        """Return the options of `navigator.credentials.get`.

        Raises:
            Unavailable: Redis is away.
        """
        challenge = await self._challenge(SIGN_IN)
        options = webauthn.generate_authentication_options(
            rp_id=party.host,
            challenge=challenge,
            timeout=CHALLENGE_SECONDS * 1_000,
            user_verification=webauthn.helpers.structs.UserVerificationRequirement.REQUIRED,
        )
        return webauthn.helpers.options_to_json_dict(options)

    async def ask_for_new(
        self,
        party: RelyingParty,
        member_id: UUID,
        *,
        email: str,
        name: str,
        purpose: str,
    ) -> JsonObject:
        """Return the options of `navigator.credentials.create`; a member has a few at most.

        Raises:
            TooManyPasskeys: they do.
            Unavailable: a store is away.
        """
        known = await self.store.passkeys(member_id)
        if len(known) >= PASSKEYS_MAX:
            raise TooManyPasskeys
        challenge = await self._challenge(purpose)
        options = webauthn.generate_registration_options(
            rp_id=party.host,
            rp_name=NAME,
            user_id=member_id.bytes,
            user_name=email,
            user_display_name=name or email,
            challenge=challenge,
            timeout=CHALLENGE_SECONDS * 1_000,
            authenticator_selection=webauthn.helpers.structs.AuthenticatorSelectionCriteria(
                resident_key=webauthn.helpers.structs.ResidentKeyRequirement.REQUIRED,
                require_resident_key=True,
                user_verification=webauthn.helpers.structs.UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[
                webauthn.helpers.structs.PublicKeyCredentialDescriptor(id=each.credential_id)
                for each in known
            ],
        )
        return webauthn.helpers.options_to_json_dict(options)

    async def recognise(
        self, party: RelyingParty, credential: Mapping[str, Any], *, now: datetime
    ) -> UUID:
        """Return whose passkey a browser answered with.

        Raises:
            Unauthenticated: it is nobody's, or the answer is not to a question of ours.
            Unavailable: a store is away.
        """
        challenge = await self._answered(credential, SIGN_IN)
        try:
            credential_id = webauthn.helpers.base64url_to_bytes(str(credential["rawId"]))
        except _not_ours():
            raise Unauthenticated from None
        known = await self.store.find_passkey(credential_id)
        if challenge is None or known is None:
            raise Unauthenticated
        try:
            verified = webauthn.verify_authentication_response(
                credential=dict(credential),
                expected_challenge=challenge,
                expected_rp_id=party.host,
                expected_origin=sorted(party.origins),
                credential_public_key=known.public_key,
                credential_current_sign_count=known.sign_count,
                require_user_verification=True,
            )
        except _not_ours():
            raise Unauthenticated from None
        if not await self.store.use_passkey(known, sign_count=verified.new_sign_count, now=now):
            raise Unauthenticated
        return known.member_id

    async def read_new(
        self,
        party: RelyingParty,
        credential: Mapping[str, Any],
        *,
        member_id: UUID,
        name: str,
        purpose: str,
        now: datetime,
    ) -> Passkey:
        """Check what a browser made; nothing is kept yet.

        Raises:
            Invalid: it is not what was asked for.
            Unavailable: Redis is away.
        """
        challenge = await self._answered(credential, purpose)
        if challenge is None:
            raise _not_asked_for()
        try:
            verified = webauthn.verify_registration_response(
                credential=dict(credential),
                expected_challenge=challenge,
                expected_rp_id=party.host,
                expected_origin=sorted(party.origins),
                require_user_verification=True,
            )
        except _not_ours():
            raise _not_asked_for() from None
        return Passkey(
            passkey_id=self.new_id(),
            credential_id=verified.credential_id,
            member_id=member_id,
            public_key=verified.credential_public_key,
            sign_count=verified.sign_count,
            synced=verified.credential_backed_up,
            name=text.clean_line(name, max_chars=NAME_MAX_CHARS, pointer="/name"),
            created_at=now,
        )

    async def add(self, passkey: Passkey, *, now: datetime) -> None:
        """Keep a member's new passkey.

        Raises:
            PasskeyKnown: it was added before.
            Unavailable: Postgres is away.
        """
        act = self.acts.own("passkey.added", passkey.member_id, now=now)
        if not await self.store.add_passkey(passkey, act=act):
            raise PasskeyKnown

    async def of_member(self, member_id: UUID) -> list[Passkey]:
        """Return a member's passkeys, oldest first."""
        return await self.store.passkeys(member_id)

    async def remove(self, member_id: UUID, passkey_id: UUID, *, now: datetime) -> None:
        """Take a passkey back.

        Raises:
            UnknownPasskey: the member has none of this id.
            Unavailable: Postgres is away.
        """
        act = self.acts.own("passkey.removed", member_id, now=now)
        if not await self.store.remove_passkey(member_id, passkey_id, act=act):
            raise UnknownPasskey

    async def _challenge(self, purpose: str) -> bytes:
        challenge = chance.token_bytes(CHALLENGE_BYTES)
        await self.challenges.put(challenge, purpose, seconds=CHALLENGE_SECONDS)
        return challenge

    async def _answered(self, credential: Mapping[str, Any], purpose: str) -> bytes | None:
        """Return the challenge that is answered, used up; None when it is none for this."""
        try:
            raw = webauthn.helpers.base64url_to_bytes(str(credential["response"]["clientDataJSON"]))
            said = webauthn.helpers.parse_client_data_json(raw)
        except _not_ours():
            return None
        if said.cross_origin or await self.challenges.take(said.challenge) != purpose:
            return None
        return said.challenge


def _not_ours() -> tuple[type[Exception], ...]:
    """Return what the library raises for an answer that is none; some is Python's own."""
    told = webauthn.helpers.exceptions.WebAuthnException
    return (told, ValueError, KeyError, TypeError, AttributeError)


def _not_asked_for() -> Invalid:
    detail = "The browser's answer does not belong to this question, or came too late."
    error = FieldError(pointer="/credential", code="wrong_credential", detail=detail)
    return Invalid(detail, errors=(error,))
