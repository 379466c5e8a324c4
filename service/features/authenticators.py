"""Codes of an authenticator (RFC 6238), and those that stand in for a lost one."""

from __future__ import annotations

import base64
import hmac
import re
import secrets as chance
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import pyotp
import segno
from msgspec import Struct

from service.errors import Conflict, FieldError, Invalid, NotFound
from service.features.administration import Acts
from service.secrets import Secrets
from service.storage.proofs import ProofStore

PURPOSE = "authenticator"
ISSUER = "Postbag"
STEP_SECONDS = 30
DRIFT_STEPS = (0, -1, 1)
"""A telephone's clock may be wrong by half a minute."""
BEGUN_LASTS = timedelta(minutes=30)
"""Between the picture and its first code."""

RECOVERY_CODES = 10
RECOVERY_BYTES: Final = 10
"""80 bits: 16 letters and digits of base32."""
_CODE = re.compile(r"[0-9]{6}\Z", re.ASCII)
_RECOVERY = re.compile(r"[A-Z2-7]{16}\Z", re.ASCII)


class AuthenticatorInUse(Conflict):
    """The member has one already."""

    code = "authenticator_in_use"
    title = "You have an authenticator already; remove it first."


class NoAuthenticator(NotFound):
    """The member has none."""

    title = "You have no authenticator."


class NewAuthenticator(Struct, frozen=True, kw_only=True):
    """What a member's telephone has to know; told once."""

    secret: str
    uri: str
    picture: tuple[str, ...]
    """The QR code of `uri`: a row each, `1` for what is dark."""


class Authenticators(Struct, frozen=True, kw_only=True):
    """Set up, checked and taken back."""

    store: ProofStore
    secrets: Secrets
    acts: Acts

    async def begin(self, member_id: UUID, email: str, *, now: datetime) -> NewAuthenticator:
        """Make a secret that counts once a code of it was seen.

        Raises:
            AuthenticatorInUse: another one counts.
            Unavailable: Postgres is away.
        """
        secret = pyotp.random_base32()
        sealed = self.secrets.seal(PURPOSE, secret.encode(), bound_to=str(member_id))
        if not await self.store.begin_authenticator(member_id, sealed, now=now):
            raise AuthenticatorInUse
        uri = pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)
        rows = segno.make(uri, error="m", micro=False).matrix
        picture = tuple("".join("1" if dark else "0" for dark in row) for row in rows)
        return NewAuthenticator(secret=secret, uri=uri, picture=picture)

    async def confirm(self, member_id: UUID, code: str, *, now: datetime) -> list[str]:
        """Let the secret count from now on; return recovery codes, which are told once.

        Raises:
            NoAuthenticator: none was begun in the last half hour.
            Invalid: the code is not the secret's.
            Unavailable: Postgres is away.
        """
        kept = await self.store.authenticator(member_id)
        if kept is None or kept.created_at + BEGUN_LASTS <= now:
            raise NoAuthenticator
        step = self._step(member_id, kept.secret, code, now)
        if step is None:
            detail = "This is not the code of now. Is the telephone's clock right?"
            error = FieldError(pointer="/code", code="wrong_code", detail=detail)
            raise Invalid(detail, errors=(error,))
        codes = [_new_recovery_code() for _ in range(RECOVERY_CODES)]
        confirmed = await self.store.confirm_authenticator(
            member_id,
            kept.secret,
            step=step,
            codes=[self._hashes(member_id, each)[0] for each in codes],
            act=self.acts.own("authenticator.added", member_id, now=now),
        )
        if not confirmed:
            raise AuthenticatorInUse
        return [_shown(each) for each in codes]

    async def accepts(self, member_id: UUID, said: str, *, now: datetime) -> bool:
        """Tell whether a code of the authenticator, or a recovery code, is good; then use it up.

        Raises:
            Unavailable: Postgres is away.
        """
        code = re.sub(r"[\s-]", "", said).upper()
        if _RECOVERY.match(code):
            return await self.store.use_recovery_code(
                member_id,
                self._hashes(member_id, code),
                act=self.acts.own("recovery_code.used", member_id, now=now),
            )
        kept = await self.store.authenticator(member_id)
        if kept is None or kept.confirmed_at is None:
            return False
        step = self._step(member_id, kept.secret, code, now)
        return step is not None and await self.store.use_step(member_id, step)

    async def new_recovery_codes(self, member_id: UUID, *, now: datetime) -> list[str]:
        """Replace all recovery codes; return the new ones, which are told once.

        Raises:
            NoAuthenticator: there is none that they could stand in for.
            Unavailable: Postgres is away.
        """
        kept = await self.store.authenticator(member_id)
        if kept is None or kept.confirmed_at is None:
            raise NoAuthenticator
        codes = [_new_recovery_code() for _ in range(RECOVERY_CODES)]
        await self.store.replace_recovery_codes(
            member_id,
            [self._hashes(member_id, each)[0] for each in codes],
            act=self.acts.own("recovery_codes.replaced", member_id, now=now),
        )
        return [_shown(each) for each in codes]

    async def remove(self, member_id: UUID, *, now: datetime) -> None:
        """Do without authenticator and recovery codes.

        Raises:
            NoAuthenticator: there is none.
            Unavailable: Postgres is away.
        """
        act = self.acts.own("authenticator.removed", member_id, now=now)
        if not await self.store.remove_authenticator(member_id, act=act):
            raise NoAuthenticator

    def _step(self, member_id: UUID, sealed: bytes, said: str, now: datetime) -> int | None:
        """Return the step whose code this is; None when it is no code of about now."""
        code = re.sub(r"\s", "", said)
        if not _CODE.match(code):
            return None
        secret = self.secrets.unseal(PURPOSE, sealed, bound_to=str(member_id)).decode()
        once = pyotp.TOTP(secret, interval=STEP_SECONDS)
        current = int(now.timestamp()) // STEP_SECONDS
        found = None
        for drift in DRIFT_STEPS:  # all of them, so that the time taken tells nothing
            if hmac.compare_digest(once.generate_otp(current + drift), code):
                found = current + drift
        return found

    def _hashes(self, member_id: UUID, code: str) -> list[bytes]:
        """Return how a recovery code may be kept: under the newest of the service's keys first."""
        said = member_id.bytes + code.encode()
        return [hmac.digest(key, said, "sha256") for key in self.secrets.keys("recovery")]


def _new_recovery_code() -> str:
    return base64.b32encode(chance.token_bytes(RECOVERY_BYTES)).decode()


def _shown(code: str) -> str:
    """Write a recovery code in groups of four."""
    return "-".join(code[place : place + 4] for place in range(0, len(code), 4))
