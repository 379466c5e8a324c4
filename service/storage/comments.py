"""What readers see: pages of roots and replies, paths to a comment, and counts. Reads only."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

import asyncpg

from service.model import Article, ArticleState, Mode
from service.storage.postgres import Connection, connected, load_queries

SQL = load_queries("comments")

Key: TypeAlias = tuple[Any, ...]
"""Where a comment stands in an order; its last member is the comment's id."""


class Sort(StrEnum):
    """The orders of a thread's roots."""

    BEST = "best"
    NEWEST = "newest"
    OLDEST = "oldest"


class ShownAuthor(NamedTuple):
    """What is shown of whoever wrote a comment."""

    name: str
    badge: str | None
    avatar: str | None


NOBODY = ShownAuthor("", None, None)
"""The author of a tombstone: whose text is gone is not named either."""


_Y2K = datetime(2000, 1, 1, tzinfo=UTC)
"""Where Postgres counts microseconds from."""


def _column(name: str) -> Any:
    """Read a column as an attribute, at the cost of the look-up and no more."""
    return property(itemgetter(name))


def _part(place: int) -> Any:
    """Read a member of `whole` as an attribute."""
    return property(lambda row: row["whole"][place])


class ShownComment(asyncpg.Record):  # type: ignore[misc]  # asyncpg has no types of its own
    """A public comment as its row, with the names that `model.Comment` has for them.

    A page has up to thousands of them: they are read where the driver left them.
    """

    __slots__ = ()

    article_id: UUID = _column("article_id")
    comment_id: UUID = _column("comment_id")
    parent_id: UUID | None = _column("parent_id")
    up: int = _column("up")
    down: int = _column("down")
    pinned: bool = _column("pinned")
    featured: bool = _column("featured")
    reply_count: int = _column("reply_count")
    """Approved direct replies."""
    shown_replies: int = _column("shown_replies")
    """Direct replies readers see, tombstones with visible replies included."""
    best: float = _column("best")
    """Only roots and members of a path have it."""

    written: bytes | None = _column("written")
    """As readers are told of it (`features/fragments`). None: nobody has written it yet, or it
    was asked for whole. What follows is there then, and only then."""
    text: str | None = _part(3)
    """None for a tombstone."""
    lang: str | None = _part(4)
    status: str = _part(5)
    revision: int = _part(6)
    edited_at: datetime | None = _part(7)

    @property
    def created_at(self) -> datetime:
        """Read it from the form in which Postgres sends it; few of a page are asked for theirs."""
        return _Y2K + timedelta(microseconds=int.from_bytes(self["born"], signed=True))

    @property
    def author(self) -> ShownAuthor:
        """Name who wrote it, unless it is a tombstone."""
        whole = self["whole"]
        return ShownAuthor(*whole[:3]) if whole[3] is not None else NOBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """An article with everything that is read as one with it."""

    article: Article
    article_ids: tuple[UUID, ...]
    """The article and those merged into it; almost always one."""
    shown_roots: int
    version: int
    """Changes with whatever changes the public thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How many comments are approved under an article and all that are read as one with it."""

    article_ids: tuple[UUID, ...]
    approved: int


age: Callable[[ShownComment], Key] = attrgetter("created_at", "comment_id")
"""Where a reply stands among its siblings: the oldest first."""

