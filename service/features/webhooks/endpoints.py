"""Where a site's own programs want to hear of what happens: set up, changed, tried and ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, TypedDict
from urllib.parse import urlsplit
from uuid import UUID

from msgspec import Struct

from service.cursors import Cursors
from service.errors import Conflict, FieldError, Invalid, NotFound
from service.features import text
from service.features.administration import Act, with_details
from service.features.webhooks.kinds import KINDS, TEST
from service.model import Site
from service.outgoing import BadUrl, check_url, new_secret, read_secret
from service.secrets import Secrets
from service.settings import Network
from service.storage.limits import Charge, Limits
from service.storage.webhooks import (
    Delivery,
    DeliveryState,
    DeliveryStore,
    StoredWebhook,
    WebhookState,
    WebhookStore,
)

WEBHOOKS_MAX = 10
"""Endpoints of a site: every event is sent to each that wants it."""
NAME_MAX_CHARS = 80
TESTS_PER_MINUTE = 5
"""Of an endpoint (protocol.md 3.2); the same for sending something again."""
PURPOSE: Final = "webhook"
"""What secrets are sealed as."""
LAST = 2**63 - 1


class UnknownWebhook(NotFound):
    """The site has no such endpoint."""

    code = "unknown_webhook"
    title = "This site has no such webhook."


class UnknownDelivery(NotFound):
    """Nothing of that id was sent there, or it is forgotten by now."""

    code = "unknown_delivery"
    title = "Nothing of this id was sent to this webhook in the last 30 days."


class TooManyWebhooks(Conflict):
    """As many endpoints as a site may have."""

    code = "too_many_webhooks"
    title = f"At most {WEBHOOKS_MAX} webhooks. Delete one first."


class EndpointStopped(Conflict):
    """Nothing is sent to an endpoint that is not active."""

    code = "webhook_stopped"
    title = "This webhook is not active: begin it again first."


class WebhookChanges(TypedDict, total=False):
    """What to change of an endpoint; what is absent stays."""

    url: str
    name: str
    events: Sequence[str]
    active: bool


class Endpoint(Struct, frozen=True, kw_only=True):
    """An endpoint as its site may see it: without its secret."""

    webhook_id: UUID
    url: str
    name: str
    events: tuple[str, ...]
    state: WebhookState
    failing_since: datetime | None
    old_secret_until: datetime | None
    """Until when the former secret signs too, while it is replaced."""
    created_at: datetime


class DeliveriesPage(Struct, frozen=True, kw_only=True):
    """A page of what was sent to an endpoint, latest first."""

    deliveries: tuple[Delivery, ...]
    next: str | None


class Webhooks(Struct, frozen=True, kw_only=True):
    """Set endpoints up, and look at what was sent. Methods raise Unavailable without Postgres."""

    store: WebhookStore
    deliveries: DeliveryStore
    secrets: Secrets
    limits: Limits
    cursors: Cursors
    new_id: Callable[[datetime], UUID]
    networks: tuple[Network, ...] = ()
    """Beside the internet: where the operator lets endpoints be."""
    limits_on: bool = True

    async def of_site(self, site: Site, *, now: datetime) -> list[Endpoint]:
        """Return every endpoint of a site, oldest first."""
        return [_shown(each, now) for each in await self.store.of_site(site.site_id)]

    async def create(
        self, site: Site, *, url: str, name: str, events: Sequence[str], now: datetime, act: Act
    ) -> tuple[Endpoint, str]:
        """Make an endpoint; the second value is its secret's only appearance.

        Raises:
            Invalid: with what is wrong about the address, the name or the events.
            TooManyWebhooks.
        """
        wished = _checked({"url": url, "name": name, "events": events}, self.networks)
        if len(await self.store.of_site(site.site_id)) >= WEBHOOKS_MAX:
            raise TooManyWebhooks
        webhook_id, secret = self.new_id(now), new_secret()
        await self.store.add(
            site.site_id,
            webhook_id,
            url=wished["url"],
            name=wished["name"],
            events=wished["events"],
            secret=self._sealed(site, webhook_id, secret),
            act=with_details(act, **named(webhook_id, wished["url"]), events=wished["events"]),
        )
        return _shown(await self._find(site, webhook_id), now), secret

    async def change(
        self, site: Site, webhook_id: UUID, changes: WebhookChanges, *, now: datetime, act: Act
    ) -> Endpoint:
        """Change an endpoint, pause it, or begin it again.

        Raises:
            UnknownWebhook, Invalid.
        """
        checked = _checked(changes, self.networks)
        stored = await self._find(site, webhook_id)
        state: WebhookState = stored.state
        if "active" in changes:
            state = "active" if changes["active"] else "paused"
        await self.store.change(
            site.site_id,
            webhook_id,
            url=checked.get("url", stored.url),
            name=checked.get("name", stored.name),
            events=checked.get("events", stored.events),
            state=state,
            act=with_details(
                act, **named(webhook_id, stored.url), changed=sorted(changes), state=state
            ),
        )
        return _shown(await self._find(site, webhook_id), now)

    async def rotate(
        self, site: Site, webhook_id: UUID, *, overlap: timedelta, now: datetime, act: Act
    ) -> tuple[Endpoint, str]:
        """Replace an endpoint's secret; until the overlap ends both sign.

        Raises:
            UnknownWebhook.
        """
        stored, secret = await self._find(site, webhook_id), new_secret()
        until = now + overlap if overlap else None
        await self.store.rotate(
            site.site_id,
            webhook_id,
            secret=self._sealed(site, webhook_id, secret),
            old_secret_until=until,
            act=with_details(
                act,
                **named(webhook_id, stored.url),
                overlap_hours=round(overlap.total_seconds() / 3_600),
            ),
        )
        return _shown(await self._find(site, webhook_id), now), secret

    async def remove(self, site: Site, webhook_id: UUID, *, act: Act) -> None:
        """End an endpoint, with all that was to be sent there.

        Raises:
            UnknownWebhook.
        """
        stored = await self._find(site, webhook_id)
        noted = with_details(act, **named(webhook_id, stored.url))
        if not await self.store.remove(site.site_id, webhook_id, act=noted):
            raise UnknownWebhook

    async def test(self, site: Site, webhook_id: UUID, *, now: datetime) -> Delivery:
        """Send something that says nothing, at once.

        Raises:
            UnknownWebhook, EndpointStopped, RateLimited.
        """
        await self._admitted(site, webhook_id)
        event_id = self.new_id(now)
        await self.deliveries.add_for(
            site.site_id, webhook_id, event_id=event_id, kind=TEST, now=now
        )
        return await self.delivery(site, webhook_id, event_id)

    async def redeliver(
        self, site: Site, webhook_id: UUID, event_id: UUID, *, now: datetime
    ) -> Delivery:
        """Send something once more under its former id, at once.

        Raises:
            UnknownWebhook, UnknownDelivery, EndpointStopped, RateLimited.
        """
        await self._admitted(site, webhook_id)
        if not await self.deliveries.again(site.site_id, webhook_id, event_id, now=now):
            raise UnknownDelivery
        return await self.delivery(site, webhook_id, event_id)

    async def delivery(self, site: Site, webhook_id: UUID, event_id: UUID) -> Delivery:
        """Return what came of one delivery.

        Raises:
            UnknownDelivery: there is none; nobody is told whether the webhook is.
        """
        found = await self.deliveries.find(site.site_id, webhook_id, event_id)
        if found is None:
            raise UnknownDelivery
        return found

    async def page(
        self,
        site: Site,
        webhook_id: UUID,
        *,
        state: DeliveryState | None,
        cursor: str | None,
        limit: int,
    ) -> DeliveriesPage:
        """Return what was sent to an endpoint, or is to be, latest first.

        Raises:
            UnknownWebhook.
            Invalid: the cursor is not one of this list's (`bad_cursor`).
        """
        await self._find(site, webhook_id)
        purpose = f"deliveries:{site.site_id}:{webhook_id}:{state or '*'}"
        before = LAST if cursor is None else self.cursors.open(purpose, cursor)
        found = await self.deliveries.page(
            site.site_id, webhook_id, state=state, before=before, limit=limit + 1
        )
        shown = found[:limit]
        more = len(found) > limit
        following = self.cursors.sign(purpose, shown[-1].seq) if more else None
        return DeliveriesPage(deliveries=tuple(shown), next=following)

    async def latest(self, site: Site) -> dict[UUID, Delivery]:
        """Return the latest delivery of each endpoint of a site, by endpoint."""
        return await self.deliveries.latest(site.site_id)

    async def _admitted(self, site: Site, webhook_id: UUID) -> None:
        if (await self._find(site, webhook_id)).state != "active":
            raise EndpointStopped
        if self.limits_on:
            charge = Charge.of(
                "webhook_test",
                webhook_id.hex,
                per_minute=TESTS_PER_MINUTE,
                burst=TESTS_PER_MINUTE,
            )
            await self.limits.charge(site.slug, [charge])

    async def _find(self, site: Site, webhook_id: UUID) -> StoredWebhook:
        found = await self.store.find(site.site_id, webhook_id)
        if found is None:
            raise UnknownWebhook
        return found

    def _sealed(self, site: Site, webhook_id: UUID, secret: str) -> bytes:
        row = row_of(site.site_id, webhook_id)
        return self.secrets.seal(PURPOSE, read_secret(secret), bound_to=row)


def named(webhook_id: UUID, url: str) -> dict[str, str]:
    """Return how the log names an endpoint: never by its whole address, which may be a secret."""
    return {"webhook_id": str(webhook_id), "host": urlsplit(url).hostname or ""}


def row_of(site_id: int, webhook_id: UUID) -> str:
    """Return what a sealed secret is bound to."""
    return f"{site_id}:{webhook_id}"


def _shown(stored: StoredWebhook, now: datetime) -> Endpoint:
    until = stored.old_secret_until
    return Endpoint(
        webhook_id=stored.webhook_id,
        url=stored.url,
        name=stored.name,
        events=tuple(each for each in KINDS if each in stored.events),
        state=stored.state,
        failing_since=stored.failing_since,
        old_secret_until=until if until is not None and until > now else None,
        created_at=stored.created_at,
    )


def _checked(changes: WebhookChanges, networks: tuple[Network, ...]) -> WebhookChanges:
    """Return changes as they are kept.

    Raises:
        Invalid: with every field's error.
    """
    checked: WebhookChanges = {**changes}
    errors = []
    if "url" in changes:
        try:
            check_url(changes["url"], networks=networks)
        except BadUrl as error:
            errors.append(FieldError(pointer="/url", code="bad_url", detail=str(error)))
    if "events" in changes:
        checked["events"] = [each for each in KINDS if each in changes["events"]]
        errors += [
            FieldError(pointer=f"/events/{place}", code="unknown_event", detail="No such event.")
            for place, each in enumerate(changes["events"])
            if each not in KINDS
        ]
        if not changes["events"]:
            errors.append(
                FieldError(pointer="/events", code="missing", detail="Choose at least one event.")
            )
    if changes.get("name"):
        checked["name"] = text.clean_line(
            changes["name"], max_chars=NAME_MAX_CHARS, pointer="/name"
        )
    if errors:
        raise Invalid("The webhook cannot be as it is described.", errors=tuple(errors))
    return checked
