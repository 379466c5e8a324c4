"""How secrets are locked for keeping. A process that seals and opens none does not load it."""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


def seal(key: bytes, secret: bytes, *, bound_to: str) -> bytes:
    """Encrypt a secret with a key of 32 bytes; it opens only for the same `bound_to`."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, secret, bound_to.encode())


def unseal(key: bytes, sealed: bytes, *, bound_to: str) -> bytes | None:
    """Return what was sealed; None when it was not with this key, for this `bound_to`."""
    nonce, rest = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    try:
        return AESGCM(key).decrypt(nonce, rest, bound_to.encode())
    except (InvalidTag, ValueError):
        return None
