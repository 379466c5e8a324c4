"""Signatures of what is sent, as Standard Webhooks has them.

The specification (github.com/standard-webhooks/standard-webhooks, `spec/standard-webhooks.md`,
1.0.0): `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`, several with a blank between
while a secret is replaced; secrets are `whsec_` and the base64 of 24 to 64 bytes.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets as chance
from collections.abc import Sequence
from datetime import datetime

PREFIX = "whsec_"
SECRET_BYTES = 32
SECRET_MIN_BYTES = 24
SECRET_MAX_BYTES = 64


class BadSecret(Exception):  # noqa: N818 - it is said to a person
    """This is no secret of Standard Webhooks."""


def new_secret() -> str:
    """Make a secret as it is shown to the site, once."""
    return PREFIX + base64.b64encode(chance.token_bytes(SECRET_BYTES)).decode("ascii")


def read_secret(text: str) -> bytes:
    """Return the bytes of a secret as it was shown.

    Raises:
        BadSecret: it is not one, or too short or too long.
    """
    try:
        secret = base64.b64decode(text.removeprefix(PREFIX).encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise BadSecret("Write whsec_ and then base64.") from error
    if not text.startswith(PREFIX) or not SECRET_MIN_BYTES <= len(secret) <= SECRET_MAX_BYTES:
        raise BadSecret(
            f"Write whsec_ and then the base64 of {SECRET_MIN_BYTES} to {SECRET_MAX_BYTES} bytes."
        )
    return secret


def sign(
    body: bytes, *, secrets: Sequence[bytes], message_id: str, now: datetime
) -> dict[str, str]:
    """Return the three headers that prove a body, newest secret first.

    `message_id` stays the same when a message is sent again; it holds no dot.
    """
    stamp = str(int(now.timestamp()))
    signed = b".".join((message_id.encode("ascii"), stamp.encode("ascii"), body))
    signatures = (
        base64.b64encode(hmac.digest(secret, signed, "sha256")).decode("ascii")
        for secret in secrets
    )
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(f"v1,{each}" for each in signatures),
    }
