"""Shares with how sure one can be of them. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable

from msgspec import Struct

Z = 1.959963984540054
"""The quantile of the normal distribution for 95 %."""
ENOUGH = 20
"""With fewer a share says nothing, and no sentence is made of it: it may be 20 points off."""


class Share(Struct, frozen=True, kw_only=True):
    """So many of so many, and between which bounds the true share is, 95 times of 100."""

    part: int
    whole: int

    @property
    def value(self) -> float | None:
        """From 0 to 1; None of nothing."""
        return self.part / self.whole if self.whole else None

    @property
    def enough(self) -> bool:
        """Whether it says anything."""
        return self.whole >= ENOUGH

    @property
    def low(self) -> float:
        """The lower bound of Wilson's interval."""
        return self._bounds()[0]

    @property
    def high(self) -> float:
        """The upper bound of Wilson's interval."""
        return self._bounds()[1]

    def _bounds(self) -> tuple[float, float]:
        if not self.whole:
            return 0.0, 1.0
        share, z2 = self.part / self.whole, Z * Z
        scale = 1 + z2 / self.whole
        middle = (share + z2 / (2 * self.whole)) / scale
        spread = share * (1 - share) / self.whole + z2 / (4 * self.whole * self.whole)
        half = Z * math.sqrt(spread) / scale
        # Exactly nothing and everything, whatever the last binary digit says.
        low = 0.0 if self.part == 0 else max(middle - half, 0.0)
        high = 1.0 if self.part == self.whole else min(middle + half, 1.0)
        return low, high


def total(shares: Iterable[Share]) -> Share:
    """Add shares up."""
    kept = list(shares)
    return Share(part=sum(each.part for each in kept), whole=sum(each.whole for each in kept))


def differ(one: Share, other: Share) -> bool:
    """Tell whether two shares are surely not the same: their intervals do not meet."""
    return one.enough and other.enough and (one.high < other.low or other.high < one.low)


def change(now: float, before: float) -> float | None:
    """Return by what part something grew (0.5: by half); None where there was nothing before."""
    return (now - before) / before if before else None
