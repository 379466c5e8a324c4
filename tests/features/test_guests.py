from __future__ import annotations

import pytest

from service.errors import RateLimited, Unavailable
from service.features.intake import GuestsNotAllowed
from service.model import SiteSettings
from tests.features.conftest import OpenSite
from tests.newsroom import Newsroom, without_redis


async def test_every_guest_is_somebody_else(newsroom: Newsroom) -> None:
    guests = {await newsroom.guests.admit(newsroom.site, address_hash="here") for _ in range(8)}
    assert len(guests) == 8


async def test_from_one_address_come_five_guests_an_hour(new_site: OpenSite) -> None:
    newsroom = await new_site(limits_on=True)
    for _ in range(5):
        await newsroom.guests.admit(newsroom.site, address_hash="here")
    with pytest.raises(RateLimited) as refusal:
        await newsroom.guests.admit(newsroom.site, address_hash="here")
    assert 600 <= refusal.value.retry_after_seconds <= 720
    await newsroom.guests.admit(newsroom.site, address_hash="elsewhere")


async def test_a_site_without_guests_admits_none(new_site: OpenSite) -> None:
    newsroom = await new_site(SiteSettings(guests_allowed=False))
    with pytest.raises(GuestsNotAllowed):
        await newsroom.guests.admit(newsroom.site, address_hash="here")


async def test_guests_who_cannot_be_counted_are_not_admitted(new_site: OpenSite) -> None:
    newsroom = await new_site()
    async with without_redis(newsroom) as cut_off:
        counting = type(cut_off.guests)(
            limits=cut_off.guests.limits, new_guest=cut_off.guests.new_guest
        )
        with pytest.raises(Unavailable):
            await counting.admit(newsroom.site, address_hash="here")
