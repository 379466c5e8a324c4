"""The intake journal: behind Redis, everything that waits, under the same ids."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg
import orjson
from msgspec import Struct
from msgspec.structs import replace

from service.model import Decision, PendingComment
from service.payload import from_payload, to_payload
from service.storage.changes import Place
from service.storage.decisions import SQL as DECISIONS
from service.storage.decisions import DecisionStore
from service.storage.postgres import (
    TURN_SECONDS,
    Connection,
    connected,
    in_transaction,
    load_queries,
    write_rows,
)
from service.storage.replies import PUBLISHED
from service.storage.screenings import SQL as SCREENINGS
from service.storage.webhook_events import WAIT, WebhookEvent, note_event

SQL = load_queries("journal")

BATCH = 500
"""Rows of one statement when a queue is read back."""

HIGHEST_SECONDS = 60.0
"""Longer than other statements may take: it reads a site's journal, and only after a loss."""

DOES_NOT_FIT = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, ValueError)
"""What Postgres, or the way there, says of a value that cannot be stored."""


SURELY = "SET LOCAL synchronous_commit = on"
"""What is acknowledged is on disk, and on standbys that are named synchronous, when committed."""

TAKEN = "INSERT 0 0"
"""What Postgres says when a row of that key was there."""

BEGINNING = (-1, UUID(int=0))
"""Before every sequence number and id."""


class Outline(NamedTuple):
    """What waits, without its text."""

    article_id: UUID
    comment_id: UUID
    revision: int
    n: int
    seq: int


class Watermark(Struct, frozen=True, kw_only=True):
    """What a site's Redis was known to hold."""

    epoch: str
    seq: int


class Submitted(Struct, frozen=True, kw_only=True):
    """What an idempotency key stands for, as Postgres remembers it."""

    dk: str
    comment_id: UUID
    fingerprint: str
    author_id: UUID
    status: int
    at: datetime

    @property
    def published(self) -> bool:
        """True when the first answer said so."""
        return self.status == PUBLISHED


