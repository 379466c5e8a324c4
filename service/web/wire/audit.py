"""The log as JSON and as lines of a table, and what a look at its chain has found."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from service.features.audit import AuditPage, Checked, Entry, Names, may_reverse
from service.web.wire.base import Timestamp, Wire, stamp
from service.web.wire.tables import lines_of

COLUMNS = (
    "position",
    "at",
    "by_kind",
    "by",
    "act",
    "comment_id",
    "author_ref",
    "member",
    "before",
    "after",
    "reason",
    "note",
    "rule_version",
    "reverses",
    "details",
    "id",
    "request_id",
    "hash",
)


class AuditByOut(Wire):
    """Who did it: an operator may use the command line, the service did it by itself."""

    kind: Literal["member", "key", "rule", "author", "operator", "service"]
    name: str


class AuditEntryOut(Wire):
    """An entry of the log."""

    position: int
    """From 1 on, without gaps."""
    kind: Literal["decision", "act"]
    id: UUID = Field(strict=False)
    """The decision's, or the administrative act's."""
    at: Timestamp
    by: AuditByOut
    act: str
    """A decision's action, or `thing.verb`."""
    comment_id: UUID | None = Field(strict=False)
    ref: UUID | None = Field(strict=False)
    """Whose comment it is, or whom the act is about; null once erased."""
    member: str | None
    """What whoever it was done to is called."""
    before: Literal["pending", "approved", "rejected", "removed", "deleted"] | None
    after: Literal["pending", "approved", "rejected", "removed", "deleted"] | None
    reason: str | None
    note: str | None
    rule_version: int | None
    reverses: UUID | None = Field(strict=False)
    reversible: bool
    """It is the comment's latest decision, and can be taken back."""
    details: dict[str, Any]
    request_id: str | None
    hash: str
    """SHA-256 over the entry before, the position and what was written; 64 digits."""


class AuditOut(Wire):
    """A page of the log, latest first."""

    items: list[AuditEntryOut]
    next: str | None


class BreakOut(Wire):
    """Where the chain does not hold."""

    fault: Literal["changed", "gone", "gap", "unlisted", "other_head"]
    position: int
    id: UUID | None = Field(strict=False)


class VerificationOut(Wire):
    """What a look at a stretch of the chain has found."""

    position: int
    """The last entry that is good: go on with `?after=` this."""
    hash: str
    """Its hash. Whoever keeps both elsewhere can tell later that the chain was not made anew."""
    head: int
    """The chain's last position."""
    done: bool
    """The end was reached, or a break."""
    waiting: int
    """What was written within the last second and is not sealed yet."""
    broken: BreakOut | None


def audit_json(page: AuditPage) -> dict[str, Any]:
    """Write a page of the log."""
    return {"items": [entry_json(each, page.names) for each in page.entries], "next": page.next}


def entry_json(entry: Entry, names: Names) -> dict[str, Any]:
    """Write an entry of the log."""
    member = ("member", str(entry.member_id))
    return {
        "position": entry.position,
        "kind": entry.kind,
        "id": str(entry.entry_id),
        "at": stamp(entry.at),
        "by": {"kind": entry.actor_kind, "name": _name(entry, names)},
        "act": entry.act,
        "comment_id": _id(entry.comment_id),
        "ref": _id(entry.author_id),
        "member": names.get(member, member[1]) if entry.member_id else None,
        "before": entry.status_before,
        "after": entry.status,
        "reason": entry.reason,
        "note": entry.note,
        "rule_version": entry.rule_version,
        "reverses": _id(entry.reverses),
        "reversible": may_reverse(entry),
        "details": dict(entry.details),
        "request_id": entry.request_id,
        "hash": entry.hash.hex(),
    }


def audit_header() -> bytes:
    """Write the names of the columns."""
    return lines_of([COLUMNS], first=True)


def audit_lines(page: AuditPage) -> bytes:
    """Write entries as lines of a table."""
    return lines_of(_cells(each, page.names) for each in page.entries)


def verification_json(checked: Checked) -> dict[str, Any]:
    """Write what a look at a chain has found."""
    broken = checked.broken
    return {
        "position": checked.position,
        "hash": checked.hash.hex(),
        "head": checked.head,
        "done": checked.done,
        "waiting": checked.waiting,
        "broken": {
            "fault": broken.fault,
            "position": broken.position,
            "id": _id(broken.entry_id),
        }
        if broken
        else None,
    }


def _cells(entry: Entry, names: Names) -> tuple[str | None, ...]:
    written = entry_json(entry, names)
    details = " ".join(f"{name}={value}" for name, value in written["details"].items())
    version = written["rule_version"]
    return (
        str(written["position"]),
        written["at"],
        written["by"]["kind"],
        written["by"]["name"],
        written["act"],
        written["comment_id"],
        written["ref"],
        written["member"],
        written["before"],
        written["after"],
        written["reason"],
        written["note"],
        None if version is None else str(version),
        written["reverses"],
        details,
        written["id"],
        written["request_id"],
        written["hash"],
    )


def _name(entry: Entry, names: Names) -> str:
    """Name a rule by its own name, a key without one by its id; authors are not named."""
    actor = (entry.actor_kind, entry.actor_id)
    if entry.actor_kind == "rule":
        return entry.actor_id
    return names.get(actor) or (entry.actor_id if entry.actor_kind == "key" else "")


def _id(known: UUID | None) -> str | None:
    return str(known) if known is not None and known.int else None
