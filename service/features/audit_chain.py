"""The chain of the log: what an entry's hash is made of, and where a chain breaks. Pure.

An entry's hash is SHA-256 over the hash of the entry before, its position (8 bytes, the largest
first) and what was written, as JSON. So a changed row, a missing one, or one put between others
is told from the first entry that it concerns. `docs/moderating.md` says it for people who want to
check a chain themselves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

import orjson
from msgspec import Struct

from service.storage.audit_chain import Link, Written

BEGINNING = bytes(32)
"""What stands before the first entry of a chain."""
POSITION_BYTES = 8
FORM = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME
"""Of what is hashed: it never changes, or every chain would seem to be broken."""

Fault = Literal["changed", "gone", "gap", "unlisted", "other_head"]
"""The row says something else, is not there, an entry of the chain is not there, something is in
the log and not in the chain; or the chain does not end, or go through, where somebody noted it."""


class Break(Struct, frozen=True, kw_only=True):
    """Where a chain does not hold."""

    fault: Fault
    position: int
    """Of the first entry concerned; of what is in no chain, the position after its end."""
    entry_id: UUID | None
    """The decision's, or the act's."""


class Stretch(Struct, frozen=True, kw_only=True):
    """What a look at some entries of a chain has found."""

    position: int
    """The last entry that is good."""
    hash: bytes
    """Its hash."""
    broken: Break | None


def hash_of(before: bytes, position: int, written: Written) -> bytes:
    """Return the hash of an entry."""
    place = position.to_bytes(POSITION_BYTES, "big")
    return hashlib.sha256(before + place + said(written)).digest()


def said(written: Written) -> bytes:
    """Write an entry down, always in the same way."""
    values = (
        written.site_id,
        written.kind,
        written.article_id,
        written.comment_id,
        written.n,
        written.entry_id,
        written.at,
        written.actor_kind,
        written.actor_id,
        written.act,
        written.reason,
        *written.rest,
    )
    return orjson.dumps(values, default=_plain, option=FORM)


def followed(links: Iterable[Link], *, position: int, before: bytes) -> Stretch:
    """Follow a chain from an entry that is good, as far as it holds."""
    for link in links:
        fault = _fault(link, position + 1, before)
        if fault is not None:
            broken = Break(fault=fault, position=position + 1, entry_id=_entry_id(link, fault))
            return Stretch(position=position, hash=before, broken=broken)
        position, before = link.position, link.hash
    return Stretch(position=position, hash=before, broken=None)


def _fault(link: Link, position: int, before: bytes) -> Fault | None:
    if link.position != position:
        return "gap"
    if link.written is None:
        return "gone"
    if link.hash != hash_of(before, position, link.written) or _differs(link):
        return "changed"
    return None


def _differs(link: Link) -> bool:
    """Tell whether the chain repeats something else than what was written."""
    listed, written = link.listed, link.written
    names = ("kind", "entry_id", "at", "actor_kind", "actor_id", "act", "reason")
    return any(getattr(listed, name) != getattr(written, name) for name in names)


def _entry_id(link: Link, fault: Fault) -> UUID | None:
    return None if fault == "gap" else link.listed.entry_id


def _plain(value: object) -> str:
    """Write what JSON has no form of, and times always to the microsecond."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if not isinstance(value, UUID):
        raise TypeError(type(value).__name__)
    return str(value)
