"""What has to have happened before an author is told "we have it": the levels of durability.

At `local` Redis has written it to its disk; at `replica` its replicas have it as well; at
`journal` Postgres has committed it first (protocol.md 2.2).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from service.model import PendingComment
from service.storage.durability import Level
from service.storage.journal import JournalStore
from service.storage.limits import NO_DUES, Dues
from service.storage.pending import Acceptance, EditOutcome, PendingStore, RequeueOutcome
from service.storage.redis import NotReplicated, QueueUnavailable

OF_ANOTHER = frozenset({"DUP", "MISMATCH"})
"""Answers that speak of an earlier comment; or of this one, where the refill was faster."""

NOT_TAKEN = frozenset({"LIMITED", "FULL", "EMPTY"})
"""Answers after which nothing of the comment is in Redis."""

STALE = EditOutcome(outcome="STALE", revision=0)


def _untimed(_: float) -> None:
    """Measure nothing."""


def _uncounted() -> None:
    """Count nothing."""


class Promise(Struct, frozen=True, kw_only=True):
    """Change what waits, and return only when that is as durable as the level promises.

    Every method raises Unavailable where it is not: the outcome is unknown, repeating is safe.
    """

    pending: PendingStore
    journal: JournalStore
    level: Level = "local"
    took: Callable[[float], None] = _untimed
    """Told the seconds of each comment that was taken in."""
    fell_short: Callable[[], None] = _uncounted
    """Told of each write that too few replicas confirmed."""
    stopwatch: Callable[[], float] = time.perf_counter

    async def accept(
        self,
        item: PendingComment,
        *,
        auto: bool,
        grace_ms: int,
        pending_max: int,
        dk_ttl_ms: int,
        known_seq: int,
        dues: Dues = NO_DUES,
    ) -> Acceptance:
        """Take a comment in, once a submission; `known_seq` was acknowledged before.

        `dues` are charged only if it is taken in.
        """
        begun = self.stopwatch()
        if self.level == "journal":
            earlier = await self.journal.enter(item)
            if earlier is not None:
                return Acceptance(
                    outcome="DUP" if earlier.fingerprint == item.fingerprint else "MISMATCH",
                    comment_id=earlier.comment_id,
                    seq=0,
                    author_id=earlier.author_id,
                    published=earlier.published,
                )
        try:
            stored = await self.pending.accept(
                item,
                auto=auto,
                grace_ms=grace_ms,
                pending_max=pending_max,
                dk_ttl_ms=dk_ttl_ms,
                known_seq=known_seq,
                dues=dues,
            )
        except NotReplicated:
            self.fell_short()
            raise
        if self.level == "journal":
            stored = await self._settled(item, stored)
        if stored.outcome == "OK":
            self.took(self.stopwatch() - begun)
        return stored

    async def _settled(self, item: PendingComment, stored: Acceptance) -> Acceptance:
        """Let both stores agree about a comment that Postgres has and Redis did not take.

        Whoever fills up an empty Redis may have put it in meanwhile: then it waits there.
        """
        if stored.outcome == "CLASH":
            return replace(stored, outcome="DUP")
        if stored.outcome == "EMPTY" and item.keyed:
            raise QueueUnavailable  # it may come back with the rest; its key finds it
        another = stored.comment_id != item.comment_id
        if stored.outcome in NOT_TAKEN or (stored.outcome in OF_ANOTHER and another):
            await self.journal.leave(item)
        return stored

    async def edit(
        self,
        item: PendingComment,
        *,
        expected_revision: int,
        settle: Literal["publish", "reject"] | None,
    ) -> EditOutcome:
        """Replace the text of a waiting comment."""
        if self.level == "journal":
            newer = replace(item, revision=expected_revision + 1)
            if not await self.journal.revise(newer):
                return STALE
        with self._counted():
            return await self.pending.edit(item, expected_revision=expected_revision, settle=settle)

    async def edit_public(self, item: PendingComment) -> RequeueOutcome:
        """Let an edit of a public comment wait."""
        if self.level == "journal" and not await self.journal.revise(item):
            return "KEPT"
        with self._counted():
            return await self.pending.requeue(
                item, journaled=False, guarded=True, acknowledged=True
            )

    async def confirm(self, slug: str) -> None:
        """Make sure of what was read in Redis before it is acknowledged once more (F4)."""
        if self.level == "replica":
            with self._counted():
                await self.pending.confirm(slug)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        try:
            yield
        except NotReplicated:
            self.fell_short()
            raise
