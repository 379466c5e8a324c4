"""Guests without a comment: a receipt for whoever wants to vote before they write."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from msgspec import Struct

from service.features.permits import GuestsNotAllowed
from service.model import Site
from service.storage.limits import Charge, Limits

PER_HOUR = 5
"""New guests from one address (api.md)."""


class Guests(Struct, frozen=True, kw_only=True):
    """Let guests in."""

    limits: Limits
    new_guest: Callable[[], UUID]
    limits_on: bool = True

    async def admit(self, site: Site, *, address_hash: str) -> UUID:
        """Return the id of a new guest.

        Raises:
            GuestsNotAllowed: the site wants its readers signed in.
            RateLimited: too many from one address.
            Unavailable: Redis cannot count them.
        """
        if not site.settings.guests_allowed:
            raise GuestsNotAllowed
        if self.limits_on:
            charge = Charge.of("new_guest", address_hash, per_hour=PER_HOUR, burst=PER_HOUR)
            await self.limits.charge(site.slug, [charge])
        return self.new_guest()
