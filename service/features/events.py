"""What readers who have a page open are told, while it happens: never text, never who.

The leader turns messages of the outbox into events; every process passes them on to its own
readers. Whoever was away for a moment is told the rest, or to look again.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any
from uuid import UUID

import orjson
import structlog
from msgspec import Struct, field

from service.errors import RateLimited, Unavailable
from service.features.farewell import in_waves
from service.model import Site, article_id
from service.storage.channel import Channel
from service.storage.comments import CommentStore
from service.storage.events import EventStore
from service.storage.outbox import Message

log = structlog.get_logger(__name__)

KINDS = MappingProxyType(
    {
        "comment.approved": "comment",
        "comment.restored": "comment",
        "comment.edited": "update",
        "comment.removed": "gone",
        "comment.deleted": "gone",
        "comment.pending": "gone",
    }
)
"""Messages of the outbox that readers are told of, and as what: those of changes that are shown.

A rejection is not, nor what happens to a comment that was never public.
"""

QUEUE_MAX = 64
"""Events that may wait for one reader; then they are told to look again (protocol.md 3.1)."""
STREAMS_MAX = 5_000
"""Readers that one process tells (protocol.md 3.1)."""
PER_ADDRESS_MAX = 8
"""Streams of one address (protocol.md 3.1)."""
RESUME_MAX = 500
"""Events told again at most to a reader who was away."""
HEARTBEAT_SECONDS = 20.0
AGE_SECONDS = 30 * 60
"""A stream ends after about this time, so that readers spread over the processes there are."""


Place = tuple[float, float]
"""Of an event among those of its site: milliseconds and a number, as Redis gave them."""
BEGINNING: Place = (0, 0)
NOWHERE: Place = (math.inf, math.inf)
"""Of what is no event: nobody knows it yet."""


def _place(event_id: str) -> Place:
    milliseconds, _, number = event_id.partition("-")
    return int(milliseconds), int(number)


def _bare(kind: str) -> bytes:
    """Write an event that says nothing but its name; it moves no reader's place."""
    return f"event: {kind}\ndata: {{}}\n\n".encode()


RESYNC = _bare("resync")


def _unheard() -> None:
    """Tell nobody."""


class TooManyStreams(Unavailable):
    """As many readers are told as this process can."""

    code = "too_many_streams"
    title = "There are too many open streams. Comments are there all the same: look again later."
    retry_after_seconds = 60
    outcome_unknown = False


class Event(Struct, frozen=True, kw_only=True):
    """Something that happened under an article."""

    event_id: str
    kind: str
    article_ids: tuple[UUID, ...]
    """The article's and of those that are read as one with it."""
    payload: str
    """JSON."""

    @property
    def place(self) -> Place:
        """Where it stands among the events of its site."""
        return _place(self.event_id)

    def encode(self) -> bytes:
        """Write it as Server-Sent Events do (HTML Living Standard, 9.2)."""
        return f"id: {self.event_id}\nevent: {self.kind}\ndata: {self.payload}\n\n".encode()


class _Reader(Struct, kw_only=True, eq=False):
    """One open stream."""

    queue: asyncio.Queue[tuple[Place, bytes]]
    overrun: bool = False

    def tell(self, piece: bytes, place: Place = NOWHERE) -> None:
        """Hand a piece over; a reader that does not keep up is told to look again."""
        if self.overrun:
            return
        try:
            self.queue.put_nowait((place, piece))
        except asyncio.QueueFull:
            self.overrun = True


