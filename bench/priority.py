"""Simulate a newsroom's queue, and print what its order is worth: `make bench-priority`.

Comments come as they do on news sites (sizes and times from `../shared/data`, else from
distributions of our own), are read by one desk from 07 to 23 h, and harm grows with the readers
of what should not be there. Each order is run over the same days, and compared with first in,
first out. The order that ships is the code's own formula, with its own constants.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist, mean
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from service.features.screening import priority as shipped

PROFILE = Path(__file__).resolve().parents[2] / "shared/data/derived/load_profile.json"
Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Profile: TypeAlias = dict[str, Any]

SEEDS = range(6)
DAYS = 10
ARTICLES_A_DAY = 7
OPEN_FROM, OPEN_TO = 7.0, 23.0
"""Hours of the day in which the desk is staffed."""
HALF_LIFE_HOURS = 8.0
"""After which half of an article's readers have come."""
VIOLATIONS = 0.08
SEVERITIES = ((1, 0.70), (3, 0.25), (10, 0.05))
"""Of what should not be there: how bad, and how often."""
SEVERITY_RIGHT = 0.6
"""How often rules name the severity of a violation; else it is drawn from the above."""
DUE_HOURS = 1.0
LOADS = (0.9, 1.2)
"""Work that comes in, for one unit of work the desk can do."""
AUCS = (0.65, 0.75, 0.85)
USUAL_AUC = 0.75
ANY_EVERY = 50


@dataclass(frozen=True, slots=True)
class Days:
    """Ten days of comments, in the order they came; times in hours from the beginning."""

    came: Floats
    seconds: Floats
    """What a decision takes, before it is scaled to a load."""
    bad: NDArray[np.bool_]
    severity: Floats
    """True one; 0 of what is fine."""
    guessed: Floats
    """As the rules say; 0 where they say nothing."""
    risk: Floats
    """As a calibrated model of the given quality says."""
    readers: Floats
    """Of the comment, had its article just appeared: views an hour times its share of them."""
    age: Floats
    """Of its article when it came, hours."""


def main() -> None:
    """Run every order over the same days and print the table."""
    profile = json.loads(PROFILE.read_text()) if PROFILE.exists() else None
    source = "public figures" if profile else "our own distributions"
    print(f"Arrivals from {source}: {DAYS} days, {len(SEEDS)} seeds, {VIOLATIONS:.0%} violations")
    print("of severity 1, 3 and 10; one desk, 07 to 23 h. Waits are those of honest comments.\n")
    print(f"{'order':<34}{'load':>5}{'AUC':>6}{'harm':>8}{'p50 h':>8}{'p95 h':>8}{'x FIFO':>8}")
    for load in LOADS:
        for auc in AUCS:
            _compare(profile, load, auc)


def _compare(profile: Profile | None, load: float, auc: float) -> None:
    runs: dict[str, list[tuple[float, float, float]]] = {}
    for seed in SEEDS:
        days = make_days(np.random.default_rng(seed), profile, auc)
        for name, order in ORDERS.items():
            runs.setdefault(name, []).append(measured(days, decided(days, order, load)))
    first = [mean(run[at] for run in runs["first in, first out"]) for at in range(3)]
    for name, measures in runs.items():
        if auc != USUAL_AUC and name not in OF_RISK:
            continue
        harm, p50, p95 = (mean(run[at] for run in measures) for at in range(3))
        print(
            f"{name:<34}{load:>5}{auc:>6}{harm / first[0]:>8.2f}{p50:>8.2f}{p95:>8.1f}"
            f"{p95 / first[2]:>8.2f}"
        )


# The days


