"""What was lost with Redis is told: in the log, in a metric, and to the newsroom until it knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import structlog
from msgspec import Struct

from service.errors import NotFound
from service.features.administration import Acts
from service.model import Actor, Site
from service.storage.losses import Loss, LossKind, LossStore

__all__ = ["Loss", "LossKind", "Losses", "UnknownLoss"]

log = structlog.get_logger(__name__)


class UnknownLoss(NotFound):
    """Nothing was lost then."""

    code = "unknown_loss"
    title = "There was no such loss."


class Losses(Struct, frozen=True, kw_only=True):
    """Note losses, show them, and note who knows of them."""

    store: LossStore
    acts: Acts
    counted: Callable[[int], None]
    """Told how many comments each loss is of, at most."""

    async def note(
        self,
        site: Site,
        *,
        kind: LossKind,
        seq: int,
        lost_at_most: int,
        restored: int,
        now: datetime,
    ) -> None:
        """Tell that Redis lost comments, once; a fall that lost none is but a line in the log.

        Raises:
            Unavailable: Postgres is away.
        """
        fresh = True
        if lost_at_most:
            loss = Loss(
                site_id=site.site_id,
                seq=seq,
                kind=kind,
                lost_at_most=lost_at_most,
                restored=restored,
                at=now,
            )
            fresh = await self.store.note(loss)
        if fresh:
            self.counted(lost_at_most)
            tell = log.error if lost_at_most else log.warning
            tell(
                "rollback.detected",
                site=site.slug,
                kind=kind,
                lost_at_most=lost_at_most,
                restored=restored,
            )

    async def open(self, sites: Sequence[Site]) -> list[Loss]:
        """Return what nobody on these sites has taken note of, latest first.

        Raises:
            Unavailable: Postgres is away.
        """
        return await self.store.open([site.site_id for site in sites])

    async def acknowledge(self, site: Site, seq: int, member_id: UUID, *, now: datetime) -> None:
        """Take note of a loss; asked again it changes nothing.

        Raises:
            UnknownLoss: nothing was lost then on this site.
            Unavailable: Postgres is away.
        """
        actor = Actor(kind="member", actor_id=str(member_id), name="")
        act = self.acts.by(actor, "loss.acknowledged", site=site, now=now, details={"seq": seq})
        if await self.store.acknowledge(site.site_id, seq, member_id, act) is None:
            raise UnknownLoss
