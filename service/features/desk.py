"""The newsroom's desk: whoever has the dashboard open is told what happens, within a second.

Counts are looked up, once a second and only where somebody listens, so that a comment that is
posted costs nothing more. Everything else is told by the process in which it happens.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial

import orjson
from msgspec import Struct, field

from service.errors import Unavailable
from service.features.events import TooManyStreams
from service.features.farewell import in_waves
from service.features.lanes import WAITING_LANES, Lane, Lanes, counted
from service.features.patience import Patience
from service.features.telling import Happening, Telling
from service.model import Role, Site
from service.storage.channel import Channel
from service.storage.pending import PendingStore

QUEUE_MAX = 256
"""Events that may wait for one moderator; then they are told to look again."""
STREAMS_MAX = 500
"""Moderators that one process tells."""
COUNT_SECONDS = 0.7
"""Between two looks at the counts: with the look itself a change is told within a second."""
CHECK_SECONDS = 15.0
"""Between two looks whether a listener may still listen; also the heartbeat."""
AGE_SECONDS = 30 * 60
"""A stream ends after about this time, so that listeners spread over the processes there are."""


def _written(kind: str, payload: object) -> bytes:
    """Write an event as Server-Sent Events do (HTML Living Standard, 9.2)."""
    return f"event: {kind}\ndata: ".encode() + orjson.dumps(payload) + b"\n\n"


RESYNC = _written("resync", {})


class _Listener(Struct, kw_only=True, eq=False):
    """One open dashboard."""

    site: Site
    sees_escalated: bool
    role: Role | None
    """None for a key, which is told everything."""
    queue: asyncio.Queue[bytes]
    counts: bytes = b""
    """As last told."""
    overrun: bool = False

    def tell(self, piece: bytes) -> None:
        """Hand a piece over; who does not keep up is told to look again."""
        if self.overrun:
            return
        try:
            self.queue.put_nowait(piece)
        except asyncio.QueueFull:
            self.overrun = True

    def tell_counts(self, counts: bytes) -> None:
        """Hand counts over that are others than before."""
        if counts != self.counts:
            self.counts = counts
            self.tell(counts)


def _unheard() -> None:
    """Tell nobody."""


class Desk(Struct, kw_only=True):
    """Tell moderators, and let them listen."""

    telling: Telling
    channel: Channel
    pending: PendingStore
    lanes: Lanes
    queue_max: int = QUEUE_MAX
    streams_max: int = STREAMS_MAX
    count_seconds: float = COUNT_SECONDS
    check_seconds: float = CHECK_SECONDS
    age_seconds: float = AGE_SECONDS
    dropped: Callable[[], None] = _unheard
    """Told of each moderator who did not keep up."""
    ending: bool = False
    """The process stops."""
    _listeners: dict[int, set[_Listener]] = field(default_factory=lambda: defaultdict(set))
    _count: int = 0

    @property
    def streams(self) -> int:
        """How many are open."""
        return self._count

    async def run_telling(self) -> None:
        """Tell every process what happens in this one, until cancelled."""
        patience = Patience("desk_untold")
        while True:
            happenings = await self.telling.take()
            with patience:  # what cannot be told is lost; who listens is told to look again
                await self.channel.publish([_message(each) for each in happenings])

    async def run_hearing(self) -> None:
        """Pass on what is told, until cancelled."""
        async for message in self.channel.listen():
            if message is None:
                self._tell_all(RESYNC)
                continue
            if not self._listeners:
                continue
            said = orjson.loads(message)
            piece = _written(said["kind"], said["payload"])
            least = said.get("role")
            for listener in self._of(said["site_id"]):
                if least is None or listener.role is None or listener.role.includes(Role(least)):
                    listener.tell(piece)

    async def run_counts(self) -> None:
        """Tell how many wait in each lane, whenever that changes, until cancelled."""
        patience = Patience("desk_uncounted")
        while True:
            await asyncio.sleep(self.count_seconds)
            for listeners in [set(each) for each in self._listeners.values() if each]:
                with patience:
                    await self._tell_counts(listeners)

    async def listen(
        self,
        site: Site,
        *,
        sees_escalated: bool,
        still_may: Callable[[], Awaitable[bool]],
        role: Role | None = None,
    ) -> AsyncGenerator[bytes, None]:
        """Return the stream of a site: its counts, then what happens.

        `role` is the listener's there; None is a key, which is told everything.

        `still_may` is asked again and again; the stream ends when it says no. Whoever gets the
        stream has to close it: that gives its place back.

        Raises:
            TooManyStreams: no more can be told.
        """
        if self._count >= self.streams_max:
            raise TooManyStreams
        listener = _Listener(
            site=site,
            sees_escalated=sees_escalated,
            role=role,
            queue=asyncio.Queue(self.queue_max),
        )
        stream = self._stream(listener, still_may)
        await anext(stream)  # so that it has its place before another is counted
        return stream

    def say_bye(self) -> None:
        """End every stream: the process stops."""
        self._tell_all(b"")

    async def say_bye_in_waves(self) -> None:
        """End every stream, many of them over some seconds, and each that is opened meanwhile."""
        self.ending = True
        listeners = {each for listeners in self._listeners.values() for each in listeners}
        await in_waves([partial(listener.tell, b"") for listener in listeners])

    def say_degraded(self) -> None:
        """Tell everybody that nothing is told for a while."""
        self._tell_all(_written("degraded", {}))

    async def _stream(
        self, listener: _Listener, still_may: Callable[[], Awaitable[bool]]
    ) -> AsyncGenerator[bytes, None]:
        loop = asyncio.get_running_loop()
        # Not for secrets: only so that not everybody comes back at once.
        end = loop.time() + self.age_seconds * random.uniform(0.8, 1.2)  # noqa: S311
        if self.ending:
            listener.tell(b"")
        self._listeners[listener.site.site_id].add(listener)
        self._count += 1
        try:
            yield b""
            yield f"retry: {random.randint(500, 2_000)}\n\n".encode()  # noqa: S311
            await self._begin(listener)
            checked = loop.time()
            while loop.time() < end and not listener.overrun:
                if loop.time() >= checked + self.check_seconds:
                    checked = loop.time()
                    if not await still_may():
                        break
                    yield b":\n\n"
                try:
                    async with asyncio.timeout(self.check_seconds):
                        piece = await listener.queue.get()
                except TimeoutError:
                    continue
                if not piece:
                    break
                yield piece
            if listener.overrun:
                self.dropped()
            yield RESYNC if listener.overrun else _written("bye", {})
        finally:
            self._listeners[listener.site.site_id].discard(listener)
            if not self._listeners[listener.site.site_id]:
                del self._listeners[listener.site.site_id]
            self._count -= 1

    async def _begin(self, listener: _Listener) -> None:
        """Tell the counts at once; while they cannot be looked up the loop goes on trying."""
        try:
            await self._tell_counts({listener})
        except Unavailable:
            listener.tell(_written("degraded", {}))

    async def _tell_counts(self, listeners: set[_Listener]) -> None:
        """Count the lanes of a site and tell those of its listeners who heard otherwise."""
        site = next(iter(listeners)).site
        piles = {
            lane: await self.lanes.total(site, lane) for lane in Lane if lane not in WAITING_LANES
        }
        for sees_escalated in {each.sees_escalated for each in listeners}:
            waiting = await self.pending.total(site.slug, include_escalated=sees_escalated)
            counts = counted({**piles, Lane.HELD: waiting})
            piece = _written("counts", {str(lane): counts[lane] for lane in Lane})
            for listener in listeners:
                if listener.sees_escalated is sees_escalated:
                    listener.tell_counts(piece)

    def _of(self, site_id: int) -> set[_Listener]:
        return set(self._listeners.get(site_id, ()))

    def _tell_all(self, piece: bytes) -> None:
        for listener in {each for listeners in self._listeners.values() for each in listeners}:
            listener.tell(piece)


def _message(happening: Happening) -> bytes:
    return orjson.dumps(
        {
            "site_id": happening.site_id,
            "kind": happening.kind,
            "payload": happening.payload,
            "role": happening.role,
        }
    )
