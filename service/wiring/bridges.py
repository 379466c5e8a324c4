"""Bridges to other systems: as admins set them up, for Coral, and for clients of Perspective."""

from __future__ import annotations

from typing import Self

from msgspec import Struct

from service.features.bridges.opinion import Opinions
from service.wiring.core import Core


class Bridges(Struct, frozen=True, kw_only=True):
    """What speaks with other systems."""

    opinions: Opinions

    @classmethod
    def build(cls, core: Core) -> Self:
        """Wire it to the stores."""
        return cls(opinions=Opinions(rulebook=core.rulebook, scores_of=core.models.scores_of))
