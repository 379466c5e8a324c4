"""The stores for one command: those configured, a running embedded pair, or one of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
from msgspec import Struct
from redis.asyncio.client import Redis

from service.cli.show import progress
from service.embedded import (
    AlreadyRunning,
    EmbeddedStores,
    EmbeddedUnavailable,
    Endpoints,
    join_running,
)
from service.features.sites import SiteDirectory
from service.model import Site
from service.secrets import Secrets, open_secrets
from service.settings import Settings
from service.storage.postgres import MigrationFailed, SchemaState, migrate, open_pool, schema_state
from service.storage.redis import Scripts, connect
from service.storage.sites import SiteStore
from service.telemetry import set_up_logging

JOIN_SECONDS = 30.0
"""How long to wait for a pair that another process is starting or stopping."""
JOIN_PAUSE_SECONDS = 0.1
CONNECTIONS_MAX = 2


class OpenStores(Struct, frozen=True, kw_only=True):
    """What a command works with."""

    settings: Settings
    secrets: Secrets
    urls: Endpoints
    pool: asyncpg.Pool[asyncpg.Record]
    redis: Redis
    scripts: Scripts

    async def site(self, slug: str) -> Site:
        """Return a site.

        Raises:
            UnknownSite: there is none of this slug.
            Unavailable: Postgres is away.
        """
        return await SiteDirectory(sites=SiteStore(pool=self.pool), pending=None).get(slug)


@asynccontextmanager
async def open_stores(settings: Settings) -> AsyncIterator[OpenStores]:
    """Open both stores with the newest schema, and close what was opened.

    Raises:
        BadSettings: there is no secret key.
        AlreadyRunning: a pair of servers is being started or stopped, for too long.
        EmbeddedUnavailable: there is no pair of servers to join, and none can be started.
        MigrationFailed: the schema is older, and is not to be or cannot be changed.
        Unavailable: Postgres is away.
    """
    log_for_people(settings)
    secrets = open_secrets(settings)
    async with AsyncExitStack() as opened:
        where = await opened.enter_async_context(endpoints(settings))
        pool = await opened.enter_async_context(
            open_pool(where.database_url, min_size=1, max_size=CONNECTIONS_MAX)
        )
        if await schema_state(pool) is SchemaState.BEHIND:
            await _bring_up_to_date(settings, where)
        redis = await opened.enter_async_context(connect(where.redis_url, pool_size=4))
        yield OpenStores(
            settings=settings,
            secrets=secrets,
            urls=where,
            pool=pool,
            redis=redis,
            scripts=Scripts.load(),
        )


@asynccontextmanager
async def endpoints(settings: Settings) -> AsyncIterator[Endpoints]:
    """Yield where both stores answer; a pair that had to be started ends with the block.

    Raises:
        AlreadyRunning: a pair of servers is being started or stopped, for too long.
        EmbeddedUnavailable: there is no pair of servers to join, and none can be started.
    """
    if settings.database_url is not None and settings.redis_url is not None:
        yield Endpoints(database_url=settings.database_url, redis_url=settings.redis_url)
        return
    async with AsyncExitStack() as started:
        with progress("Looking for Postgres and Redis"):
            running = await _join_or_start(settings, started)
        yield Endpoints(
            database_url=settings.database_url or _named(running.database_url, "Postgres"),
            redis_url=settings.redis_url or _named(running.redis_url, "Redis"),
        )


def log_for_people(settings: Settings) -> None:
    """Keep a command's standard error for what went wrong, unless the operator wants more."""
    chosen = {setting.name: setting.source != "default" for setting in settings.explain()}
    set_up_logging(
        level=settings.log_level if chosen["log_level"] else "warning",
        form=settings.log_format if chosen["log_format"] else "text",
    )


async def _join_or_start(settings: Settings, started: AsyncExitStack) -> Endpoints:
    deadline = asyncio.get_running_loop().time() + JOIN_SECONDS
    while True:
        running = await join_running(settings.data_dir)
        if running is not None:
            return running
        pair = EmbeddedStores(
            settings.data_dir,
            postgres=settings.database_url is None,
            redis=settings.redis_url is None,
        )
        try:
            return (await started.enter_async_context(pair)).endpoints
        except AlreadyRunning:
            if asyncio.get_running_loop().time() > deadline:
                raise
        await asyncio.sleep(JOIN_PAUSE_SECONDS)


async def _bring_up_to_date(settings: Settings, where: Endpoints) -> None:
    if not settings.migrate:
        raise MigrationFailed("The schema is older than this release. Run: postbag migrate")
    await migrate(where.database_url)


def _named(url: str, store: str) -> str:
    if not url:
        raise EmbeddedUnavailable(
            f"The running service uses another {store} than the embedded one: give this command"
            " the same settings."
        )
    return url
