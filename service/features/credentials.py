"""The form of what we hand out: keys of back ends and receipts of guests. Pure functions."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import zlib
from collections.abc import Sequence
from uuid import UUID

from msgspec import Struct

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
"""Letters and digits only: a double click selects the whole key."""

KEY_ID_CHARS = 8
SECRET_CHARS = 43
"""43 of 62 characters are 256 bits."""
CHECKSUM_CHARS = 6
"""62^6 is above 2^32, the range of CRC-32."""

GENERATION_BYTES = 4
MAC_BYTES = 16
"""Of HMAC-SHA-256: 128 bits cannot be guessed, and with the id (16) and the generation (4) they
are 36 bytes, 48 characters of base64 without a spare bit."""

_KEY = re.compile(r"pbk_([0-9A-Za-z]{8})([0-9A-Za-z]{43})([0-9A-Za-z]{6})\Z")
_RECEIPT = re.compile(r"pbr_([0-9A-Za-z_-]{48})\Z")


class KeyParts(Struct, frozen=True):
    """A key taken apart, its checksum found right."""

    key_id: str
    secret_hash: bytes
    """SHA-256 of the secret: with 256 random bits nothing slower is needed."""


def new_key() -> tuple[str, KeyParts]:
    """Make a key: what its owner is told once, and what we keep of it."""
    key_id = "".join(secrets.choice(ALPHABET) for _ in range(KEY_ID_CHARS))
    secret = "".join(secrets.choice(ALPHABET) for _ in range(SECRET_CHARS))
    token = f"pbk_{key_id}{secret}{checksum(key_id + secret)}"
    return token, KeyParts(key_id, _hash(secret))


def key_parts(token: str) -> KeyParts | None:
    """Take a key apart; None for a mistyped or made-up one, without asking any store."""
    match = _KEY.match(token)
    if match is None or checksum(match[1] + match[2]) != match[3]:
        return None
    return KeyParts(match[1], _hash(match[2]))


def receipt(keys: Sequence[bytes], slug: str, author_id: UUID, generation: int) -> str:
    """Sign what makes its bearer a guest of a site, with the newest of the keys."""
    said = author_id.bytes + generation.to_bytes(GENERATION_BYTES, "big")
    signed = said + _mac(keys[0], slug, said)
    return "pbr_" + base64.urlsafe_b64encode(signed).decode("ascii")


def opened_receipt(keys: Sequence[bytes], slug: str, token: str) -> tuple[UUID, int] | None:
    """Return (guest, generation) of a receipt of this site, or None for anything else."""
    match = _RECEIPT.match(token)
    if match is None:
        return None
    try:
        signed = base64.urlsafe_b64decode(match[1])
    except binascii.Error:
        return None
    said, mac = signed[:-MAC_BYTES], signed[-MAC_BYTES:]
    if not any(hmac.compare_digest(mac, _mac(key, slug, said)) for key in keys):
        return None
    return UUID(bytes=said[:16]), int.from_bytes(said[16:], "big")


def new_link_token() -> tuple[str, bytes]:
    """Make a one-time token of 256 bits: what the link says, and the hash we keep."""
    token = "pbi_" + secrets.token_urlsafe(32)
    return token, link_token_hash(token)


def link_token_hash(token: str) -> bytes:
    """Return the SHA-256 under which a one-time token is kept."""
    return _hash(token)


def checksum(text: str) -> str:
    """Return CRC-32 in six digits: it tells a typing error from a key, and proves nothing."""
    number = zlib.crc32(text.encode())
    digits = []
    for _ in range(CHECKSUM_CHARS):
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def _mac(key: bytes, slug: str, said: bytes) -> bytes:
    # A slug has no NUL, and what follows it has one length.
    return hmac.digest(key, slug.encode() + b"\0" + said, "sha256")[:MAC_BYTES]


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
