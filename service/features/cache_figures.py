"""What became of look-ups in the cache, for the figures of a process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

from service.telemetry import Metrics

Outcome: TypeAlias = Literal["hit", "stale", "miss", "inval", "built", "failed", "joined"]
"""What became of a look-up, and of the build it led to."""


def hear(metrics: Metrics) -> Callable[[Outcome], None]:
    """Return what counts the cache's outcomes in a process's metrics."""
    stores = metrics.stores
    lookups = {
        "hit": stores.cache_hits.inc,
        "stale": stores.cache_stale.inc,
        "miss": stores.cache_misses.inc,
        "inval": stores.cache_inval.inc,
    }
    builds = {
        outcome: metrics.cache_builds.labels(outcome).inc
        for outcome in ("built", "failed", "joined")
    }
    heard: Mapping[str, Callable[[], None]] = lookups | builds
    return lambda outcome: heard[outcome]()


def unheard(_: Outcome) -> None:
    """Count nothing."""
