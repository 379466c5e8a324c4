"""Webhooks: where a site's own programs hear of what happens, and what was sent to them."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from msgspec import Struct
from pydantic import Field

from service.cursors import BadCursor
from service.features.administration import Act, Acts
from service.features.webhooks import (
    DeliveryState,
    EndpointStopped,
    TooManyWebhooks,
    UnknownDelivery,
    UnknownWebhook,
    Webhooks,
)
from service.model import Role, Scope
from service.web.operation import AModerator, Call, Operation, Reply
from service.web.wire.base import Wire
from service.web.wire.management import RotateIn
from service.web.wire.webhooks import (
    DeliveriesOut,
    DeliveryOut,
    NewWebhookOut,
    WebhookChangesIn,
    WebhookIn,
    WebhookOut,
    WebhooksOut,
    deliveries_json,
    delivery_json,
    webhook_json,
    webhooks_json,
)

TAG = "Back ends and operators"
WEBHOOKS = "/v1/sites/{site}/webhooks"
WEBHOOK = f"{WEBHOOKS}/{{webhook_id}}"
DELIVERIES = f"{WEBHOOK}/deliveries"
LOOK = AModerator(scope=Scope.MANAGE, role=Role.ADMIN)
SEND = AModerator(scope=Scope.MANAGE, role=Role.ADMIN, fresh=True)
"""Comments leave the service by it: a session needs a fresh proof."""


class DeliveriesQuery(Wire):
    """Which page of the deliveries."""

    state: DeliveryState | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50
    cursor: str | None = None


class Hooks(Struct, frozen=True, kw_only=True):
    """What is asked of webhooks."""

    webhooks: Webhooks
    acts: Acts

    def operations(self) -> list[Operation]:
        """Return the table of them all."""
        return [*self._endpoints(), *self._deliveries()]

    def _endpoints(self) -> list[Operation]:
        return [
            Operation(
                operation_id="list_webhooks",
                method="GET",
                path=WEBHOOKS,
                summary="List the site's webhooks",
                tag=TAG,
                credential=LOOK,
                answers={200: WebhooksOut},
                handler=self.list_webhooks,
            ),
            Operation(
                operation_id="create_webhook",
                method="POST",
                path=WEBHOOKS,
                summary="Let a program hear of what happens",
                description="Its secret is told once, in this answer.",
                tag=TAG,
                credential=SEND,
                body=WebhookIn,
                answers={201: NewWebhookOut},
                problems=(TooManyWebhooks,),
                handler=self.create_webhook,
            ),
            Operation(
                operation_id="change_webhook",
                method="PATCH",
                path=WEBHOOK,
                summary="Change a webhook, pause it, or begin it again",
                tag=TAG,
                credential=SEND,
                body=WebhookChangesIn,
                answers={200: WebhookOut},
                problems=(UnknownWebhook,),
                handler=self.change_webhook,
            ),
            Operation(
                operation_id="delete_webhook",
                method="DELETE",
                path=WEBHOOK,
                summary="End a webhook, with the log of what was sent to it",
                tag=TAG,
                credential=SEND,
                answers={204: None},
                problems=(UnknownWebhook,),
                handler=self.delete_webhook,
            ),
            Operation(
                operation_id="rotate_webhook",
                method="POST",
                path=f"{WEBHOOK}/rotate",
                summary="Replace a webhook's secret; both sign for a while",
                description="The new secret is told once, in this answer.",
                tag=TAG,
                credential=SEND,
                body=RotateIn,
                answers={201: NewWebhookOut},
                problems=(UnknownWebhook,),
                handler=self.rotate_webhook,
            ),
        ]

    def _deliveries(self) -> list[Operation]:
        return [
            Operation(
                operation_id="try_webhook",
                method="POST",
                path=f"{WEBHOOK}/test",
                summary="Send a webhook something that says nothing",
                description="It is sent at once; what came of it is the delivery's to tell.",
                tag=TAG,
                credential=LOOK,
                answers={202: DeliveryOut},
                problems=(UnknownWebhook, EndpointStopped),
                handler=self.try_webhook,
            ),
            Operation(
                operation_id="list_deliveries",
                method="GET",
                path=DELIVERIES,
                summary="List what was sent to a webhook, or is to be",
                description="The latest event first; of the last 30 days.",
                tag=TAG,
                credential=LOOK,
                query=DeliveriesQuery,
                answers={200: DeliveriesOut},
                problems=(UnknownWebhook, BadCursor),
                handler=self.list_deliveries,
            ),
            Operation(
                operation_id="read_delivery",
                method="GET",
                path=f"{DELIVERIES}/{{delivery_id}}",
                summary="Read what came of sending something",
                tag=TAG,
                credential=LOOK,
                answers={200: DeliveryOut},
                problems=(UnknownDelivery,),
                handler=self.read_delivery,
            ),
            Operation(
                operation_id="redeliver",
                method="POST",
                path=f"{DELIVERIES}/{{delivery_id}}/redeliver",
                summary="Send something once more, under its former id",
                tag=TAG,
                credential=LOOK,
                answers={202: DeliveryOut},
                problems=(UnknownWebhook, UnknownDelivery, EndpointStopped),
                handler=self.redeliver,
            ),
        ]

    async def list_webhooks(self, call: Call) -> Reply:
        """Show them all."""
        endpoints = await self.webhooks.of_site(call.site, now=call.now)
        return Reply(content=webhooks_json(endpoints))

    async def create_webhook(self, call: Call) -> Reply:
        """Make one; its secret is told once, in this answer."""
        wish = call.body_as(WebhookIn)
        endpoint, secret = await self.webhooks.create(
            call.site,
            url=wish.url,
            name=wish.name,
            events=wish.events,
            now=call.now,
            act=self._act(call, "webhook.created"),
        )
        return Reply(status=201, content={**webhook_json(endpoint), "secret": secret})

    async def change_webhook(self, call: Call) -> Reply:
        """Change what was said."""
        endpoint = await self.webhooks.change(
            call.site,
            _webhook(call),
            call.body_as(WebhookChangesIn).changes(),
            now=call.now,
            act=self._act(call, "webhook.changed"),
        )
        return Reply(content=webhook_json(endpoint))

    async def delete_webhook(self, call: Call) -> Reply:
        """End one."""
        await self.webhooks.remove(
            call.site, _webhook(call), act=self._act(call, "webhook.deleted")
        )
        return Reply(status=204)

    async def rotate_webhook(self, call: Call) -> Reply:
        """Replace a secret; the new one is told once, in this answer."""
        endpoint, secret = await self.webhooks.rotate(
            call.site,
            _webhook(call),
            overlap=timedelta(hours=call.body_as(RotateIn).overlap_hours),
            now=call.now,
            act=self._act(call, "webhook.rotated"),
        )
        return Reply(status=201, content={**webhook_json(endpoint), "secret": secret})

    async def try_webhook(self, call: Call) -> Reply:
        """Send something at once."""
        delivery = await self.webhooks.test(call.site, _webhook(call), now=call.now)
        return Reply(status=202, content=delivery_json(delivery))

    async def list_deliveries(self, call: Call) -> Reply:
        """Show a page of what was sent."""
        asked = call.query_as(DeliveriesQuery)
        page = await self.webhooks.page(
            call.site, _webhook(call), state=asked.state, cursor=asked.cursor, limit=asked.limit
        )
        return Reply(content=deliveries_json(page))

    async def read_delivery(self, call: Call) -> Reply:
        """Show one."""
        delivery = await self.webhooks.delivery(call.site, _webhook(call), _delivery(call))
        return Reply(content=delivery_json(delivery))

    async def redeliver(self, call: Call) -> Reply:
        """Send one once more."""
        delivery = await self.webhooks.redeliver(
            call.site, _webhook(call), _delivery(call), now=call.now
        )
        return Reply(status=202, content=delivery_json(delivery))

    def _act(self, call: Call, act: str) -> Act:
        return self.acts.by(call.actor, act, site=call.site, now=call.now)


def _webhook(call: Call) -> UUID:
    return UUID(call.path["webhook_id"])


def _delivery(call: Call) -> UUID:
    return UUID(call.path["delivery_id"])
