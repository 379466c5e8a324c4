"""In which order moderators look: where waiting does most harm, first.

Pure formulas (docs/decisions/0014): harm is risk times severity times readers; an honest
comment that waits costs more as its due time nears; both per second a decision takes.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal
from uuid import UUID

from msgspec import Struct

from service.features.screening.verdict import PRIORITY_MAX

DUE_SECONDS = 7_200.0
"""When a held comment is due: two hours, the newsroom's own aim unless it sets another."""

HELD_SHARE = 0.05
"""Part of its readers that a held comment is counted with: its author, and whoever has the link."""

VIEWS_PER_COMMENT = 40.0
"""Views an article has for one comment, where its views are not known."""

VIEWS_UNKNOWN = 60.0
"""Views an hour of an article nothing is known about."""

DEPTH_SHARE = 0.6
"""Readers of a comment who also read a reply to it."""

FOLD_POSITION = 10
"""Comments after which half the readers have left."""

DELAY_WEIGHT = 0.002
"""How an honest comment at its due time weighs against one unit of harm a view-hour: chosen by
the simulation of `bench/priority.py`, so that harm stays under 0.35 of first-in-first-out at a
load of 1.2 and honest comments wait at most 1.3 times as long at 0.9. A held comment reaches a
twentieth of its readers, so this is no small weight beside it."""

DELAY_BEND = 4.0
"""Times overdue from which on the cost of waiting grows in a straight line: squared without end
it would bury everything else, and without growth what is long overdue would have no order."""

RAISE_MAX = 10.0

Size = Literal["cluster", "short", "long"]
SECONDS: Final[Mapping[Size, float]] = MappingProxyType(
    {"cluster": 4.0, "short": 6.0, "long": 15.0}
)
"""Seconds a decision takes."""

LONG_CHARS = 280

FIRST_SEVERITY = 10
"""From here on a comment goes before all others: threats, somebody's address, children."""

AUDIT_SHARE = 50
"""One comment in so many is looked at blind, whatever the formula says."""

EVERY_OLDEST = 5
"""One claim in so many hands out the oldest."""

BASE_RISK = 0.08
"""Share of comments that moderators turn down (performance.md), while no model says better."""

RISK_BY_SEVERITY: Final = ((10, 0.8), (3, 0.6), (2, 0.45), (1, 0.35))
"""Severity from which on, and the risk it stands for until a model is calibrated."""

_LEVELS_A_DECADE = 75
_LOWEST_DECADE = 4
"""From 10^-4 to 10^8: what the formula can give, on 900 levels."""


class Priority(Struct, frozen=True, kw_only=True):
    """How urgent a comment is, and why."""

    value: float
    """The formula's sum."""
    level: int
    """0 to 900, its logarithm: what the queue is ordered by."""
    risk: float
    """Probability that a moderator would turn it down."""
    severity: int
    reach: float
    """Expected views an hour."""
    urgency: float
    """1 when it is due; 0 when it has just come."""


def prioritised(
    *,
    risk: float,
    severity: int,
    reach: float,
    waited_seconds: float = 0.0,
    due_seconds: float = DUE_SECONDS,
    size: Size = "short",
    raise_by: float = 1.0,
    first: bool = False,
) -> Priority:
    """Return how urgent a comment is.

    `first` puts it before all others: legal notices, appeals near their deadline.
    """
    urgency = max(0.0, waited_seconds) / due_seconds
    harm = risk * max(severity, 1) * reach
    delay = (1 - risk) * delay_of(urgency)
    value = (harm + DELAY_WEIGHT * delay) / SECONDS[size] * min(raise_by, RAISE_MAX)
    level = PRIORITY_MAX if first or severity >= FIRST_SEVERITY else level_of(value)
    return Priority(
        value=value, level=level, risk=risk, severity=severity, reach=reach, urgency=urgency
    )


def delay_of(urgency: float) -> float:
    """Return what waiting costs an honest comment: 1 at its due time, squared, then straight on."""
    bent = min(urgency, DELAY_BEND)
    return bent**2 + 2 * DELAY_BEND * (urgency - bent)


def level_of(value: float) -> int:
    """Place a value on the scale of the queue, 0 to 899; 900 is kept for what goes first."""
    if value <= 0:
        return 0
    level = round(_LEVELS_A_DECADE * (math.log10(value) + _LOWEST_DECADE))
    return max(0, min(PRIORITY_MAX - 1, level))


def reach_of(
    *,
    views_per_hour: float | None,
    comments_per_hour: float | None = None,
    position: int = 0,
    depth: int = 0,
    held: bool = True,
) -> float:
    """Expect views an hour of one comment, from its article's and its place under it."""
    views = views_per_hour
    if views is None:
        views = (
            VIEWS_UNKNOWN if comments_per_hour is None else comments_per_hour * VIEWS_PER_COMMENT
        )
    share = DEPTH_SHARE**depth / (1 + position / FOLD_POSITION)
    return max(0.0, views) * share * (HELD_SHARE if held else 1.0)


def risk_of(severity: int, scores: Mapping[str, float]) -> float:
    """Take the models' probability where there is one, else what the rules' severity stands for.

    A rule that hit is not outvoted by a model that saw nothing.
    """
    by_model = max(scores.values()) if scores else BASE_RISK
    for least, by_rule in RISK_BY_SEVERITY:
        if severity >= least:
            return min(1.0, max(by_rule, by_model))
    return min(1.0, max(0.0, by_model))


def size_of(chars: int, cluster_size: int = 1) -> Size:
    """Tell how long a decision takes."""
    if cluster_size > 1:
        return "cluster"
    return "long" if chars > LONG_CHARS else "short"


def is_audited(comment_id: UUID) -> bool:
    """Whether a comment belongs to the sample that is looked at blind and never trained on."""
    digest = hashlib.blake2s(comment_id.bytes, person=b"audit").digest()
    return int.from_bytes(digest[:4], "big") % AUDIT_SHARE == 0
