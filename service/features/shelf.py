"""Where ready answers are kept, bounded by bytes, and which of them are still true.

Every invalidation has a number. What was begun before an article's latest invalidation may have
missed the change, so it is not kept: that closes the race between a build and a decision. A page
that changes all the time stands a little longer (`rhythm.py`), and never longer than
`LINGER_SECONDS` from when its build was begun.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable
from math import inf
from typing import TypeAlias
from uuid import UUID

from msgspec import Struct, field

Key: TypeAlias = Hashable
"""What was asked for, with everything that makes the answer another one."""

ENTRY_OVERHEAD_BYTES = 600
"""Of an entry without its bytes: the object, its key, and its places in three tables."""

ARTICLE_OVERHEAD_BYTES = 150
"""Of each article an entry depends on."""

LINGER_SECONDS = 0.75
"""How long after its build was begun a page that stands may be served, its successor's build
included: what was removed meanwhile is gone within a second of it (protocol.md Ruling 13)."""

CHANGES_MAX = 50_000
"""Invalidations remembered by article. Only builds under way need them."""


class Kept(Struct, frozen=True, kw_only=True):
    """Something that stays true until one of its articles changes."""

    article_ids: tuple[UUID, ...]
    built_at: float
    """On the cache's clock, in seconds: when its build was begun."""
    fresh_until: float
    """On the same clock."""
    stands_until: float = 0.0
    """On the same clock: until then it is served even if an article changes."""

    @property
    def lingers_until(self) -> float:
        """Return until when it may be served while its successor is built."""
        return self.built_at + LINGER_SECONDS if self.stands_until > self.built_at else 0.0

    @property
    def own_bytes(self) -> int:
        """Return how many bytes of an answer it holds; they may tell a text."""
        return 0

    @property
    def size(self) -> int:
        """Return about how many bytes it takes."""
        articles = ARTICLE_OVERHEAD_BYTES * len(self.article_ids)
        return ENTRY_OVERHEAD_BYTES + articles + self.own_bytes


class Entry(Kept, frozen=True, kw_only=True):
    """Ready bytes of one representation."""

    body: bytes
    etag: str
    """Strong, with its quotes."""
    version: int
    """Of the public thread it was built from."""
    forms: dict[str, bytes] = field(default_factory=dict)
    """The body compressed, by encoding: none until somebody wanted one."""

    @property
    def own_bytes(self) -> int:
        """Return how many bytes of an answer it holds; they may tell a text."""
        return len(self.body) + sum(map(len, self.forms.values()))


class Tally(Kept, frozen=True, kw_only=True):
    """An article's approved comments."""

    approved: int


