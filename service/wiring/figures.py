"""The newsroom's statistics."""

from __future__ import annotations

from typing import Self

from msgspec import Struct

from service.features.statistics.report import Statistics
from service.storage.decisions import DecisionStore
from service.storage.statistics import StatisticsStore
from service.wiring.ground import Ground


class Figures(Struct, frozen=True, kw_only=True):
    """What is counted of the newsroom's work."""

    statistics: Statistics

    @classmethod
    def build(cls, ground: Ground) -> Self:
        """Wire it to the stores."""
        pool = ground.pool
        statistics = Statistics(
            store=StatisticsStore(pool=pool), decisions=DecisionStore(pool=pool)
        )
        return cls(statistics=statistics)
