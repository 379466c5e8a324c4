"""The page of what was sent to one webhook; where they are set up is on the team's page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, get_args
from urllib.parse import urlsplit
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict

from service.features.sites import SiteDirectory
from service.features.webhooks import (
    Delivery,
    DeliveryState,
    Endpoint,
    UnknownWebhook,
    Webhooks,
)
from service.model import Role, Site
from service.web.dashboard.choice import chosen_site
from service.web.dashboard.frame import page, page_operation
from service.web.operation import Call, Operation, Reply

PATH: Final = "/moderate/webhooks/{webhook_id}"
ROWS = 50
STATES: Final[tuple[DeliveryState, ...]] = get_args(DeliveryState)


class DeliveriesAsked(BaseModel):
    """The address of the page."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    site: str = ""
    state: str = ""
    cursor: str = ""


class ShownWebhook(Struct, frozen=True, kw_only=True):
    """An endpoint as pages show it."""

    endpoint: Endpoint
    latest: Delivery | None

    @property
    def shown_name(self) -> str:
        """What it is called; without a name, its host."""
        return self.endpoint.name or urlsplit(self.endpoint.url).hostname or ""


async def shown_webhooks(webhooks: Webhooks, site: Site, *, now: datetime) -> list[ShownWebhook]:
    """Return a site's endpoints, each with what was sent to it last."""
    latest = await webhooks.latest(site)
    return [
        ShownWebhook(endpoint=each, latest=latest.get(each.webhook_id))
        for each in await webhooks.of_site(site, now=now)
    ]


def told_webhook(endpoint: Endpoint) -> Mapping[str, Any]:
    """Return what a page's modules need to know of one."""
    shown = ShownWebhook(endpoint=endpoint, latest=None)
    return {
        "id": str(endpoint.webhook_id),
        "url": endpoint.url,
        "name": endpoint.name,
        "shown": shown.shown_name,
        "events": list(endpoint.events),
    }


class WebhookPages(Struct, frozen=True, kw_only=True):
    """What was sent to a webhook."""

    webhooks: Webhooks
    sites: SiteDirectory

    def operations(self) -> list[Operation]:
        """Return the page."""
        whole = page_operation("webhook_page", PATH, self.show, role=Role.ADMIN)
        return [replace(whole, query=DeliveriesAsked)]

    async def show(self, call: Call) -> Reply:
        """Show a page of deliveries, the latest first."""
        asked = call.query_as(DeliveriesAsked)
        choice = chosen_site(call.member, asked.site, Role.ADMIN)
        site = await self.sites.get(choice.slug)
        webhook_id = UUID(call.path["webhook_id"])
        state = next((each for each in STATES if each == asked.state), None)
        sent = await self.webhooks.page(
            site, webhook_id, state=state, cursor=asked.cursor or None, limit=ROWS
        )
        endpoints = await self.webhooks.of_site(site, now=call.now)
        endpoint = next((each for each in endpoints if each.webhook_id == webhook_id), None)
        if endpoint is None:
            raise UnknownWebhook
        return page(
            call,
            "webhook.html",
            title="webhooks_log_title",
            section="team",
            parts=["asking", "webhooks"],
            site=site,
            shown=ShownWebhook(endpoint=endpoint, latest=None),
            deliveries=sent.deliveries,
            following=sent.next,
            state=state or "",
            states=STATES,
            moment=_moment,
            told={"webhook": {"site": site.slug, "id": str(webhook_id)}},
        )


def _moment(attempt: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(attempt["at"])