_worth: Callable[[ShownComment], Key] = attrgetter("pinned", "best", "comment_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """The statements that walk one order of roots, and how to merge what they return."""

    forth: str
    back: str
    rank: str
    key: Callable[[ShownComment], Key]
    start: Key
    largest_first: bool


_ORDERS = {
    Sort.NEWEST: _Order(
        forth=SQL["roots_newest"],
        back=SQL["roots_oldest"],
        rank=SQL["rank_newest"],
        key=age,
        start=(None, None),
        largest_first=True,
    ),
    Sort.OLDEST: _Order(
        forth=SQL["roots_oldest"],
        back=SQL["roots_newest"],
        rank=SQL["rank_oldest"],
        key=age,
        start=(None, None),
        largest_first=False,
    ),
    Sort.BEST: _Order(
        forth=SQL["roots_best"],
        back=SQL["roots_worst"],
        rank=SQL["rank_best"],
        key=_worth,
        start=(None, None, None),
        largest_first=True,
    ),
}


def key_of(root: ShownComment, sort: Sort) -> Key:
    """Say where a root stands in an order: what a page that goes on after it needs."""
    return _ORDERS[sort].key(root)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentReader:
    """One reader's connection, for the few statements a page takes."""

    connection: Connection
    site_id: int
    whole: bool = True
    """Comments are wanted whole, and not as they were written for readers."""

    async def find_thread(self, article_id: UUID) -> Thread | None:
        """Return the thread an article's key leads to, or None when it was never seen.

        An article that was merged into another leads to that one. `state` is `closed` once
        `close_at` has passed on the database's clock.
        """
        row = await self.connection.fetchrow(SQL["find_thread"], self.site_id, article_id)
        return _thread(row, self.site_id) if row else None

    async def find_counts(self, article_ids: Sequence[UUID]) -> dict[UUID, Counted]:
        """Count the approved comments of at most 200 articles; one never seen is left out."""
        rows = await self.connection.fetch(SQL["find_counts"], self.site_id, article_ids)
        return {
            row["article_id"]: Counted(
                article_ids=tuple(row["article_ids"]), approved=row["approved"]
            )
            for row in rows
        }

    async def roots(
        self, thread: Thread, sort: Sort, *, limit: int, after: Key | None = None
    ) -> list[ShownComment]:
        """Return at most `limit` roots in an order, from the start or after a root's key."""
        order = _ORDERS[sort]
        return await self._walk(
            thread, order.forth, order, limit, after or order.start, reverse=order.largest_first
        )

    async def roots_before(
        self, thread: Thread, sort: Sort, root: ShownComment, *, limit: int
    ) -> list[ShownComment]:
        """Return the `limit` roots that stand right before one, in the thread's order."""
        if not limit:
            return []
        order = _ORDERS[sort]
        nearest_first = await self._walk(
            thread, order.back, order, limit, order.key(root), reverse=not order.largest_first
        )
        return nearest_first[::-1]

    async def rank(self, thread: Thread, sort: Sort, root: ShownComment, *, bound: int) -> int:
        """Return how many roots stand before one, counting at most `bound` of them."""
        order = _ORDERS[sort]
        before = 0
        for article_id in thread.article_ids:
            before += await self.connection.fetchval(
                order.rank, self.site_id, article_id, bound, *order.key(root)
            )
        return min(before, bound)

    async def replies(
        self, parent: ShownComment, *, limit: int, after: Key | None = None
    ) -> list[ShownComment]:
        """Return at most `limit` direct replies, oldest first, after the key `age` gives."""
        return await self._fetch(
            SQL["replies"],
            self.site_id,
            parent.article_id,
            parent.comment_id,
            limit,
            *(after or (None, None)),
        )

    async def below_roots(
        self, roots: Sequence[ShownComment], *, earliest: int, replies: int
    ) -> list[ShownComment]:
        """Return each comment's first `replies`, seen among a root's `earliest` descendants.

        What is returned of a parent are its oldest replies, but some may be missing where a root
        has more descendants; `shown_replies` tells.
        """
        return await self._fetch(
            SQL["below_roots"],
            self.site_id,
            [root.article_id for root in roots],
            [root.comment_id for root in roots],
            earliest,
            replies,
        )

    async def first_replies(
        self, parents: Sequence[ShownComment], *, replies: int
    ) -> list[ShownComment]:
        """Return the oldest `replies` direct replies of each parent."""
        return await self._fetch(
            SQL["first_replies"],
            self.site_id,
            [parent.article_id for parent in parents],
            [parent.comment_id for parent in parents],
            replies,
        )

    async def path_to(
        self, article_ids: Sequence[UUID], comment_id: UUID, *, ancestors: int
    ) -> list[ShownComment]:
        """Return a shown comment of these articles, its parent, and so on up; else nothing.

        At most `ancestors` of them: the last one is a root unless there are more.
        """
        return await self._fetch(
            SQL["path_to"], self.site_id, list(article_ids), comment_id, ancestors
        )

    async def find_place(self, comment_id: UUID) -> UUID | None:
        """Return the article a comment of this site stands under, whether it is public or not."""
        place: UUID | None = await self.connection.fetchval(
            SQL["find_place"], self.site_id, comment_id
        )
        return place

    async def _walk(
        self, thread: Thread, sql: str, order: _Order, limit: int, key: Key, *, reverse: bool
    ) -> list[ShownComment]:
        """Read one page of each member article and keep the first `limit` of all."""
        roots: list[ShownComment] = []
        for article_id in thread.article_ids:
            roots += await self._fetch(sql, self.site_id, article_id, limit, *key)
        if len(thread.article_ids) > 1:
            roots.sort(key=order.key, reverse=reverse)
            del roots[limit:]
        return roots

    async def _fetch(self, sql: str, *arguments: Any) -> list[ShownComment]:
        rows: list[ShownComment] = await self.connection.fetch(
            sql, *arguments, self.whole, record_class=ShownComment
        )
        return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentStore:
    """Read what is public."""

    pool: asyncpg.Pool[asyncpg.Record]

    @asynccontextmanager
    async def reading(self, site_id: int, *, whole: bool = True) -> AsyncIterator[CommentReader]:
        """Lend a reader of one site; do nothing but read inside the block.

        Without `whole` comments come as they were written, where they were.

        Raises:
            DatabaseUnavailable: Postgres is away, here or at any statement.
        """
        async with connected(self.pool) as connection:
            yield CommentReader(connection=connection, site_id=site_id, whole=whole)


def _thread(row: asyncpg.Record, site_id: int) -> Thread:
    return Thread(
        article=Article(
            site_id=site_id,
            article_id=row["article_id"],
            key=row["key"],
            url=row["url"],
            title=row["title"],
            lang=row["lang"],
            state=ArticleState(row["state"]),
            mode=Mode(row["mode"]) if row["mode"] else None,
            close_at=row["close_at"],
            views_per_hour=row["views_per_hour"],
            managed=row["managed"],
            count=row["approved"],
        ),
        article_ids=tuple(row["article_ids"]),
        shown_roots=row["shown_roots"],
        version=row["version"],
    )
