"""A passkey in software: what a browser and its authenticator answer, for tests without either."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import struct
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


@dataclass(slots=True, kw_only=True)
class SoftKey:
    """One credential, for whatever host asks."""

    origin: str
    verifies: bool = True
    """Whether it asks for a finger."""
    counter: int = 0
    """Uses; 0 for ever unless `counts`."""
    counts: bool = False
    credential_id: bytes = field(default_factory=lambda: os.urandom(32))
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def made(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return what `navigator.credentials.create` answers, as JSON."""
        authenticator = self._authenticator(options["rp"]["id"], ATTESTED) + self._attested()
        attestation = {"fmt": "none", "attStmt": {}, "authData": authenticator}
        return self._credential(
            {
                "clientDataJSON": _b64(self._client("webauthn.create", options)),
                "attestationObject": _b64(cbor2.dumps(attestation)),
                "transports": ["internal"],
            }
        )

    def used(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return what `navigator.credentials.get` answers, as JSON."""
        if self.counts:
            self.counter += 1
        client = self._client("webauthn.get", options)
        authenticator = self._authenticator(options["rpId"], 0)
        signed = authenticator + hashlib.sha256(client).digest()
        return self._credential(
            {
                "clientDataJSON": _b64(client),
                "authenticatorData": _b64(authenticator),
                "signature": _b64(self.key.sign(signed, ec.ECDSA(SHA256()))),
                "userHandle": None,
            }
        )

    def _credential(self, response: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": _b64(self.credential_id),
            "rawId": _b64(self.credential_id),
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
        }

    def _client(self, kind: str, options: dict[str, Any]) -> bytes:
        said = {"type": kind, "challenge": options["challenge"], "origin": self.origin}
        return json.dumps({**said, "crossOrigin": False}).encode()

    def _authenticator(self, host: str, flags: int) -> bytes:
        flags |= PRESENT | (VERIFIED if self.verifies else 0)
        return hashlib.sha256(host.encode()).digest() + struct.pack(">BI", flags, self.counter)

    def _attested(self) -> bytes:
        numbers = self.key.public_key().public_numbers()
        x, y = (each.to_bytes(32, "big") for each in (numbers.x, numbers.y))
        public = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})
        return bytes(16) + struct.pack(">H", len(self.credential_id)) + self.credential_id + public


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
