"""Comments written once: what a page says of one stays the same until its text does.

A page that is built anew, because one of its comments changed or its four seconds are over, takes
the others as they were written before. Kept by article, so that what was taken down goes with it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias
from uuid import UUID

Written: TypeAlias = dict[Hashable, bytes]
"""By all that the written part depends on."""

MAX_BYTES = 16 * 1024 * 1024
"""Of a process: about 30,000 comments."""

OVERHEAD_BYTES = 250
"""Of a fragment without its bytes: the object, its key and its place."""


@dataclass(slots=True, kw_only=True)
class Fragments:
    """Parts of comments that are written already, the articles least lately read thrown out first.

    Not for several threads.
    """

    max_bytes: int = MAX_BYTES
    used_bytes: int = 0
    drops: int = 0
    """How often something was thrown out because a text was taken away."""
    _written: OrderedDict[UUID, Written] = field(default_factory=OrderedDict)

    def of(self, article_id: UUID) -> Written:
        """Return what is written of an article, to be read only."""
        written = self._written.get(article_id)
        if written is None:
            return {}
        self._written.move_to_end(article_id)
        return written

    def keep(self, article_id: UUID, fragments: Written, *, begun: int) -> None:
        """Keep what was written of an article, as it was read after so many `drops`.

        What was taken away since then might be among it: then nothing is kept.
        """
        if not fragments or begun != self.drops:
            return
        written = self._written.setdefault(article_id, {})
        self.used_bytes += _size(fragments) - _size(
            {key: written[key] for key in fragments if key in written}
        )
        written.update(fragments)
        self._written.move_to_end(article_id)
        while self.used_bytes > self.max_bytes:
            self._throw_out(next(iter(self._written)))

    def drop(self, article_ids: Iterable[UUID]) -> None:
        """Throw out what may tell a text that was taken away."""
        self.drops += 1
        for article_id in article_ids:
            self._throw_out(article_id)

    def clear(self) -> None:
        """Throw out everything: it may have been missed that a text was taken away."""
        self.drops += 1
        self._written.clear()
        self.used_bytes = 0

    def _throw_out(self, article_id: UUID) -> None:
        self.used_bytes -= _size(self._written.pop(article_id, {}))


def _size(fragments: Written) -> int:
    return sum(map(len, fragments.values())) + OVERHEAD_BYTES * len(fragments)
