"""What goes out to sites' own programs: endpoints, letters, and the post."""

from __future__ import annotations

from typing import Self

from msgspec import Struct

from service.features.webhooks import Letters, Post, Webhooks
from service.outgoing import Hosts
from service.storage.webhook_events import WebhookEventStore
from service.storage.webhooks import DeliveryStore, WebhookStore
from service.wiring.core import Core
from service.wiring.ground import Ground, Loop, clock, new_id


class Postroom(Struct, frozen=True, kw_only=True):
    """What goes out, and what sites say of where."""

    webhooks: Webhooks
    post: Post

    @classmethod
    def build(cls, ground: Ground, core: Core) -> Self:
        """Wire it to the stores."""
        settings, pool = ground.settings, ground.pool
        store, deliveries = WebhookStore(pool=pool), DeliveryStore(pool=pool)
        return cls(
            webhooks=Webhooks(
                store=store,
                deliveries=deliveries,
                secrets=ground.secrets,
                limits=core.limits,
                cursors=core.cursors,
                new_id=new_id,
                networks=settings.outgoing_networks,
                limits_on=settings.rate_limits,
            ),
            post=Post(
                events=WebhookEventStore(pool=pool),
                deliveries=deliveries,
                webhooks=store,
                letters=Letters(lookup=core.lookup, articles=core.articles),
                sites=core.sites,
                secrets=ground.secrets,
                client=ground.outgoing,
                hosts=Hosts(),
                new_id=new_id,
                clock=clock,
                rest=core.errands.rest_until("webhooks"),
                heard=lambda result: ground.metrics.webhook_attempts.labels(result).inc(),
            ),
        )

    def leader_loops(self) -> list[Loop]:
        """Return what goes on in one process of all."""
        return [self.post.run]
