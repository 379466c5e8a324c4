"""What a site sets up of webhooks, and is told of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from service.features.webhooks import (
    DeliveriesPage,
    Delivery,
    DeliveryState,
    Endpoint,
    WebhookChanges,
    WebhookState,
)
from service.web.wire.base import Timestamp, Wire, optional_stamp, stamp

EVENTS_MAX = 50

EventName = Annotated[str, StringConstraints(min_length=1, max_length=40)]
Events = Annotated[list[EventName], Field(max_length=EVENTS_MAX)]
Address = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
WebhookName = Annotated[str, StringConstraints(max_length=80)]


class WebhookIn(Wire):
    """Where to send what."""

    url: Address
    """Begins with https://; on port 443 or 8443 of the public internet."""
    name: WebhookName = ""
    events: Events
    """What to hear of, as docs/webhooks.md names it, e.g. `comment.approved`."""


class WebhookChangesIn(Wire):
    """What to change of a webhook: what is left out stays."""

    url: Address | None = None
    name: WebhookName | None = None
    events: Events | None = None
    active: bool | None = None
    """False: nothing is sent; true: begin again, also one that was stopped by the service."""

    def changes(self) -> WebhookChanges:
        """Return what was said."""
        said: WebhookChanges = {}
        for name in self.model_fields_set:
            value = getattr(self, name)
            if value is not None:
                said[name] = value  # type: ignore[literal-required]
        return said


class WebhookOut(Wire):
    """A webhook without its secret."""

    webhook_id: str
    url: str
    name: str
    events: list[str]
    state: WebhookState
    """`paused` by a person; stopped by the service: `failing` for five days, or `gone` (410)."""
    failing_since: Timestamp | None
    """Since when nothing was taken."""
    old_secret_until: Timestamp | None
    """Until when the former secret signs too."""
    created_at: Timestamp


class NewWebhookOut(WebhookOut):
    """With its secret: the one time that it is told."""

    secret: str
    """`whsec_` and base64, as Standard Webhooks has it."""


class WebhooksOut(Wire):
    """All webhooks of a site."""

    items: list[WebhookOut]
    next: None


class AttemptOut(Wire):
    """One try."""

    at: Timestamp
    result: Literal[
        "delivered",
        "refused",
        "redirect",
        "gone",
        "timeout",
        "unreachable",
        "tls",
        "address_denied",
        "too_large",
        "broken",
        "secret_unreadable",
    ]
    status: int | None
    """What was answered, if anything was."""
    milliseconds: int


class DeliveryOut(Wire):
    """Something that was sent to a webhook, or is to be."""

    delivery_id: str
    """The `webhook-id` of the message, whichever try it was."""
    event: str
    article: str | None
    comment_id: str | None
    state: DeliveryState
    """`waiting` for its next try, `delivered`, `failed` for good, or `stopped` with its webhook."""
    next_try_at: Timestamp | None
    attempts: list[AttemptOut]
    """Oldest first; the latest 30."""
    created_at: Timestamp


class DeliveriesOut(Wire):
    """A page of them, latest first."""

    items: list[DeliveryOut]
    next: str | None


def webhook_json(endpoint: Endpoint) -> dict[str, Any]:
    """Write a webhook without its secret."""
    return {
        "webhook_id": str(endpoint.webhook_id),
        "url": endpoint.url,
        "name": endpoint.name,
        "events": list(endpoint.events),
        "state": endpoint.state,
        "failing_since": optional_stamp(endpoint.failing_since),
        "old_secret_until": optional_stamp(endpoint.old_secret_until),
        "created_at": stamp(endpoint.created_at),
    }


def webhooks_json(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """Write all webhooks of a site."""
    return {"items": [webhook_json(each) for each in endpoints], "next": None}


def delivery_json(delivery: Delivery) -> dict[str, Any]:
    """Write what came of sending something."""
    return {
        "delivery_id": str(delivery.event_id),
        "event": delivery.kind,
        "article": delivery.article,
        "comment_id": str(delivery.comment_id) if delivery.comment_id else None,
        "state": delivery.state,
        "next_try_at": stamp(delivery.due_at) if delivery.state == "waiting" else None,
        "attempts": [
            {**each, "at": stamp(datetime.fromisoformat(each["at"]))} for each in delivery.attempts
        ],
        "created_at": stamp(delivery.created_at),
    }


def deliveries_json(page: DeliveriesPage) -> dict[str, Any]:
    """Write a page of deliveries."""
    return {"items": [delivery_json(each) for each in page.deliveries], "next": page.next}
