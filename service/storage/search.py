"""Search in Postgres: the derived tables kept up to date, and asked.

What is asked is put together of the fixed pieces below, every value a parameter: each combination
of filters needs a plan of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

import asyncpg
from msgspec import Struct, field
from msgspec.structs import replace

from service.storage.postgres import (
    Connection,
    connected,
    in_transaction,
    load_queries,
    write_rows,
)

SQL = load_queries("search")

NEAR = 8_000
"""Comments, from where the page begins, that are read one by one before any index of texts.

What is frequent is found among them within milliseconds; of what is not, so few are left in a
million that reading all of them is quick.
"""
FARTHER = 100_000
"""Comments that are read one by one where nearly all are left out without a look at their text."""
FEW = 0.1
"""The share of comments below which that is so."""
SECONDS = 4.0
"""A search that takes longer is given up."""
SETTINGS = (
    "SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL random_page_cost = 1.1;"
    " SET LOCAL work_mem = '32MB'"
)
"""The rows are in memory, and a plan is made for the values, not for any."""

Sort = Literal["newest", "oldest"]

_COLUMNS = (
    "e.site_id, e.article_id, e.comment_id, e.author_id, e.lang, e.state, e.waits, e.escalated,"
    " e.reason, e.actor_kind, e.actor_id, e.rules"
)
_TEXTS = (
    " LEFT JOIN search_texts t ON t.site_id = e.site_id AND t.article_id = e.article_id"
    " AND t.comment_id = e.comment_id"
)
_IN_LANE = (
    "(e.article_id, e.comment_id) IN (SELECT l.article_id, l.comment_id FROM {table} l"
    " WHERE l.site_id = {{0}}::integer AND {condition})"
)

PIECES = {
    "text": "t.text LIKE {0}",
    "no_text": "coalesce(t.text, '') NOT LIKE {0}",
    "author_name": "t.author_name LIKE {0}",
    "no_author_name": "coalesce(t.author_name, '') NOT LIKE {0}",
    "author_id": "coalesce(e.author_id = {0}::uuid, false)",
    "author_email": "t.author_email LIKE {0}",
    "no_author_email": "coalesce(t.author_email, '') NOT LIKE {0}",
    "article_id": "e.article_id = {0}::uuid",
    "rules": "coalesce(e.rules && {0}::text[], false)",
    "langs": "coalesce(e.lang = ANY({0}::text[]), false)",
    "regional": "coalesce(e.lang LIKE ANY({0}::text[]), false)",
    "states": "e.state = ANY({0}::text[])",
    "reasons": "coalesce(e.reason = ANY({0}::text[]), false)",
    "actors": "coalesce(e.actor_id = ANY({0}::text[]), false)",
    "actor_kinds": "coalesce(e.actor_kind = ANY({0}::text[]), false)",
    "from_id": "e.comment_id >= {0}::uuid",
    "before_id": "e.comment_id < {0}::uuid",
    "waits": "e.waits = {0}::boolean",
    "escalated": "e.escalated = {0}::boolean",
    "reported": _IN_LANE.format(table="reports", condition="l.closed_at IS NULL"),
    "appealed": _IN_LANE.format(table="appeals", condition="l.answered_at IS NULL"),
    "unseen": _IN_LANE.format(table="comments", condition="l.unseen AND l.status = 'approved'"),
    "constant": "{0}::boolean",
}
"""What a criterion asks, by its name; `{0}` is its value."""
OF_TEXTS = frozenset(name for name, piece in PIECES.items() if "t." in piece)
"""Those that need more of a comment than its narrow row."""


class Criterion(Struct, frozen=True, kw_only=True):
    """One thing that has to hold of a comment, or must not: any of several pieces."""

    any_of: tuple[tuple[str, Any], ...]
    """Names of `PIECES` with their values."""
    negated: bool = False

    @property
    def of_texts(self) -> bool:
        """Whether it is asked of texts."""
        return any(name in OF_TEXTS for name, _ in self.any_of)


class Question(Struct, frozen=True, kw_only=True):
    """Which comments of a site are asked for, from where, and how many."""

    site_id: int
    criteria: tuple[Criterion, ...]
    sort: Sort
    after: UUID | None
    limit: int
    since: UUID | None = None
    """The lowest id there may be."""
    before: UUID | None = None
    """Higher than the highest."""

    def going_on(self, found: Sequence[UUID], edge: UUID | None) -> Question:
        """Ask for the rest, from where was looked so far."""
        return replace(self, after=edge, limit=self.limit - len(found))


class _Statement(Struct, kw_only=True):
    """A statement that is put together, with its parameters."""

    question: Question
    values: list[Any] = field(default_factory=list)

    def parameter(self, value: Any) -> str:
        self.values.append(value)
        return f"${len(self.values)}"

    @property
    def newest_first(self) -> bool:
        return self.question.sort == "newest"

    @property
    def order(self) -> str:
        return "DESC" if self.newest_first else "ASC"

    def conditions(self, *, of_texts: bool) -> str:
        """Write what has to hold of narrow rows, or of texts."""
        written = ["true"]
        for criterion in self.question.criteria:
            if criterion.of_texts is not of_texts:
                continue
            pieces = [
                PIECES[name].format(self.parameter(value)) for name, value in criterion.any_of
            ]
            whole = f"({' OR '.join(pieces)})"
            written.append(f"NOT {whole}" if criterion.negated else whole)
        return " AND ".join(written)

    @property
    def joins(self) -> str:
        return _TEXTS if any(each.of_texts for each in self.question.criteria) else ""

    def bounds(self) -> str:
        """Write the bounds of the site, of time, and of the place in the order."""
        written = [f"e.site_id = {self.parameter(self.question.site_id)}"]
        sides = (
            ("<" if self.newest_first else ">", self.question.after),
            (">=", self.question.since),
            ("<", self.question.before),
        )
        for sign, bound in sides:
            if bound is not None:
                written.append(f"e.comment_id {sign} {self.parameter(bound)}::uuid")
        return " AND ".join(written)

    def near(self, window: int) -> str:
        """Ask among the comments that come next.

        The last row is no answer: it says where these end, if more follow, and how many of them
        only their text could leave out.
        """
        width = self.parameter(window)
        return f"""
            WITH near AS MATERIALIZED (
                SELECT {_COLUMNS} FROM search_entries e WHERE {self.bounds()}
                ORDER BY e.comment_id {self.order} LIMIT {width}
            ), fitting AS MATERIALIZED (
                SELECT e.site_id, e.article_id, e.comment_id FROM near e
                WHERE {self.conditions(of_texts=False)}
            )
            (SELECT e.comment_id, NULL AS fitting FROM fitting e{self.joins}
             WHERE {self.conditions(of_texts=True)}
             ORDER BY e.comment_id {self.order} LIMIT {self.parameter(self.question.limit)})
            UNION ALL
            (SELECT e.comment_id, (SELECT count(*) FROM fitting) FROM near e
             WHERE (SELECT count(*) FROM near) = {width}
             ORDER BY e.comment_id {"ASC" if self.newest_first else "DESC"} LIMIT 1)
        """  # noqa: S608 - fixed pieces; every value is a parameter

    def beyond(self) -> str:
        """Ask among all that come next, of which few can match."""
        return f"""
            WITH found AS MATERIALIZED (
                SELECT e.comment_id FROM search_entries e{self.joins}
                WHERE {self.bounds()}
                  AND {self.conditions(of_texts=False)} AND {self.conditions(of_texts=True)}
            )
            SELECT comment_id FROM found
            ORDER BY comment_id {self.order} LIMIT {self.parameter(self.question.limit)}
        """  # noqa: S608 - as above


class SearchStore(Struct, frozen=True, kw_only=True):
    """Ask, and keep up to date. Every method raises DatabaseUnavailable while Postgres is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def ids(self, question: Question) -> list[UUID]:
        """Return the ids of what is asked for, in their order."""
        async with in_transaction(self.pool, writes=False) as connection:
            await connection.execute(SETTINGS)
            found, edge, share = await _near(connection, question, NEAR)
            if edge is not None and len(found) < question.limit and share < FEW:
                question = question.going_on(found, edge)
                more, edge, _ = await _near(connection, question, FARTHER)
                found += more
                question = question.going_on(more, edge)
            elif edge is not None:
                question = question.going_on(found, edge)
            if edge is None or not question.limit:
                return found
            statement = _Statement(question=question)
            rows = await connection.fetch(statement.beyond(), *statement.values, timeout=SECONDS)
        return found + [row["comment_id"] for row in rows]

    async def actors_called(self, site_id: int, names: Sequence[str]) -> list[str]:
        """Return the ids of members and keys by what they are called, in lower case."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["actors_called"], site_id, list(names))
        return [row["actor_id"] for row in rows]

    async def renew(self, *, limit: int) -> int:
        """Make the rows of some changed comments anew; returns how many changes that were."""
        async with in_transaction(self.pool) as connection:
            taken = await connection.fetch(SQL["take_changes"], limit)
            await write_rows(connection, SQL["renew"], sorted({tuple(row) for row in taken}))
        return len(taken)

    async def enlist_missing(
        self, after: tuple[int, UUID], *, limit: int
    ) -> tuple[int, UUID] | None:
        """Enlist what has no row, of the next `limit` comments; returns where they end."""
        async with connected(self.pool) as connection:
            row = await connection.fetchrow(SQL["enlist_missing"], *after, limit)
        return (row["site_id"], row["comment_id"]) if row else None


async def _near(
    connection: Connection, question: Question, window: int
) -> tuple[list[UUID], UUID | None, float]:
    """Ask among the next comments: what is found, where they end, the share that may fit."""
    statement = _Statement(question=question)
    sql = statement.near(window)
    rows = await connection.fetch(sql, *statement.values, timeout=SECONDS)
    if rows and rows[-1]["fitting"] is not None:
        last = rows.pop()
        return [row["comment_id"] for row in rows], last["comment_id"], last["fitting"] / window
    return [row["comment_id"] for row in rows], None, 0.0
