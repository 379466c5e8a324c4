"""Answers that may be kept: their tags, and when one need not be sent again."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence

from service.web.operation import Anyone, Cache, Operation, Reply

TAG_BYTES = 16
"""Of SHA-256: two answers never share a tag."""

KEPT = frozenset({Cache.LIVE, Cache.COUNTS, Cache.ASSET, Cache.REVALIDATE})

_TAGS = re.compile(r'\s*,*\s*(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def cache_of(operation: Operation, reply: Reply, *, with_credential: bool) -> Cache:
    """Return who may keep an answer.

    What a public operation tells someone with a credential may be theirs alone.
    """
    if operation.public and with_credential and not isinstance(operation.credential, Anyone):
        return Cache.PRIVATE
    if reply.cache is not None:
        return reply.cache
    return Cache.LIVE if operation.public and reply.status == 200 else Cache.NEVER  # noqa: PLR2004 - OK


def vary_of(operation: Operation | None) -> str:
    """Return the value of `Vary`."""
    public = operation is not None and operation.public
    if public and operation is not None and not isinstance(operation.credential, Anyone):
        return "Accept-Encoding, Origin, Authorization"
    return "Accept-Encoding, Origin"


def etag_of(body: bytes) -> str:
    """Return the strong tag of a body."""
    digest = hashlib.sha256(body).digest()[:TAG_BYTES]
    return f'"{base64.urlsafe_b64encode(digest).rstrip(b"=").decode()}"'


def is_known(etag: str, if_none_match: Sequence[str]) -> bool:
    """Tell whether a client says that it has what this tag names (RFC 9110, 13.1.2)."""
    said = ",".join(if_none_match)
    return said.strip() == "*" or etag in _TAGS.findall(said)
