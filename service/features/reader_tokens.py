"""Readers whom their news site signed in: the JWT it mints, verified."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import jwt
from msgspec import Struct

from service.errors import Invalid, Unauthenticated
from service.features import text
from service.features.text.policy import NAME_MAX_CHARS
from service.features.token_keys import TokenKeys, VerifyingKey
from service.model import Site, uuid_of_digest

LEEWAY_SECONDS = 60
"""How far a site's clock may be from ours."""

LIFETIME_MAX_SECONDS = 24 * 3_600
"""From `iat` to `exp`: a token is for a visit, not for good."""

LATEST_SECONDS = 2**53
"""Beyond it a time in seconds is no time; and a float no longer counts them."""

BACKEND_ISSUER = ""
"""Stands for the back end itself where it names a reader without an issuer."""

SUBJECT_MAX_CHARS = 128
KID_MAX_CHARS = 128
BADGE_MAX_CHARS = 40
AVATAR_MAX_CHARS = 2_048

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")
"""The library's decoder would skip foreign characters."""

REQUIRED = ["iss", "sub", "aud", "exp", "iat"]


class SignedIn(Struct, frozen=True, kw_only=True):
    """A reader whom the news site vouches for, on every device the same."""

    author_id: UUID
    """The same for the same (site, issuer, subject), for ever."""
    issuer: str
    subject: str
    name: str
    """Never empty: a reader without a name is called after their id."""
    avatar: str | None
    """An https URL."""
    badge: str | None
    also: tuple[UUID, ...] = ()
    """Who they are where the back end speaks of them without naming the issuer."""


async def signed_in(keys: TokenKeys, site: Site, token: str, now: datetime) -> SignedIn:
    """Return the reader a token of this site speaks for.

    Raises:
        Unauthenticated: it is forged, of another site, too old, too young, or no token.
        Unavailable: Postgres is away, and the token's key was not used here lately.
    """
    key = await keys.find(site, _kid(token))
    if key is None:
        raise Unauthenticated
    claims = _verified(token, key, site)
    _check_times(claims, now.timestamp())
    subject = claims["sub"]
    if not 1 <= len(subject) <= SUBJECT_MAX_CHARS or not subject.isprintable():
        raise Unauthenticated
    author_id = author_id_of(site.site_id, key.issuer, subject)
    return SignedIn(
        author_id=author_id,
        issuer=key.issuer,
        subject=subject,
        name=_line(claims.get("name"), NAME_MAX_CHARS) or f"Reader {author_id.hex[:4]}",
        avatar=_avatar(claims.get("avatar")),
        badge=_line(claims.get("badge"), BADGE_MAX_CHARS),
        also=(author_id_of(site.site_id, BACKEND_ISSUER, subject),),
    )


def _kid(token: str) -> str:
    """Return which key a token claims to be signed with; nothing else of it is believed yet."""
    if not _COMPACT.match(token):
        raise Unauthenticated
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise Unauthenticated from None
    kid = header.get("kid")
    if not isinstance(kid, str) or not 1 <= len(kid) <= KID_MAX_CHARS or not kid.isprintable():
        raise Unauthenticated
    # Nothing that changes how the rest is to be read: `crit` names extensions we do not have.
    if "crit" in header or str(header.get("typ", "JWT")).upper() != "JWT":
        raise Unauthenticated
    return kid


def _verified(token: str, key: VerifyingKey, site: Site) -> Mapping[str, Any]:
    """Return the claims of a token that the site's key signed for this site.

    The algorithm is the key's, whatever the token says. Times are checked apart: the library
    would read its own clock.
    """
    try:
        return jwt.decode(
            token,
            key.key,
            algorithms=[key.algorithm],
            audience=site.slug,
            issuer=key.issuer,
            options={
                "require": REQUIRED,
                "strict_aud": True,
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise Unauthenticated from None


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    issued, expires = _seconds(claims["iat"]), _seconds(claims["exp"])
    not_before = _seconds(claims.get("nbf", issued))
    if expires + LEEWAY_SECONDS <= now or expires - issued > LIFETIME_MAX_SECONDS:
        raise Unauthenticated
    if max(issued, not_before) > now + LEEWAY_SECONDS:
        raise Unauthenticated


def _seconds(claim: Any) -> float:
    """Read a NumericDate; a boolean is a number only to Python."""
    if isinstance(claim, bool) or not isinstance(claim, int | float):
        raise Unauthenticated
    if not abs(claim) <= LATEST_SECONDS:  # false for NaN too
        raise Unauthenticated
    return claim


def author_id_of(site_id: int, issuer: str, subject: str) -> UUID:
    """Name a signed-in reader: the same person for the same three, for ever."""
    digest = hashlib.sha256()
    for part in (str(site_id), issuer, subject):
        raw = part.encode()
        digest.update(len(raw).to_bytes(4, "big") + raw)
    return uuid_of_digest(digest.digest())


def _line(claim: Any, max_chars: int) -> str | None:
    """Clean what is shown of a reader as if they had typed it; None for what must not be."""
    if not isinstance(claim, str):
        return None
    try:
        return text.clean_line(claim, max_chars=max_chars, pointer="/claim")
    except Invalid:
        return None


def _avatar(claim: Any) -> str | None:
    if not isinstance(claim, str) or len(claim) > AVATAR_MAX_CHARS:
        return None
    if not claim.isascii() or not claim.isprintable() or " " in claim:
        return None
    try:
        url = urlsplit(claim)
    except ValueError:
        return None
    plain = url.scheme == "https" and url.hostname and "@" not in url.netloc
    return claim if plain else None
