"""Articles as the back end describes them, and the keys that lead to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from service.model import Article, ArticleState, Mode, article_id
from service.storage.postgres import Connection, connected, in_transaction, load_queries

SQL = load_queries("articles")

COLUMNS = ("url", "title", "lang", "state", "mode", "close_at", "views_per_hour")
"""What a back end may say of an article, in the order of the statement `put`."""


class CircularMerge(Exception):  # noqa: N818 - the feature tells it to whoever asked
    """An article would become an alias of itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleStore:
    """Articles in Postgres. Every method raises DatabaseUnavailable while it is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def find(self, site_id: int, key: str) -> Article | None:
        """The article a key leads to, an alias's target included; None for one unseen."""
        async with connected(self.pool) as connection:
            row = await connection.fetchrow(SQL["find"], site_id, article_id(site_id, key))
        return _article(row) if row else None

    async def aliases(self, site_id: int, of: UUID) -> list[str]:
        """The other keys of an article, sorted."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["aliases"], site_id, of)
        return [row["key"] for row in rows]

    async def put(
        self,
        site_id: int,
        key: str,
        changes: Mapping[str, Any],
        *,
        aliases: Sequence[str] | None = None,
    ) -> None:
        """Describe the article a key leads to: what `changes` has is set, a None included.

        `aliases`, when given, are all other keys that lead to it from now on.

        Raises:
            CircularMerge: the article's own key is among the aliases.
        """
        values = [changes.get(column) for column in COLUMNS]
        async with in_transaction(self.pool) as connection:
            await connection.fetchval(SQL["hold_site"], site_id)
            target = await _leads_to(connection, site_id, key)
            await connection.execute(SQL["put"], site_id, target, key, *values, list(changes))
            if aliases is not None:
                await _set_aliases(connection, site_id, target, aliases)

    async def merge(self, site_id: int, key: str, *, into: str) -> None:
        """Make a key, and whatever leads to it, an alias of the article another key leads to.

        Repeating it changes nothing.

        Raises:
            CircularMerge: both keys lead to the first one's article.
        """
        async with in_transaction(self.pool) as connection:
            await connection.fetchval(SQL["hold_site"], site_id)
            source = article_id(site_id, key)
            target = await _leads_to(connection, site_id, into)
            if source == target:
                raise CircularMerge
            ids = [source, article_id(site_id, into)]
            await connection.execute(SQL["make_sure"], site_id, ids, [key, into])
            await connection.execute(SQL["merge"], site_id, [source], target)


async def _leads_to(connection: Connection, site_id: int, key: str) -> UUID:
    own = article_id(site_id, key)
    found: UUID | None = await connection.fetchval(SQL["leads_to"], site_id, own)
    return found or own


async def _set_aliases(
    connection: Connection, site_id: int, target: UUID, aliases: Sequence[str]
) -> None:
    ids = [article_id(site_id, alias) for alias in aliases]
    if target in ids:
        raise CircularMerge
    await connection.execute(SQL["make_sure"], site_id, ids, list(aliases))
    await connection.execute(SQL["part"], site_id, target, ids)
    await connection.execute(SQL["merge"], site_id, ids, target)


def _article(row: asyncpg.Record) -> Article:
    return Article(
        site_id=row["site_id"],
        article_id=row["article_id"],
        key=row["key"],
        url=row["url"],
        title=row["title"],
        lang=row["lang"],
        state=ArticleState(row["state"]),
        mode=Mode(row["mode"]) if row["mode"] else None,
        close_at=row["close_at"],
        views_per_hour=row["views_per_hour"],
        merged_into=row["merged_into"],
        managed=row["managed"],
        count=row["count"],
    )
