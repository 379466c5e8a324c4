"""What is asked of the statistics, and what they answer."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from service.web.wire.base import Timestamp, Wire

Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]


class StatsQuery(Wire):
    """What is to be counted."""

    site: str | None = None
    """Without it, all sites of whoever asks."""
    since: date | None = Field(default=None, alias="from", strict=False)
    """The first day, UTC; without it there are seven."""
    until: date | None = Field(default=None, alias="to", strict=False)
    """The last day, UTC; without it, today."""
    lang: Language | None = None
    """A primary subtag (`en`); without it, all languages."""


class DaysOut(Wire):
    """Days of UTC, both included."""

    model_config = ConfigDict(populate_by_name=True)

    since: str = Field(alias="from", examples=["2026-11-19"])
    until: str = Field(alias="to", examples=["2026-11-25"])


class ShareOut(Wire):
    """So many of so many; the true share is between `low` and `high`, 95 times of 100."""

    part: int
    whole: int
    value: float | None
    """From 0 to 1; null of nothing."""
    low: float
    """The lower bound of Wilson's interval."""
    high: float


class TilesOut(Wire):
    """What can be compared."""

    decided: int
    median_seconds: float | None
    """Of held comments, from when they came until somebody decided; null: nobody did."""
    p90_seconds: float | None
    in_time: ShareOut
    auto: ShareOut
    rejected: ShareOut
    overturned: ShareOut
    """Decisions that somebody else has turned round."""


class VolumeOut(Wire):
    """Approvals and rejections of one step."""

    start: Timestamp
    auto_approved: int
    auto_rejected: int
    human_approved: int
    human_rejected: int


class WaitOut(Wire):
    """How long what was decided in one step had waited; quantiles in seconds."""

    start: Timestamp | None
    """Null: of the whole range."""
    decided: int
    in_time: int
    p50: float
    p90: float
    p99: float


class LaneOut(Wire):
    """Waits of one pile."""

    lane: str
    due_seconds: float | None
    """How long one should wait at most; null: the sites differ."""
    whole: WaitOut | None
    rows: list[WaitOut]


class BandOut(Wire):
    """What waits now, of one age in seconds."""

    model_config = ConfigDict(populate_by_name=True)

    since: float = Field(alias="from")
    until: float | None = Field(alias="to")
    waiting: int


class HourOut(Wire):
    """What waited at a full hour."""

    start: Timestamp
    waiting: int
    overdue: int


class QueueOut(Wire):
    """What waits now, and what waited at the full hours of the last seven days."""

    waiting: int
    overdue: int
    oldest_seconds: float | None
    ages: list[BandOut]
    hours: list[HourOut]


class ApprovedOut(Wire):
    """Which part was approved in one step."""

    start: Timestamp
    approved: ShareOut


class LanguageOut(Wire):
    """Which part of the comments in one language was approved."""

    lang: str
    """Empty where nobody could tell; `*` for all that are not named."""
    approved: ShareOut
    rows: list[ApprovedOut]


class RuleOut(Wire):
    """How often people turn down what a rule speaks about."""

    rule: str
    precision: ShareOut
    let_through: int
    """What the order is by: volume x (1 - precision)."""


class LoadOut(Wire):
    """What one person or key decided."""

    kind: str
    name: str
    own: bool
    """Whether it is whoever asks. Of others only seniors and keys are told."""
    decided: int
    hours: int
    """Different hours in which they decided something."""
    per_hour: float
    overturned: ShareOut
    rows: list[DecidedOut]


class DecidedOut(Wire):
    """How much somebody decided in one step."""

    start: Timestamp
    decided: int


class ReportStepOut(Wire):
    """Reports of one step."""

    start: Timestamp
    made: int
    answered: int
    upheld: int
    approved: int
    """Comments approved in it."""
    per_thousand: float | None
    """Reports made per 1,000 approved comments."""


class ReasonOut(Wire):
    """How often reports of one reason were followed by a removal."""

    reason: str
    made: int
    upheld: ShareOut


class ReportsOut(Wire):
    """What readers reported."""

    rows: list[ReportStepOut]
    reasons: list[ReasonOut]


class CalibrationOut(Wire):
    """What people made of texts of a risk between two bounds."""

    model_config = ConfigDict(populate_by_name=True)

    since: float = Field(alias="from")
    until: float = Field(alias="to")
    predicted: float | None
    """The mean risk."""
    turned_down: ShareOut


class AgreementOut(Wire):
    """How often second looks said the same as what members, keys or rules had decided."""

    decided_by: str
    agreed: ShareOut


class StatsOut(Wire):
    """What the page of statistics draws."""

    range: DaysOut
    previous: DaysOut
    step_seconds: int
    """How finely the range is counted: 3600 or 86400."""
    sites: list[str]
    lang: str | None
    made_at: Timestamp
    tiles: TilesOut
    before: TilesOut
    """Of the previous range."""
    volume: list[VolumeOut]
    waits: list[LaneOut]
    queue: QueueOut
    languages: list[LanguageOut]
    rules: list[RuleOut]
    loads: list[LoadOut]
    people: int
    """How many people and keys decided something."""
    reports: ReportsOut
    calibration: list[CalibrationOut]
    agreement: list[AgreementOut]
