"""A page of a thread: roots in an order, each with the first of its replies, and where to go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import Struct, field

from service.cursors import Cursors
from service.errors import NotFound
from service.model import Article, Site, article_id
from service.storage.comments import (
    CommentReader,
    CommentStore,
    Key,
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

NESTED_REPLIES = 2
"""Direct replies that a comment carries, whatever its depth (api.md)."""

DESCENDANTS_MAX = 50
"""Comments nested below one root, or below one reply of a page of replies (api.md)."""

EARLIEST = 64
"""Descendants of a root that the first look takes in: enough for almost every root."""

ANCESTORS_MAX = 500
"""Ancestors that are told of a single comment, the nearest ones."""

RANK_MAX = 10_000
"""How far the page of a permalink is counted: 2 ms. Further down it begins anywhere."""


class UnknownParent(NotFound):
    """Readers see no such comment under this article."""

    code = "unknown_parent"
    title = "There is no such comment under this article."


class Threaded(Struct, frozen=True, gc=False):
    """A comment with those of its replies that the page carries; there are thousands."""

    comment: ShownComment
    replies: tuple[Threaded, ...] = ()
    """Oldest first."""
    more_replies: str | None = None
    """Cursor for `?parent=` to those of its replies that are not in `replies`."""


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


class _Branch(NamedTuple):
    """A comment and the replies nested below it."""

    comment: ShownComment
    nested: Sequence[ShownComment]
    in_turn: int
    """How many of them are its first replies; one more may be there for the focus."""


class _Family(Struct, kw_only=True):
    """The first replies of the comments on a page, as far as they are known yet."""

    opened: Mapping[UUID, ShownComment]
    """Parent -> the reply that leads to the comment in focus."""
    first: dict[UUID, list[ShownComment]] = field(default_factory=dict)
    settled: set[UUID] = field(default_factory=set)
    """Parents whose first replies are surely all known."""

    def add(self, replies: Sequence[ShownComment]) -> None:
        """Learn replies, oldest first within a parent."""
        for reply in replies:
            if reply.parent_id is not None:
                self.first.setdefault(reply.parent_id, []).append(reply)

    def settle(self, parents: Sequence[ShownComment], replies: Sequence[ShownComment]) -> None:
        """Learn all first replies of some parents."""
        for parent in parents:
            self.first.pop(parent.comment_id, None)
            self.settled.add(parent.comment_id)
        self.add(replies)

    def branch_out(self, top: ShownComment) -> tuple[list[_Branch], list[ShownComment]]:
        """Choose what is nested below one comment, breadth before depth.

        Returns a branch for each comment that has replies, the top's first, and the parents whose
        replies are not known yet.
        """
        left = DESCENDANTS_MAX - (len(self.opened) if top.comment_id in self.opened else 0)
        branches: list[_Branch] = []
        unknown: list[ShownComment] = []
        waiting = [top]
        for parent in waiting:  # grows while it is walked
            parent_id = parent.comment_id
            first: Sequence[ShownComment] = self.first.get(parent_id, ())
            if left and len(first) < NESTED_REPLIES and self._lacks(parent, len(first)):
                unknown.append(parent)
            way_down = self.opened.get(parent_id) if self.opened else None
            if way_down is None:
                nested = first[:left]
                left -= len(nested)
                in_turn = len(nested)
            else:
                nested, in_turn = _with_way_down(first, way_down, left)
                left -= sum(reply.comment_id != way_down.comment_id for reply in nested)
            branches.append(_Branch(parent, nested, in_turn))
            waiting += [reply for reply in nested if reply.shown_replies]
        return branches, unknown

    def _lacks(self, parent: ShownComment, known: int) -> bool:
        return known < parent.shown_replies and parent.comment_id not in self.settled


def _with_way_down(
    first: Sequence[ShownComment], way_down: ShownComment, left: int
) -> tuple[Sequence[ShownComment], int]:
    """Choose among first replies where one that leads to the focus is nested in any case.

    Its place is paid for. Returns how many are nested in their turn beside what is nested.
    """
    nested: list[ShownComment] = []
    for reply in first:
        is_paid_for = reply.comment_id == way_down.comment_id
        if not is_paid_for and not left:
            break
        left -= not is_paid_for
        nested.append(reply)
    in_turn = len(nested)
    if all(reply.comment_id != way_down.comment_id for reply in nested):
        nested.append(way_down)
    return nested, in_turn


def _plain(top: ShownComment, below: Sequence[ShownComment]) -> Threaded | None:
    """Return a comment whose replies are all here and have none, tied together: most are such."""
    if len(below) != top.shown_replies:
        return None
    for reply in below:
        if reply.shown_replies or reply.parent_id != top.comment_id:
            return None
    return Threaded(top, tuple(map(Threaded, below)))


async def _below(
    reader: CommentReader, roots: Sequence[ShownComment]
) -> Sequence[Sequence[ShownComment]]:
    """Read what is below each root."""
    answered = [root for root in roots if root.shown_replies]
    if not answered:
        return [()] * len(roots)
    found = iter(await reader.below_roots(answered, earliest=EARLIEST, replies=NESTED_REPLIES))
    return [next(found) if root.shown_replies else () for root in roots]


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
                purpose = _roots_of(thread, sort)
                listed = _roots_slice(
                    thread, sort, look.roots, limit=limit, seen=0, below=look.below
                )
            else:
                thread = await reader.find_thread(asked) or _unseen(site, asked, article_key)
                if parent is None:
                    purpose = _roots_of(thread, sort)
                    listed = await self._roots(
                        reader, thread, sort, limit=limit, cursor=cursor, focus=focus
                    )
                else:
                    purpose = _replies_of(thread, parent)
                    listed = await self._replies(reader, thread, parent, limit, cursor)
            nested = await self._nested(reader, thread, listed, are_roots=parent is None)
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
        bare = [self._tie(thread, _Branch(comment=each, nested=(), in_turn=0), ()) for each in path]
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
            seen, *key = self.cursors.open(_roots_of(thread, sort), cursor)
            found = await reader.roots(thread, sort, limit=limit + 1, after=_root_key(sort, key))
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
        start = _Turn()
        if cursor is not None:
            start = _Turn.read(self.cursors.open(_replies_of(thread, parent_id), cursor))
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
            following=_Turn(seen=seen, after=age(tops[-1]), ahead=start.ahead).written(),
            remaining=max(parent.shown_replies - seen, 1),
        )

    async def _nested(
        self, reader: CommentReader, thread: Thread, listed: _Slice, *, are_roots: bool
    ) -> tuple[Threaded, ...]:
        """Tie to the listed comments what stands below them: one statement for almost all pages."""
        tops = listed.tops
        below = listed.below
        if below is None:
            below = await _below(reader, tops) if are_roots else [()] * len(tops)
        known = list(zip(tops, below, strict=False))
        grown = [None if listed.path else _plain(*each) for each in known]
        family = _Family(opened={each.parent_id: each for each in listed.path if each.parent_id})
        unfinished = [at for at, threaded in enumerate(grown) if threaded is None]
        for at in unfinished:
            family.add(known[at][1])
        while unfinished:
            lacking: list[ShownComment] = []
            still_unfinished: list[int] = []
            for at in unfinished:
                branches, unknown = family.branch_out(tops[at])
                if unknown:
                    lacking += unknown
                    still_unfinished.append(at)
                else:
                    grown[at] = self._grow(thread, branches)
            if lacking:
                family.settle(lacking, await reader.first_replies(lacking, replies=NESTED_REPLIES))
            unfinished = still_unfinished
        return tuple(filter(None, grown))

    def _grow(self, thread: Thread, branches: Sequence[_Branch]) -> Threaded:
        """Tie the branches of one top together; its own is the first."""
        grown: dict[UUID, Threaded] = {}
        for branch in reversed(branches):
            replies = [
                grown[reply.comment_id] if reply.shown_replies else Threaded(reply)
                for reply in branch.nested
            ]
            grown[branch.comment.comment_id] = self._tie(thread, branch, tuple(replies))
        return grown[branches[0].comment.comment_id]

    def _tie(self, thread: Thread, branch: _Branch, replies: tuple[Threaded, ...]) -> Threaded:
        comment = branch.comment
        if comment.shown_replies <= len(replies):
            return Threaded(comment, replies)
        in_turn, ahead = branch.nested[: branch.in_turn], branch.nested[branch.in_turn :]
        turn = _Turn(
            seen=len(replies),
            after=age(in_turn[-1]) if in_turn else None,
            ahead=ahead[0].comment_id if ahead else None,
        )
        cursor = self.cursors.sign(_replies_of(thread, comment.comment_id), turn.written())
        return Threaded(comment, replies, cursor)


class _Turn(Struct, frozen=True, kw_only=True):
    """Where a list of direct replies goes on."""

    seen: int = 0
    after: Key | None = None
    """Age of the last reply that was shown in its turn; None: from the first one."""
    ahead: UUID | None = None
    """A later reply that was shown before its turn, on the way to a comment in focus."""

    @classmethod
    def read(cls, position: list[Any]) -> _Turn:
        seen, ahead, *after = position
        return cls(
            seen=seen,
            after=_age_key(after) if after else None,
            ahead=UUID(ahead) if ahead else None,
        )

    def written(self) -> list[Any]:
        ahead = str(self.ahead) if self.ahead else None
        return [self.seen, ahead, *_written(self.after or ())]


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
        following=[seen, *_written(key_of(tops[-1], sort))],
        remaining=max(thread.shown_roots - seen, 1),
        path=path,
        below=below,
    )


def _written(key: Key) -> list[Any]:
    """Write a key as JSON; the driver's own kind of UUID is not one that a cursor takes."""
    return [str(part) if isinstance(part, UUID) else part for part in key]


def _root_key(sort: Sort, key: Sequence[Any]) -> Key:
    if sort is Sort.BEST:
        pinned, best, comment_id = key
        return pinned, best, UUID(comment_id)
    return _age_key(key)


def _age_key(key: Sequence[Any]) -> Key:
    created_at, comment_id = key
    return datetime.fromisoformat(created_at), UUID(comment_id)


def _roots_of(thread: Thread, sort: Sort) -> str:
    article = thread.article
    return f"roots:{article.site_id}:{article.article_id}:{sort}"


def _replies_of(thread: Thread, parent_id: UUID) -> str:
    article = thread.article
    return f"replies:{article.site_id}:{article.article_id}:{parent_id}"


def _unseen(site: Site, asked: UUID, key: str) -> Thread:
    """Stand in for an article that nobody has described or commented on."""
    return Thread(
        article=Article(site_id=site.site_id, article_id=asked, key=key),
        article_ids=(asked,),
        shown_roots=0,
        version=0,
    )
