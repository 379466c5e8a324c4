"""Walks over everything that waits, step by step, while others go on changing it.

A step is a few commands for all of its comments: a queue of 100,000 takes a tenth of a second.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import cast

from redis.asyncio.client import Redis

from service.storage.line import ask_each
from service.storage.redis import Keys, Scripts, unavailable_when_down

Names = Sequence[bytes]
"""Ids as Redis writes them."""


async def walk_places(
    redis: Redis, scripts: Scripts, at: Keys, *, batch: int
) -> AsyncIterator[Names]:
    """Yield the ids in any place; what waits throughout is met, most of it once.

    Raises:
        QueueUnavailable: Redis is away.
    """
    for listed in (at.by_age, at.escalated_by_age):
        async for names in _by_rank(redis, listed, batch=batch):
            yield names
    async for names in _unlisted_places(redis, scripts, at, batch=batch):
        yield names


async def walk_amiss(
    redis: Redis, scripts: Scripts, at: Keys, *, batch: int
) -> AsyncIterator[Names]:
    """Yield at each step the ids in any place that may not agree with their items.

    All that do not are among them, and few others.

    Raises:
        QueueUnavailable: Redis is away.
    """
    for listed, claimable in ((at.by_age, at.queue), (at.escalated_by_age, at.escalated)):
        async for names in _by_rank(redis, listed, batch=batch):
            yield await _amiss(redis, at, names, claimable)
    async for names in _unlisted_places(redis, scripts, at, batch=batch):
        yield names


async def walk_unlisted(
    redis: Redis, slugs: Collection[str], *, batch: int
) -> AsyncIterator[Mapping[str, Names]]:
    """Yield at each step the ids of items of some sites that are listed nowhere, by site.

    All sites' items are walked over together: to find those of one takes as long.

    Raises:
        QueueUnavailable: Redis is away.
    """
    cursor = 0
    while True:
        with unavailable_when_down():
            cursor, found = await redis.scan(cursor, match=Keys("*").item("*"), count=batch)
        of_sites = _by_site(cast("list[bytes]", found))
        yield {
            slug: await _in_none(redis, names, Keys(slug).by_age, Keys(slug).escalated_by_age)
            for slug, names in of_sites.items()
            if slug in slugs
        }
        if cursor == 0:
            return


async def _by_rank(redis: Redis, listed: str, *, batch: int) -> AsyncIterator[Names]:
    """Walk a list from its end on, where the youngest are: what leaves it meanwhile hides nothing.

    What comes in before the place that was reached is seen by where its neighbour stands then.
    """
    with unavailable_when_down():
        above = await redis.zcard(listed)
    while above > 0:
        with unavailable_when_down():
            below = max(above - batch, 0)
            names = cast("list[bytes]", await redis.zrange(listed, below, above - 1))
        yield names
        if not names or below == 0:
            return
        with unavailable_when_down():
            rank = cast("int | None", await redis.zrank(listed, names[0].decode()))
        above = below if rank is None else rank


async def _unlisted_places(
    redis: Redis, scripts: Scripts, at: Keys, *, batch: int
) -> AsyncIterator[Names]:
    """Walk what has a place but is not listed: a crash's leftover, or a public comment's lease.

    Mostly there are no more places than listed comments, and nothing is to be looked for.
    """
    places = [at.leases]
    if await scripts.run(redis, "surplus", at.places) > 0:
        places += [at.queue, at.escalated, at.settling, at.quarantine]
    for place in places:
        cursor: int | bytes = 0
        while True:
            keys = [place, at.by_age, at.escalated_by_age]
            cursor, names = await scripts.run(redis, "unlisted", keys, (cursor, batch))
            yield names
            if int(cursor) == 0:
                break


async def _amiss(redis: Redis, at: Keys, names: Names, claimable: str) -> Names:
    """Return those of some that are listed whose item or place is missing."""
    if not names:
        return names
    prefix = at.item("").encode()
    with unavailable_when_down():
        (items,) = await ask_each(redis, [("EXISTS", *(prefix + name for name in names))])
    if items < len(names):
        return names
    elsewhere = await _in_none(redis, names, claimable)
    return await _in_none(redis, elsewhere, at.leases, at.settling, at.quarantine)


async def _in_none(redis: Redis, names: Names, *places: str) -> Names:
    """Return those that stand in none of some places."""
    if not names:
        return names
    with unavailable_when_down():
        scores = await ask_each(redis, [("ZMSCORE", place, *names) for place in places])
    none = [None] * len(places)
    return [name for name, *found in zip(names, *scores, strict=True) if found == none]


def _by_site(keys: Names) -> Mapping[str, list[bytes]]:
    before, between, _ = Keys("*").item("*").encode().split(b"*")
    names: dict[str, list[bytes]] = defaultdict(list)
    for key in keys:
        slug, _, name = key[len(before) :].partition(between)
        names[slug.decode()].append(name)
    return names
