"""Pages of a thread as bytes, held against the same pages written whole."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import orjson
import pytest

from service.cursors import Cursors
from service.features.fragments import Fragments, core, write
from service.features.threads import Sort, ThreadPage, Threads
from service.model import Site
from service.storage.comments import CommentStore, ShownAuthor
from service.storage.postgres import open_pool
from service.storage.written import WrittenStore
from service.web.wire.comments import thread_json
from service.web.wire.pages import thread_bytes
from tests.conftest import FreshDatabase
from tests.trees import add_site, grow, plant

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
KEY = "story"
FORM = (
    b'{"id":"00000000-0000-0000-0000-000000000001",'
    b'"parent_id":"00000000-0000-0000-0000-000000000002","status":"approved","revision":3,'
    b'"body":[{"t":"p","c":[{"t":"em","c":["So"]}," it is:"]},{"t":"quote","c":[{"t":"p","c":'
    b'[{"t":"code","text":"quoted"}," ",{"t":"link","href":"https://news.example","c":'
    b'["https://news.example"]}]}]}],'
    b'"text":"*So* it is:\\n\\n> `quoted` https://news.example","lang":"en",'
    b'"created_at":"2026-11-25T12:00:00.000Z","edited_at":null,'
    b'"author":{"name":"Ada","badge":null,"avatar":null}'
)


@dataclass(slots=True, kw_only=True)
class Archive:
    """A site with one thread of every kind of comment."""

    owner: asyncpg.Connection
    threads: Threads
    site: Site
    fragments: Fragments

    async def page(self, sort: Sort = Sort.NEWEST, *, whole: bool = True) -> ThreadPage:
        return await self.threads.page(self.site, KEY, sort=sort, limit=100, whole=whole)

    @asynccontextmanager
    async def changed(self, sql: str) -> AsyncIterator[None]:
        """Let a change be there for a while."""
        await self.owner.execute("CREATE TEMPORARY TABLE before AS TABLE comments")
        await self.owner.execute(sql)
        yield
        await self.owner.execute(
            "UPDATE comments c SET text = b.text, author_name = b.author_name, up = b.up,"
            " author_badge = b.author_badge, reply_count = b.reply_count, status = b.status,"
            " shown_replies = b.shown_replies, pinned = b.pinned, revision = b.revision,"
            " edited_at = b.edited_at FROM before b WHERE b.comment_id = c.comment_id"
        )
        await self.owner.execute("DROP TABLE before")


@pytest.fixture(scope="module")
async def archive(fresh_database: FreshDatabase, template_database: str) -> AsyncIterator[Archive]:
    url = await fresh_database(template_database)
    owner = await asyncpg.connect(url)
    site = Site(site_id=await add_site(owner, "daily"), slug="daily", name="The Daily")
    await plant(owner, grow(7, site_id=site.site_id, keys=(KEY,), size=160, roots=0.3, deep=0.4))
    async with open_pool(url, min_size=1, max_size=2) as pool:
        threads = Threads(store=CommentStore(pool=pool), cursors=Cursors([b"k" * 32]))
        fragments = Fragments(store=WrittenStore(pool=pool))
        yield Archive(owner=owner, threads=threads, site=site, fragments=fragments)
    await owner.close()


def written(page: ThreadPage, site: Site, fragments: Fragments) -> bytes:
    return thread_bytes(page, site, usual_minutes=12, now=NOON, fragments=fragments)


def whole(page: ThreadPage, site: Site) -> bytes:
    return orjson.dumps(thread_json(page, site, usual_minutes=12, now=NOON))


async def both(archive: Archive, sort: Sort = Sort.NEWEST) -> tuple[bytes, bytes]:
    """Return a page as it is written for readers, and the same written whole."""
    short = written(await archive.page(sort, whole=False), archive.site, archive.fragments)
    return short, whole(await archive.page(sort), archive.site)


@pytest.mark.parametrize("sort", Sort)
async def test_a_page_is_the_same_whether_its_comments_were_written_before(
    archive: Archive, sort: Sort
) -> None:
    await archive.owner.execute("UPDATE comments SET written = NULL")
    short, expected = await both(archive, sort)
    assert {comment["status"] for comment in orjson.loads(expected)["comments"]} > {"approved"}
    assert short == expected
    await archive.fragments.keep()
    page = await archive.page(sort, whole=False)
    assert all(each.comment.written for each in page.comments)
    assert written(page, archive.site, archive.fragments) == expected


@pytest.mark.parametrize(
    "change",
    [
        "text = 'Another text.'",
        "author_name = 'Nobody any more', author_badge = NULL",
        "up = up + 7, reply_count = 0, shown_replies = 0, pinned = NOT pinned",
        "revision = revision + 1, edited_at = now()",
        "status = 'removed', text = NULL",
    ],
)
async def test_what_changes_in_a_comment_changes_in_what_was_written(
    archive: Archive, change: str
) -> None:
    before, _ = await both(archive)
    await archive.fragments.keep()
    async with archive.changed(f"UPDATE comments SET {change} WHERE status = 'approved'"):  # noqa: S608 - above
        short, expected = await both(archive)
        assert short == expected != before


async def test_a_comment_that_has_changed_meanwhile_keeps_nothing_of_what_it_was(
    archive: Archive,
) -> None:
    await archive.owner.execute("UPDATE comments SET written = NULL")
    await both(archive)
    async with archive.changed("UPDATE comments SET text = 'Another.' WHERE status = 'approved'"):
        await archive.fragments.keep()
        kept = await archive.owner.fetch("SELECT text, written FROM comments")
        assert {row["written"] for row in kept if row["text"]} == {None}
        short, expected = await both(archive)
        assert short == expected


def test_what_is_written_has_one_form_for_as_long_as_its_column() -> None:
    """Rows of former releases are read as they are: another form is another column."""
    told = core(
        comment_id=UUID(int=1),
        parent_id=UUID(int=2),
        status="approved",
        revision=3,
        text="*So* it is:\n\n> `quoted` https://news.example",
        lang="en",
        created_at=NOON,
        edited_at=None,
    )
    assert write(told, ShownAuthor("Ada", None, None)) == FORM
