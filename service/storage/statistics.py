"""What Postgres counts for the statistics, all of it as of one moment."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg
from msgspec import Struct, field

from service.storage.postgres import TURN_SECONDS, Connection, connected, load_queries

SQL = load_queries("statistics")

SECONDS = 15.0
"""A statement that takes longer is given up: a million decisions take a tenth of it."""
SETTINGS = "SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL work_mem = '32MB'"
"""A day and a year need different plans: a year is read in the order in which it was written."""


class Asked(Struct, frozen=True, kw_only=True):
    """Which decisions are counted, and how finely."""

    site_ids: Sequence[int]
    since: datetime
    until: datetime
    before: datetime
    """When the range before began, which ends at `since`."""
    step: timedelta
    """An hour or a day: of these the range consists."""
    lang: str | None
    now: datetime
    queue_since: datetime
    """From here on the queue of every full hour is counted, until now."""
    due: Sequence[float]
    """How many seconds a held comment should wait at most, a site each."""
    reported_due: float
    new_due: float
    appeals_due: float
    """The same of the other piles, for all sites."""
    edges: Sequence[float]
    """Ages, in seconds, between which what waits is counted."""


class Judged(Struct, frozen=True, kw_only=True):
    """Approvals or rejections of a step."""

    start: datetime
    lang: str
    """As it was written down, '' if nobody could tell."""
    automatic: bool
    approved: bool
    decided: int


class Waited(Struct, frozen=True, kw_only=True):
    """How long what was decided had waited."""

    lane: str
    start: datetime | None
    """None: the whole range."""
    decided: int
    in_time: int
    quantiles: tuple[float, float, float]
    """Of 50, 90 and 99 %, in seconds."""


class Waiting(Struct, frozen=True, kw_only=True):
    """What waits now, of one age."""

    band: int
    """0: younger than the first edge."""
    waiting: int
    overdue: int
    oldest: float
    """Seconds."""


class Queued(Struct, frozen=True, kw_only=True):
    """What waited at a full hour."""

    hour: datetime
    waiting: int
    overdue: int


class Worked(Struct, frozen=True, kw_only=True):
    """What one person or key decided in a step."""

    actor_kind: str
    actor_id: str
    start: datetime
    hours: int
    """In how many different hours."""
    decided: int
    judged: int
    """Of them approvals and rejections."""


class Overturned(Struct, frozen=True, kw_only=True):
    """How many decisions of somebody, or of a rule, somebody else has turned round."""

    actor_kind: str
    actor_id: str
    overturned: int


class Reported(Struct, frozen=True, kw_only=True):
    """Reports of a step, or of a reason; exactly one of them is not None."""

    start: datetime | None
    reason: str | None
    made: int
    answered: int
    upheld: int
    """Of those that were answered."""


class TextsJudged(Struct, frozen=True, kw_only=True):
    """What people made of the texts a rule had spoken about, or of those of a risk."""

    bin: int | None
    """Of ten, by risk; None: by rule."""
    rule: str | None
    judged: int
    turned_down: int
    predicted: float | None
    """The mean risk of a bin."""


class LookedAgain(Struct, frozen=True, kw_only=True):
    """Second looks at what members, keys or rules had decided."""

    decided_by: str
    looks: int
    agreed: int


class Counted(Struct, frozen=True, kw_only=True):
    """Everything, as of one moment."""

    judged: list[Judged]
    """Of both ranges."""
    waits: list[Waited]
    waits_before: list[Waited]
    waiting: list[Waiting]
    queued: list[Queued]
    worked: list[Worked]
    overturned: list[Overturned]
    overturned_before: list[Overturned]
    reported: list[Reported]
    texts: list[TextsJudged]
    looks: list[LookedAgain]


class StatisticsStore(Struct, frozen=True, kw_only=True):
    """Count in Postgres. Every method raises DatabaseUnavailable while it is away."""

    pool: asyncpg.Pool[asyncpg.Record]
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    """One at a time in a process: readers and moderators need the other connections."""

    async def count(self, asked: Asked) -> Counted:
        """Count everything that was asked for."""
        async with (
            self.turns,
            connected(self.pool, wait_seconds=TURN_SECONDS) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            await connection.execute(SETTINGS)
            return await _count(connection, asked)


async def _count(connection: Connection, asked: Asked) -> Counted:
    async def fetch(sql: str, *arguments: Any) -> list[asyncpg.Record]:
        sites = list(asked.site_ids)
        rows: list[asyncpg.Record]
        rows = await connection.fetch(sql, sites, *arguments, timeout=SECONDS)
        return rows

    lang, step, due = asked.lang, asked.step, list(asked.due)
    dues = (due, asked.reported_due, asked.new_due, asked.appeals_due)
    span = (asked.since, asked.until, lang)
    before = (asked.before, asked.since, lang)
    judged = await fetch(SQL["judged"], asked.before, asked.until, lang, step)
    waits = await fetch(SQL["waits"], *span, step, *dues)
    waits_before = await fetch(SQL["waits"], *before, step, *dues)
    waiting = await fetch(SQL["waiting"], asked.now, lang, list(asked.edges), due)
    queued = await fetch(SQL["queued"], asked.queue_since, asked.now, lang, due)
    worked = await fetch(SQL["worked"], *span, step)
    overturned = await fetch(SQL["overturned"], *span)
    overturned_before = await fetch(SQL["overturned"], *before)
    reported = await fetch(SQL["reported"], *span, step)
    texts = await fetch(SQL["texts_judged"], *span)
    looks = await fetch(SQL["second_looks"], *span)
    return Counted(
        judged=[Judged(**row) for row in judged],
        waits=[_waited(row) for row in waits],
        waits_before=[_waited(row) for row in waits_before],
        waiting=[Waiting(**row) for row in waiting],
        queued=[Queued(**row) for row in queued],
        worked=[Worked(**row) for row in worked],
        overturned=[Overturned(**row) for row in overturned],
        overturned_before=[Overturned(**row) for row in overturned_before],
        reported=[Reported(**row) for row in reported],
        texts=[TextsJudged(**row) for row in texts],
        looks=[LookedAgain(**row) for row in looks],
    )


def _waited(row: asyncpg.Record) -> Waited:
    return Waited(**{**row, "quantiles": tuple(row["quantiles"])})
