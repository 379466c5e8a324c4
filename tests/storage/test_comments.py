"""Reading public comments: pages by key, through the indexes, whatever the size of the thread."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from service.model import ArticleState, article_id
from service.storage.comments import CommentReader, CommentStore, Sort, age, key_of
from service.storage.postgres import open_pool
from service.storage.queries import SQL_FOLDER, parse_queries
from tests.trees import Forest, add_site, grow, plant

QUERIES = {
    query.name: query
    for query in parse_queries((SQL_FOLDER / "queries" / "comments.sql").read_text(), "comments")
}

ROOTS = 12_000
REPLIES = 8_000
BLOCKS_MAX = 500
"""Blocks of 8 kB that a page may read: 40 rows, scattered, take about 150 through an index."""

BIG = article_id(1, "big")

MIDDLE = ROOTS // 2


def _root(number: int) -> UUID:
    return UUID(int=number)


@asynccontextmanager
async def _reading(database_url: str, site_id: int) -> AsyncIterator[CommentReader]:
    async with (
        open_pool(database_url, min_size=1, max_size=2) as pool,
        CommentStore(pool=pool).reading(site_id) as reader,
    ):
        yield reader


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.mark.parametrize("sort", list(Sort))
async def test_pages_forth_and_back_are_the_whole_order(
    database_url: str, owner: asyncpg.Connection, sort: Sort
) -> None:
    forest = grow(5, site_id=await add_site(owner), keys=("a", "b"), size=120, roots=0.7, deep=0.5)
    await plant(owner, forest)
    expected = [leaf.comment_id for leaf in forest.roots(sort)]
    async with _reading(database_url, forest.site_id) as reader:
        thread = await reader.find_thread(forest.article_ids[1])
        assert thread is not None
        walked: list[Any] = []
        while page := await reader.roots(
            thread, sort, limit=7, after=key_of(walked[-1], sort) if walked else None
        ):
            walked += page
        assert [root.comment_id for root in walked] == expected

        for place in (0, 1, len(expected) // 2, len(expected) - 1):
            before = await reader.roots_before(thread, sort, walked[place], limit=5)
            assert [root.comment_id for root in before] == expected[max(place - 5, 0) : place]
            assert await reader.rank(thread, sort, walked[place], bound=1_000) == place
            assert await reader.rank(thread, sort, walked[place], bound=3) == min(place, 3)


async def test_replies_go_on_by_age_and_id(database_url: str, owner: asyncpg.Connection) -> None:
    forest = Forest(site_id=await add_site(owner), keys=("a",))
    root = forest.add()
    for number in range(9):
        forest.add(root, minutes=number // 4)
    await plant(owner, forest)
    async with _reading(database_url, forest.site_id) as reader:
        parent = (await reader.path_to([root.article_id], root.comment_id, ancestors=0))[0]
        walked: list[Any] = []
        while page := await reader.replies(
            parent, limit=2, after=age(walked[-1]) if walked else None
        ):
            walked += page

    assert [reply.comment_id for reply in walked] == [leaf.comment_id for leaf in root.replies]


async def test_a_tombstone_names_nobody(database_url: str, owner: asyncpg.Connection) -> None:
    forest = Forest(site_id=await add_site(owner), keys=("a",))
    gone = forest.add(status="removed")
    reply = forest.add(gone)
    hidden = forest.add(status="deleted")
    await plant(owner, forest)
    async with _reading(database_url, forest.site_id) as reader:
        path = await reader.path_to([gone.article_id], reply.comment_id, ancestors=5)
        assert await reader.path_to([gone.article_id], hidden.comment_id, ancestors=5) == []
        assert await reader.path_to([uuid4()], reply.comment_id, ancestors=5) == []

    assert [each.comment_id for each in path] == [reply.comment_id, gone.comment_id]
    assert path[0].author == ("Leila", "Author", None)
    assert path[0].text == reply.text
    assert path[1].author == ("", None, None)
    assert path[1].text is None
    assert path[1].status == "removed"


async def test_a_path_goes_up_as_far_as_asked(database_url: str, owner: asyncpg.Connection) -> None:
    forest = Forest(site_id=await add_site(owner), keys=("a",))
    leaf = forest.add()
    for _ in range(6):
        leaf = forest.add(leaf)
    await plant(owner, forest)
    async with _reading(database_url, forest.site_id) as reader:
        path = await reader.path_to([leaf.article_id], leaf.comment_id, ancestors=3)

    assert [each.comment_id for each in path] == [
        each.comment_id for each in [leaf, *leaf.above()][:4]
    ]


async def test_a_thread_is_found_by_alias_and_closes_by_the_clock(
    database_url: str, owner: asyncpg.Connection
) -> None:
    forest = grow(
        8, site_id=await add_site(owner), keys=("a", "b", "c"), size=40, roots=0.5, deep=0.5
    )
    await plant(owner, forest)
    await owner.execute(
        "UPDATE articles SET url = 'https://daily.example/a', close_at = $1 WHERE key = 'a'",
        datetime.now(UTC) - timedelta(seconds=1),  # noqa: TID251 - the database's clock is meant
    )
    async with _reading(database_url, forest.site_id) as reader:
        found = [await reader.find_thread(each) for each in forest.article_ids]
        assert await reader.find_thread(article_id(forest.site_id, "other")) is None

    assert found[0] is not None
    assert found == [found[0]] * 3
    assert found[0].article.key == "a"
    assert found[0].article.url == "https://daily.example/a"
    assert found[0].article.state is ArticleState.CLOSED
    assert found[0].article.count == forest.approved()
    assert found[0].shown_roots == len(forest.roots("oldest"))
    assert set(found[0].article_ids) == set(forest.article_ids)
    assert found[0].version == 21


async def test_counts_of_many_articles_leave_out_the_unseen(
    database_url: str, owner: asyncpg.Connection
) -> None:
    site_id = await add_site(owner)
    merged = grow(1, site_id=site_id, keys=("a", "b"), size=30, roots=0.5, deep=0.5)
    single = grow(2, site_id=site_id, keys=("c",), size=10, roots=0.5, deep=0.5)
    await plant(owner, merged)
    await plant(owner, single)
    await owner.execute(
        "INSERT INTO articles (site_id, article_id, key) VALUES ($1, $2, 'quiet')",
        site_id,
        quiet := article_id(site_id, "quiet"),
    )
    unseen = article_id(site_id, "unseen")
    async with _reading(database_url, site_id) as reader:
        asked = [*merged.article_ids, *single.article_ids, quiet, unseen]
        counted = await reader.find_counts(asked)

    assert {key: value.approved for key, value in counted.items()} == {
        merged.article_ids[0]: merged.approved(),
        merged.article_ids[1]: merged.approved(),
        single.article_ids[0]: single.approved(),
        quiet: 0,
    }
    assert set(counted[merged.article_ids[1]].article_ids) == set(merged.article_ids)


ARGUMENTS: dict[str, str] = {
    "find_thread": f"1, '{BIG}'",
    "find_counts": f"1, ARRAY['{BIG}', '{article_id(1, 'other-7')}']::uuid[]",
    "roots_newest": f"1, '{BIG}', 21, '2026-01-05 00:00+00', '{_root(MIDDLE)}', false",
    "roots_oldest": f"1, '{BIG}', 21, '2026-01-05 00:00+00', '{_root(MIDDLE)}', false",
    "roots_best": f"1, '{BIG}', 21, false, {MIDDLE}, '{_root(MIDDLE)}', false",
    "roots_worst": f"1, '{BIG}', 21, false, {MIDDLE}, '{_root(MIDDLE)}', false",
    "look_newest": f"1, '{BIG}', 21, '2026-01-05 00:00+00', '{_root(MIDDLE)}', false, 64, 2",
    "look_oldest": f"1, '{BIG}', 21, '2026-01-05 00:00+00', '{_root(MIDDLE)}', false, 64, 2",
    "look_best": f"1, '{BIG}', 21, false, {MIDDLE}, '{_root(MIDDLE)}', false, 64, 2",
    "rank_newest": f"1, '{BIG}', 100, '2026-01-05 00:00+00', '{_root(MIDDLE)}'",
    "rank_oldest": f"1, '{BIG}', 100, '2026-01-05 00:00+00', '{_root(MIDDLE)}'",
    "rank_best": f"1, '{BIG}', 100, false, {MIDDLE}, '{_root(MIDDLE)}'",
    "replies": f"1, '{BIG}', '{_root(1)}', 21, '2026-01-05 00:00+00', '{_root(MIDDLE)}', false",
    "below_roots": f"1, ARRAY['{BIG}', '{BIG}']::uuid[],"
    f" ARRAY['{_root(1)}', '{_root(2)}']::uuid[], 64, 2, false",
    "first_replies": f"1, ARRAY['{BIG}', '{BIG}']::uuid[],"
    f" ARRAY['{_root(1)}', '{_root(2)}']::uuid[], 2, false",
    "path_to": f"1, ARRAY['{BIG}']::uuid[], '{_root(ROOTS + 77)}', 50, false",
    "find_place": f"1, '{_root(MIDDLE)}'",
}
"""Each statement on the big article, in the middle of it where it can stand anywhere."""


@pytest.mark.long
async def test_every_page_of_a_long_thread_reads_its_index_and_little_else(
    owner: asyncpg.Connection,
) -> None:
    await _fill(owner)
    indexes = {row[0] for row in await owner.fetch("SELECT indexname FROM pg_indexes")}
    faults: dict[str, str] = {}
    for mode in ("force_generic_plan", "force_custom_plan"):
        await owner.execute(f"SET plan_cache_mode = {mode}")
        for name, query in QUERIES.items():
            plan = await _explained(owner, query.sql, ARGUMENTS[name])
            said = set(re.findall(r"[a-z_]+", query.index or "")) & indexes
            used = {node["Index Name"] for node in _nodes(plan) if "Index Name" in node}
            blocks = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
            scans = [node["Node Type"] for node in _nodes(plan) if node["Node Type"] == "Seq Scan"]
            if not said or used != said or scans or blocks > BLOCKS_MAX:
                faults[f"{name} {mode}"] = f"{used} not {said}, {scans}, {blocks} blocks"

    assert faults == {}


async def _fill(owner: asyncpg.Connection) -> None:
    """One article with 20,000 comments among 3,000 with two each."""
    assert await add_site(owner) == 1
    await owner.execute(
        "INSERT INTO articles (site_id, article_id, key)"
        " SELECT 1, id, key FROM unnest($1::uuid[], $2::text[]) AS seen (id, key)",
        [BIG, *(article_id(1, f"other-{number}") for number in range(3_000))],
        ["big", *(f"other-{number}" for number in range(3_000))],
    )
    await owner.execute(
        "INSERT INTO article_counts (site_id, article_id, approved, shown_roots)"
        " SELECT 1, article_id, 1, 1 FROM articles"
    )
    # Half of the replies stand below the first root; every tenth root is hidden.
    await owner.execute(
        f"""
        WITH born AS (
            SELECT n, lpad(to_hex(n), 32, '0')::uuid AS id,
                   CASE WHEN n > {ROOTS} THEN
                       CASE WHEN n % 2 = 0 THEN 1 ELSE n - {ROOTS} END
                   END AS parent
            FROM generate_series(1, {ROOTS + REPLIES}) AS n
        )
        INSERT INTO comments (site_id, article_id, comment_id, parent_id, root_id, depth,
            author_kind, author_name, text, status, revision, created_at, published_at, best,
            reply_count, shown_replies)
        SELECT 1, '{BIG}', id, lpad(to_hex(parent), 32, '0')::uuid,
               coalesce(lpad(to_hex(parent), 32, '0')::uuid, id), (n > {ROOTS})::int, 'guest',
               'Leila', CASE WHEN n % 10 > 0 OR n > {ROOTS} THEN repeat('text ', 40) END,
               CASE WHEN n % 10 > 0 OR n > {ROOTS} THEN 'approved' ELSE 'removed' END, 1,
               '2026-01-01 00:00+00'::timestamptz + n * interval '1 minute', now(), n, 0, 0
        FROM born ORDER BY n
        """  # noqa: S608 - two constants of this file
    )
    await owner.execute(
        "INSERT INTO comments (site_id, article_id, comment_id, root_id, depth, author_kind,"
        " author_name, text, status, revision, created_at, published_at, best)"
        " SELECT 1, article_id, id, id, 0, 'guest', 'Sam', 'text', 'approved', 1, now(), now(), 1"
        " FROM (SELECT article_id, gen_random_uuid() AS id FROM articles, generate_series(1, 2)) t"
    )
    await owner.execute(
        "INSERT INTO comment_places (site_id, comment_id, article_id)"
        " SELECT site_id, comment_id, article_id FROM comments"
    )
    await owner.execute("ANALYZE")


async def _explained(owner: asyncpg.Connection, sql: str, arguments: str) -> dict[str, Any]:
    await owner.execute(f"PREPARE asked AS {sql}")
    text = await owner.fetchval(
        f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE asked({arguments})"
    )
    await owner.execute("DEALLOCATE asked")
    plan: dict[str, Any] = json.loads(text)[0]["Plan"]
    return plan


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)
