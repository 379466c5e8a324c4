"""A service in this process, over the test's stores, reached over real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp

from service.app import Service, open_service, running_loops, serving
from service.model import Scope, SiteSettings
from service.secrets import open_secrets
from service.settings import Settings
from tests.journeys.api import Api, Paper

SECRET_KEY = "a secret of the tests, long enough"
SCOPES = {scope.value: scope for scope in Scope} | {"second": Scope.MODERATE}


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A running service."""

    service: Service
    api: Api

    async def found(self, slug: str, settings: SiteSettings | None = None) -> Paper:
        """Make a site with keys, each with a single scope, called as they are here."""
        site = await self.service.core.sites.create(slug, slug.title(), settings)
        keys = {}
        for name, scope in SCOPES.items():
            _, keys[name] = await self.service.members.keyring.create(
                site, name=name, scopes={scope}, expires_at=None, now=now()
            )
        return Paper(api=self.api, slug=slug, keys=keys)


@asynccontextmanager
async def open_house(
    database_url: str, redis_url: str, *, rate_limits: bool = False, **more: Any
) -> AsyncIterator[House]:
    """Serve on a free port until the block ends; `more` are settings."""
    settings = Settings.model_validate(
        {
            "port": 0,
            "metrics_port": 0,
            "secret_key": SECRET_KEY,
            "database_url": database_url,
            "redis_url": redis_url,
            "rate_limits": rate_limits,
            **more,
        }
    )
    async with (
        open_service(
            settings, open_secrets(settings), database_url=database_url, redis_url=redis_url
        ) as service,
        running_loops(service),
        serving(service, settings, lag_max_seconds=60) as urls,
        client() as session,
    ):
        yield House(service=service, api=Api(session=session, base_url=urls.base))


def client() -> aiohttp.ClientSession:
    """Make a client with as many connections as it needs."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))


def now() -> datetime:
    """Return the time of day: the service under test lives by the clock."""
    return datetime.now(UTC)  # noqa: TID251 - see above