class JournalStore(Struct, frozen=True, kw_only=True):
    """Write what Redis holds, and read it back when Redis has lost it."""

    pool: asyncpg.Pool[asyncpg.Record]
    batch: int = BATCH

    async def record(self, payloads: Mapping[str, bytes]) -> list[str]:
        """Copy waiting comments; newer ones win, what was decided meanwhile stays decided.

        They are given by id, in JSON as `payload.to_payload` writes them, which only Postgres
        reads. Returns those that it does not take; they keep no other from being copied.

        Raises:
            DatabaseUnavailable: Postgres is away; what was copied is not known.
        """
        if not payloads:
            return []
        try:
            async with connected(self.pool, writes=True) as connection:
                texts = [orjson.Fragment(payload) for payload in payloads.values()]
                await connection.execute(SQL["copy"], texts, WAIT)
        except DOES_NOT_FIT:
            if len(payloads) == 1:
                return list(payloads)
            alone = [await self.record({each: text}) for each, text in payloads.items()]
            return [refused for each in alone for refused in each]
        return []

    async def enter(self, item: PendingComment) -> Submitted | None:
        """Write a comment before Redis has it (level `journal`).

        Returns what the same submission became before, if it did: then nothing is written.

        Raises:
            DatabaseUnavailable: Postgres is away; whether it was written is not known.
        """
        place, texts = Place(item.site_id, item.article_id, item.comment_id), [to_payload(item)]
        async with in_transaction(self.pool, wait_seconds=TURN_SECONDS) as connection:
            await connection.execute(SURELY)
            if (
                item.keyed
                and item.dk
                and item.fingerprint
                and await connection.execute(SQL["submit"], texts) == TAKEN
            ):
                dk = bytes.fromhex(item.dk)
                return _submitted(
                    await connection.fetchrow(SQL["earlier"], place.site_id, place.article_id, dk)
                )
            await connection.execute(SQL["copy"], texts, WAIT)
        return None

    async def leave(self, item: PendingComment) -> None:
        """Take back what `enter` wrote of a comment that Redis did not take.

        Raises:
            DatabaseUnavailable: Postgres is away.
        """
        place = (item.site_id, item.article_id, item.comment_id)
        async with in_transaction(self.pool, wait_seconds=TURN_SECONDS) as connection:
            await write_rows(connection, SCREENINGS["forget_screening"], [place])
            await connection.execute(SQL["leave"], *place)

    async def revise(self, item: PendingComment) -> bool:
        """Write a newer text of a comment before Redis has it; False when there is one already.

        Raises:
            DatabaseUnavailable: Postgres is away; whether it was written is not known.
        """
        place, texts = Place(item.site_id, item.article_id, item.comment_id), [to_payload(item)]
        async with in_transaction(self.pool, wait_seconds=TURN_SECONDS) as connection:
            await connection.execute(SURELY)
            await _place(connection, place)
            if not await connection.fetchval(SQL["revise"], texts):
                return False
            for name in ("remember", "alert"):
                await connection.execute(SQL[name], texts)
            await note_event(connection, _revised(item))
        return True

    async def settle(self, items: Sequence[PendingComment]) -> None:
        """Empty rows that wait although the log has closed their comments."""
        async with connected(self.pool) as connection:
            await connection.executemany(
                SQL["settle"],
                [
                    (item.site_id, item.article_id, item.comment_id, item.revision, item.n)
                    for item in items
                ],
            )

    async def waiting(self, site_id: int) -> AsyncIterator[list[PendingComment]]:
        """Yield everything that waits on a site, in batches, oldest first."""
        after = BEGINNING
        while True:
            async with connected(self.pool) as connection:
                rows = await connection.fetch(SQL["waiting"], site_id, *after, self.batch)
            if not rows:
                return
            yield [_waiting(row) for row in rows]
            after = (rows[-1]["seq"], rows[-1]["comment_id"])

    async def outlines(self, site_id: int, *, before: datetime) -> AsyncIterator[list[Outline]]:
        """Yield the outlines of what waits and was journaled before a time, as `waiting`."""
        after = BEGINNING
        while True:
            async with connected(self.pool) as connection:
                rows = await connection.fetch(SQL["outlines"], site_id, *after, before, self.batch)
            if not rows:
                return
            yield [Outline(*row.values()) for row in rows]
            after = (rows[-1]["seq"], rows[-1]["comment_id"])

    async def read(self, site_id: int, outlines: Sequence[Outline]) -> list[PendingComment]:
        """Return those of these that still wait, whole."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(
                SQL["read"],
                site_id,
                [outline.article_id for outline in outlines],
                [outline.comment_id for outline in outlines],
            )
        return [_waiting(row) for row in rows]

    async def latest(self, site_id: int, comment_ids: Sequence[UUID]) -> dict[UUID, Decision]:
        """Return the latest decision of each comment that has one."""
        return await DecisionStore(pool=self.pool).latest(site_id, comment_ids)

    async def submissions(self, site_id: int, *, since: datetime) -> AsyncIterator[list[Submitted]]:
        """Yield the idempotency records of a site since a time, in batches."""
        after = b""
        while True:
            async with connected(self.pool) as connection:
                rows = await connection.fetch(SQL["submissions"], site_id, since, after, self.batch)
            if not rows:
                return
            yield [_submitted(row) for row in rows]
            after = rows[-1]["dk"]

    async def decided_lately(
        self, site_id: int, *, since: datetime
    ) -> AsyncIterator[list[Submitted]]:
        """Yield what texts without a key became that were sent and decided since a time."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["decided_lately"], site_id, since)
        yield [_submitted(row) for row in rows]

    async def highest_seq(self, site_id: int, *, upto: int | None = None) -> int:
        """Return the highest sequence number the journal has or had, at most `upto`."""
        async with connected(self.pool) as connection:
            highest: int = await connection.fetchval(
                SQL["highest_seq"], site_id, upto, timeout=HIGHEST_SECONDS
            )
        return highest

    async def watermark(self, site_id: int) -> Watermark | None:
        """Return how far a site's Redis was known to be; None for a site that never had one."""
        async with connected(self.pool) as connection:
            row = await connection.fetchrow(SQL["watermark"], site_id)
        return Watermark(epoch=row["epoch"], seq=row["seq"]) if row else None

    async def raise_watermark(
        self, site_id: int, watermark: Watermark, *, settled: int = 0
    ) -> None:
        """Remember a higher sequence number, or a new epoch.

        Up to `settled` nothing is lost any more without having been told.
        """
        async with connected(self.pool) as connection:
            await connection.execute(
                SQL["raise_watermark"], site_id, watermark.epoch, watermark.seq, settled
            )

    async def note_acknowledged(self, site_id: int, seq: int) -> None:
        """Remember a higher sequence number."""
        async with connected(self.pool) as connection:
            await connection.execute(SQL["note_acknowledged"], site_id, seq)

    async def purge(
        self, *, now: datetime, submissions_before: datetime, decided_before: datetime
    ) -> None:
        """Delete texts whose time is over, and records too old to matter."""
        async with connected(self.pool) as connection:
            await connection.execute(SQL["purge_kept"], now)
            await connection.execute(SQL["purge_submissions"], submissions_before)
            await connection.execute(SQL["purge_decided"], decided_before)


async def _place(connection: Connection, place: Place) -> None:
    """Write where a comment is: first, as the copy does, so that neither waits for the other."""
    row = (place.site_id, place.comment_id, place.article_id)
    await write_rows(connection, DECISIONS["place"], [row])


def _revised(item: PendingComment) -> WebhookEvent:
    """Return what `copy` tells of an edit that the journal did not know."""
    is_edit = item.kind == "edit"
    return WebhookEvent(
        site_id=item.site_id,
        kind="comment.pending" if is_edit else "comment.edited",
        at=item.edited_at or item.created_at,
        article_id=item.article_id,
        comment_id=item.comment_id,
        facts={"article": item.article_key, "revision": item.revision, "edit": is_edit},
    )


def _submitted(row: asyncpg.Record) -> Submitted:
    return Submitted(
        dk=row["dk"].hex(),
        comment_id=row["comment_id"],
        fingerprint=row["fingerprint"].hex(),
        author_id=row["author_id"],
        status=row["status"],
        at=row["at"],
    )


def _waiting(row: asyncpg.Record) -> PendingComment:
    return replace(from_payload(row["payload"]), seq=row["seq"], n=row["n"])
