"""What wakes the loops of the leader."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from service.features.errands import Errands
from service.storage.errands import ERRANDS, ErrandStore
from tests.newsroom import Newsroom


@pytest.fixture
def errands(newsroom: Newsroom) -> Errands:
    return Errands(store=ErrandStore(pool=newsroom.pool), clock=lambda: newsroom.now)


async def test_who_has_something_to_do_is_woken_and_nobody_else(
    newsroom: Newsroom, errands: Errands
) -> None:
    store = errands.store
    await newsroom.clusters.catch_up()
    assert "clusters" not in await store.waiting(now=newsroom.now)
    comment = await newsroom.post()
    await newsroom.journal.copy(newsroom.site)
    seen = {*await store.waiting(now=newsroom.now)}
    assert {"clusters", "search"} <= seen
    idle = next(each for each in ERRANDS if each not in seen)  # others left work of their kind
    waits = asyncio.ensure_future(errands.rest_until("clusters")(0.0))
    rests = asyncio.ensure_future(errands.rest_until(idle)(0.0))
    await asyncio.sleep(0)
    await errands.look()
    async with asyncio.timeout(1):
        await waits
    assert not rests.done()
    rests.cancel()
    await newsroom.clusters.catch_up()
    assert "clusters" not in await store.waiting(now=newsroom.now)
    await newsroom.approve(comment)
    later = newsroom.now + timedelta(days=1)
    assert {"clusters", "seal"} <= {*await store.waiting(now=later)}


async def test_a_decision_that_nobody_has_told_wakes_whoever_tells(
    newsroom: Newsroom, errands: Errands
) -> None:
    heard = asyncio.Event()
    errands.wake("outbox", heard)
    while await newsroom.relay.relay():
        pass
    await errands.look()
    assert not heard.is_set()
    await newsroom.approve(await newsroom.post())
    await errands.look()
    assert heard.is_set()
