"""What the queue's scripts answer, and what they are told about decisions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
import orjson
from msgspec import Struct

from service.model import Action, Lease, PendingComment
from service.storage.redis import Argument

PUBLISHED = 201
"""The status a submission was answered with when it was published at once."""


SUBMITTED = ("id", "fingerprint", "author", "status")
"""Fields of a submission's record, in the order `read_submission` takes them."""


class Submitted(Struct, frozen=True, kw_only=True):
    """What became of a submission that was sent before."""

    comment_id: UUID
    fingerprint: str
    author_id: UUID
    published: bool
    """True when the first answer was 201."""


class Acceptance(Struct, frozen=True, kw_only=True):
    """What became of a submission now."""

    outcome: Literal["OK", "DUP", "MISMATCH", "LIMITED", "FULL", "EMPTY", "CLASH"]
    comment_id: UUID
    """The earlier comment's for DUP and MISMATCH."""
    seq: int
    """Position in the site's intake; 0 unless OK."""
    author_id: UUID
    """The earlier comment's author for DUP and MISMATCH."""
    published: bool
    """True when an earlier submission was answered 201."""
    wait_ms: int = 0
    """Until all limits have room, for LIMITED."""


class Claimed(Struct, frozen=True, kw_only=True):
    """A lease just given."""

    comment_id: UUID
    fence: int
    """Larger than any earlier lease's of this site."""
    until: datetime


class EditOutcome(Struct, frozen=True, kw_only=True):
    """What became of an edit."""

    outcome: Literal["OK", "STALE", "GONE"]
    revision: int
    """The one that waits now; 0 when nothing does."""


class Finished(Struct, frozen=True, kw_only=True):
    """A decision Postgres has committed."""

    comment_id: UUID
    n: int
    revision: int
    """The one that was judged."""
    action: Action
    decision_id: UUID
    waits: bool
    """True when the comment waits on after it."""
    only_kept: bool = False
    """True when it is only to be remembered: the queue is told otherwise."""
    said: str = ""
    """The decision as JSON (`storage/redo.py`)."""


class Remembered(Struct, frozen=True, kw_only=True):
    """What a submission became, to be known again for a while."""

    dk: str
    comment_id: UUID
    fingerprint: str
    author_id: UUID
    status: int
    ttl_ms: int


class QueueState(Struct, frozen=True, kw_only=True):
    """How far a site's queue is."""

    epoch: str | None
    """None when Redis came back empty."""
    seq: int
    """The last position given to a comment."""
    fell_to: int | None
    """How far it was when `accept` noticed that it had gone back in time; None: it has not."""
    fell_from: int | None
    """How far it had been before."""

    @property
    def lowest(self) -> int:
        """Up to where it has what was accepted before it went back."""
        return self.seq if self.fell_to is None else self.fell_to


def read_submission(found: Sequence[bytes | None]) -> Submitted | None:
    """Read a submission's record; None when there is none."""
    comment_id, fingerprint, author_id, status = found
    if comment_id is None or fingerprint is None or author_id is None:
        return None
    return Submitted(
        comment_id=read_uuid(comment_id),
        fingerprint=fingerprint.decode(),
        author_id=read_uuid(author_id),
        published=int(status or 0) == PUBLISHED,
    )


def read_acceptance(answer: Sequence[Any], item: PendingComment) -> Acceptance:
    """Read what `accept` said: of the comment it took or refused, or of an earlier one."""
    outcome = answer[0].decode()
    if outcome in ("DUP", "MISMATCH"):
        _, comment_id, author_id, status = answer
        return Acceptance(
            outcome=outcome,
            comment_id=read_uuid(comment_id),
            seq=0,
            author_id=read_uuid(author_id),
            published=int(status) == PUBLISHED,
        )
    return Acceptance(
        outcome=outcome,
        comment_id=item.comment_id,
        seq=answer[1] if outcome == "OK" else 0,
        author_id=item.author.author_id,
        published=False,
        wait_ms=answer[1] if outcome == "LIMITED" else 0,
    )


def finish_arguments(finished: Finished) -> tuple[Argument, ...]:
    """Write a decision as `finish` wants it."""
    return (
        str(finished.comment_id),
        finished.n,
        finished.revision,
        finished.action.value,
        str(finished.decision_id),
        "" if finished.only_kept else int(finished.waits),
        finished.said,
    )


def read_claims(answer: Sequence[Any]) -> list[Claimed]:
    """Read leases just given."""
    ids = read_uuids(answer[::3])
    return [
        Claimed(comment_id=comment_id, fence=fence, until=read_time(int(deadline)))
        for comment_id, fence, deadline in zip(ids, answer[1::3], answer[2::3], strict=True)
    ]


def read_lease(deadline: float, holder: bytes) -> Lease:
    """Read one lease."""
    owner, name, _ = orjson.loads(holder)
    return Lease(owner=owner, name=name, until=read_time(int(deadline)))


def read_uuid(name: bytes) -> UUID:
    """Read an id."""
    return UUID(name.decode())


def read_uuids(names: Iterable[bytes]) -> list[UUID]:
    """Read ids, at once: one by one they take ten times as long."""
    return msgspec.convert([name.decode() for name in names], list[UUID])


def read_time(milliseconds: int) -> datetime:
    """Read milliseconds since 1970."""
    return datetime.fromtimestamp(milliseconds / 1_000, UTC)
