"""What learns: models in use, new versions of them, and what editors see of it."""

from __future__ import annotations

from typing import Self

from msgspec import Struct

from service.features.learning.desk import ModelDesk
from service.features.learning.refit import Refit
from service.wiring.core import Core
from service.wiring.ground import Loop, clock


class Learning(Struct, frozen=True, kw_only=True):
    """Models that learn of the newsroom's decisions."""

    desk: ModelDesk
    refit: Refit

    @classmethod
    def build(cls, core: Core) -> Self:
        """Wire it to the stores."""
        store = core.models.store
        return cls(
            desk=ModelDesk(store=store, acts=core.acts),
            refit=Refit(store=store, sites=core.sites, clock=clock),
        )

    def leader_loops(self) -> list[Loop]:
        """Return what goes on in one process of all."""
        return [self.refit.run]
