"""Keys with which sites sign their readers in: added, listed, ended, and used to verify."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Literal, get_args

import jwt
import msgspec
import structlog
from msgspec import Struct

from service.errors import Conflict, FieldError, Invalid, NotFound, Unavailable
from service.features import public_keys
from service.features.administration import Act, with_details
from service.features.recall import Recall
from service.model import Site
from service.secrets import SealBroken, Secrets
from service.storage.token_keys import StoredTokenKey, TokenKeyStore

log = structlog.get_logger(__name__)

Algorithm = Literal["HS256", "RS256", "ES256", "EdDSA"]

SECRET_MIN_BYTES = 32
"""Of an HS256 secret, as RFC 7518 asks."""

SECRET_MAX_BYTES = 1_024

NAME_MAX_CHARS = 128
"""Of a kid; issuers may have twice as many."""

ACTIVE_MAX = 10
"""Keys of a site that are good at once: two for each of a few issuers."""

KEPT_SECONDS = 3_600.0
"""How old a key may be that is used while Postgres is away."""

PURPOSE = "token_key"
"""What sealed secrets are sealed as."""


class KidTaken(Conflict):
    """The site used this kid before; a kid is never used twice."""

    code = "kid_taken"
    title = "A key of this kid exists or existed. Choose another kid."


class TooManyTokenKeys(Conflict):
    """As many keys as a site may have are good at once."""

    code = "too_many_keys"
    title = f"At most {ACTIVE_MAX} keys at once. Revoke one first."


class UnknownTokenKey(NotFound):
    """The site has no such key that is still good."""

    title = "This site has no such key."


class TokenKey(Struct, frozen=True, kw_only=True):
    """A key as its site may see it: without an HS256 secret."""

    kid: str
    issuer: str
    algorithm: Algorithm
    public_key: str | None
    """In PEM; None for HS256."""
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyingKey:
    """A key ready for use."""

    issuer: str
    algorithm: Algorithm
    key: bytes | public_keys.PublicKey = field(repr=False)


class TokenKeys(Struct, frozen=True, kw_only=True):
    """Keep the sites' keys; HS256 secrets lie sealed in Postgres."""

    token_keys: TokenKeyStore
    secrets: Secrets
    known: Recall[tuple[int, str], VerifyingKey | None] = msgspec.field(
        default_factory=lambda: Recall(kept_seconds=KEPT_SECONDS)
    )

    known_issuers: Recall[int, tuple[str, ...]] = msgspec.field(
        default_factory=lambda: Recall(kept_seconds=KEPT_SECONDS)
    )

    async def add(
        self,
        site: Site,
        *,
        kid: str,
        issuer: str,
        algorithm: Algorithm,
        key: bytes,
        now: datetime,
        act: Act | None = None,
    ) -> TokenKey:
        """Add a key; `key` is the HS256 secret, or the public key in PEM.

        Raises:
            Invalid: with every field's error.
            KidTaken: the site has or had a key of this kid.
            TooManyTokenKeys: others have to be revoked first.
            Unavailable: Postgres is away; the key may have been added.
        """
        _check_names(kid, issuer)
        kept = _checked_key(algorithm, key)
        if algorithm == "HS256":
            kept = self.secrets.seal(PURPOSE, kept, bound_to=_row(site, kid))
        present = await self.token_keys.of_site(site.site_id)
        if sum(each.revoked_at is None for each in present) >= ACTIVE_MAX:
            raise TooManyTokenKeys
        stored = await self.token_keys.add(
            site.site_id,
            kid=kid,
            issuer=issuer,
            algorithm=algorithm,
            key=kept,
            now=now,
            act=act and with_details(act, kid=kid, algorithm=algorithm),
        )
        if stored is None:
            raise KidTaken
        self.known.forget((site.site_id, kid))
        return _shown(stored)

    async def of_site(self, site: Site) -> list[TokenKey]:
        """Return every key of a site, oldest first, ended ones included.

        Raises:
            Unavailable: Postgres is away.
        """
        return [_shown(each) for each in await self.token_keys.of_site(site.site_id)]

    async def revoke(self, site: Site, kid: str, now: datetime, act: Act | None = None) -> None:
        """End a key; tokens signed with it are refused within a second.

        Raises:
            UnknownTokenKey: there is none, or it ended before.
            Unavailable: Postgres is away; the key may have ended.
        """
        noted = act and with_details(act, kid=kid)
        ended = await self.token_keys.revoke(site.site_id, kid, now=now, act=noted)
        self.known.forget((site.site_id, kid))
        if not ended:
            raise UnknownTokenKey

    async def find(self, site: Site, kid: str) -> VerifyingKey | None:
        """Return a key that is good now, from memory while Postgres is away; None if none is.

        Raises:
            Unavailable: Postgres is away, and this process has not used the key lately.
        """
        return await self.known.get((site.site_id, kid), partial(self._load, site, kid))

    async def issuers(self, site: Site) -> tuple[str, ...]:
        """Return who signs a site's readers in, or did; nobody while Postgres cannot say."""

        async def ask() -> tuple[str, ...]:
            keys = await self.token_keys.of_site(site.site_id)
            return tuple({each.issuer for each in keys})

        try:
            return await self.known_issuers.get(site.site_id, ask)
        except Unavailable:
            return ()

    async def _load(self, site: Site, kid: str) -> VerifyingKey | None:
        stored = await self.token_keys.find(site.site_id, kid)
        if stored is None:
            return None
        algorithm = _algorithm(stored.algorithm)
        if algorithm != "HS256":
            key = _public_key(algorithm, stored.key)
            return VerifyingKey(issuer=stored.issuer, algorithm=algorithm, key=key)
        try:
            secret = self.secrets.unseal(PURPOSE, stored.key, bound_to=_row(site, kid))
        except SealBroken:
            log.exception("token_key_sealed_otherwise", site=site.slug, kid=kid)
            return None
        return VerifyingKey(issuer=stored.issuer, algorithm=algorithm, key=secret)


