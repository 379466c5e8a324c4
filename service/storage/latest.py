"""What was published last, for feeds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.storage.postgres import connected, load_queries

SQL = load_queries("latest")


class Published(Struct, frozen=True, kw_only=True):
    """A public comment with the article it stands under."""

    article_id: UUID
    comment_id: UUID
    parent_id: UUID | None
    author_name: str
    text: str
    lang: str | None
    published_at: datetime
    edited_at: datetime | None
    article_key: str
    article_url: str | None
    article_title: str | None
    article_managed: bool
    """The newsroom has described the article, not a reader."""


class LatestStore(Struct, frozen=True, kw_only=True):
    """Read what was published last. Every method raises DatabaseUnavailable."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def of_article(
        self, site_id: int, article_ids: Sequence[UUID], *, limit: int
    ) -> tuple[Published, ...]:
        """Return the newest public comments of articles that are read as one, newest first."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(
                SQL["latest_of_article"], site_id, list(article_ids), limit
            )
        return tuple(Published(**row) for row in rows)

    async def of_site(self, site_id: int, *, limit: int) -> tuple[Published, ...]:
        """Return what was published last on a site, newest first."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["latest_of_site"], site_id, limit)
        return tuple(Published(**row) for row in rows)
