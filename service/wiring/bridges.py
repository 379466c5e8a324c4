"""Bridges to other systems: as admins set them up, for Coral, and for clients of Perspective."""

from __future__ import annotations

from typing import Self

from msgspec import Struct

from service.features.bridges.opinion import Opinions
from service.features.bridges.perspective import Perspective
from service.web.bridges import Bridging
from service.web.foreign import ForeignCalls
from service.web.operation import Operation
from service.wiring.core import Core


class Bridges(Struct, frozen=True, kw_only=True):
    """What speaks with other systems."""

    opinions: Opinions

    @classmethod
    def build(cls, core: Core) -> Self:
        """Wire it to the stores."""
        return cls(opinions=Opinions(rulebook=core.rulebook, scores_of=core.models.scores_of))

    def operations(self, core: Core) -> list[Operation]:
        """Return what admins and other systems ask."""
        foreign = ForeignCalls(
            bridges=core.bridges,
            opinions=self.opinions,
            perspective=Perspective(opinions=self.opinions),
        )
        admins = Bridging(bridges=core.bridges, check=core.check)
        return [*admins.operations(), *foreign.operations()]
