"""Bridges to other systems, as admins set them up."""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct

from service.features.bridges.desk import KINDS, Bridge, Bridges, Kind, UnknownBridge
from service.features.bridges.outside import OutsideCheck
from service.model import Role, Scope, Site
from service.web.foreign import CORAL_PATH, PERSPECTIVE_BASE
from service.web.operation import AModerator, Call, Operation, Reply
from service.web.wire.bridges import (
    BridgeOut,
    BridgesOut,
    CheckIn,
    CoralSecretIn,
    NewBridgeKeyOut,
    SetCheckOut,
    TrialIn,
    TrialOut,
    bridge_json,
    bridges_json,
    trial_json,
)

TAG: Final = "Back ends and operators"
BRIDGES: Final = "/v1/sites/{site}/bridges"
ADMINISTER = AModerator(scope=Scope.MANAGE, role=Role.ADMIN)
HAND_OUT = AModerator(scope=Scope.MANAGE, role=Role.ADMIN, fresh=True)
"""What lets others in, or sends comments away: a session needs a fresh proof."""

PATHS: Final = {"coral": CORAL_PATH, "perspective": PERSPECTIVE_BASE}


class Bridging(Struct, frozen=True, kw_only=True):
    """Set bridges up, and end them."""

    bridges: Bridges
    check: OutsideCheck

    def operations(self) -> list[Operation]:
        """Return the table of what admins ask."""
        return [
            Operation(
                operation_id="read_bridges",
                method="GET",
                path=BRIDGES,
                summary="Read which bridges to other systems are set up",
                tag=TAG,
                credential=ADMINISTER,
                answers={200: BridgesOut},
                handler=self.read,
            ),
            Operation(
                operation_id="set_coral_bridge",
                method="PUT",
                path=f"{BRIDGES}/coral",
                summary="Let a Coral ask us in an external moderation phase",
                tag=TAG,
                credential=HAND_OUT,
                body=CoralSecretIn,
                answers={200: BridgeOut},
                handler=self.set_coral,
            ),
            Operation(
                operation_id="make_perspective_key",
                method="POST",
                path=f"{BRIDGES}/perspective/keys",
                summary="Make the key with which clients of Perspective ask us",
                description="It is told once, in this answer. An older key ends at once.",
                tag=TAG,
                credential=HAND_OUT,
                answers={201: NewBridgeKeyOut},
                handler=self.make_key,
            ),
            Operation(
                operation_id="set_check",
                method="PUT",
                path=f"{BRIDGES}/check",
                summary="Name the site's own service, which is asked about each comment",
                description="Its signing secret is told once, in the answer that makes it.",
                tag=TAG,
                credential=HAND_OUT,
                body=CheckIn,
                answers={200: SetCheckOut},
                handler=self.set_check,
            ),
            Operation(
                operation_id="try_check",
                method="POST",
                path=f"{BRIDGES}/check/try",
                summary="Ask the site's own service about a text; nothing is kept",
                tag=TAG,
                credential=ADMINISTER,
                body=TrialIn,
                answers={200: TrialOut},
                problems=(UnknownBridge,),
                handler=self.try_check,
            ),
            *(self._ending(kind) for kind in KINDS),
        ]

    async def read(self, call: Call) -> Reply:
        """Show every bridge, also those that were never set up."""
        bridges = await self.bridges.of_site(call.site)
        return Reply(content=bridges_json([self._json(call.site, each) for each in bridges]))

    async def set_coral(self, call: Call) -> Reply:
        """Take Coral's secret."""
        secret = call.body_as(CoralSecretIn).secret
        await self.bridges.set_coral(call.site, secret, actor=call.actor, now=call.now)
        return Reply(content=await self._now(call.site, "coral"))

    async def make_key(self, call: Call) -> Reply:
        """Make a key; it is told once, in this answer."""
        key = await self.bridges.new_key(call.site, actor=call.actor, now=call.now)
        shown = await self._now(call.site, "perspective")
        return Reply(status=201, content={**shown, "key": key})

    async def set_check(self, call: Call) -> Reply:
        """Say where the site's own service is asked."""
        wish = call.body_as(CheckIn)
        secret = await self.bridges.set_check(
            call.site,
            url=wish.url,
            timeout_ms=wish.timeout_ms,
            on_failure=wish.on_failure,
            renew=wish.new_secret,
            actor=call.actor,
            now=call.now,
        )
        return Reply(content={**await self._now(call.site, "check"), "secret": secret})

    async def try_check(self, call: Call) -> Reply:
        """Ask it about a text that somebody types."""
        asked = await self.check.trial(call.site, call.body_as(TrialIn).text, call.now)
        if asked is None:
            raise UnknownBridge
        return Reply(content=trial_json(asked))

    def _ending(self, kind: Kind) -> Operation:
        async def end(call: Call) -> Reply:
            await self.bridges.end(call.site, kind, actor=call.actor, now=call.now)
            return Reply(status=204)

        return Operation(
            operation_id=f"end_{kind}",
            method="DELETE",
            path=f"{BRIDGES}/{kind}",
            summary=f"End the bridge `{kind}` and forget its secret",
            tag=TAG,
            credential=HAND_OUT,
            answers={204: None},
            problems=(UnknownBridge,),
            handler=end,
        )

    async def _now(self, site: Site, kind: str) -> dict[str, Any]:
        found = await self.bridges.of_site(site)
        return self._json(site, next(each for each in found if each.kind == kind))

    def _json(self, site: Site, bridge: Bridge) -> dict[str, Any]:
        path = PATHS.get(bridge.kind)
        return bridge_json(
            bridge,
            path=path.replace("{site}", site.slug) if path else None,
            rests=bridge.kind == "check" and bridge.enabled and self.check.rests(site),
        )
