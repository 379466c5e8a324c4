"""What the eight plots show, and the tiles above them: the same numbers as their tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from service.features.statistics.arithmetic import Share
from service.features.statistics.ranges import Range

BANDS = (
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=2),
    timedelta(hours=4),
    timedelta(hours=12),
    timedelta(days=1),
    timedelta(days=3),
)
"""Between them what waits is counted; the last band has no end."""


class Volume(Struct, frozen=True, kw_only=True):
    """Approvals and rejections of one step."""

    start: datetime
    auto_approved: int = 0
    auto_rejected: int = 0
    human_approved: int = 0
    human_rejected: int = 0

    @property
    def all(self) -> int:
        """Everything."""
        return self.auto + self.human_approved + self.human_rejected

    @property
    def auto(self) -> int:
        """What rules decided."""
        return self.auto_approved + self.auto_rejected

    @property
    def rejected(self) -> int:
        """What was rejected, by whomever."""
        return self.auto_rejected + self.human_rejected


class Wait(Struct, frozen=True, kw_only=True):
    """How long what was decided in one step had waited; quantiles in seconds."""

    start: datetime | None
    """None: of the whole range."""
    decided: int
    in_time: int
    p50: float
    p90: float
    p99: float


class LaneWaits(Struct, frozen=True, kw_only=True):
    """Waits of one pile."""

    lane: str
    due: timedelta | None
    """How long one should wait at most; None: the sites differ."""
    whole: Wait | None
    """Of the whole range; None: nothing of this pile was decided in it."""
    rows: Sequence[Wait]
    """Of steps in which something was."""


class Band(Struct, frozen=True, kw_only=True):
    """What waits now, of one age, in seconds."""

    since: float
    until: float | None
    waiting: int


class Hour(Struct, frozen=True, kw_only=True):
    """What waited at a full hour."""

    start: datetime
    waiting: int
    overdue: int


class Queue(Struct, frozen=True, kw_only=True):
    """What waits now, and what waited at the full hours of the last seven days."""

    waiting: int
    overdue: int
    oldest_seconds: float | None
    bands: Sequence[Band]
    hours: Sequence[Hour]


class Approved(Struct, frozen=True, kw_only=True):
    """Which part was approved in one step."""

    start: datetime
    share: Share


class LanguageRate(Struct, frozen=True, kw_only=True):
    """Which part of the comments in a language is approved."""

    lang: str
    """A primary subtag; '' where nobody could tell, `*` for all that have no line of their own."""
    whole: Share
    rows: Sequence[Approved]
    """Of steps in which something was decided."""


class RulePrecision(Struct, frozen=True, kw_only=True):
    """How often people turn down what a rule speaks about."""

    rule: str
    share: Share

    @property
    def cost(self) -> int:
        """Comments it spoke about that people let through: volume x (1 - precision)."""
        return self.share.whole - self.share.part


class Load(Struct, frozen=True, kw_only=True):
    """What one person or key decided; never to be sorted by it."""

    kind: str
    actor_id: str
    name: str
    own: bool
    decided: int
    hours: int
    """Different hours in which they decided something."""
    overturned: Share
    """Of their approvals and rejections, those that somebody else turned round."""
    rows: Sequence[tuple[datetime, int]]
    """Decisions of every step."""

    @property
    def per_hour(self) -> float:
        """Decisions in an hour in which they decided something."""
        return self.decided / self.hours if self.hours else 0.0


class ReportStep(Struct, frozen=True, kw_only=True):
    """Reports of one step."""

    start: datetime
    made: int
    answered: int
    upheld: int
    approved: int
    """Comments approved in it."""

    @property
    def per_thousand(self) -> float | None:
        """Reports per 1,000 approved comments."""
        return 1_000 * self.made / self.approved if self.approved else None


class ReportReason(Struct, frozen=True, kw_only=True):
    """How often reports of one reason are followed by a removal."""

    reason: str
    made: int
    share: Share
    """Of those that were answered."""


class Calibration(Struct, frozen=True, kw_only=True):
    """What people made of texts of a risk between two bounds."""

    since: float
    until: float
    predicted: float | None
    """Mean risk; None: there were none."""
    share: Share
    """Of them, those that people turned down."""


class Agreement(Struct, frozen=True, kw_only=True):
    """How often second looks say the same as what was decided."""

    decided_by: str
    """`member`, `key` or `rule`."""
    share: Share


class Tiles(Struct, frozen=True, kw_only=True):
    """What can be compared with the range before."""

    decided: int
    median_seconds: float | None
    p90_seconds: float | None
    in_time: Share
    auto: Share
    rejected: Share
    overturned: Share


class Report(Struct, frozen=True, kw_only=True):
    """Everything, as of one moment."""

    days: Range
    sites: Sequence[str]
    lang: str | None
    made_at: datetime
    due: timedelta | None
    """How long held comments should wait at most; None: the sites differ."""
    tiles: Tiles
    before: Tiles
    """Of as many days before."""
    volume: Sequence[Volume]
    waits: Sequence[LaneWaits]
    queue: Queue
    languages: Sequence[LanguageRate]
    rules: Sequence[RulePrecision]
    """Those first whose mending spares most work."""
    loads: Sequence[Load]
    """Whoever asks first, then the others by name, if they may be seen."""
    people: int
    """How many people and keys decided something."""
    reports: Sequence[ReportStep]
    reasons: Sequence[ReportReason]
    calibration: Sequence[Calibration]
    agreement: Sequence[Agreement]
