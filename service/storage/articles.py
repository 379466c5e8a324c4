"""Articles as the back end describes them, and the keys that lead to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.model import Article, ArticleState, Mode, article_id
from service.storage.administration import Act, note_act
from service.storage.postgres import Connection, connected, in_transaction, load_queries
from service.storage.webhook_events import note_articles

SQL = load_queries("articles")

COLUMNS = (
    "url", "title", "lang", "state", "mode", "close_at", "views_per_hour", "section", "tags",
    "published_at",
)  # fmt: skip
"""What a back end may say of an article, in the order of the statement `put`."""


Noted = Callable[[int], Act]
"""Makes an entry of the log from how many articles were changed."""

UNSEEN = frozenset({"views_per_hour", "section", "tags", "published_at"})
"""What no reader sees; views a back end may change every few minutes."""


class CircularMerge(Exception):  # noqa: N818 - the feature tells it to whoever asked
    """An article would become an alias of itself."""


class ArticleStore(Struct, frozen=True, kw_only=True):
    """Articles in Postgres. Every method raises DatabaseUnavailable while it is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def find(self, site_id: int, key: str) -> Article | None:
        """The article a key leads to, an alias's target included; None for one unseen."""
        place = (site_id, key)
        return (await self.find_each([place])).get(place)

    async def find_each(self, places: Sequence[tuple[int, str]]) -> dict[tuple[int, str], Article]:
        """Find the articles of several sites and keys, as `find`; the unseen are left out."""
        wanted = {article_id(*place): place for place in places}
        site_ids = [site_id for site_id, _ in wanted.values()]
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["find"], site_ids, list(wanted))
        return {wanted[row["asked_id"]]: _article(row) for row in rows}

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
        act: Act | None = None,
    ) -> None:
        """Describe the article a key leads to: what `changes` has is set, a None included.

        `aliases`, when given, are all other keys that lead to it from now on. `act`, when
        given, is written to the log of administration.

        Raises:
            CircularMerge: the article's own key is among the aliases.
        """
        values = [changes.get(column) for column in COLUMNS]
        async with in_transaction(self.pool) as connection:
            await connection.fetchval(SQL["hold_site"], site_id)
            target, own_key = await _leads_to(connection, site_id, key)
            before = await connection.fetchval(SQL["takes_comments"], site_id, target)
            after = await connection.fetchval(
                SQL["put"], site_id, target, key, *values, list(changes)
            )
            await _note(connection, site_id, {target: own_key}, before=before, after=after)
            changed = {target: own_key} if changes.keys() - UNSEEN else {}
            if aliases is not None:
                elsewhere = await _set_aliases(connection, site_id, target, aliases)
                changed |= elsewhere | ({target: own_key} if elsewhere else {})
            await _tell(connection, site_id, changed)
            if act is not None:
                await note_act(connection, act)

    async def merge(self, site_id: int, key: str, *, into: str) -> None:
        """Make a key, and whatever leads to it, an alias of the article another key leads to.

        Repeating it changes nothing.

        Raises:
            CircularMerge: both keys lead to the first one's article.
        """
        async with in_transaction(self.pool) as connection:
            await connection.fetchval(SQL["hold_site"], site_id)
            source = article_id(site_id, key)
            target, own_key = await _leads_to(connection, site_id, into)
            if source == target:
                raise CircularMerge
            ids = [source, article_id(site_id, into)]
            met = _keys(await connection.fetch(SQL["make_sure"], site_id, ids, [key, into]))
            if target in met:
                await note_articles(connection, site_id, "article.created", {target: own_key})
            moved = await connection.fetch(SQL["merge"], site_id, [source], target)
            if moved:
                await _tell(connection, site_id, {target: own_key, **_keys(moved)})

    async def count_older(
        self, site_id: int, *, before: datetime, now: datetime, limit: int
    ) -> int:
        """How many articles met before a moment still take comments; at most `limit`."""
        async with connected(self.pool) as connection:
            many: int = await connection.fetchval(SQL["count_older"], site_id, before, now, limit)
        return many

    async def close_older(
        self, site_id: int, *, before: datetime, now: datetime, limit: int, noted: Noted
    ) -> list[str]:
        """Close articles that were met before a moment, at most `limit`; return their keys.

        `noted` makes the entry of the log of administration from how many there were; none is
        written when there was nothing to close.
        """
        async with in_transaction(self.pool) as connection:
            await connection.fetchval(SQL["hold_site"], site_id)
            rows = await connection.fetch(SQL["close_older"], site_id, before, now, limit)
            if rows:
                await _tell(connection, site_id, _keys(rows))
                await note_articles(connection, site_id, "article.closed", _keys(rows))
                await note_act(connection, noted(len(rows)))
        return [row["key"] for row in rows]


async def _leads_to(connection: Connection, site_id: int, key: str) -> tuple[UUID, str]:
    """Return the id and the key of the article a key stands for."""
    own = article_id(site_id, key)
    row = await connection.fetchrow(SQL["leads_to"], site_id, own)
    return (row["article_id"], row["key"]) if row else (own, key)


async def _set_aliases(
    connection: Connection, site_id: int, target: UUID, aliases: Sequence[str]
) -> dict[UUID, str]:
    """Let these keys and no others lead to an article; return the keys that lead elsewhere now."""
    ids = [article_id(site_id, alias) for alias in aliases]
    if target in ids:
        raise CircularMerge
    await connection.execute(SQL["make_sure"], site_id, ids, list(aliases))
    parted = await connection.fetch(SQL["part"], site_id, target, ids)
    moved = await connection.fetch(SQL["merge"], site_id, ids, target)
    return _keys(parted) | _keys(moved)


async def _note(
    connection: Connection,
    site_id: int,
    keys: dict[UUID, str],
    *,
    before: bool | None,
    after: bool,
) -> None:
    """Let webhooks tell of an article that is new (None), or takes no comments any more."""
    if before is None:
        await note_articles(connection, site_id, "article.created", keys)
    elif before and not after:
        await note_articles(connection, site_id, "article.closed", keys)


def _keys(rows: Sequence[asyncpg.Record]) -> dict[UUID, str]:
    return {row["article_id"]: row["key"] for row in rows}


async def _tell(connection: Connection, site_id: int, changed: Mapping[UUID, str]) -> None:
    await connection.execute(SQL["tell"], site_id, list(changed), list(changed.values()))


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
        section=row["section"],
        tags=frozenset(row["tags"]),
        published_at=row["published_at"],
        merged_into=row["merged_into"],
        managed=row["managed"],
        count=row["count"],
    )