def _row(site: Site, kid: str) -> str:
    return f"{site.site_id}:{kid}"


def _shown(stored: StoredTokenKey) -> TokenKey:
    algorithm = _algorithm(stored.algorithm)
    return TokenKey(
        kid=stored.kid,
        issuer=stored.issuer,
        algorithm=algorithm,
        public_key=None if algorithm == "HS256" else stored.key.decode("ascii"),
        created_at=stored.created_at,
        revoked_at=stored.revoked_at,
    )


def _algorithm(name: str) -> Algorithm:
    found: dict[str, Algorithm] = {each: each for each in get_args(Algorithm)}
    return found[name]


def _check_names(kid: str, issuer: str) -> None:
    limits = (("/kid", kid, NAME_MAX_CHARS), ("/issuer", issuer, 2 * NAME_MAX_CHARS))
    errors = tuple(
        _error(pointer, "bad_name", f"1 to {most} printable characters.")
        for pointer, name, most in limits
        if not name or len(name) > most or not name.isprintable()
    )
    if errors:
        raise Invalid(errors=errors)


def _checked_key(algorithm: Algorithm, key: bytes) -> bytes:
    """Return what to keep of a key that is good for its algorithm.

    Raises:
        Invalid: it is not.
    """
    if algorithm != "HS256":
        return public_keys.written(_public_key(algorithm, key))
    if not SECRET_MIN_BYTES <= len(key) <= SECRET_MAX_BYTES:
        detail = f"{SECRET_MIN_BYTES} to {SECRET_MAX_BYTES} bytes, made by chance."
        raise _bad_key(detail)
    try:
        jwt.get_algorithm_by_name("HS256").prepare_key(key)
    except jwt.InvalidKeyError as error:
        raise _bad_key("This is a public or private key, not a secret.") from error
    return key


def _public_key(algorithm: public_keys.Algorithm, pem: bytes) -> public_keys.PublicKey:
    try:
        return public_keys.read_key(algorithm, pem)
    except public_keys.BadKeyError as error:
        raise _bad_key(str(error)) from error


def _bad_key(detail: str) -> Invalid:
    return Invalid(detail, errors=(_error("/key", "bad_key", detail),))


def _error(pointer: str, code: str, detail: str) -> FieldError:
    return FieldError(pointer=pointer, code=code, detail=detail)
