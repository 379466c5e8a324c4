"""Appeals in Postgres: one a comment, open until another moderator answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.model import Actor
from service.storage.administration import Act, note_act
from service.storage.postgres import connected, in_transaction, load_queries
from service.storage.webhook_events import WebhookEvent, note_event

SQL = load_queries("appeals")


class Appeal(Struct, frozen=True, kw_only=True):
    """An author's request for a second look."""

    comment_id: UUID
    appeal_id: UUID
    n: int
    """The comment's decision it is against."""
    text: str
    at: datetime
    answered_at: datetime | None
    granted: bool | None
    note: str
    actor_kind: str | None
    actor_id: str | None
    """Who answered."""


class AppealStore(Struct, frozen=True, kw_only=True):
    """Keep appeals. Every method raises DatabaseUnavailable while Postgres is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def add(
        self,
        site_id: int,
        article_id: UUID,
        comment_id: UUID,
        *,
        appeal_id: UUID,
        n: int,
        text: str,
        at: datetime,
    ) -> bool:
        """Keep an appeal against a comment's n-th decision.

        False when the comment had one before, or was decided again since.
        """
        async with in_transaction(self.pool) as connection:
            await connection.execute(SQL["hold_article"], site_id, article_id)
            added = await connection.fetchval(
                SQL["add"], site_id, article_id, comment_id, appeal_id, n, text, at
            )
            if added is not None:
                opened = WebhookEvent(
                    site_id=site_id,
                    kind="appeal.opened",
                    article_id=article_id,
                    comment_id=comment_id,
                    at=at,
                )
                await note_event(connection, opened)
        return added is not None

    async def find(self, site_id: int, places: Sequence[tuple[UUID, UUID]]) -> dict[UUID, Appeal]:
        """Return the appeals of comments, given as (article, comment), by comment."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(
                SQL["find"],
                site_id,
                [article_id for article_id, _ in places],
                [comment_id for _, comment_id in places],
            )
        return {row["comment_id"]: Appeal(**row) for row in rows}

    async def lane(
        self, site_id: int, *, after: tuple[datetime, UUID] | None, limit: int
    ) -> list[tuple[UUID, datetime]]:
        """Return comments with an open appeal as (id, when), the oldest appeal first."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["lane"], site_id, *(after or (None, None)), limit)
        return [(row["comment_id"], row["at"]) for row in rows]

    async def count_lane(self, site_id: int) -> int:
        """Count the open appeals."""
        async with connected(self.pool) as connection:
            return int(await connection.fetchval(SQL["count_lane"], site_id))

    async def deny(
        self,
        site_id: int,
        article_id: UUID,
        comment_id: UUID,
        *,
        note: str,
        actor: Actor,
        at: datetime,
        act: Act,
    ) -> bool:
        """Answer that it stays as it is, and log it; False when the appeal was answered before.

        The other answer is part of the decision that makes the comment public.
        """
        async with in_transaction(self.pool) as connection:
            denied = await connection.fetchval(
                SQL["deny"],
                site_id,
                article_id,
                comment_id,
                note,
                actor.kind,
                actor.actor_id,
                at,
            )
            if denied is not None:
                await note_act(connection, act)
                decided = WebhookEvent(
                    site_id=site_id,
                    kind="appeal.decided",
                    article_id=article_id,
                    comment_id=comment_id,
                    facts={"granted": False},
                    at=at,
                )
                await note_event(connection, decided)
        return denied is not None

    async def reopen(
        self,
        site_id: int,
        article_id: UUID,
        comment_id: UUID,
        *,
        n: int,
        answered_at: datetime,
        act: Act,
    ) -> bool:
        """Let a denied appeal wait again, and log it; False when its comment was decided since.

        `n` is the comment's latest decision as the caller knows it.
        """
        async with in_transaction(self.pool) as connection:
            await connection.execute(SQL["hold_article"], site_id, article_id)
            opened = await connection.fetchval(
                SQL["reopen"], site_id, article_id, comment_id, n, answered_at
            )
            if opened is not None:
                await note_act(connection, act)
        return opened is not None
