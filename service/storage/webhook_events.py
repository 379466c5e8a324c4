"""What happened, written for those who want to hear of it by the transaction that makes it true."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from msgspec import Struct, field

from service.storage.postgres import Connection, connected, in_transaction, load_queries

SQL = load_queries("webhook_events")

WAIT = timedelta(seconds=30)
"""Before anything is told: as long as what was decided is undone without anybody hearing of it."""
PURGED_AT_ONCE = 10_000
CLOSING = "closing"
"""The mark up to which articles that close by themselves were told of."""


class WebhookEvent(Struct, frozen=True, kw_only=True):
    """One thing that happened on a site."""

    site_id: int
    kind: str
    """`thing.verb`, as in api.md."""
    at: datetime
    article_id: UUID | None = None
    comment_id: UUID | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    """Never a text, an e-mail address or where somebody writes from."""
    decision_id: UUID | None = None
    """What has to be undone for it not to be told."""


class Released(Struct, frozen=True, kw_only=True):
    """An event that is on its way."""

    site_id: int
    kind: str
    article_id: UUID | None
    facts: dict[str, Any]


class WebhookEventStore(Struct, frozen=True, kw_only=True):
    """Let events ripen and go. Every method raises DatabaseUnavailable while Postgres is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def release(self, *, now: datetime, limit: int, counts_ripe: datetime) -> int:
        """Drop what was undone, let go what is ripe, and return how many that were.

        Of articles whose count has changed by it, that is told at `counts_ripe`.
        """
        async with in_transaction(self.pool) as connection:
            await connection.execute(SQL["cancel"])
            rows = await connection.fetch(SQL["release"], now, limit)
            changed = _counted([Released(**row) for row in rows])
            if changed:
                await connection.execute(
                    SQL["note_counts"],
                    [site_id for site_id, _, _ in changed],
                    [article_id for _, article_id, _ in changed],
                    [key for _, _, key in changed],
                    now,
                    counts_ripe,
                )
        return len(rows)

    async def follow_clock(self, *, now: datetime) -> None:
        """Note which articles have closed by themselves since this was done last."""
        async with in_transaction(self.pool) as connection:
            since = await connection.fetchval(SQL["mark"], CLOSING)
            if since is not None:
                await connection.execute(SQL["note_closed_meanwhile"], since, now, WAIT)
            await connection.execute(SQL["set_mark"], CLOSING, now)

    async def purge(self, *, before: datetime) -> None:
        """Delete what happened before a time, and what came of telling it."""
        async with connected(self.pool) as connection:
            await connection.execute(SQL["purge"], before, PURGED_AT_ONCE)


COUNTS = frozenset(
    {
        "comment.approved",
        "comment.restored",
        "comment.removed",
        "comment.deleted",
        "comment.pending",
    }
)
"""What changes how many comments an article has, where readers see it."""


def _counted(released: Sequence[Released]) -> list[tuple[int, UUID, str]]:
    """Return the articles whose count has changed, once each."""
    changed = {
        (each.site_id, each.article_id): str(each.facts["article"])
        for each in released
        if each.kind in COUNTS and each.facts.get("shown") and each.article_id is not None
    }
    return [(site_id, article_id, key) for (site_id, article_id), key in changed.items()]


async def note_event(connection: Connection, event: WebhookEvent) -> None:
    """Write what happened in the transaction that makes it true."""
    await connection.execute(
        SQL["note"],
        event.site_id,
        event.kind,
        event.article_id,
        event.comment_id,
        event.facts,
        event.decision_id,
        event.at,
        event.at + WAIT,
    )


async def note_articles(
    connection: Connection, site_id: int, kind: str, keys: dict[UUID, str]
) -> None:
    """Write what happened to articles, given as keys by id."""
    if keys:
        await connection.execute(
            SQL["note_articles"], site_id, kind, list(keys), list(keys.values()), WAIT
        )
