"""Comments written once: what readers are told of one stays the same until it changes.

It is kept beside the comment (`comments.written`): a decision that makes a text public writes it,
and whoever shows a comment that nobody has written writes it for the others. Postgres forgets it
whenever the comment changes otherwise.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from msgspec import Struct, field

from service.errors import Unavailable
from service.features import body
from service.model import PendingComment, Status
from service.payload import optional_stamp, stamp
from service.storage.comments import ShownAuthor, ShownComment
from service.storage.written import WrittenStore

BATCH = 200
"""Comments kept in one statement."""

WAITING_MAX = 2_000
"""Comments that may wait to be kept; more are written again by whoever shows them next."""

WAIT_SECONDS = 1.0
"""For a connection: nobody waits for what is kept."""


def core(
    *,
    comment_id: UUID,
    parent_id: UUID | None,
    status: str,
    revision: int,
    text: str | None,
    lang: str | None,
    created_at: datetime,
    edited_at: datetime | None,
) -> dict[str, Any]:
    """Say what there is to say of a comment wherever it stands, before its author."""
    return {
        "id": str(comment_id),
        "parent_id": str(parent_id) if parent_id else None,
        "status": status,
        "revision": revision,
        "body": None if text is None else orjson.Fragment(body.written(text)),
        "text": text,
        "lang": lang,
        "created_at": stamp(created_at),
        "edited_at": optional_stamp(edited_at),
    }


def write(told: dict[str, Any], author: ShownAuthor) -> bytes:
    """Write the part of a public comment that stays: its `core`, its author, and no last brace."""
    return orjson.dumps({**told, "author": author._asdict()})[:-1]


def write_published(item: PendingComment, parent_id: UUID | None) -> bytes:
    """Write that part of a comment as it becomes public."""
    told = core(
        comment_id=item.comment_id,
        parent_id=parent_id,
        status=Status.APPROVED,
        revision=item.revision,
        text=item.text,
        lang=item.lang,
        created_at=item.created_at,
        edited_at=item.edited_at,
    )
    author = item.author
    return write(told, ShownAuthor(author.name, author.badge, author.avatar))


def shown_core(comment: ShownComment) -> dict[str, Any]:
    """Say the same of a comment that was read whole."""
    return core(
        comment_id=comment.comment_id,
        parent_id=comment.parent_id,
        status=comment.status,
        revision=comment.revision,
        text=comment.text,
        lang=comment.lang,
        created_at=comment.created_at,
        edited_at=comment.edited_at,
    )


def write_shown(comment: ShownComment) -> bytes:
    """Write that part of a comment that was read whole."""
    return write(shown_core(comment), comment.author)


class _Unkept(NamedTuple):
    site_id: int
    comment: ShownComment
    written: bytes


class Fragments(Struct, kw_only=True):
    """Keep what this process had to write, behind the readers' backs."""

    store: WrittenStore
    _unkept: dict[UUID, _Unkept] = field(default_factory=dict)
    _heard: asyncio.Event = field(default_factory=asyncio.Event)

    def write(self, site_id: int, comment: ShownComment) -> bytes:
        """Write a comment that nobody has written, and have that kept."""
        written = write_shown(comment)
        if len(self._unkept) < WAITING_MAX:
            self._unkept[comment.comment_id] = _Unkept(site_id, comment, written)
            self._heard.set()
        return written

    async def run(self) -> None:
        """Keep what was written, until cancelled."""
        while True:
            await self._heard.wait()
            self._heard.clear()
            with suppress(Unavailable):  # whoever shows them next writes them again
                await self.keep()

    async def keep(self) -> None:
        """Keep all that waits for it.

        Raises:
            Unavailable: Postgres is away, or busy.
        """
        while self._unkept:
            batch = list(islice(self._unkept.values(), BATCH))
            for each in batch:
                del self._unkept[each.comment.comment_id]
            await self.store.keep(batch, wait_seconds=WAIT_SECONDS)
