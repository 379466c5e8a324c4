"""What was lost with Redis, told to those who look after a site until they have taken note."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Struct
from pydantic import Field

from service.features.losses import Loss, Losses, UnknownLoss
from service.features.sites import SiteDirectory
from service.model import Role, Site
from service.web.operation import AMember, Call, Operation, Reply
from service.web.wire.base import Timestamp, Wire, stamp

TAG = "Back ends and operators"
NUMBER_MAX_CHARS = 18
"""Sequence numbers are below 2⁶³."""


class LossOut(Wire):
    """Comments that were accepted and are nowhere any more."""

    site: str
    loss: str
    """What it is acknowledged by."""
    kind: Literal["emptied", "fell_back"]
    """Redis came back with nothing, or as it was some time before."""
    lost_at_most: Annotated[int, Field(ge=1)]
    restored: Annotated[int, Field(ge=0)]
    """Comments that came back from the journal."""
    at: Timestamp


class LossesOut(Wire):
    """What nobody has taken note of, latest first; at most a hundred."""

    items: list[LossOut]
    next: None


class TellingLosses(Struct, frozen=True, kw_only=True):
    """What is told of losses."""

    losses: Losses
    sites: SiteDirectory

    def operations(self) -> list[Operation]:
        """Return the table of them all."""
        return [
            Operation(
                operation_id="list_losses",
                method="GET",
                path="/v1/moderation/losses",
                summary="List accepted comments that were lost with Redis, on sites one edits",
                tag=TAG,
                credential=AMember(),
                answers={200: LossesOut},
                handler=self.show,
            ),
            Operation(
                operation_id="acknowledge_loss",
                method="POST",
                path="/v1/sites/{site}/losses/{loss}/acknowledgement",
                summary="Take note of a loss: it is not shown any longer",
                tag=TAG,
                credential=AMember(role=Role.EDITOR),
                answers={204: None},
                problems=(UnknownLoss,),
                handler=self.acknowledge,
            ),
        ]

    async def show(self, call: Call) -> Reply:
        """List them."""
        edited = {
            each.site_id for each in call.member.memberships if each.role.includes(Role.EDITOR)
        }
        sites = [site for site in await self.sites.all_sites() if site.site_id in edited]
        slugs = {site.site_id: site for site in sites}
        losses = await self.losses.open(sites)
        items = [loss_json(each, slugs[each.site_id]) for each in losses]
        return Reply(content={"items": items, "next": None})

    async def acknowledge(self, call: Call) -> Reply:
        """Take note of one."""
        loss = call.path["loss"]
        if not (loss.isascii() and loss.isdecimal() and len(loss) <= NUMBER_MAX_CHARS):
            raise UnknownLoss
        await self.losses.acknowledge(call.site, int(loss), call.member.member_id, now=call.now)
        return Reply(status=204)


def loss_json(loss: Loss, site: Site) -> dict[str, Any]:
    """Write one loss."""
    return {
        "site": site.slug,
        "loss": str(loss.seq),
        "kind": loss.kind,
        "lost_at_most": loss.lost_at_most,
        "restored": loss.restored,
        "at": stamp(loss.at),
    }
