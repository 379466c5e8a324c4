"""How often a page is built while one decision follows another.

Twenty decisions a second would have it built twenty times, and everybody who reads it would wait
as often. So the first few builds follow their decisions at once, and then there are four a second:
a page that has just been built stands for a quarter of a second, whatever is decided meanwhile.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from msgspec import Struct, field

INTERVAL_SECONDS = 0.25
"""Between two builds of a page that changes all the time."""

AT_ONCE = 4
"""Builds that follow their decisions at once; each interval without a build gives one back."""


class Rhythm(Struct, kw_only=True):
    """When each page was built lately (a GCRA by page). One event loop only."""

    interval_seconds: float = INTERVAL_SECONDS
    at_once: int = AT_ONCE
    _due: OrderedDict[Hashable, float] = field(default_factory=OrderedDict)
    """Page -> when all of its builds were paid for; the latest builds stand last."""

    def stands_until(self, page: Hashable, built_at: float) -> float:
        """Note a build, and return until when the page stands though it be overtaken.

        `built_at` is in seconds of one clock, as is what is returned: `built_at` or less for a
        page that does not stand, and at most an interval more.
        """
        self._forget(built_at)
        credit = self.interval_seconds * self.at_once
        due = max(self._due.pop(page, built_at), built_at) + self.interval_seconds
        self._due[page] = min(due, built_at + credit + self.interval_seconds)
        return self._due[page] - credit

    def _forget(self, now: float) -> None:
        while self._due:
            page, due = next(iter(self._due.items()))
            if due > now:
                return
            del self._due[page]
