"""The decision log in Postgres: what is decided, and everything that changes with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.model import Comment, Decision, ItemKind, PendingComment, Status
from service.payload import from_payload
from service.storage.changes import SQL as CHANGES
from service.storage.changes import ArticlePlace, Branch, Changes, Place, bytea
from service.storage.postgres import (
    TURN_SECONDS,
    Connection,
    attempted,
    begun,
    connected,
    database_errors,
    load_queries,
    write_rows,
)
from service.storage.rows import decision_of, public_comment
from service.storage.screenings import SQL as SCREENINGS
from service.storage.webhook_events import WAIT

SQL = load_queries("decisions")
WRITES = {**load_queries("journal"), **SCREENINGS, **SQL}
"""Statements of `Changes`."""

BY_KEY = (
    "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off;"
    " SET LOCAL enable_mergejoin = off"
)
"""Whatever is looked up here is looked up by its key. A plan that was made while tables were small,
or before Postgres had counted them, is kept for long: it read three of them whole, 4 ms a decision.
"""


class Refused(Exception):  # noqa: N818 - told to the code that decides, never to a person
    """Postgres does not take what was written: the data is at fault, not the server."""

    def __init__(self, sqlstate: str) -> None:
        """Carry the SQLSTATE, of class 22 or 23."""
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


class Entry(Struct, frozen=True, kw_only=True):
    """A decision with what only the log cares for."""

    decision: Decision
    kind: ItemKind
    """Whether a comment or the edit of a public one was judged."""


class Case(Struct, frozen=True, kw_only=True):
    """What Postgres knows of a comment that is to be decided."""

    place: Place
    article_key: str | None
    public: Comment | None
    """Its row among the public ones, tombstones included."""
    latest: Entry | None
    same: Entry | None
    """The decision made earlier under the id that is now sent."""
    journaled: PendingComment | None
    """What waits in the journal, unless something newer is known to."""
    journaled_revision: int | None
    """Which text of it waits in the journal."""
    kept: PendingComment | None
    """The text kept of it while it is not public."""
    submitted_as: UUID | None
    """The comment that its idempotency key stands for."""


class Question(NamedTuple):
    """A comment to be decided, and the id its decision will have."""

    place: Place
    decision_id: UUID | None = None
    item: PendingComment | None = None
    """What is known to wait."""

    @property
    def row(self) -> dict[str, Any]:
        """As `cases` wants it."""
        item = self.item
        return {
            **self.place._asdict(),
            "decision_id": self.decision_id,
            "dk": bytea(item.dk) if item is not None and item.keyed else None,
            "revision": item.revision if item is not None else None,
            "n": item.n if item is not None else None,
        }


class Deciding(Struct, frozen=True, kw_only=True):
    """An open transaction that holds the locks of the articles it is about."""

    connection: Connection
    held: frozenset[ArticlePlace]
    """All that were asked for, unless only those were that were free."""

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """Take back what is written inside the block, and that alone, when it cannot be stored.

        Raises:
            Refused: it cannot.
        """
        with _refusals(), database_errors():
            async with attempted(self.connection):
                yield

    async def cases(self, questions: Sequence[Question]) -> dict[UUID, Case]:
        """Return what Postgres knows of each comment."""
        rows = await self.connection.fetch(SQL["cases"], [each.row for each in questions])
        # By the ids that were asked with: asyncpg's own are ten times as slow to write again.
        places = {each.place.comment_id: each.place for each in questions}
        cases = [_case(row, places[row["comment_id"]]) for row in rows]
        return {case.place.comment_id: case for case in cases}

    async def branches(self, places: Sequence[Place]) -> dict[UUID, Branch]:
        """Return the public rows of comments and of what stands above them."""
        if not places:
            return {}
        rows = await self.connection.fetch(SQL["branches"], [place._asdict() for place in places])
        return {row["comment_id"]: _branch(row) for row in rows}

    async def former_text(self, place: Place, *, below: int) -> tuple[int, str] | None:
        """Return the revision and text that an edit replaced."""
        row = await self.connection.fetchrow(SQL["former_text"], *place, below)
        return (row["revision"], row["text"]) if row else None

    async def kept_text(self, place: Place, *, revision: int) -> PendingComment | None:
        """Return one revision that is kept and not public."""
        payload = await self.connection.fetchval(SQL["kept_text"], *place, revision)
        return from_payload(payload) if payload else None

    async def write(self, changes: Changes) -> None:
        """Write everything; the transaction commits when its block ends."""
        await self._write_rows(changes.rows(Changes.FIRST))
        if changes:
            await self.connection.execute(CHANGES["write"], *changes.arguments)
        if changes.replies:
            await self.connection.execute(CHANGES["shift_replies"], changes.replies)
        await self._write_rows(changes.rows(Changes.AFTER))

    async def _write_rows(self, statements: Iterable[tuple[str, list[tuple[Any, ...]]]]) -> None:
        for name, rows in statements:
            await write_rows(self.connection, WRITES[name], rows)


class DecisionStore(Struct, frozen=True, kw_only=True):
    """The log, its locks and its names."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def places(
        self, site_ids: Sequence[int], comment_ids: Sequence[UUID]
    ) -> dict[UUID, Place]:
        """Find where comments are, within these sites.

        Raises:
            DatabaseUnavailable: Postgres is away.
        """
        async with connected(self.pool, wait_seconds=TURN_SECONDS) as connection:
            rows = await connection.fetch(SQL["places"], list(site_ids), list(comment_ids))
        return {row["comment_id"]: Place(row[0], row[2], row[1]) for row in rows}

    async def places_of_decision(
        self, site_ids: Sequence[int], decision_id: UUID
    ) -> list[tuple[Place, int]]:
        """Find which comments a decision id was used for, and as which n."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["places_of_decision"], list(site_ids), decision_id)
        return [(Place(row[0], row[1], row[2]), row["n"]) for row in rows]

    async def latest(self, site_id: int, comment_ids: Sequence[UUID]) -> dict[UUID, Decision]:
        """Return the latest decision of each comment that has one."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["latest"], site_id, list(comment_ids))
        return {row["comment_id"]: decision_of(row) for row in rows}

    async def lately(self, site_ids: Sequence[int], since: datetime) -> dict[int, list[UUID]]:
        """Return what was decided since then, each comment once, by site."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["lately"], site_ids, since)
        decided: dict[int, list[UUID]] = {}
        for site_id, comment_id in rows:
            decided.setdefault(site_id, []).append(comment_id)
        return decided

    @asynccontextmanager
    async def deciding(
        self, articles: Mapping[ArticlePlace, str | None], *, only_free: bool = False
    ) -> AsyncIterator[Deciding]:
        """Open a transaction that holds these articles; the value is an article's key, if known.

        With `only_free` it waits for nobody, and holds those that were decided on before and that
        no other transaction holds.

        Raises:
            DatabaseUnavailable: Postgres is away, or an article stayed locked too long.
            Refused: what was written cannot be stored; nothing was.
        """
        with _refusals():
            async with (
                connected(self.pool, wait_seconds=TURN_SECONDS, writes=True) as connection,
                begun(connection, BY_KEY),
            ):
                held = frozenset(articles)
                if only_free:
                    held = await _hold(connection, "lock_free_articles", sorted(articles))
                else:
                    await _lock(connection, articles)
                yield Deciding(connection=connection, held=held)

    async def answered_published(self, place: Place, dk: str) -> None:
        """Note that the first answer to a submission said it was published."""
        async with connected(self.pool) as connection:
            await connection.execute(
                SQL["answer_published"], place.site_id, place.article_id, bytes.fromhex(dk)
            )

    async def names(self, actors: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Return what keys and members are called; `actors` are (kind, id)."""
        wanted = set(actors)
        keys = [actor_id for kind, actor_id in wanted if kind == "key"]
        members = [UUID(actor_id) for kind, actor_id in wanted if kind == "member"]
        if not keys and not members:
            return {}
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["names"], keys, members)
        return {(row["kind"], row["id"]): row["name"] for row in rows}


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
        raise Refused(str(error.sqlstate)) from error


