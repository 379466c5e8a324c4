"""What readers see: pages of roots and replies, paths to a comment, and counts. Reads only."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import repeat
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

import asyncpg
from msgspec import Struct

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


class ShownComment(Struct, frozen=True, gc=False):
    """A public comment as its row, in the order in which statements name its columns.

    A page has up to thousands of them: what few are asked for is read when they are, and the
    garbage collector, which could find nothing in them, does not look.
    """

    article_id: UUID
    comment_id: UUID
    parent_id: UUID | None
    born: bytes
    """When it was written, in the form in which Postgres sends it."""
    up: int
    down: int
    pinned: bool
    featured: bool
    reply_count: int
    """Approved direct replies."""
    shown_replies: int
    """Direct replies readers see, tombstones with visible replies included."""
    written: bytes | None
    """As readers are told of it (`features/fragments`). None: nobody has written it yet, or it
    was asked for whole."""
    whole: tuple[Any, ...] | None
    """Where there is nothing written, and only there: name, badge and avatar of its author, text,
    language, status, revision, and when it was edited."""
    best: float | None = None
    """Only roots and members of a path have it."""

    @property
    def _all(self) -> tuple[Any, ...]:
        assert self.whole is not None
        return self.whole

    @property
    def text(self) -> str | None:
        """None for a tombstone."""
        text: str | None = self._all[3]
        return text

    @property
    def lang(self) -> str | None:
        """Tell its language, as far as it is known."""
        lang: str | None = self._all[4]
        return lang

    @property
    def status(self) -> str:
        """Tell its status in public."""
        return str(self._all[5])

    @property
    def revision(self) -> int:
        """Tell which text of its author's this is."""
        return int(self._all[6])

    @property
    def edited_at(self) -> datetime | None:
        """Tell when its author last changed it."""
        at: datetime | None = self._all[7]
        return at

    @property
    def created_at(self) -> datetime:
        """Tell when it was written; few of a page are asked."""
        return _Y2K + timedelta(microseconds=int.from_bytes(self.born, signed=True))

    @property
    def author(self) -> ShownAuthor:
        """Name who wrote it, unless it is a tombstone."""
        return ShownAuthor(*self._all[:3]) if self.text is not None else NOBODY


class Thread(Struct, frozen=True, kw_only=True):
    """An article with everything that is read as one with it."""

    article: Article
    article_ids: tuple[UUID, ...]
    """The article and those merged into it; almost always one."""
    shown_roots: int
    version: int
    """Changes with whatever changes the public thread."""


class Counted(Struct, frozen=True, kw_only=True):
    """How many comments are approved under an article and all that are read as one with it."""

    article_ids: tuple[UUID, ...]
    approved: int


age: Callable[[ShownComment], Key] = attrgetter("created_at", "comment_id")
"""Where a reply stands among its siblings: the oldest first."""

_worth: Callable[[ShownComment], Key] = attrgetter("pinned", "best", "comment_id")


class _Order(Struct, frozen=True, kw_only=True):
    """The statements that walk one order of roots, and how to merge what they return."""

    look: str
    forth: str
    back: str
    rank: str
    key: Callable[[ShownComment], Key]
    start: Key
    largest_first: bool


_ORDERS = {
    Sort.NEWEST: _Order(
        look=SQL["look_newest"],
        forth=SQL["roots_newest"],
        back=SQL["roots_oldest"],
        rank=SQL["rank_newest"],
        key=age,
        start=(None, None),
        largest_first=True,
    ),
    Sort.OLDEST: _Order(
        look=SQL["look_oldest"],
        forth=SQL["roots_oldest"],
        back=SQL["roots_newest"],
        rank=SQL["rank_oldest"],
        key=age,
        start=(None, None),
        largest_first=False,
    ),
    Sort.BEST: _Order(
        look=SQL["look_best"],
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


class Look(NamedTuple):
    """What one statement tells of an article."""

    thread: Thread | None
    """None: the article was never seen."""
    roots: Sequence[ShownComment] = ()
    """The first ones in their order."""
    below: Sequence[Sequence[ShownComment]] = ()
    """What is below each root, as `CommentReader.below_roots`."""


class CommentReader(Struct, frozen=True, kw_only=True):
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

    async def look(
        self, article_id: UUID, sort: Sort, *, limit: int, earliest: int, replies: int
    ) -> Look | None:
        """Return a thread, its first roots, and what is below them, all at once.

        None where that takes several statements: the article is read as one with others, some
        comment was not written for readers yet, or they are wanted whole.
        """
        if self.whole:
            return None
        order = _ORDERS[sort]
        row = await self.connection.fetchrow(
            order.look, self.site_id, article_id, limit, *order.start, False, earliest, replies
        )
        if row is None:
            return Look(None)
        if row["article_ids"] != [article_id]:
            return None
        return _look(row, self.site_id)

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
    ) -> list[list[ShownComment]]:
        """Return below each root all comments' first `replies` among its `earliest` descendants.

        What is returned of a parent are its oldest replies, in their order, but some may be
        missing where a root has more descendants; `shown_replies` tells.
        """
        below: list[list[ShownComment]] = [[] for _ in roots]
        for at, *columns in await self.connection.fetch(
            SQL["below_roots"],
            self.site_id,
            [root.article_id for root in roots],
            [root.comment_id for root in roots],
            earliest,
            replies,
            self.whole,
        ):
            below[at - 1].append(ShownComment(*columns))
        return below

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
        rows = await self.connection.fetch(sql, *arguments, self.whole)
        return [ShownComment(*row) for row in rows]


class CommentStore(Struct, frozen=True, kw_only=True):
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


def _look(row: asyncpg.Record, site_id: int) -> Look | None:
    thread = _thread(row, site_id)
    parents: list[UUID | None] | None = row["parent_id"]
    if parents is None:
        return Look(thread)
    if None in row["written"]:
        return None
    listed = list(
        map(
            ShownComment,
            repeat(thread.article.article_id),
            row["comment_id"],
            parents,
            *(row["born"], row["up"], row["down"], row["pinned"], row["featured"]),
            *(row["reply_count"], row["shown_replies"], row["written"]),
            repeat(None),
            row["best"],
        )
    )
    # Each root is followed by what is below it.
    starts = [at for at, parent in enumerate(parents) if parent is None]
    ends = [*starts[1:], len(listed)]
    return Look(
        thread,
        [listed[start] for start in starts],
        [listed[start + 1 : end] for start, end in zip(starts, ends, strict=True)],
    )


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
