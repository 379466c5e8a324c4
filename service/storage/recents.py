"""What an author, or a network address, has sent lately, in Redis: enough to notice a repeat.

No text is in it: when, which comment, and what the text shares with others of its kind. `accept`
writes it in the same step that takes the comment in; a week later it is forgotten, or when its
author deletes the comment.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple, cast
from uuid import UUID

from msgspec import Struct
from redis.asyncio.client import Redis

from service.model import PendingComment
from service.storage.redis import Keys, unavailable_when_down
from service.storage.replies import SUBMITTED, Submitted, read_submission

KEPT_MS = 7 * 24 * 3_600_000
"""As far back as a rule may count."""

LINES_MAX = 100
"""Of one author or address."""


class Sent(NamedTuple):
    """One comment that was accepted lately."""

    name: str
    """Its id, as a text: of a hundred few are ever asked for."""
    at: datetime
    likeness: str
    same_author: bool
    same_address: bool

    @property
    def comment_id(self) -> UUID:
        """Its id."""
        return UUID(self.name)


class Lately(Struct, frozen=True, kw_only=True):
    """What is known of the last days when a comment comes."""

    sent: tuple[Sent, ...]
    """Newest first, each comment once."""
    views_per_hour: float | None
    """Of its article, as it was counted; None where it was not."""
    submitted: Submitted | None = None
    """What the same submission became before, while that is remembered."""


class RecentStore(Struct, frozen=True, kw_only=True):
    """Read what was sent lately, and forget it. Raises QueueUnavailable while Redis is away."""

    redis: Redis

    async def of(
        self,
        slug: str,
        author_id: UUID | None,
        address_hash: str | None,
        article_id: UUID | None = None,
        dk: str | None = None,
    ) -> Lately:
        """Return what is known of an author, an address, an article and a submission, at once."""
        at = Keys(slug)
        with unavailable_when_down():
            async with self.redis.pipeline(transaction=False) as pipe:
                pipe.hget(at.view_rates, str(article_id))
                pipe.hmget(at.submission(dk or ""), *SUBMITTED)
                if author_id is not None:
                    pipe.lrange(at.recent_of_author(author_id), 0, -1)
                if address_hash is not None:
                    pipe.lrange(at.recent_of_address(address_hash), 0, -1)
                rate, submitted, *lists = await pipe.execute()
        by_author = lists.pop(0) if author_id is not None else []
        by_address = lists.pop(0) if address_hash is not None else []
        return Lately(
            sent=sent_lately(by_author, by_address),
            views_per_hour=float(rate) if rate is not None else None,
            submitted=read_submission(submitted) if dk else None,
        )

    async def forget(self, slug: str, comment_id: UUID, author_id: UUID | None) -> None:
        """Take a comment out of the records of its author and its address."""
        at = Keys(slug)
        note = at.address_of(comment_id)
        with unavailable_when_down():
            address_hash = cast("bytes | None", await self.redis.get(note))
            lists = [at.recent_of_author(author_id)] if author_id is not None else []
            if address_hash is not None:
                lists.append(at.recent_of_address(address_hash.decode()))
            async with self.redis.pipeline(transaction=False) as pipe:
                for key in lists:
                    pipe.lrange(key, 0, -1)
                found = await pipe.execute()
            async with self.redis.pipeline(transaction=False) as pipe:
                for key, lines in zip(lists, found, strict=True):
                    for line in lines:
                        if _read(line, of_author=True).comment_id == comment_id:
                            pipe.lrem(key, 0, line)
                pipe.delete(note)
                await pipe.execute()


def recent_entry(item: PendingComment, name: str) -> str:
    """Write one line of the record, `name` being the comment's id; `RecentStore` reads it."""
    likeness = item.screened.likeness if item.screened else ""
    return f"{item.created_at.timestamp() * 1000:.0f}|{name}|{likeness}"


def sent_lately(by_author: Sequence[bytes], by_address: Sequence[bytes]) -> tuple[Sent, ...]:
    """Read the records of an author and of an address together, the newest first."""
    sent = {one.name: one for one in (_read(line, of_author=True) for line in by_author)}
    for line in by_address:
        one = _read(line, of_author=False)
        own = sent.get(one.name)
        sent[one.name] = own._replace(same_address=True) if own else one
    return tuple(sorted(sent.values(), key=lambda one: one.at, reverse=True))


def _read(line: bytes, *, of_author: bool) -> Sent:
    milliseconds, name, likeness = line.decode().split("|")
    at = datetime.fromtimestamp(int(milliseconds) / 1_000, UTC)
    return Sent(name, at, likeness, of_author, not of_author)
