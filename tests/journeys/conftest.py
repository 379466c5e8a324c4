"""A service for each module, and in it a site of its own for each test."""

from __future__ import annotations

import itertools
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from service.embedded import EmbeddedStores
from tests.conftest import FreshDatabase, redis_of
from tests.journeys.api import Paper
from tests.journeys.house import SECRET_KEY, House, open_house


@pytest.fixture(scope="session")
def tell(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Write a line to the terminal: what was measured, and is not asserted."""
    plugins = request.config.pluginmanager
    reporter: Any = plugins.get_plugin("terminalreporter")
    capture: Any = plugins.get_plugin("capturemanager")

    def write(line: str) -> None:
        with capture.global_and_fixture_disabled():
            if hasattr(request.config, "workerinput"):
                print(line, file=sys.stderr)  # noqa: T201 - one of two: its reporter writes nowhere
            else:
                reporter.write_line(f"\n{line}")

    return write


@pytest.fixture(scope="module")
async def house(outside_stores: dict[str, str]) -> AsyncIterator[House]:
    """A service without request limits."""
    urls = outside_stores["database_url"], outside_stores["redis_url"]
    async with open_house(*urls) as opened:
        yield opened


@pytest.fixture
async def limited_house(database_url: str, redis_url: str) -> AsyncIterator[House]:
    """A service with the limits it has as it comes."""
    async with open_house(database_url, redis_url, rate_limits=True) as opened:
        yield opened


@pytest.fixture
async def daily(house: House) -> Paper:
    """A site that looks at every comment before it is public, for this test alone."""
    return await house.found(f"daily-{next(_numbers)}")


@pytest.fixture(scope="module")
async def outside_stores(
    stores: EmbeddedStores, fresh_database: FreshDatabase, template_database: str
) -> dict[str, str]:
    """Settings of a service that has no stores of its own: the tests', empty at first."""
    redis_url = redis_of("journeys", beside=stores.endpoints.redis_url)
    async with Redis.from_url(redis_url) as redis:
        await redis.flushdb()
    return {
        "database_url": await fresh_database(template_database),
        "redis_url": redis_url,
        "secret_key": SECRET_KEY,
    }


_numbers = itertools.count(1)
