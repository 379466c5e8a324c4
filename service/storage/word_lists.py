"""A site's word lists in Postgres, in versions that never change."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import asyncpg

from service.storage.administration import Act, note_act
from service.storage.postgres import connected, in_transaction, load_queries

SQL = load_queries("word_lists")
TURN_PAGE = load_queries("rules")["turn_page"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredList:
    """A list as a site has it: its latest version."""

    name: str
    version: int
    title: str
    langs: list[str]
    """Of texts it is looked for in; empty: all."""
    words: list[str]
    """Entries as they were written."""
    comment: str | None
    actor_kind: str
    actor_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WordListStore:
    """Keep lists. Every method raises DatabaseUnavailable while Postgres is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def current(self, site_id: int) -> list[StoredList]:
        """Every list a site has of its own, by name."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["current_lists"], site_id)
        return [StoredList(**row) for row in rows]

    async def find(self, site_id: int, name: str) -> StoredList | None:
        """One list of a site's own, or None."""
        async with connected(self.pool) as connection:
            row = await connection.fetchrow(SQL["find_list"], site_id, name)
        return StoredList(**row) if row else None

    async def save(
        self,
        site_id: int,
        name: str,
        *,
        version: int,
        title: str,
        langs: list[str],
        words: list[str],
        comment: str | None,
        act: Act,
    ) -> int | None:
        """Keep what follows on a version (0: none), in effect at once.

        None is returned when that version is not the latest any more.
        """
        async with in_transaction(self.pool) as connection:
            raised: int | None = (
                await connection.fetchval(SQL["add_list"], site_id, name)
                if version == 0
                else await connection.fetchval(SQL["raise_list"], site_id, name, version)
            )
            if raised is None:
                return None
            await connection.execute(
                SQL["add_list_version"],
                site_id,
                name,
                raised,
                title,
                langs,
                words,
                comment,
                act.actor_kind,
                act.actor_id,
                act.at,
            )
            await connection.execute(TURN_PAGE, site_id, act.at)
            said = {"list": name, "version": raised, "words": len(words)}
            await note_act(connection, replace(act, details={**act.details, **said}))
        return raised
