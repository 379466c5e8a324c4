"""What every part stands on: two open stores, settings, secrets, and the time of day."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
from msgspec import Struct
from redis.asyncio.client import Redis
from uuid_utils.compat import uuid7

from service.outgoing import GuardedClient
from service.secrets import Secrets
from service.settings import Settings
from service.storage.breakers import Breakers
from service.storage.redis import Scripts
from service.telemetry import Metrics

Loop = Callable[[], Awaitable[None]]


def clock() -> datetime:
    """Return the time of day, UTC."""
    return datetime.now(UTC)  # noqa: TID251 - this is where time enters


def new_id(now: datetime) -> UUID:
    """Make a UUIDv7: ids sort by time, and a comment's says when it was accepted."""
    return uuid7(nanoseconds=int(now.timestamp() * 1_000) * 1_000_000)


class Ground(Struct, frozen=True, kw_only=True):
    """Open stores and what was configured."""

    settings: Settings
    secrets: Secrets
    pool: asyncpg.Pool[asyncpg.Record]
    redis: Redis
    scripts: Scripts
    metrics: Metrics
    breakers: Breakers
    outgoing: GuardedClient
    """The one way to machines that sites name."""
