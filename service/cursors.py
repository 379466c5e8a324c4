"""Opaque cursors: where a list goes on, signed, so that only ours are believed."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from service.errors import Invalid

MAC_BYTES = 16
"""Of HMAC-SHA-256: 128 bits cannot be guessed, and the cursor stays short."""
CURSOR_MAX_CHARS = 1_024
"""Ours have about 100; a longer one is not worth decoding."""


@dataclass(frozen=True, slots=True)
class Cursors:
    """Signs positions with the newest key and opens those of every key, newest first."""

    _keys: Sequence[bytes] = field(repr=False)

    def sign(self, purpose: str, position: Any) -> str:
        """Return the cursor of a position, a small JSON value.

        `purpose` names the list with everything that makes it another list (site, article,
        sort): a cursor opens for the same purpose only.
        """
        body = orjson.dumps(position)
        return _encode(_mac(self._keys[0], purpose, body) + body)

    def open(self, purpose: str, cursor: str) -> Any:
        """Return the position a cursor was signed for.

        Raises:
            Invalid: `bad_cursor`: forged, cut, of another list, or written in another way.
        """
        signed = _decode(cursor)
        mac, body = signed[:MAC_BYTES], signed[MAC_BYTES:]
        if not any(hmac.compare_digest(mac, _mac(key, purpose, body)) for key in self._keys):
            raise BadCursor
        return orjson.loads(body)


class BadCursor(Invalid):
    """A cursor that this service did not give out for this list."""

    code = "bad_cursor"
    title = "The cursor does not belong to this list."


def _mac(key: bytes, purpose: str, body: bytes) -> bytes:
    name = purpose.encode()
    # The length keeps "a" + "bc" apart from "ab" + "c".
    return hmac.digest(key, len(name).to_bytes(4, "big") + name + body, "sha256")[:MAC_BYTES]


def _encode(signed: bytes) -> str:
    return base64.urlsafe_b64encode(signed).rstrip(b"=").decode("ascii")


def _decode(cursor: str) -> bytes:
    """Decode the one canonical form; Python's decoder alone skips foreign characters."""
    if len(cursor) > CURSOR_MAX_CHARS or not cursor.isascii():
        raise BadCursor
    try:
        signed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except binascii.Error:
        raise BadCursor from None
    if len(signed) <= MAC_BYTES or _encode(signed) != cursor:
        raise BadCursor
    return signed
