"""Sites for tests of features: many over one pair of stores, each of a name of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import asyncpg
import pytest
from redis.asyncio import Redis

from service.embedded import EmbeddedStores
from service.storage.postgres import open_pool
from service.storage.redis import connect
from tests.conftest import FreshDatabase, redis_of
from tests.newsroom import Newsroom, open_site
from tests.written import look_at_written

OpenSite = Callable[..., Awaitable[Newsroom]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedStores:
    """A pair of stores that sites share; nothing in a test may empty them."""

    pool: asyncpg.Pool
    redis: Redis


@pytest.fixture(scope="session")
async def shared_stores(
    stores: EmbeddedStores, fresh_database: FreshDatabase, template_database: str
) -> AsyncIterator[SharedStores]:
    """A database and a Redis database for many sites: making them takes longer than a test."""
    database_url = await fresh_database(template_database)
    redis_url = redis_of("features", beside=stores.endpoints.redis_url)
    async with open_pool(database_url) as pool, connect(redis_url) as redis:
        yield SharedStores(pool=pool, redis=redis)
        await look_at_written(pool)


@pytest.fixture
def new_site(shared_stores: SharedStores) -> OpenSite:
    """A function that makes a site and wires a process for it."""
    return partial(open_site, shared_stores.pool, shared_stores.redis)


@pytest.fixture
async def newsroom(new_site: OpenSite) -> Newsroom:
    """A site with the settings of a new one."""
    return await new_site()