async def _lock(connection: Connection, articles: Mapping[ArticlePlace, str | None]) -> None:
    """Lock every article, making rows for those decided on for the first time."""
    places = sorted(articles)
    if len(await _hold(connection, "lock_articles", places)) == len(places):
        return
    columns = [place.site_id for place in places], [place.article_id for place in places]
    keys = [articles[place] for place in places]
    await connection.execute(SQL["open_articles"], *columns, keys, WAIT)
    await connection.execute(SQL["open_counts"], *columns)
    await _hold(connection, "lock_articles", places)


async def _hold(
    connection: Connection, name: str, places: Sequence[ArticlePlace]
) -> frozenset[ArticlePlace]:
    rows = await connection.fetch(SQL[name], [place._asdict() for place in places])
    return frozenset(ArticlePlace(*row) for row in rows)


def _case(row: asyncpg.Record, place: Place) -> Case:
    return Case(
        place=place,
        article_key=row["article_key"],
        public=public_comment(row, *place) if row["public_status"] else None,
        latest=_entry(row["latest"]),
        same=_entry(row["same"]),
        journaled=from_payload(row["journaled"]) if row["journaled"] else None,
        journaled_revision=row["journaled_revision"],
        kept=from_payload(row["kept"]) if row["kept"] else None,
        submitted_as=row["submitted_as"],
    )


def _entry(row: Mapping[str, Any] | None) -> Entry | None:
    if row is None:
        return None
    decision = decision_of(
        {
            **row,
            "article_id": UUID(row["article_id"]),
            "comment_id": UUID(row["comment_id"]),
            "decision_id": UUID(row["decision_id"]),
            "at": datetime.fromisoformat(row["at"]),
            "reverses": UUID(row["reverses"]) if row["reverses"] else None,
        }
    )
    return Entry(decision=decision, kind=row["kind"])


def _branch(row: asyncpg.Record) -> Branch:
    return Branch(
        place=Place(row["site_id"], row["article_id"], row["comment_id"]),
        parent_id=row["parent_id"],
        root_id=row["root_id"],
        depth=row["depth"],
        status=Status(row["status"]),
        reply_count=row["reply_count"],
        shown_replies=row["shown_replies"],
    )
