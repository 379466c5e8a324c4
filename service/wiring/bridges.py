"""Bridges to other systems: a site's own service, Coral, and clients of Perspective."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from service.features.bridges.desk import Bridges as Desk
from service.features.bridges.opinion import Opinions
from service.features.bridges.outside import OutsideCheck
from service.features.bridges.perspective import Perspective
from service.storage.bridges import BridgeStore
from service.web.bridges import Bridging
from service.web.foreign import ForeignCalls
from service.web.operation import Operation
from service.wiring.core import Core
from service.wiring.ground import Ground, new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridges:
    """What speaks with other systems."""

    desk: Desk
    check: OutsideCheck
    opinions: Opinions

    @classmethod
    def build(cls, ground: Ground, core: Core) -> Self:
        """Wire it to the stores."""
        desk = Desk(
            store=BridgeStore(pool=ground.pool),
            secrets=ground.secrets,
            acts=core.acts,
            networks=ground.settings.outgoing_networks,
        )
        return cls(
            desk=desk,
            check=OutsideCheck(bridges=desk, client=ground.outgoing, new_id=new_id),
            opinions=Opinions(rulebook=core.rulebook, scores_of=core.models.scores_of),
        )

    def operations(self) -> list[Operation]:
        """Return what admins and other systems ask."""
        foreign = ForeignCalls(
            bridges=self.desk,
            opinions=self.opinions,
            perspective=Perspective(opinions=self.opinions),
        )
        return [*Bridging(bridges=self.desk, check=self.check).operations(), *foreign.operations()]