class Events(Struct, kw_only=True):
    """Tell readers, and let them listen."""

    store: EventStore
    channel: Channel
    comments: CommentStore
    limits_on: bool = True
    streams_max: int = STREAMS_MAX
    per_address_max: int = PER_ADDRESS_MAX
    queue_max: int = QUEUE_MAX
    resume_max: int = RESUME_MAX
    heartbeat_seconds: float = HEARTBEAT_SECONDS
    age_seconds: float = AGE_SECONDS
    dropped: Callable[[], None] = _unheard
    """Told of each reader who did not keep up."""
    ending: bool = False
    """The process stops."""
    _readers: dict[UUID, set[_Reader]] = field(default_factory=lambda: defaultdict(set))
    _of_address: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _count: int = 0

    @property
    def streams(self) -> int:
        """How many are open."""
        return self._count

    # Telling

    async def publish(self, site: Site, messages: Sequence[Message]) -> None:
        """Make events of a site's messages and tell every process.

        Raises:
            Unavailable: a store is away; nothing or some of it was told, and may be again.
        """
        shown = [each for each in messages if each.kind in KINDS and each.payload["shown"]]
        if not shown:
            return
        async with self.comments.reading(site.site_id) as reader:
            counted = await reader.find_counts(list({each.article_id for each in shown}))
        events: list[dict[str, str]] = []
        for message in shown:
            tally = counted.get(message.article_id)
            if tally is not None and message.comment_id is not None:
                payload = {
                    "id": str(message.comment_id),
                    "article": message.payload["article"],
                    "parent_id": message.payload["parent_id"],
                    "count": tally.approved,
                }
                events.append(_fields(KINDS[message.kind], tally.article_ids, payload))
        keys = {message.article_id: message.payload["article"] for message in shown}
        for each, key in keys.items():
            if each in counted:
                payload = {"article": key, "count": counted[each].approved}
                events.append(_fields("count", counted[each].article_ids, payload))
        ids = await self.store.append(site.slug, events)
        await self.channel.publish(
            [
                orjson.dumps({"id": event_id, **event})
                for event_id, event in zip(ids, events, strict=True)
            ]
        )

    # Listening

    async def run(self) -> None:
        """Pass on what is told, until cancelled."""
        async for message in self.channel.listen():
            if message is None:
                self._tell_all(RESYNC)
                continue
            if not self._readers:
                continue
            event = _read(message)
            for reader in {each for key in event.article_ids for each in self._readers[key]}:
                reader.tell(event.encode(), event.place)
            for key in event.article_ids:
                if not self._readers[key]:
                    del self._readers[key]

    def say_bye(self) -> None:
        """End every stream: the process stops. Readers come back spread over some seconds."""
        self._tell_all(b"")

    async def say_bye_in_waves(self) -> None:
        """End every stream, many of them over some seconds, and each that is opened meanwhile."""
        self.ending = True
        readers = {each for readers in self._readers.values() for each in readers}
        await in_waves([partial(reader.tell, b"") for reader in readers])

    def say_degraded(self) -> None:
        """Tell every reader that nothing is told for a while."""
        self._tell_all(_bare("degraded"))

    async def listen(
        self, site: Site, article_key: str, *, after: str | None, network: str
    ) -> AsyncGenerator[bytes, None]:
        """Return the stream of an article: what came after `after`, then what comes.

        Whoever gets it has to close it: that gives its place back.

        Raises:
            TooManyStreams: no more can be told.
            RateLimited: no more of one address are.
        """
        if self._count >= self.streams_max:
            raise TooManyStreams
        if self.limits_on and self._of_address.get(network, 0) >= self.per_address_max:
            detail = "There are too many open streams from this address."
            raise RateLimited(detail, retry_after_seconds=TooManyStreams.retry_after_seconds)
        stream = self._stream(site, article_id(site.site_id, article_key), after, network)
        await anext(stream)  # so that it has its place before another is counted
        return stream

    async def _past(self, site: Site, asked: UUID, after: str | None) -> tuple[list[bytes], Place]:
        """Return what a reader has missed, and the place up to which they now know everything."""
        if after is None:
            return [], BEGINNING
        try:
            found = await self.store.since(site.slug, after, limit=self.resume_max)
        except Unavailable:
            found = None
        if found is None:
            return [RESYNC], BEGINNING
        events = [_event(event_id, fields) for event_id, fields in found]
        missed = [event.encode() for event in events if asked in event.article_ids]
        return missed, events[-1].place if events else _place(after)

    async def _stream(
        self, site: Site, asked: UUID, after: str | None, network: str
    ) -> AsyncGenerator[bytes, None]:
        loop = asyncio.get_running_loop()
        # Not for secrets: only so that not everybody comes back at once.
        end = loop.time() + self.age_seconds * random.uniform(0.8, 1.2)  # noqa: S311
        reader = self._enter(asked, network)
        try:
            yield b""
            yield f"retry: {random.randint(1_000, 10_000)}\n\n".encode()  # noqa: S311
            past, known = await self._past(site, asked, after)
            for piece in past:
                yield piece
            while loop.time() < end:
                if reader.overrun:
                    self.dropped()
                    yield RESYNC
                    return
                try:
                    async with asyncio.timeout(self.heartbeat_seconds):
                        place, piece = await reader.queue.get()
                except TimeoutError:
                    yield b":\n\n"
                    continue
                if not piece:
                    break
                if place > known:  # else it was on its way here while the past was read
                    yield piece
            yield _bare("bye")
        finally:
            self._leave(reader, asked, network)

    def _enter(self, asked: UUID, network: str) -> _Reader:
        """Listen before the past is read, so that nothing falls between the two."""
        reader = _Reader(queue=asyncio.Queue(self.queue_max))
        if self.ending:
            reader.tell(b"")
        self._readers[asked].add(reader)
        self._count += 1
        self._of_address[network] += 1
        return reader

    def _leave(self, reader: _Reader, asked: UUID, network: str) -> None:
        self._readers[asked].discard(reader)
        if not self._readers[asked]:
            del self._readers[asked]
        self._count -= 1
        self._of_address[network] -= 1
        if not self._of_address[network]:
            del self._of_address[network]

    def _tell_all(self, piece: bytes) -> None:
        for reader in {each for readers in self._readers.values() for each in readers}:
            reader.tell(piece)


def _fields(kind: str, article_ids: Iterable[UUID], payload: Mapping[str, Any]) -> dict[str, str]:
    return {
        "kind": kind,
        "articles": " ".join(str(each) for each in article_ids),
        "data": orjson.dumps(payload).decode(),
    }


def _event(event_id: str, fields: Mapping[str, str]) -> Event:
    return Event(
        event_id=event_id,
        kind=fields["kind"],
        article_ids=tuple(UUID(each) for each in fields["articles"].split()),
        payload=fields["data"],
    )


def _read(message: bytes) -> Event:
    fields = orjson.loads(message)
    return _event(fields["id"], fields)
