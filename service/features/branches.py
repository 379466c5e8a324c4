"""Tombstones: what readers see of a thread when a comment appears or disappears.

A tombstone is shown as long as something below it is. A change therefore runs up the branch
until it meets a comment that is shown either way.
"""

from __future__ import annotations

from uuid import UUID

from msgspec import Struct

from service.model import Status
from service.storage.changes import Branch, Changes, Place


class Branches(Struct, frozen=True, kw_only=True):
    """Public rows by comment, kept in step with the changes of one transaction."""

    rows: dict[UUID, Branch]
    changes: Changes

    def appear(self, place: Place, parent_id: UUID | None) -> Branch:
        """Make a comment approved; its parent, if any, has a row."""
        branch = self.rows.get(place.comment_id) or self._new(place, parent_id)
        if branch.status is Status.APPROVED:
            self.changes.shift_counts(place)
            return branch
        was_shown = branch.shown
        branch.status = Status.APPROVED
        self._count(branch, +1)
        if not was_shown:
            self._ripple(branch, +1)
        return branch

    def disappear(self, place: Place, status: Status) -> None:
        """Turn an approved comment into a tombstone."""
        branch = self.rows[place.comment_id]
        branch.status = status
        self._count(branch, -1)
        if not branch.shown:
            self._ripple(branch, -1)

    def _new(self, place: Place, parent_id: UUID | None) -> Branch:
        parent = self.rows[parent_id] if parent_id else None
        branch = Branch(
            place=place,
            parent_id=parent_id,
            root_id=parent.root_id if parent else place.comment_id,
            depth=parent.depth + 1 if parent else 0,
            status=Status.REMOVED,
        )
        self.rows[place.comment_id] = branch
        return branch

    def _count(self, branch: Branch, step: int) -> None:
        self.changes.shift_counts(branch.place, approved=step)
        if branch.parent_id is not None:
            parent = self.rows[branch.parent_id]
            parent.reply_count += step
            self.changes.shift_replies(parent.place, replies=step)

    def _ripple(self, branch: Branch, step: int) -> None:
        """Tell the branch above that one of its replies is shown, or no longer."""
        while branch.parent_id is not None:
            parent = self.rows[branch.parent_id]
            was_shown = parent.shown
            parent.shown_replies += step
            self.changes.shift_replies(parent.place, shown=step)
            if parent.shown == was_shown:
                return
            branch = parent
        self.changes.shift_counts(branch.place, shown_roots=step)
