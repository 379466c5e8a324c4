"""What a site knows of one author, with warnings, notes, and what was done about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import MAXYEAR, datetime
from typing import Any
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.model import AuthorKind, Decision
from service.storage.administration import Act, note_act
from service.storage.postgres import Connection, connected, in_transaction, load_queries
from service.storage.rows import decision_of
from service.storage.webhook_events import WebhookEvent, note_event

SQL = load_queries("records")
READERS = load_queries("readers")

KEPT = 100
"""Notes, warnings and entries of the log that are shown of one author."""


class Reports(Struct, frozen=True, kw_only=True):
    """Reports an author made and got; upheld are those followed by a removal."""

    made: int
    made_upheld: int
    received: int
    received_upheld: int


class Note(Struct, frozen=True, kw_only=True):
    """Something colleagues should know of an author."""

    note_id: UUID
    text: str
    actor_kind: str
    actor_id: str
    at: datetime


class Warned(Struct, frozen=True, kw_only=True):
    """A warning."""

    warning_id: UUID
    text: str
    actor_kind: str
    actor_id: str
    at: datetime
    acknowledged_at: datetime | None = None


class Done(Struct, frozen=True, kw_only=True):
    """An entry of the administrative log that is about an author."""

    entry_id: UUID
    at: datetime
    actor_kind: str
    actor_id: str
    act: str
    details: Mapping[str, Any]


class Rulings(Struct, frozen=True, kw_only=True):
    """What changes of an author's standing; None: it stays."""

    ban: tuple[datetime | None, str | None, list[int] | None] | None = None
    """Until when, None for no longer; what the author is told; other sites where it holds."""
    trusted: bool | None = None
    always_hold: bool | None = None


class RecordStore(Struct, frozen=True, kw_only=True):
    """Records in Postgres. Every method raises DatabaseUnavailable while it is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def who(self, site_id: int, author_id: UUID) -> tuple[AuthorKind, str] | None:
        """How an author comes and what they are called; None if Postgres knows nothing of them."""
        async with connected(self.pool) as connection:
            row = await connection.fetchrow(SQL["who"], site_id, author_id)
        return (row["kind"], row["name"]) if row else None

    async def waiting(self, site_id: int, author_id: UUID, *, limit: int) -> list[tuple[UUID, int]]:
        """What an author has waiting as (id, revision), oldest first."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["waiting"], site_id, str(author_id), limit)
        return [(row["comment_id"], row["revision"]) for row in rows]

    async def reports(self, site_id: int, author_id: UUID) -> Reports:
        """Reports an author made and got."""
        async with connected(self.pool) as connection:
            row = await connection.fetchrow(SQL["reports"], site_id, author_id, author_id.hex)
        assert row is not None
        return Reports(**row)

    async def recent(self, site_id: int, author_id: UUID, *, limit: int) -> list[UUID]:
        """Ids of an author's newest comments, whatever became of them."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["recent"], site_id, author_id, limit)
        return [row["comment_id"] for row in rows]

    async def decisions(self, site_id: int, author_id: UUID, *, limit: int) -> list[Decision]:
        """The latest decisions on an author's comments, the newest first."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["decisions"], site_id, author_id, limit)
        return [decision_of(row) for row in rows]

    async def rule(
        self,
        site_id: int,
        author_id: UUID,
        *,
        kind: AuthorKind,
        rulings: Rulings,
        acts: Sequence[Act],
        elsewhere: Sequence[Act] = (),
    ) -> None:
        """Change an author's standing, and log it; also on sites it reaches, without their name."""
        subject = (site_id, author_id, kind)
        async with in_transaction(self.pool) as connection:
            if rulings.ban is not None:
                await connection.execute(READERS["ban"], *subject, *rulings.ban)
            if rulings.trusted is not None:
                await connection.execute(READERS["trust"], *subject, rulings.trusted)
            if rulings.always_hold is not None:
                await connection.execute(READERS["hold"], *subject, rulings.always_hold)
            for act in acts:
                await note_act_about(connection, author_id, act)
            if rulings.ban is not None and rulings.ban[0] is not None:
                await note_event(connection, _banned(site_id, rulings.ban[0], acts[0]))
            for act in elsewhere:
                await note_act(connection, act)

    async def warn(
        self, site_id: int, author_id: UUID, *, kind: AuthorKind, warning: Warned, act: Act
    ) -> None:
        """Warn an author, and log it."""
        async with in_transaction(self.pool) as connection:
            await connection.execute(SQL["meet"], site_id, author_id, kind)
            await connection.execute(
                SQL["warn"],
                site_id,
                author_id,
                warning.warning_id,
                warning.text,
                warning.actor_kind,
                warning.actor_id,
                warning.at,
            )
            await note_act_about(connection, author_id, act)

    async def acknowledge(
        self, site_id: int, warning_id: UUID, *, author_ids: Sequence[UUID] | None, at: datetime
    ) -> bool:
        """Note that a warning was read; False when these authors (None: nobody) have it not."""
        ids = None if author_ids is None else list(author_ids)
        async with connected(self.pool) as connection:
            noted = await connection.fetchval(SQL["acknowledge"], site_id, warning_id, ids, at)
        return noted is not None

    async def warnings(self, site_id: int, author_ids: Sequence[UUID]) -> list[Warned]:
        """Warnings of an author under all their ids: those not acknowledged first."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["warnings"], site_id, list(author_ids), KEPT)
        return [Warned(**row) for row in rows]

    async def add_note(self, site_id: int, author_id: UUID, *, note: Note, act: Act) -> None:
        """Keep a note, and log that there is one."""
        async with in_transaction(self.pool) as connection:
            await connection.execute(
                SQL["add_note"],
                site_id,
                author_id,
                note.note_id,
                note.text,
                note.actor_kind,
                note.actor_id,
                note.at,
            )
            await note_act_about(connection, author_id, act)

    async def notes(self, site_id: int, author_id: UUID) -> list[Note]:
        """What colleagues said of an author, the newest first."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["notes"], site_id, author_id, KEPT)
        return [Note(**row) for row in rows]

    async def acts(self, site_id: int, author_id: UUID) -> list[Done]:
        """What was done about an author, the newest first."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["acts"], site_id, author_id, KEPT)
        return [Done(**row) for row in rows]


def _banned(site_id: int, until: datetime, act: Act) -> WebhookEvent:
    """Tell of a ban by its entry in the log: whom that is about can be forgotten."""
    endless = until.year >= MAXYEAR
    return WebhookEvent(
        site_id=site_id,
        kind="reader.banned",
        facts={"act": str(act.entry_id), "until": None if endless else until.isoformat()},
        at=act.at,
    )


async def note_act_about(connection: Connection, author_id: UUID, act: Act) -> None:
    """Add an entry to the administrative log, and beside it whom it is about."""
    await note_act(connection, act)
    await connection.execute(SQL["name_act"], act.site_id, author_id, act.entry_id)
