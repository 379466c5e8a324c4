"""Telling every process that what it has ready about an article is no longer true."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable
from contextlib import suppress
from itertools import islice
from typing import Any
from uuid import UUID

import orjson
import structlog
from msgspec import Struct, field
from msgspec.structs import replace

from service.errors import Unavailable
from service.features.cache import Cache
from service.model import Site
from service.storage.bulletin import Bulletin
from service.storage.channel import Channel

log = structlog.get_logger(__name__)

PART = 100
"""Articles of one notification: 3.9 of the 8 kB that Postgres takes."""
TOLD_MAX = 5_000
"""Decisions of which it is remembered that they were told: the relay comes by within a second."""


def _new_origin() -> str:
    return secrets.token_hex(8)


class Change(Struct, frozen=True, kw_only=True):
    """Said by one process to all: what depends on these articles is no longer true."""

    origin: str
    """The process that says it, which has acted on it already."""
    site_id: int
    article_ids: tuple[UUID, ...]
    drop: bool
    """A text was taken away: nothing that may tell it is served again."""
    decided: tuple[str, ...] = ()
    """By which decisions, so that nobody tells of them again; none: it is not known."""

    def encode(self) -> bytes:
        """Write it for the channel."""
        return orjson.dumps(
            {
                "from": self.origin,
                "site": self.site_id,
                "articles": [str(article_id) for article_id in self.article_ids],
                "drop": self.drop,
                "decided": self.decided,
            }
        )

    @classmethod
    def decode(cls, message: bytes) -> Change | None:
        """Read what another process wrote; None when it cannot be understood."""
        try:
            said: dict[str, Any] = orjson.loads(message)
            return cls(
                origin=str(said["from"]),
                site_id=int(said["site"]),
                article_ids=tuple(UUID(each) for each in said["articles"]),
                drop=bool(said["drop"]),
                decided=tuple(said.get("decided", ())),
            )
        except (ValueError, TypeError, KeyError, AttributeError):
            return None


class Invalidations(Struct, frozen=True, kw_only=True):
    """Say what has changed, and listen to what other processes say."""

    channel: Channel
    cache: Cache
    bulletin: Bulletin | None = None
    """The other way, while Redis is away (protocol.md Ruling 11)."""
    origin: str = field(default_factory=_new_origin)
    """This process, so that it does not act twice on what it said itself."""
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever a decision was made, here or elsewhere: the relay need not wait."""
    _told: dict[str, None] = field(default_factory=dict)
    """Decisions of which every process was told, the latest last."""

    async def tell(
        self,
        site: Site,
        article_ids: Iterable[UUID],
        *,
        drop: bool,
        decided: Iterable[tuple[UUID, UUID]] = (),
        again: bool = False,
    ) -> bool:
        """Stop believing what depends on these articles, here at once and elsewhere in a moment.

        Call it after the commit. `drop` when a text was taken away. A process that is not
        reached believes what it has for at most 4 s more. False when Redis could not say it;
        Postgres has then, unless this tells `again` what was told before. `decided` are comments
        and the ids of the decisions that changed them.
        """
        change = Change(
            origin=self.origin,
            site_id=site.site_id,
            article_ids=tuple(article_ids),
            drop=drop,
            decided=tuple(_name(*each) for each in decided),
        )
        if not change.article_ids:
            return True
        self.cache.invalidate(change.article_ids, drop=drop)
        try:
            await self.channel.publish([change.encode()])
        except Unavailable as failure:
            if not again:
                self.heard.set()
                await self._tell_otherwise(change, failure)
            return False
        self._note_told(change)
        if not again:
            self.heard.set()  # not before: the relay would tell it again
        return True

    def was_told(self, comment_id: UUID | None, decision_id: str | None) -> bool:
        """Tell, once, whether Redis took what a decision changed, and so every process was told.

        Whoever was not listening just then believes nothing any more that is older.
        """
        if comment_id is None or decision_id is None:
            return False
        name = _name(comment_id, decision_id)
        if name not in self._told:
            return False
        del self._told[name]
        return True

    def _note_told(self, change: Change) -> None:
        self._told.update(dict.fromkeys(change.decided))
        for name in [*islice(self._told, max(len(self._told) - TOLD_MAX, 0))]:
            del self._told[name]

    async def _tell_otherwise(self, change: Change, failure: Unavailable) -> None:
        if self.bulletin is not None:
            with suppress(Unavailable):
                ids = change.article_ids
                parts = (ids[at : at + PART] for at in range(0, len(ids), PART))
                await self.bulletin.publish(
                    [replace(change, article_ids=part, decided=()).encode() for part in parts]
                )
                return
        log.warning("invalidation_not_published", code=failure.stable_code)

    async def run(self) -> None:
        """Act on what other processes say, until cancelled."""
        async for message in self.channel.listen():
            if message is None:
                self.cache.flush()
            else:
                self._obey(message)

    async def run_bulletin(self) -> None:
        """Do so with what they say by way of Postgres."""
        assert self.bulletin is not None
        async for message in self.bulletin.listen():
            if message is None:
                self.cache.flush()
            else:
                self._obey(message)

    def _obey(self, message: bytes) -> None:
        change = Change.decode(message)
        if change is None:
            log.warning("invalidation_not_understood")
            self.cache.flush()
        elif change.origin != self.origin:
            self.cache.invalidate(change.article_ids, drop=change.drop)
            self._note_told(change)
            self.heard.set()


def _name(comment_id: UUID, decision_id: UUID | str) -> str:
    """Name a decision: one id may have been used for several comments."""
    return f"{comment_id}:{decision_id}"
