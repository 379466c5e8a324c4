"""This process's ready answers: built once for all who ask, told when they are no longer true.

The cache knows no wire model: whoever asks brings the build along. It never answers with what an
invalidation has overtaken, except while a rebuild fails or takes long, and then for minutes only,
and except for a page that was built very often lately, for less than a second (`rhythm.py`).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol
from uuid import UUID

from msgspec import Struct, field

from service.errors import Unavailable
from service.features.cache_figures import Outcome, unheard
from service.features.flights import Flight, Load, loaded_in_time
from service.features.pressure import Busy, Level, Pressure
from service.features.rhythm import Rhythm
from service.features.shelf import Entry, Kept, Key, Shelf, Tally

__all__ = [
    "Built",
    "Cache",
    "Counted",
    "Entry",
    "Tally",
    "new_shelf",
]

MAX_BYTES = 64 * 1024 * 1024
"""Of all entries of a process: about 6,000 pages of 20 comments."""

ENTRY_MAX_BYTES = 4 * 1024 * 1024
"""Of one entry; a larger page is built whenever it is asked for."""

FRESH_SECONDS = 4.0
"""How long an entry is believed. Votes, which invalidate nothing, are at most 5 s old with the time
a rebuild may take (api.md, "Counts"), and a lost invalidation heals (protocol.md 3.3: in 30 s)."""

PATIENCE_SECONDS = 1.0
"""How long a rebuild may take before stale bytes are served (protocol.md Ruling 13)."""

STALE_SECONDS = 600.0
"""How old bytes may be that are served in need (protocol.md Ruling 13)."""

REST_SECONDS = 1.0
"""After a failed rebuild: how long its stale bytes are served before the next attempt."""

BUILD_SECONDS = 5.0
"""How long a build may take; whoever waits for it is then told to come back."""

TAG_DIGITS = 24
"""Of SHA-256, which processors compute twice as fast as BLAKE2: 80 µs of 145 kB."""


class Counted(Protocol):
    """An article's approved comments, and the articles that are read as one with it."""

    @property
    def article_ids(self) -> tuple[UUID, ...]:
        """Every article whose change changes the count."""

    @property
    def approved(self) -> int:
        """How many there are."""


class Built(Struct, frozen=True, kw_only=True):
    """What a build gives the cache."""

    body: bytes
    article_ids: tuple[UUID, ...]
    """Every article whose change makes these bytes untrue, an unseen one too."""
    version: int = 0


def new_shelf(*, max_bytes: int = MAX_BYTES, entry_max_bytes: int = ENTRY_MAX_BYTES) -> Shelf:
    """Return an empty shelf of the usual size."""
    return Shelf(max_bytes=max_bytes, entry_max_bytes=entry_max_bytes)


def _as_it_is(_: bytes) -> dict[str, bytes]:
    """Compress nothing."""
    return {}