def make_days(chance: np.random.Generator, profile: Profile | None, auc: float) -> Days:
    """Draw ten days of comments."""
    hours = _hours_of_day(profile)
    came, age, readers, position, depth = [], [], [], [], []
    for day in range(DAYS):
        for _ in range(ARTICLES_A_DAY):
            published = 24 * day + chance.choice(24, p=hours) + chance.random()
            size = max(1, int(_size(chance, profile)))
            after = np.sort(_hours_after(chance, profile, size))
            came.append(published + after)
            age.append(after)
            position.append(np.arange(size))
            depth.append(np.minimum(chance.geometric(1 - 0.557, size) - 1, 6))
            total = size * shipped.VIEWS_PER_COMMENT
            readers.append(np.full(size, total * math.log(2) / HALF_LIFE_HOURS))
    joined = [np.concatenate(each).astype(float) for each in (came, age, readers, position, depth)]
    order = np.argsort(joined[0])
    came_, age_, readers_, position_, depth_ = (each[order] for each in joined)
    share = np.array(
        [
            shipped.reach_of(views_per_hour=1, position=int(at), depth=int(deep), held=False)
            for at, deep in zip(position_, depth_, strict=True)
        ]
    )
    return _judged(chance, auc, came=came_, age=age_, readers=readers_ * share)


def _judged(
    chance: np.random.Generator, auc: float, *, came: Floats, age: Floats, readers: Floats
) -> Days:
    """Say what should not be there, and what rules and a model of that quality make of it."""
    count = len(came)
    bad = chance.random(count) < VIOLATIONS
    levels, shares = zip(*SEVERITIES, strict=True)
    severity = np.where(bad, chance.choice(levels, count, p=shares), 0).astype(float)
    apart = math.sqrt(2) * NormalDist().inv_cdf(auc)
    seen = chance.normal(size=count) + apart * bad
    odds = VIOLATIONS / (1 - VIOLATIONS) * np.exp(apart * seen - apart**2 / 2)
    right = chance.random(count) < SEVERITY_RIGHT
    guessed = np.where(right & bad, severity, chance.choice(levels, count, p=shares))
    long = chance.random(count) < 0.45
    return Days(
        came=came,
        seconds=np.where(long, shipped.SECONDS["long"], shipped.SECONDS["short"]),
        bad=bad,
        severity=severity,
        guessed=guessed.astype(float),
        risk=odds / (1 + odds),
        readers=readers,
        age=age,
    )


def _size(chance: np.random.Generator, profile: Profile | None) -> float:
    if profile is None:
        return float(chance.lognormal(4.6, 1.3))
    return float(_drawn(chance, profile["nyt_comments_per_article"]["q"], profile, 1)[0])


def _hours_after(chance: np.random.Generator, profile: Profile | None, count: int) -> Floats:
    if profile is None:
        return chance.exponential(14, count)
    return _drawn(chance, profile["gm_hours_after_first"], profile, count)


def _drawn(chance: np.random.Generator, values: Floats, profile: Profile, count: int) -> Floats:
    """Draw from a distribution that is known by its quantiles."""
    return np.interp(chance.random(count), profile["quantiles"], values)


def _hours_of_day(profile: Profile | None) -> Floats:
    if profile is None:
        weights = 1 + np.cos((np.arange(24) - 16) / 24 * 2 * math.pi)
    else:
        weights = np.array(list(profile["gm_hour_of_day_utc"].values()))
    share: Floats = weights / weights.sum()
    return share


# The desk

Order: TypeAlias = Callable[[Days, Ints, float, int], int]
"""Which of those that wait (indexes) is next, at a time, for the so many-th decision."""


def decided(days: Days, order: Order, load: float) -> Floats:
    """Work through the days and return when each comment was decided; infinity for never."""
    a_day = days.seconds.sum() / DAYS
    hours_a_second = load * (OPEN_TO - OPEN_FROM) / a_day
    done = np.full(len(days.came), math.inf)
    now, arrived, number = 0.0, 0, 0
    waiting = np.empty(0, dtype=np.int64)
    end = 24.0 * DAYS
    while now < end:
        now = _when_open(now)
        upto = int(np.searchsorted(days.came, now, side="right"))
        waiting = np.concatenate([waiting, np.arange(arrived, upto)])
        arrived = upto
        if not len(waiting):
            if arrived >= len(days.came):
                break
            now = float(days.came[arrived])
            continue
        number += 1
        at = order(days, waiting, now, number)
        one = waiting[at]
        now += float(days.seconds[one]) * hours_a_second
        done[one] = now
        waiting = np.delete(waiting, at)
    return done


