"""Pages of a thread as bytes, held against the same pages written whole."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg
import orjson
import pytest

from service.cursors import Cursors
from service.features.fragments import Fragments
from service.features.threads import Sort, ThreadPage, Threads
from service.model import Site, article_id
from service.storage.comments import CommentStore
from service.storage.postgres import open_pool
from service.web.wire.comments import thread_json
from service.web.wire.pages import thread_bytes
from tests.conftest import FreshDatabase
from tests.trees import add_site, grow, plant

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
KEY = "story"


@dataclass(slots=True, kw_only=True)
class Archive:
    """A site with one thread of every kind of comment."""

    owner: asyncpg.Connection
    threads: Threads
    site: Site

    async def page(self, sort: Sort = Sort.NEWEST) -> ThreadPage:
        return await self.threads.page(self.site, KEY, sort=sort, limit=100)


@pytest.fixture(scope="module")
async def archive(fresh_database: FreshDatabase, template_database: str) -> AsyncIterator[Archive]:
    url = await fresh_database(template_database)
    owner = await asyncpg.connect(url)
    site = Site(site_id=await add_site(owner, "daily"), slug="daily", name="The Daily")
    await plant(owner, grow(7, site_id=site.site_id, keys=(KEY,), size=160, roots=0.3, deep=0.4))
    async with open_pool(url, min_size=1, max_size=2) as pool:
        threads = Threads(store=CommentStore(pool=pool), cursors=Cursors([b"k" * 32]))
        yield Archive(owner=owner, threads=threads, site=site)
    await owner.close()


def written(page: ThreadPage, site: Site, fragments: Fragments) -> bytes:
    return thread_bytes(
        page, site, usual_minutes=12, now=NOON, fragments=fragments, begun=fragments.drops
    )


def whole(page: ThreadPage, site: Site) -> bytes:
    return orjson.dumps(thread_json(page, site, usual_minutes=12, now=NOON))


@pytest.mark.parametrize("sort", Sort)
async def test_a_page_is_the_same_whether_its_comments_were_written_before(
    archive: Archive, sort: Sort
) -> None:
    fragments = Fragments()
    page = await archive.page(sort)
    expected = whole(page, archive.site)
    assert {comment["status"] for comment in orjson.loads(expected)["comments"]} > {"approved"}
    assert written(page, archive.site, fragments) == expected
    assert fragments.used_bytes
    assert written(page, archive.site, fragments) == expected


@pytest.mark.parametrize(
    "change",
    [
        "text = 'Another text.'",
        "author_name = 'Nobody any more', author_badge = NULL",
        "up = up + 7, reply_count = 0, shown_replies = 0, pinned = NOT pinned",
        "revision = revision + 1, edited_at = now()",
    ],
)
async def test_what_changes_in_a_comment_changes_in_what_was_written(
    archive: Archive, change: str
) -> None:
    fragments = Fragments()
    before = written(await archive.page(), archive.site, fragments)
    await archive.owner.execute(f"UPDATE comments SET {change} WHERE status = 'approved'")  # noqa: S608 - above
    page = await archive.page()
    assert written(page, archive.site, fragments) == whole(page, archive.site) != before


async def test_fragments_go_with_their_article_and_keep_within_their_bound(
    archive: Archive,
) -> None:
    fragments = Fragments()
    page = await archive.page()
    written(page, archive.site, fragments)
    fragments.drop([article_id(archive.site.site_id, "another")])
    assert fragments.used_bytes
    fragments.drop(page.article_ids)
    assert fragments.used_bytes == 0
    small = Fragments(max_bytes=2_000)
    assert written(page, archive.site, small) == whole(page, archive.site)
    assert small.used_bytes <= 2_000


async def test_a_page_read_before_a_text_was_taken_away_leaves_nothing_of_it(
    archive: Archive,
) -> None:
    fragments = Fragments()
    begun = fragments.drops
    page = await archive.page()
    fragments.drop(page.article_ids)
    thread_bytes(page, archive.site, usual_minutes=12, now=NOON, fragments=fragments, begun=begun)
    assert fragments.used_bytes == 0
