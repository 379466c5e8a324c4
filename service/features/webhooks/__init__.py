"""Webhooks: a site's own programs hear of what happens, signed, at least once, and in the end.

`endpoints` is what a site sets up and looks at; `letters` writes what is sent; `post` lets what
happened ripen for half a minute, sends it, and tries again. docs/webhooks.md says how receivers
read it, docs/decisions/0028-webhooks.md why it is so.
"""

from __future__ import annotations

from service.features.webhooks.endpoints import (
    DeliveriesPage,
    Endpoint,
    EndpointStopped,
    TooManyWebhooks,
    UnknownDelivery,
    UnknownWebhook,
    WebhookChanges,
    Webhooks,
)
from service.features.webhooks.kinds import KINDS, TEST
from service.features.webhooks.letters import Letters
from service.features.webhooks.post import Post
from service.storage.webhooks import Delivery, DeliveryState, WebhookState

__all__ = [
    "KINDS",
    "TEST",
    "DeliveriesPage",
    "Delivery",
    "DeliveryState",
    "Endpoint",
    "EndpointStopped",
    "Letters",
    "Post",
    "TooManyWebhooks",
    "UnknownDelivery",
    "UnknownWebhook",
    "WebhookChanges",
    "WebhookState",
    "Webhooks",
]
