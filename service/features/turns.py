"""Where lists of comments go on: what their cursors say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from service.storage.comments import Key, Sort, Thread


class Turn(Struct, frozen=True, kw_only=True):
    """Where a list of direct replies goes on."""

    seen: int = 0
    after: Key | None = None
    """Age of the last reply that was shown in its turn; None: from the first one."""
    ahead: UUID | None = None
    """A later reply that was shown before its turn, on the way to a comment in focus."""

    @classmethod
    def read(cls, position: list[Any]) -> Turn:
        """Read what `written` gave."""
        seen, ahead, *after = position
        return cls(
            seen=seen,
            after=_age_key(after) if after else None,
            ahead=UUID(ahead) if ahead else None,
        )

    def written(self) -> list[Any]:
        """Write it for a cursor."""
        ahead = str(self.ahead) if self.ahead else None
        return [self.seen, ahead, *written_key(self.after or ())]


def written_key(key: Key) -> list[Any]:
    """Write a key as JSON; the driver's own kind of UUID is not one that a cursor takes."""
    return [str(part) if isinstance(part, UUID) else part for part in key]


def root_key(sort: Sort, key: Sequence[Any]) -> Key:
    """Read the key of a root as `written_key` gave it."""
    if sort is Sort.BEST:
        pinned, best, comment_id = key
        return pinned, best, UUID(comment_id)
    return _age_key(key)


def _age_key(key: Sequence[Any]) -> Key:
    created_at, comment_id = key
    return datetime.fromisoformat(created_at), UUID(comment_id)


def roots_of(thread: Thread, sort: Sort) -> str:
    """Name the list of a thread's roots in an order."""
    article = thread.article
    return f"roots:{article.site_id}:{article.article_id}:{sort}"


def replies_of(thread: Thread, parent_id: UUID) -> str:
    """Name the list of a comment's direct replies."""
    article = thread.article
    return f"replies:{article.site_id}:{article.article_id}:{parent_id}"
