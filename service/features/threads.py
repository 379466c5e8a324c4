"""A page of a thread: roots in an order, each with the first of its replies, and where to go on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct

from service.cursors import Cursors
from service.errors import NotFound
from service.features.nesting import (
    DESCENDANTS_MAX,
    EARLIEST,
    NESTED_REPLIES,
    Nesting,
    Threaded,
)
from service.features.turns import Turn, replies_of, root_key, roots_of, written_key
from service.model import Article, Site, article_id
from service.storage.comments import (
    CommentReader,
    CommentStore,
    ShownComment,
    Sort,
    Thread,
    age,
    key_of,
)

__all__ = [
    "OneComment",
    "ShownComment",
    "Sort",
    "ThreadPage",
    "Threaded",
    "Threads",
    "UnknownParent",
]

LIMIT_DEFAULT = 20
LIMIT_MAX = 100
"""Roots, or direct replies, of one page (api.md)."""

ANCESTORS_MAX = 500
"""Ancestors that are told of a single comment, the nearest ones."""

RANK_MAX = 10_000
"""How far the page of a permalink is counted: 2 ms. Further down it begins anywhere."""


class UnknownParent(NotFound):
    """Readers see no such comment under this article."""

    code = "unknown_parent"
    title = "There is no such comment under this article."


class ThreadPage(Struct, frozen=True, kw_only=True):
    """A page of an article's roots, or of one comment's direct replies."""

    article: Article
    comments: tuple[Threaded, ...]
    next: str | None
    remaining: int
    """Roots, or direct replies, after this page."""
    focus: UUID | None
    """The comment asked for, if it is on the page."""
    article_ids: tuple[UUID, ...]
    """Every article whose change makes this page another."""
    version: int
    """Changes with whatever changes the public thread."""


class OneComment(Struct, frozen=True, kw_only=True):
    """A public comment and the line of comments it answers."""

    article: Article
    comment: Threaded
    ancestors: tuple[Threaded, ...]
    """The root first, the parent last."""
    article_ids: tuple[UUID, ...]
    version: int


class _Slice(Struct, frozen=True, kw_only=True):
    """The comments a page lists, before anything is nested below them."""

    tops: Sequence[ShownComment]
    following: list[Any] | None
    """Where the next page begins, for a cursor; None where there is none."""
    remaining: int
    path: Sequence[ShownComment] = ()
    """The comment in focus, its parent, and so on up to one of `tops`."""
    below: Sequence[Sequence[ShownComment]] | None = None
    """As `CommentReader.below_roots`, of each of `tops`, if it is known already."""


class Threads(Struct, frozen=True, kw_only=True):
    """Read what is public, a page at a time."""

    store: CommentStore
    cursors: Cursors
    rank_max: int = RANK_MAX

    async def page(
        self,
        site: Site,
        article_key: str,
        *,
        sort: Sort = Sort.BEST,
        limit: int = LIMIT_DEFAULT,
        cursor: str | None = None,
        parent: UUID | None = None,
        focus: UUID | None = None,
        whole: bool = True,
    ) -> ThreadPage:
        """Return a page of `limit` (1 to 100) roots, or of a parent's replies, oldest first.

        `focus` chooses the page that holds that comment and opens the way down to it; it counts
        only where neither a cursor nor a parent says which page is meant. An article that
        nobody has commented on has an empty page. Without `whole` comments come as they were
        written for readers, where they were.

        Raises:
            BadCursor: the cursor is not one of this list.
            UnknownParent: readers see no such comment under this article.
            Unavailable: Postgres is away.
        """
        asked = article_id(site.site_id, article_key)
        async with self.store.reading(site.site_id, whole=whole) as reader:
            look = None
            if cursor is None and parent is None and focus is None:
                look = await reader.look(
                    asked, sort, limit=limit + 1, earliest=EARLIEST, replies=NESTED_REPLIES
                )
            if look is not None:
                thread = look.thread or _unseen(site, asked, article_key)
                purpose = roots_of(thread, sort)
                listed = _roots_slice(
                    thread, sort, look.roots, limit=limit, seen=0, below=look.below
                )
            else:
                thread = await reader.find_thread(asked) or _unseen(site, asked, article_key)
                if parent is None:
                    purpose = roots_of(thread, sort)
                    listed = await self._roots(
                        reader, thread, sort, limit=limit, cursor=cursor, focus=focus
                    )
                else:
                    purpose = replies_of(thread, parent)
                    listed = await self._replies(reader, thread, parent, limit, cursor)
            nesting = Nesting(cursors=self.cursors, thread=thread, reader=reader)
            if parent is None:
                nested = await nesting.roots(listed.tops, below=listed.below, path=listed.path)
            else:
                nested = await nesting.replies(listed.tops)
        return ThreadPage(
            article=thread.article,
            comments=nested,
            next=self.cursors.sign(purpose, listed.following) if listed.following else None,
            remaining=listed.remaining,
            focus=focus if listed.path else None,
            article_ids=thread.article_ids,
            version=thread.version,
        )

    async def one(self, site: Site, comment_id: UUID) -> OneComment | None:
        """Return a comment that readers see, with its ancestors, or None.

        Nothing is nested below any of them; `more_replies` leads there.

        Raises:
            Unavailable: Postgres is away.
        """
        async with self.store.reading(site.site_id) as reader:
            place = await reader.find_place(comment_id)
            if place is None:
                return None
            path = await reader.path_to([place], comment_id, ancestors=ANCESTORS_MAX)
            thread = await reader.find_thread(place)
        if not path or thread is None:
            return None
        nesting = Nesting(cursors=self.cursors, thread=thread, reader=reader)
        bare = [nesting.alone(each) for each in path]
        return OneComment(
            article=thread.article,
            comment=bare[0],
            ancestors=tuple(bare[:0:-1]),
            article_ids=thread.article_ids,
            version=thread.version,
        )

    async def _roots(
        self,
        reader: CommentReader,
        thread: Thread,
        sort: Sort,
        *,
        limit: int,
        cursor: str | None,
        focus: UUID | None,
    ) -> _Slice:
        if cursor is not None:
            seen, *key = self.cursors.open(roots_of(thread, sort), cursor)
            found = await reader.roots(thread, sort, limit=limit + 1, after=root_key(sort, key))
            return _roots_slice(thread, sort, found, limit=limit, seen=seen)
        if focus is not None:
            around = await self._around(reader, thread, sort, limit, focus)
            if around is not None:
                return around
        found = await reader.roots(thread, sort, limit=limit + 1)
        return _roots_slice(thread, sort, found, limit=limit, seen=0)

    async def _around(
        self, reader: CommentReader, thread: Thread, sort: Sort, limit: int, focus: UUID
    ) -> _Slice | None:
        """Find the page that holds a comment; None where no page can show it."""
        path = await reader.path_to(thread.article_ids, focus, ancestors=DESCENDANTS_MAX)
        if not path or path[-1].parent_id is not None:
            return None
        root = path[-1]
        rank = await reader.rank(thread, sort, root, bound=self.rank_max)
        before = await reader.roots_before(thread, sort, root, limit=rank % limit)
        after = await reader.roots(
            thread, sort, limit=limit - len(before), after=key_of(root, sort)
        )
        found = [*before, root, *after]
        return _roots_slice(thread, sort, found, limit=limit, seen=rank - rank % limit, path=path)

    async def _replies(
        self,
        reader: CommentReader,
        thread: Thread,
        parent_id: UUID,
        limit: int,
        cursor: str | None,
    ) -> _Slice:
        start = Turn()
        if cursor is not None:
            start = Turn.read(self.cursors.open(replies_of(thread, parent_id), cursor))
        alone = await reader.path_to(thread.article_ids, parent_id, ancestors=0)
        if not alone:
            raise UnknownParent
        parent = alone[0]
        # One more tells whether the list goes on; another stands in for one nested out of turn.
        found = await reader.replies(parent, limit=limit + 2, after=start.after)
        in_turn = [reply for reply in found if reply.comment_id != start.ahead]
        tops = in_turn[:limit]
        if len(in_turn) <= limit:
            return _Slice(tops=tops, following=None, remaining=0)
        seen = start.seen + len(tops)
        return _Slice(
            tops=tops,
            following=Turn(seen=seen, after=age(tops[-1]), ahead=start.ahead).written(),
            remaining=max(parent.shown_replies - seen, 1),
        )


def _roots_slice(
    thread: Thread,
    sort: Sort,
    found: Sequence[ShownComment],
    *,
    limit: int,
    seen: int,
    path: Sequence[ShownComment] = (),
    below: Sequence[Sequence[ShownComment]] | None = None,
) -> _Slice:
    """Cut a page out of its roots and the one after it, if there is one."""
    tops = found[:limit]
    if len(found) <= limit:
        return _Slice(tops=tops, following=None, remaining=0, path=path, below=below)
    seen += limit
    return _Slice(
        tops=tops,
        following=[seen, *written_key(key_of(tops[-1], sort))],
        remaining=max(thread.shown_roots - seen, 1),
        path=path,
        below=below[:limit] if below is not None else None,
    )


def _unseen(site: Site, asked: UUID, key: str) -> Thread:
    """Stand in for an article that nobody has described or commented on."""
    return Thread(
        article=Article(site_id=site.site_id, article_id=asked, key=key),
        article_ids=(asked,),
        shown_roots=0,
        version=0,
    )