class Cache(Struct, frozen=True, kw_only=True):
    """Ready answers of one process. One event loop only."""

    clock: Callable[[], float]
    """Seconds that never go back."""
    heard: Callable[[Outcome], None] = unheard
    pressure: Pressure = field(default_factory=Pressure)
    shelf: Shelf = field(default_factory=new_shelf)
    rhythm: Rhythm = field(default_factory=Rhythm)
    press: Callable[[bytes], dict[str, bytes]] = _as_it_is
    """Makes the compressed forms of a body, by the name of the encoding; in a thread."""
    fresh_seconds: float = FRESH_SECONDS
    patience_seconds: float = PATIENCE_SECONDS
    stale_seconds: float = STALE_SECONDS
    build_seconds: float = BUILD_SECONDS
    _flights: dict[Key, Flight] = field(default_factory=dict)
    _called: set[Key] = field(default_factory=set)
    """Keys of what lingers for whose successor somebody was sent to `get`."""
    _compressing: dict[Key, asyncio.Task[dict[str, bytes]]] = field(default_factory=dict)
    _resting: dict[Key, float] = field(default_factory=dict)
    """Keys whose rebuild has failed while stale bytes were there -> when to try again."""

    def current(self, key: Key) -> Entry | None:
        """Return fresh bytes without counting a look-up or that they were used.

        Of those that linger whoever asks first gets none, and is to `get` them: that has their
        successor built. Everybody else need not wait for it.
        """
        now = self.clock()
        kept = self.shelf.current(key, now)
        if kept is None:
            kept = self.shelf.lingering(key, now)
            if kept is not None and key not in self._flights and key not in self._called:
                self._called.add(key)
                return None
        return kept if isinstance(kept, Entry) else None

    def compress(self, key: Key, entry: Entry) -> None:
        """Make an entry's compressed forms in a thread, once, for whoever asks next."""
        if entry.forms or key in self._compressing:
            return
        task = asyncio.create_task(asyncio.to_thread(self.press, entry.body))
        self._compressing[key] = task

        def keep(done: asyncio.Task[dict[str, bytes]]) -> None:
            self._compressing.pop(key, None)
            if not done.cancelled() and done.exception() is None:
                self.shelf.add_forms(key, entry, done.result())

        task.add_done_callback(keep)

    def ready(self, key: Key) -> Entry | None:
        """Return fresh bytes, if there are any: what a hot read costs."""
        kept = self.shelf.fresh(key, self.clock())
        if not isinstance(kept, Entry):
            return None
        self.heard("hit")
        return kept

    async def get(self, key: Key, build: Callable[[], Awaitable[Built]]) -> Entry:
        """Return the bytes of a key, built now if they are not ready.

        However many ask, one build is under way; it goes on when whoever asked has left. Nobody
        gets what was begun before an invalidation that came before they asked, unless it was
        begun in the last `LINGER_SECONDS` and the page is built as often as it may be.

        Raises:
            Unavailable: the build failed, and there are no stale bytes that may be served.
        """
        ready = self.ready(key)
        if ready is not None:
            return ready

        async def load(_: Sequence[Key], begun_at: float) -> Mapping[Key, Kept]:
            entry = self._entry(key, await build(), begun_at)
            await self._prepare(key, entry)
            return {key: entry}

        lingering = self._succeed(key, load)
        if lingering is not None:
            return lingering
        entry = (await self._ask([key], load))[key]
        assert isinstance(entry, Entry)
        return entry

    async def counts(
        self,
        article_ids: Iterable[UUID],
        load: Callable[[Sequence[UUID]], Awaitable[Mapping[UUID, Counted]]],
    ) -> dict[UUID, Tally]:
        """Return the counts of articles; one load for all that are not ready.

        An article that `load` leaves out has no comments.

        Raises:
            Unavailable: a load failed, and for one of them there is no count from before.
        """
        now = self.clock()
        wanted = dict.fromkeys(article_ids)
        found = {each: self.shelf.fresh(each, now) for each in wanted}
        missing = [article_id for article_id, kept in found.items() if kept is None]
        for _ in range(len(found) - len(missing)):
            self.heard("hit")

        async def load_tallies(keys: Sequence[Key], begun_at: float) -> Mapping[Key, Kept]:
            asked = [key for key in keys if isinstance(key, UUID)]
            counted = await load(asked)
            return {each: self._tally(each, counted.get(each), begun_at) for each in asked}

        asked = await self._ask(missing, load_tallies)
        tallies = {key: asked.get(key, kept) for key, kept in found.items()}
        return {key: kept for key, kept in tallies.items() if isinstance(kept, Tally)}

    def invalidate(self, article_ids: Iterable[UUID], *, drop: bool) -> None:
        """Believe nothing any longer that depends on these articles.

        With `drop` (removal, deletion, erasure) its bytes are gone, also for times of need; those
        of a page that stands, within `LINGER_SECONDS`.
        """
        self.heard("inval")
        self.shelf.invalidate(article_ids, drop=drop, now=self.clock())

    def flush(self) -> None:
        """Believe nothing any longer: an invalidation may have been missed."""
        self.heard("inval")
        self.shelf.flush()

    async def close(self) -> None:
        """End every build; whoever waits for one is told to come back."""
        tasks: set[asyncio.Task[Any]] = {flight.task for flight in self._flights.values()}
        tasks.update(self._compressing.values())
        self._flights.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _succeed(self, key: Key, load: Load) -> Entry | None:
        """Return bytes that linger, with their successor's build under way; None: there are none.

        While builds fail or nothing may be begun they linger all the same.
        """
        now = self.clock()
        lingering = self.shelf.lingering(key, now)
        if not isinstance(lingering, Entry):
            return None
        if now >= self._resting.get(key, 0.0):
            with suppress(Busy):
                self._board([key], load)
        self.heard("hit")
        return lingering

    async def _prepare(self, key: Key, entry: Entry) -> None:
        """Compress a page before it follows one that lingers, if that one's forms were wanted."""
        before = self.shelf.lingering(key, self.clock())
        if isinstance(before, Entry) and before.forms:
            entry.forms.update(await asyncio.to_thread(self.press, entry.body))

    async def _ask(self, keys: Sequence[Key], load: Load) -> dict[Key, Kept]:
        asked = self.shelf.changes
        found: dict[Key, Kept] = {}
        missing = [key for key in keys if not self._rests(key, found)]
        while missing:
            boarded = self._board(missing, load)
            missing = []
            for key, flight in boarded.items():
                kept, is_new = await self._arrival(key, flight)
                # A build that others began may not know what was invalidated before we asked.
                asked_later = is_new and flight.begun < asked
                if asked_later and self._is_overtaken(key, kept, flight.begun):
                    missing.append(key)
                else:
                    found[key] = kept
        return found

    def _is_overtaken(self, key: Key, kept: Kept, begun: int) -> bool:
        """Tell whether what was built missed a change, and does not stand all the same."""
        stands = self.shelf.current(key, self.clock()) is kept
        return not stands and self.shelf.changed_since(kept.article_ids, begun)

    def _rests(self, key: Key, found: dict[Key, Kept]) -> bool:
        """Serve stale bytes at once while the latest failure is recent, or much is to be done."""
        is_calm = self.pressure.level < Level.NO_BUILDS
        if is_calm and self.clock() >= self._resting.get(key, 0.0):
            return False
        stale = self._stale(key)
        if stale is None:
            return False
        self.heard("stale")
        found[key] = stale
        return True

    def _board(self, keys: Sequence[Key], load: Load) -> dict[Key, Flight]:
        """Join the builds under way, and begin one for all other keys."""
        boarded = {key: self._flights[key] for key in keys if key in self._flights}
        for _ in boarded:
            self.heard("joined")
        alone = [key for key in keys if key not in boarded]
        if alone:
            self.pressure.let_build()
            flight = self._depart(alone, load)
            for key in alone:
                self.heard("miss")
                self._flights[key] = boarded[key] = flight
        return boarded

    def _depart(self, keys: Sequence[Key], load: Load) -> Flight:
        begun, begun_at = self.shelf.changes, self.clock()
        self._called.difference_update(keys)
        task = asyncio.create_task(self._fly(keys, load, begun=begun, begun_at=begun_at))
        return Flight(task=task, begun=begun, begun_at=begun_at)

    async def _fly(
        self, keys: Sequence[Key], load: Load, *, begun: int, begun_at: float
    ) -> Mapping[Key, Kept]:
        try:
            loaded = await loaded_in_time(keys, load, begun_at=begun_at, seconds=self.build_seconds)
        except Exception as failure:
            self.heard("failed")
            if isinstance(failure, Unavailable):
                self._rest(keys)
            raise
        finally:
            for key in keys:
                self._flights.pop(key, None)
        self.heard("built")
        for key, kept in loaded.items():
            self._resting.pop(key, None)
            self.shelf.put(key, kept, begun=begun, now=self.clock())
        return loaded

    async def _arrival(self, key: Key, flight: Flight) -> tuple[Kept, bool]:
        """Wait for a build; return what it gave and True, or in need stale bytes and False."""
        while not flight.task.done():
            patience = flight.begun_at + self.patience_seconds - self.clock()
            in_need = self._stale(key) is not None
            await asyncio.wait((flight.task,), timeout=max(patience, 0) if in_need else None)
            stale = self._stale(key)  # it may have been dropped meanwhile
            if not flight.task.done() and stale is not None:
                self.heard("stale")
                return stale, False
        failure = Unavailable() if flight.task.cancelled() else flight.task.exception()
        if failure is None:
            return flight.task.result()[key], True
        stale = self._stale(key)
        if isinstance(failure, Unavailable) and stale is not None:
            self.heard("stale")
            return stale, False
        raise failure

    def _stale(self, key: Key) -> Kept | None:
        return self.shelf.any_since(key, self.clock() - self.stale_seconds)

    def _rest(self, keys: Sequence[Key]) -> None:
        """Remember a failure for the keys whose stale bytes can be served meanwhile."""
        now = self.clock()
        while self._resting and next(iter(self._resting.values())) <= now:
            del self._resting[next(iter(self._resting))]
        for key in keys:
            self._resting.pop(key, None)  # the ones that rest longest stand last
            if self._stale(key) is not None:
                self._resting[key] = now + REST_SECONDS

    def _entry(self, key: Key, built: Built, begun_at: float) -> Entry:
        return Entry(
            body=built.body,
            etag=f'"{hashlib.sha256(built.body).hexdigest()[:TAG_DIGITS]}"',
            article_ids=built.article_ids,
            version=built.version,
            built_at=begun_at,
            fresh_until=begun_at + self.fresh_seconds,
            stands_until=self.rhythm.stands_until(key, begun_at),
        )

    def _tally(self, article_id: UUID, counted: Counted | None, begun_at: float) -> Tally:
        return Tally(
            approved=counted.approved if counted else 0,
            article_ids=counted.article_ids if counted else (article_id,),
            built_at=begun_at,
            fresh_until=begun_at + self.fresh_seconds,
        )
