"""What a page nests below the comments it lists: the first of their replies, and of those."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct, field

from service.cursors import Cursors
from service.features.turns import Turn, replies_of
from service.storage.comments import CommentReader, ShownComment, Thread, age

NESTED_REPLIES = 2
"""Direct replies that a comment carries, whatever its depth (api.md)."""

DESCENDANTS_MAX = 50
"""Comments nested below one root, or below one reply of a page of replies (api.md)."""

EARLIEST = 64
"""Descendants of a root that the first look takes in: enough for almost every root."""


class Threaded(Struct, frozen=True, gc=False):
    """A comment with those of its replies that the page carries; there are thousands."""

    comment: ShownComment
    replies: tuple[Threaded, ...] = ()
    """Oldest first."""
    more_replies: str | None = None
    """Cursor for `?parent=` to those of its replies that are not in `replies`."""


class Nesting(Struct, frozen=True, kw_only=True):
    """Ties comments of one thread to what stands below them."""

    cursors: Cursors
    thread: Thread
    reader: CommentReader

    async def roots(
        self,
        roots: Sequence[ShownComment],
        *,
        below: Sequence[Sequence[ShownComment]] | None,
        path: Sequence[ShownComment],
    ) -> tuple[Threaded, ...]:
        """Nest replies below roots: with one statement at most for almost all pages.

        `below` is what `CommentReader.below_roots` would tell of each, if it is known already.
        `path` is opened: the comment in focus, its parent, and so on up to one of the roots.
        """
        if below is None:
            below = await self._below(roots)
        return await self._nest(roots, below, path)

    async def replies(self, replies: Sequence[ShownComment]) -> tuple[Threaded, ...]:
        """Nest replies below direct replies of one comment."""
        return await self._nest(replies, [()] * len(replies), ())

    def alone(self, comment: ShownComment) -> Threaded:
        """Nest nothing below a comment; its cursor leads to its replies."""
        return self._tie(_Branch(comment, (), 0), ())

    async def _below(self, roots: Sequence[ShownComment]) -> Sequence[Sequence[ShownComment]]:
        answered = [root for root in roots if root.shown_replies]
        if not answered:
            return [()] * len(roots)
        found = iter(
            await self.reader.below_roots(answered, earliest=EARLIEST, replies=NESTED_REPLIES)
        )
        return [next(found) if root.shown_replies else () for root in roots]

    async def _nest(
        self,
        tops: Sequence[ShownComment],
        below: Sequence[Sequence[ShownComment]],
        path: Sequence[ShownComment],
    ) -> tuple[Threaded, ...]:
        grown = [None if path else _plain(*each) for each in zip(tops, below, strict=True)]
        family = _Family(opened={each.parent_id: each for each in path if each.parent_id})
        unfinished = [at for at, threaded in enumerate(grown) if threaded is None]
        for at in unfinished:
            family.add(below[at])
        while unfinished:
            lacking: list[ShownComment] = []
            still_unfinished: list[int] = []
            for at in unfinished:
                branches, unknown = family.branch_out(tops[at])
                if unknown:
                    lacking += unknown
                    still_unfinished.append(at)
                else:
                    grown[at] = self._grow(branches)
            if lacking:
                replies = await self.reader.first_replies(lacking, replies=NESTED_REPLIES)
                family.settle(lacking, replies)
            unfinished = still_unfinished
        return tuple(filter(None, grown))

    def _grow(self, branches: Sequence[_Branch]) -> Threaded:
        """Tie the branches of one top together; its own is the first."""
        grown: dict[UUID, Threaded] = {}
        for branch in reversed(branches):
            replies = [
                grown[reply.comment_id] if reply.shown_replies else Threaded(reply)
                for reply in branch.nested
            ]
            grown[branch.comment.comment_id] = self._tie(branch, tuple(replies))
        return grown[branches[0].comment.comment_id]

    def _tie(self, branch: _Branch, replies: tuple[Threaded, ...]) -> Threaded:
        comment = branch.comment
        if comment.shown_replies <= len(replies):
            return Threaded(comment, replies)
        in_turn, ahead = branch.nested[: branch.in_turn], branch.nested[branch.in_turn :]
        turn = Turn(
            seen=len(replies),
            after=age(in_turn[-1]) if in_turn else None,
            ahead=ahead[0].comment_id if ahead else None,
        )
        cursor = self.cursors.sign(replies_of(self.thread, comment.comment_id), turn.written())
        return Threaded(comment, replies, cursor)


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