class Shelf(Struct, kw_only=True):
    """Entries by key, the least recently used thrown out first. Not for several threads."""

    max_bytes: int
    entry_max_bytes: int
    changes: int = 0
    """Number of the latest invalidation."""
    used_bytes: int = 0
    _kept: OrderedDict[Key, Kept] = field(default_factory=OrderedDict)
    _stale: dict[Key, float] = field(default_factory=dict)
    """What an invalidation has overtaken -> until when it stands all the same."""
    _doomed: set[Key] = field(default_factory=set)
    """Of those, what may tell a text that was taken away: it is gone when it stands no more."""
    _keys_of: dict[UUID, set[Key]] = field(default_factory=dict)
    _changed: dict[UUID, int] = field(default_factory=dict)
    _all_changed: int = 0
    """Number of the latest invalidation that may have been of any article."""

    def fresh(self, key: Key, now: float) -> Kept | None:
        """Return what is kept and still taken to be true."""
        kept = self.current(key, now)
        if kept is not None:
            self._kept.move_to_end(key)
        return kept

    def current(self, key: Key, now: float) -> Kept | None:
        """Return what is fresh, or stands, without noting that it was used."""
        kept = self._kept.get(key)
        if kept is None or now >= kept.fresh_until or now >= self._stale.get(key, inf):
            return None
        return kept

    def lingering(self, key: Key, now: float) -> Kept | None:
        """Return what has stood, and may be served while its successor is built."""
        kept = self._kept.get(key)
        if kept is None or not self._stale.get(key) or now >= kept.lingers_until:
            return None
        return kept

    def any_since(self, key: Key, oldest: float) -> Kept | None:
        """Return what is kept, fresh or stale, if it was built at `oldest` or later."""
        kept = self._kept.get(key)
        if kept is None or kept.built_at < oldest or key in self._doomed:
            return None
        return kept

    def put(self, key: Key, kept: Kept, *, begun: int, now: float) -> bool:
        """Keep what was built from the state after invalidation number `begun`.

        Return False, and keep what was there, if that is newer, if one of its articles has
        changed since and it does not stand, or if it is too large.
        """
        is_overtaken = self.changed_since(kept.article_ids, begun)
        if kept.size > self.entry_max_bytes or (is_overtaken and now >= kept.lingers_until):
            return False
        before = self._kept.get(key)
        if before is not None and before.built_at > kept.built_at:
            return False
        if isinstance(kept, Entry) and isinstance(before, Entry) and before.etag == kept.etag:
            kept.forms.update(before.forms)
        self.drop(key)
        self._kept[key] = kept
        self.used_bytes += kept.size
        for article_id in kept.article_ids:
            self._keys_of.setdefault(article_id, set()).add(key)
        if is_overtaken:
            self._stale[key] = kept.stands_until
            self._doomed.add(key)
        self._make_room()
        return True

    def add_forms(self, key: Key, entry: Entry, forms: dict[str, bytes]) -> None:
        """Keep the compressed forms of an entry, if it is still there."""
        if self._kept.get(key) is not entry or entry.forms:
            return
        before = entry.size
        entry.forms.update(forms)
        self.used_bytes += entry.size - before
        self._make_room()

    def _make_room(self) -> None:
        while self.used_bytes > self.max_bytes:
            self.drop(next(iter(self._kept)))

    def changed_since(self, article_ids: Iterable[UUID], number: int) -> bool:
        """Tell whether an article was invalidated after invalidation number `number`."""
        return any(self._last_change(article_id) > number for article_id in article_ids)

    def invalidate(self, article_ids: Iterable[UUID], *, drop: bool, now: float) -> None:
        """Mark what depends on these articles stale; `drop` throws out what may tell a text.

        What stands at the time `now` goes when its time is over.
        """
        self.changes += 1
        self._bury(now)
        if len(self._changed) > CHANGES_MAX:
            self._changed.clear()
            self._all_changed = self.changes
        for article_id in article_ids:
            self._changed[article_id] = self.changes
            for key in tuple(self._keys_of.get(article_id, ())):
                kept = self._kept[key]
                stands_until = kept.stands_until if now < kept.stands_until else 0.0
                if self._stale.setdefault(key, stands_until) and drop:
                    self._doomed.add(key)
                elif drop and kept.own_bytes:
                    self.drop(key)

    def flush(self) -> None:
        """Mark everything stale: an invalidation may have been missed."""
        self.changes += 1
        self._all_changed = self.changes
        self._changed.clear()
        self._stale.update(dict.fromkeys(self._kept, 0.0))

    def _bury(self, now: float) -> None:
        """Throw out the doomed whose time is over."""
        for key in [key for key in self._doomed if now >= self._kept[key].lingers_until]:
            self.drop(key)

    def drop(self, key: Key) -> None:
        """Throw one entry out, if it is there."""
        kept = self._kept.pop(key, None)
        if kept is None:
            return
        self.used_bytes -= kept.size
        self._stale.pop(key, None)
        self._doomed.discard(key)
        for article_id in kept.article_ids:
            keys = self._keys_of[article_id]
            keys.discard(key)
            if not keys:
                del self._keys_of[article_id]

    def __len__(self) -> int:
        return len(self._kept)

    def _last_change(self, article_id: UUID) -> int:
        return max(self._changed.get(article_id, 0), self._all_changed)
