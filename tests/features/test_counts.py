"""Counts of articles, from memory and from Postgres."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import pytest

from service.errors import Unavailable
from service.features.cache import Cache
from service.features.counts import Counts
from service.model import Site, article_id
from service.storage.comments import CommentStore
from service.storage.postgres import open_pool
from tests.trees import add_site, grow, plant

RAISE = "UPDATE article_counts SET approved = approved + 1 WHERE site_id = $1"


@dataclass(slots=True, kw_only=True)
class Desk:
    """A site whose articles are counted, and the session that fills it."""

    owner: asyncpg.Connection
    pool: asyncpg.Pool[asyncpg.Record]
    counts: Counts
    site: Site


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[Desk]:
    owner = await asyncpg.connect(database_url)
    site = Site(site_id=await add_site(owner), slug="daily", name="The Daily")
    async with open_pool(database_url, min_size=1, max_size=2) as pool:
        counts = Counts(store=CommentStore(pool=pool), cache=Cache(clock=time.monotonic))
        yield Desk(owner=owner, pool=pool, counts=counts, site=site)
    await owner.close()


async def many(desk: Desk, *keys: str) -> dict[str, int]:
    tallies = await desk.counts.many(desk.site, keys)
    return {key: tally.approved for key, tally in tallies.items()}


async def test_counts_are_of_approved_comments_and_merged_articles_share_theirs(
    desk: Desk,
) -> None:
    merged = grow(1, site_id=desk.site.site_id, keys=("a", "é/b"), size=40, roots=0.4, deep=0.4)
    single = grow(2, site_id=desk.site.site_id, keys=("c",), size=20, roots=0.4, deep=0.4)
    await plant(desk.owner, merged)
    await plant(desk.owner, single)

    assert await many(desk, "é/b", "unseen", "c", "a", "c") == {
        "é/b": merged.approved(),
        "unseen": 0,
        "c": single.approved(),
        "a": merged.approved(),
    }
    one = await desk.counts.one(desk.site, "a")
    assert one.approved == merged.approved()
    assert set(one.article_ids) == set(merged.article_ids)
    assert await many(desk) == {}


async def test_the_order_of_the_keys_is_that_of_the_answer(desk: Desk) -> None:
    assert list(await many(desk, "b", "a", "c")) == ["b", "a", "c"]


async def test_a_count_is_kept_until_its_article_changes(desk: Desk) -> None:
    for number, key in enumerate(("a", "b")):
        forest = grow(number, site_id=desk.site.site_id, keys=(key,), size=10, roots=0.5, deep=0.5)
        await plant(desk.owner, forest)
    before = await many(desk, "a", "b")
    await desk.owner.execute(RAISE, desk.site.site_id)
    assert await many(desk, "a", "b") == before

    desk.counts.cache.invalidate([article_id(desk.site.site_id, "a")], drop=False)

    assert await many(desk, "a", "b") == {"a": before["a"] + 1, "b": before["b"]}


async def test_a_change_of_a_merged_article_changes_the_count_of_all_its_keys(
    desk: Desk,
) -> None:
    forest = grow(3, site_id=desk.site.site_id, keys=("a", "b", "c"), size=30, roots=0.5, deep=0.5)
    await plant(desk.owner, forest)
    before = await many(desk, "a", "b", "c")
    await desk.owner.execute(RAISE, desk.site.site_id)
    desk.counts.cache.invalidate([forest.article_ids[2]], drop=False)

    assert await many(desk, "a", "b", "c") == {key: old + 3 for key, old in before.items()}


async def test_an_article_counts_from_its_first_comment_on(desk: Desk) -> None:
    assert await many(desk, "a") == {"a": 0}
    forest = grow(4, site_id=desk.site.site_id, keys=("a",), size=10, roots=0.5, deep=0.5)
    await plant(desk.owner, forest)
    desk.counts.cache.invalidate(forest.article_ids, drop=False)

    assert await many(desk, "a") == {"a": forest.approved()}


async def test_counts_are_told_from_before_while_postgres_is_away(desk: Desk) -> None:
    forest = grow(5, site_id=desk.site.site_id, keys=("a",), size=10, roots=0.5, deep=0.5)
    await plant(desk.owner, forest)
    before = await many(desk, "a")
    await desk.pool.close()
    desk.counts.cache.invalidate(forest.article_ids, drop=True)

    assert await many(desk, "a") == before
    with pytest.raises(Unavailable):
        await many(desk, "a", "never asked for")
