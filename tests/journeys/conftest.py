"""A service of one's own for each test, with the site `daily`."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.journeys.api import Paper
from tests.journeys.house import House, open_house


@pytest.fixture
async def house(database_url: str, redis_url: str) -> AsyncIterator[House]:
    """A service without request limits."""
    async with open_house(database_url, redis_url) as opened:
        yield opened


@pytest.fixture
async def limited_house(database_url: str, redis_url: str) -> AsyncIterator[House]:
    """A service with the limits it has as it comes."""
    async with open_house(database_url, redis_url, rate_limits=True) as opened:
        yield opened


@pytest.fixture
async def daily(house: House) -> Paper:
    """A site that looks at every comment before it is public."""
    return await house.found("daily")
