"""A site's word lists in Postgres, in versions that never change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import asyncpg
from msgspec import Struct
from msgspec.structs import replace

from service.storage.administration import Act, note_act
from service.storage.postgres import connected, in_transaction, load_queries

SQL = load_queries("word_lists")
TURN_PAGE = load_queries("rules")["turn_page"]


class StoredList(Struct, frozen=True, kw_only=True):
    """A version of a list, and which one is in effect."""

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
    live_version: int | None = None
    """In effect; None: what ships, if anything does."""
    previous_version: int | None = None
    """In effect before; 0: what ships."""
    live_at: datetime | None = None

    @property
    def waits(self) -> bool:
        """Whether this version is not in effect."""
        return self.version != (self.live_version or 0)


class WordListStore(Struct, frozen=True, kw_only=True):
    """Keep lists. Every method raises DatabaseUnavailable while Postgres is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def current(self, site_id: int) -> list[StoredList]:
        """What is in effect of every list a site has of its own, by name."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["lists_in_effect"], site_id)
        return [StoredList(**row) for row in rows]

    async def latest(self, site_id: int) -> list[StoredList]:
        """The latest version of every list a site has of its own, by name."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["latest_lists"], site_id)
        return [StoredList(**row) for row in rows]

    async def find(self, site_id: int, name: str, version: int | None = None) -> StoredList | None:
        """One list of a site's own, its latest version unless one is named; or None."""
        async with connected(self.pool) as connection:
            row = await connection.fetchrow(SQL["find_list"], site_id, name, version)
        return StoredList(**row) if row else None

    async def put_live(
        self,
        site_id: int,
        name: str,
        version: int,
        *,
        latest: int | None,
        shares: Mapping[str, float | None],
        act: Act,
    ) -> bool:
        """Put a version (0: what ships) into effect, with what its dry runs let expect of rules.

        False is returned when it is in effect already, or `latest` is not the latest any more.
        """
        async with in_transaction(self.pool) as connection:
            done = await connection.fetchval(
                SQL["put_list_live"], site_id, name, version, act.at, latest
            )
            if done is None:
                return False
            for rule_id, share in shares.items():
                await connection.execute(SQL["expect_share"], site_id, rule_id, share)
            await connection.execute(TURN_PAGE, site_id, act.at)
            said = {"list": name, "version": version}
            await note_act(connection, replace(act, details={**act.details, **said}))
        return True

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
        at_once: bool,
        act: Act,
    ) -> int | None:
        """Keep what follows on a version (0: none), in effect `at_once` or later.

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
            if at_once:
                await connection.execute(SQL["put_list_live"], site_id, name, raised, act.at, None)
                await connection.execute(TURN_PAGE, site_id, act.at)
            said = {"list": name, "version": raised, "words": len(words)}
            await note_act(connection, replace(act, details={**act.details, **said}))
        return raised
