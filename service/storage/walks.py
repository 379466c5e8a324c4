"""Walks over everything a site has waiting, batch by batch, while others go on changing it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast
from uuid import UUID

from redis.asyncio import Redis

from service.storage.redis import Keys, unavailable_when_down


async def walk_places(redis: Redis, at: Keys, *, batch: int) -> AsyncIterator[list[UUID]]:
    """Yield the ids in any place; what waits throughout is met, most of it once.

    Raises:
        QueueUnavailable: Redis is away.
    """
    for listed in (at.by_age, at.escalated_by_age):
        async for names in _members(redis, listed, batch=batch):
            yield _uuids(names)
    # What has a place but is not listed is a crash's leftover, or a public comment's lease.
    for place in (at.queue, at.escalated, at.settling, at.leases, at.quarantine):
        async for names in _members(redis, place, batch=batch):
            unlisted = await _unlisted(redis, at, names)
            if unlisted:
                yield _uuids(unlisted)


async def walk_items(redis: Redis, at: Keys, *, batch: int) -> AsyncIterator[list[UUID]]:
    """Yield the ids of all items, whether or not they have a place.

    Raises:
        QueueUnavailable: Redis is away.
    """
    prefix, cursor = at.item(""), 0
    while True:
        with unavailable_when_down():
            cursor, found = await redis.scan(cursor, match=f"{prefix}*", count=batch)
        names = cast("list[bytes]", found)
        if names:
            yield _uuids([name[len(prefix) :] for name in names])
        if cursor == 0:
            return


async def _members(redis: Redis, key: str, *, batch: int) -> AsyncIterator[list[bytes]]:
    cursor = 0
    while True:
        with unavailable_when_down():
            cursor, found = await redis.zscan(key, cursor, count=batch)
        names = [name for name, _ in cast("list[tuple[bytes, float]]", found)]
        if names:
            yield names
        if cursor == 0:
            return


async def _unlisted(redis: Redis, at: Keys, names: list[bytes]) -> list[bytes]:
    with unavailable_when_down():
        async with redis.pipeline(transaction=False) as pipe:
            pipe.zmscore(at.by_age, cast("list[str]", names))
            pipe.zmscore(at.escalated_by_age, cast("list[str]", names))
            ages, escalated_ages = await pipe.execute()
    return [
        name
        for name, age, escalated_age in zip(names, ages, escalated_ages, strict=True)
        if age is None and escalated_age is None
    ]


def _uuids(names: list[bytes]) -> list[UUID]:
    return [UUID(name.decode()) for name in names]
