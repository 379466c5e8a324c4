"""The newsroom's lists of articles: which ones, in which order, and what is told of each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.model import ArticleState, Mode
from service.storage.postgres import connected, load_queries

SQL = load_queries("article_lists")


class Listed(Struct, frozen=True, kw_only=True):
    """An article's place in a list."""

    article_id: UUID
    created_at: datetime | None
    """When it was first met; None for one that has no row yet."""
    weight: int
    """What the list is ordered by; 0 where it is by time."""


class Outline(Struct, frozen=True, kw_only=True):
    """What is told of an article in lists."""

    article_id: UUID
    key: str
    url: str | None
    title: str | None
    lang: str | None
    state: ArticleState
    """As it was set: whether `close_at` has come is not looked at."""
    mode: Mode | None
    close_at: datetime | None
    views_per_hour: float | None
    """As the back end told."""
    created_at: datetime | None
    count: int
    waiting: int
    lately: int
    """Comments that came since the moment that was asked for."""


class Choice(Struct, frozen=True, kw_only=True):
    """Which articles are wanted."""

    states: Sequence[ArticleState] | None
    phrase: str | None
    """Part of a title or of a key."""

    @property
    def pattern(self) -> str | None:
        """The phrase as `ILIKE` takes it, its own wildcards being letters."""
        if self.phrase is None:
            return None
        said = self.phrase.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return f"%{said}%"


class ArticleListStore(Struct, frozen=True, kw_only=True):
    """Lists in Postgres. Every method raises DatabaseUnavailable while it is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def newest(
        self,
        site_id: int,
        choice: Choice,
        *,
        before: tuple[datetime, UUID],
        now: datetime,
        limit: int,
    ) -> list[Listed]:
        """Articles that were met before a place in the list, latest first."""
        return await self._listed(
            "newest", site_id, *before, now, choice.states, choice.pattern, limit
        )

    async def hottest(
        self,
        site_id: int,
        choice: Choice,
        *,
        since_id: UUID,
        below: tuple[int, UUID],
        now: datetime,
        limit: int,
    ) -> list[Listed]:
        """Articles with comments since the moment of a UUIDv7, those with most first."""
        return await self._listed(
            "hottest", site_id, since_id, *below, now, choice.states, choice.pattern, limit
        )

    async def fullest(
        self, site_id: int, choice: Choice, *, below: tuple[int, UUID], now: datetime, limit: int
    ) -> list[Listed]:
        """Articles with waiting comments, those with most first."""
        return await self._listed(
            "fullest", site_id, *below, now, choice.states, choice.pattern, limit
        )

    async def outlines(
        self, site_id: int, article_ids: Sequence[UUID], *, since_id: UUID
    ) -> dict[UUID, Outline]:
        """What is told of some articles; comments since the moment of a UUIDv7 came lately."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["outlines"], site_id, list(article_ids), since_id)
        return {row["article_id"]: _outline(row) for row in rows}

    async def _listed(self, name: str, *values: object) -> list[Listed]:
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL[name], *values)
        return [
            Listed(article_id=row["article_id"], created_at=row["created_at"], weight=row["weight"])
            for row in rows
        ]


def _outline(row: asyncpg.Record) -> Outline:
    return Outline(
        article_id=row["article_id"],
        key=row["key"],
        url=row["url"],
        title=row["title"],
        lang=row["lang"],
        state=ArticleState(row["state"]),
        mode=Mode(row["mode"]) if row["mode"] else None,
        close_at=row["close_at"],
        views_per_hour=row["views_per_hour"],
        created_at=row["created_at"],
        count=row["count"],
        waiting=row["waiting"],
        lately=row["lately"],
    )
