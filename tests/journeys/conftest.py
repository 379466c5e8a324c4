"""A service of one's own for each test, with the site `daily`."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from service.embedded import EmbeddedStores
from tests.conftest import FreshDatabase, redis_numbered
from tests.journeys.api import Paper
from tests.journeys.house import SECRET_KEY, House, open_house


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


@pytest.fixture(scope="module")
async def outside_stores(
    stores: EmbeddedStores, fresh_database: FreshDatabase, template_database: str
) -> dict[str, str]:
    """Settings of a service that has no stores of its own: the tests', empty at first."""
    redis_url = redis_numbered(0, beside=stores.endpoints.redis_url)
    async with Redis.from_url(redis_url) as redis:
        await redis.flushdb()
    return {
        "database_url": await fresh_database(template_database),
        "redis_url": redis_url,
        "secret_key": SECRET_KEY,
    }
