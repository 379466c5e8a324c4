"""Where ready answers are kept, bounded by bytes, and which of them are still true.

Every invalidation has a number. What was begun before an article's latest invalidation may have
missed the change, so it is not kept: that closes the race between a build and a decision.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias
from uuid import UUID

Key: TypeAlias = Hashable
"""What was asked for, with everything that makes the answer another one."""

ENTRY_OVERHEAD_BYTES = 600
"""Of an entry without its bytes: the object, its key, and its places in three tables."""

ARTICLE_OVERHEAD_BYTES = 150
"""Of each article an entry depends on."""

CHANGES_MAX = 50_000
"""Invalidations remembered by article. Only builds under way need them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Something that stays true until one of its articles changes."""

    article_ids: tuple[UUID, ...]
    built_at: float
    """On the cache's clock, in seconds: when its build was begun."""
    fresh_until: float
    """On the same clock."""

    @property
    def own_bytes(self) -> int:
        """Return how many bytes of an answer it holds; they may tell a text."""
        return 0

    @property
    def size(self) -> int:
        """Return about how many bytes it takes."""
        articles = ARTICLE_OVERHEAD_BYTES * len(self.article_ids)
        return ENTRY_OVERHEAD_BYTES + articles + self.own_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(Kept):
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally(Kept):
    """An article's approved comments."""

    approved: int


@dataclass(slots=True, kw_only=True)
class Shelf:
    """Entries by key, the least recently used thrown out first. Not for several threads."""

    max_bytes: int
    entry_max_bytes: int
    changes: int = 0
    """Number of the latest invalidation."""
    used_bytes: int = 0
    _kept: OrderedDict[Key, Kept] = field(default_factory=OrderedDict)
    _stale: set[Key] = field(default_factory=set)
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
        """Return what is fresh, without noting that it was used."""
        kept = self._kept.get(key)
        if kept is None or now >= kept.fresh_until or key in self._stale:
            return None
        return kept

    def any_since(self, key: Key, oldest: float) -> Kept | None:
        """Return what is kept, fresh or stale, if it was built at `oldest` or later."""
        kept = self._kept.get(key)
        return kept if kept is not None and kept.built_at >= oldest else None

    def put(self, key: Key, kept: Kept, *, begun: int) -> bool:
        """Keep what was built from the state after invalidation number `begun`.

        Return False, and keep what was there, if one of its articles has changed since, or if
        it is too large.
        """
        if kept.size > self.entry_max_bytes or self.changed_since(kept.article_ids, begun):
            return False
        before = self._kept.get(key)
        if isinstance(kept, Entry) and isinstance(before, Entry) and before.etag == kept.etag:
            kept.forms.update(before.forms)
        self.drop(key)
        self._kept[key] = kept
        self.used_bytes += kept.size
        for article_id in kept.article_ids:
            self._keys_of.setdefault(article_id, set()).add(key)
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

    def invalidate(self, article_ids: Iterable[UUID], *, drop: bool) -> None:
        """Mark what depends on these articles stale; `drop` throws out what may tell a text."""
        self.changes += 1
        if len(self._changed) > CHANGES_MAX:
            self._changed.clear()
            self._all_changed = self.changes
        for article_id in article_ids:
            self._changed[article_id] = self.changes
            for key in tuple(self._keys_of.get(article_id, ())):
                if drop and self._kept[key].own_bytes:
                    self.drop(key)
                else:
                    self._stale.add(key)

    def flush(self) -> None:
        """Mark everything stale: an invalidation may have been missed."""
        self.changes += 1
        self._all_changed = self.changes
        self._changed.clear()
        self._stale.update(self._kept)

    def drop(self, key: Key) -> None:
        """Throw one entry out, if it is there."""
        kept = self._kept.pop(key, None)
        if kept is None:
            return
        self.used_bytes -= kept.size
        self._stale.discard(key)
        for article_id in kept.article_ids:
            keys = self._keys_of[article_id]
            keys.discard(key)
            if not keys:
                del self._keys_of[article_id]

    def __len__(self) -> int:
        return len(self._kept)

    def _last_change(self, article_id: UUID) -> int:
        return max(self._changed.get(article_id, 0), self._all_changed)