def _when_open(now: float) -> float:
    hour = now % 24
    if hour < OPEN_FROM:
        return now - hour + OPEN_FROM
    return now if hour < OPEN_TO else now - hour + 24 + OPEN_FROM


def _views(days: Days, waiting: Ints, now: float) -> Floats:
    aged = days.age[waiting] + now - days.came[waiting]
    views: Floats = days.readers[waiting] * 0.5 ** (aged / HALF_LIFE_HOURS)
    return views


def first_in(_: Days, __: Ints, ___: float, ____: int) -> int:
    """The oldest."""
    return 0


def newest(_: Days, waiting: Ints, __: float, ___: int) -> int:
    """The newest."""
    return len(waiting) - 1


def by_risk(days: Days, waiting: Ints, _: float, __: int) -> int:
    """What is most probably bad."""
    return int(np.argmax(days.risk[waiting]))


def by_harm(days: Days, waiting: Ints, now: float, _: int) -> int:
    """Risk times severity times readers, and nothing else."""
    harm = days.risk[waiting] * days.guessed[waiting] * _views(days, waiting, now)
    return int(np.argmax(harm))


def as_shipped(*, held: bool) -> Order:
    """Return the order that ships: the formula, every fifth the oldest, one in fifty any."""

    def order(days: Days, waiting: Ints, now: float, number: int) -> int:
        if number % ANY_EVERY == 0:
            return number * 7_919 % len(waiting)
        if number % shipped.EVERY_OLDEST == 0:
            return 0
        return int(np.argmax(urgencies(days, waiting, now, held=held)))

    return order


def urgencies(days: Days, waiting: Ints, now: float, *, held: bool) -> Floats:
    """Return `shipped.prioritised` of many at once; a test compares the two."""
    risk, guessed = days.risk[waiting], days.guessed[waiting]
    reach = _views(days, waiting, now) * (shipped.HELD_SHARE if held else 1.0)
    urgency = (now - days.came[waiting]) / DUE_HOURS
    bent = np.minimum(urgency, shipped.DELAY_BEND)
    delay = (1 - risk) * (bent**2 + 2 * shipped.DELAY_BEND * (urgency - bent))
    value = risk * np.maximum(guessed, 1) * reach + shipped.DELAY_WEIGHT * delay
    value = value / days.seconds[waiting]
    first = guessed >= shipped.FIRST_SEVERITY
    urgent: Floats = np.where(first, value + 1e9, value)
    return urgent


ORDERS: dict[str, Order] = {
    "first in, first out": first_in,
    "newest first": newest,
    "risk": by_risk,
    "harm rate": by_harm,
    "as shipped, comments visible": as_shipped(held=False),
    "as shipped, comments held": as_shipped(held=True),
}
OF_RISK = frozenset(ORDERS) - {"first in, first out", "newest first"}


def measured(days: Days, done: Floats) -> tuple[float, float, float]:
    """Return harm (severity times views before the decision), and the waits of what was fine.

    Waits are hours, p50 and p95; what was never decided has waited until the end.
    """
    end = 24.0 * DAYS
    until = np.minimum(done, end)
    views = (days.readers * HALF_LIFE_HOURS / math.log(2)) * (
        0.5 ** (days.age / HALF_LIFE_HOURS)
        - 0.5 ** ((days.age + until - days.came) / HALF_LIFE_HOURS)
    )
    waits = (until - days.came)[~days.bad & (days.came < end)]
    harm = float((days.severity * np.maximum(views, 0))[days.came < end].sum())
    return harm, float(np.quantile(waits, 0.5)), float(np.quantile(waits, 0.95))


if __name__ == "__main__":
    main()
