"""Public keys with which sites sign their readers in: read, and judged for their algorithm."""

from __future__ import annotations

from typing import Literal, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

PublicKey: TypeAlias = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey
Algorithm = Literal["RS256", "ES256", "EdDSA"]

RSA_MIN_BITS = 2_048
RSA_MAX_BITS = 8_192
"""Verifying with a larger one takes milliseconds of everybody's time."""

PEM_MAX_BYTES = 4_096


class BadKeyError(ValueError):
    """It is no public key, or none for this algorithm; the text says what is."""


def read_key(algorithm: Algorithm, pem: bytes) -> PublicKey:
    """Read a key in PEM.

    Raises:
        BadKeyError: it is none that is good for the algorithm.
    """
    try:
        key = load_pem_public_key(pem[:PEM_MAX_BYTES])
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadKeyError("A public key in PEM (-----BEGIN PUBLIC KEY-----).") from error
    match algorithm, key:
        case "RS256", RSAPublicKey() if RSA_MIN_BITS <= key.key_size <= RSA_MAX_BITS:
            return key
        case "ES256", EllipticCurvePublicKey() if isinstance(key.curve, SECP256R1):
            return key
        case "EdDSA", Ed25519PublicKey():
            return key
    raise BadKeyError(
        f"{algorithm} needs "
        + {
            "RS256": f"an RSA key of {RSA_MIN_BITS} to {RSA_MAX_BITS} bits.",
            "ES256": "a key on the curve P-256.",
            "EdDSA": "an Ed25519 key.",
        }[algorithm]
    )


def written(key: PublicKey) -> bytes:
    """Write a key as PEM."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
