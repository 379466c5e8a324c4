"""Reports in Postgres: one a reporter and comment, open until the newsroom answers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from msgspec import Struct, field
from msgspec.structs import replace

from service.model import Actor
from service.storage.administration import Act, note_act
from service.storage.postgres import TURN_SECONDS, connected, in_transaction, load_queries
from service.storage.webhook_events import WebhookEvent, note_event

SQL = load_queries("reports")

TURNS = 4
"""Reports that hold a connection at once, as of votes (`service.storage.votes`)."""


class Report(Struct, frozen=True, kw_only=True):
    """What somebody says about a comment."""

    site_id: int
    comment_id: UUID
    reporter_key: str
    report_id: UUID
    reason: str
    text: str
    notice: Mapping[str, Any] | None
    at: datetime


class Reported(Struct, frozen=True, kw_only=True):
    """A report that is kept, and how the comment stands now."""

    report_id: UUID
    revision: int
    """Of the public text."""
    open_reports: int


class ReportStore(Struct, frozen=True, kw_only=True):
    """Keep reports. Every method raises DatabaseUnavailable while Postgres is away."""

    pool: asyncpg.Pool[asyncpg.Record]
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(TURNS))

    async def add(self, report: Report) -> Reported | None:
        """Keep a report; None when readers see no such comment."""
        async with (
            self.turns,
            in_transaction(self.pool, wait_seconds=TURN_SECONDS) as connection,
        ):
            row = await connection.fetchrow(SQL["hold_comment"], report.site_id, report.comment_id)
            if row is None:
                return None
            place = (report.site_id, row["article_id"], report.comment_id, report.reporter_key)
            added = await connection.fetchval(
                SQL["add"],
                *place,
                report.report_id,
                report.reason,
                report.text,
                report.notice,
                report.at,
            )
            if added is not None:
                reported = WebhookEvent(
                    site_id=report.site_id,
                    kind="comment.reported",
                    article_id=row["article_id"],
                    comment_id=report.comment_id,
                    facts={"reason": report.reason},
                    at=report.at,
                )
                await note_event(connection, reported)
            kept = added or await connection.fetchval(SQL["find"], *place)
            counted = await connection.fetch(
                SQL["open_by_reason"], report.site_id, [report.comment_id]
            )
        return Reported(
            report_id=kept,
            revision=row["revision"],
            open_reports=sum(each["reports"] for each in counted),
        )

    async def by_reason(
        self, site_id: int, comment_ids: Sequence[UUID]
    ) -> dict[UUID, dict[str, int]]:
        """Count the open reports of some comments, by reason, the most frequent first."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["open_by_reason"], site_id, list(comment_ids))
        counted: dict[UUID, dict[str, int]] = {}
        for row in rows:
            counted.setdefault(row["comment_id"], {})[row["reason"]] = row["reports"]
        return counted

    async def lane(
        self, site_id: int, *, after: tuple[int, datetime, UUID] | None, limit: int
    ) -> list[tuple[UUID, int, datetime]]:
        """Return comments with open reports as (id, reports, first of them), most reported first.

        `after` is (reports, first, id) of the last one on the page before.
        """
        async with connected(self.pool) as connection:
            rows = await connection.fetch(
                SQL["lane"], site_id, *(after or (None, None, None)), limit
            )
        return [(row["comment_id"], row["reports"], row["first_at"]) for row in rows]

    async def count_lane(self, site_id: int) -> int:
        """Count the comments with open reports."""
        async with connected(self.pool) as connection:
            return int(await connection.fetchval(SQL["count_lane"], site_id))

    async def close(
        self, site_id: int, comment_id: UUID, *, actor: Actor, at: datetime, act: Act
    ) -> bool:
        """Note that somebody has answered every report of a comment, and log it.

        False when none was open.
        """
        async with in_transaction(self.pool) as connection:
            answered = await connection.fetch(
                SQL["close"], site_id, comment_id, at, actor.kind, actor.actor_id
            )
            if answered:
                await note_act(connection, _counted(act, len(answered)))
        return bool(answered)

    async def reopen(self, site_id: int, comment_id: UUID, *, actor: Actor, act: Act) -> bool:
        """Let those reports of a public comment wait again that this person answered, and log it.

        False when the last answer was somebody else's, or the comment is not public.
        """
        async with in_transaction(self.pool) as connection:
            row = await connection.fetchrow(SQL["hold_comment"], site_id, comment_id)
            if row is None:
                return False
            place = (site_id, row["article_id"], comment_id)
            opened = await connection.fetch(SQL["reopen"], *place, actor.kind, actor.actor_id)
            if opened:
                await note_act(connection, _counted(act, len(opened)))
        return bool(opened)


def _counted(act: Act, reports: int) -> Act:
    return replace(act, details={**act.details, "reports": reports})
