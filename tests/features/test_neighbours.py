"""Texts that come at the same time are compared together, over real stores."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import partial

import pytest
from msgspec.structs import replace

from service.errors import Unavailable
from service.features.clusters import LATEST_MAX, WINDOW
from service.features.neighbours import ROUND_MAX, Neighbours
from service.model import Site
from service.storage.clusters import Lively, SignatureRow
from tests.features.test_clusters import DISGUISED, ORDINARY, SPAM, posted
from tests.newsroom import NOON, Newsroom


@dataclass(slots=True)
class Asking:
    """The store's own answers, each held back until it may be given."""

    newsroom: Newsroom
    rounds: list[int] = field(default_factory=list)
    """Bands that each round asked for."""
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    fails: bool = False

    async def alike(self, bands: Collection[int]) -> Sequence[SignatureRow]:
        self.rounds.append(len(bands))
        self.begun.set()
        await self.may_answer.wait()
        if self.fails:
            raise Unavailable
        return await self.newsroom.clusters.store.alike(bands)

    @property
    def neighbours(self) -> Neighbours:
        lately = partial(self.newsroom.clusters.store.lately, limit=LATEST_MAX)
        return Neighbours(self.alike, lately)


@pytest.fixture
def asking(newsroom: Newsroom) -> Asking:
    return Asking(newsroom)


async def cluster_of(neighbours: Neighbours, site: Site, text: str) -> Lively | None:
    return await neighbours.cluster_of(site, text, since=NOON - WINDOW)


def asked(neighbours: Neighbours, site: Site, *texts: str) -> list[asyncio.Task[object]]:
    return [asyncio.create_task(cluster_of(neighbours, site, text)) for text in texts]


async def test_texts_that_come_together_share_a_statement_and_each_has_its_own_answer(
    newsroom: Newsroom, asking: Asking
) -> None:
    first, other = await posted(newsroom, SPAM, ORDINARY[0])
    neighbours = asking.neighbours
    asking.may_answer.set()
    elsewhere = replace(newsroom.site, site_id=newsroom.site.site_id + 1)
    spam, ordinary, unlike, short, foreign = await asyncio.gather(
        *(cluster_of(neighbours, newsroom.site, each) for each in (DISGUISED[0], ORDINARY[0])),
        *(cluster_of(neighbours, newsroom.site, each) for each in (ORDINARY[1], "Thanks!")),
        cluster_of(neighbours, elsewhere, SPAM),
    )
    assert spam is not None
    assert spam.cluster.cluster_id == first.comment_id
    assert ordinary is not None
    assert ordinary.cluster.cluster_id == other.comment_id
    assert (unlike, short, foreign) == (None, None, None)
    assert len(asking.rounds) == 1


async def test_who_comes_while_a_round_is_under_way_is_in_the_next(
    newsroom: Newsroom, asking: Asking
) -> None:
    await posted(newsroom, SPAM)
    neighbours = asking.neighbours
    early = asked(neighbours, newsroom.site, SPAM)
    await asking.begun.wait()
    late = asked(neighbours, newsroom.site, *DISGUISED)
    gone = asked(neighbours, newsroom.site, ORDINARY[0])
    await asyncio.sleep(0)
    gone[0].cancel()
    asking.may_answer.set()
    assert all(await asyncio.gather(*early, *late))
    assert len(asking.rounds) == 2


async def test_a_round_is_bounded(newsroom: Newsroom, asking: Asking) -> None:
    neighbours = asking.neighbours
    asking.may_answer.set()
    await asyncio.gather(*asked(neighbours, newsroom.site, *[SPAM] * (2 * ROUND_MAX + 1)))
    assert len(asking.rounds) == 3


async def test_who_is_in_a_round_that_fails_is_told_and_the_next_is_not_harmed(
    newsroom: Newsroom, asking: Asking
) -> None:
    await posted(newsroom, SPAM)
    neighbours = asking.neighbours
    asking.fails = True
    asking.may_answer.set()
    failed = await asyncio.gather(
        *asked(neighbours, newsroom.site, SPAM, ORDINARY[0]), return_exceptions=True
    )
    assert [type(each) for each in failed] == [Unavailable, Unavailable]
    asking.fails = False
    assert await cluster_of(neighbours, newsroom.site, SPAM) is not None


async def test_a_store_that_hangs_keeps_nobody_longer_than_a_round(
    newsroom: Newsroom, asking: Asking
) -> None:
    neighbours = asking.neighbours
    with pytest.raises(Unavailable):
        await cluster_of(neighbours, newsroom.site, SPAM)
    asking.may_answer.set()
    assert await cluster_of(neighbours, newsroom.site, SPAM) is None
