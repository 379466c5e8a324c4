"""Pages of a thread, held against the slowest of readers over random forests."""

from __future__ import annotations

import itertools
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import asyncpg
import pytest

from service.cursors import BadCursor, Cursors
from service.features.threads import Sort, Threaded, ThreadPage, Threads, UnknownParent
from service.model import ArticleState, Site, article_id
from service.storage.comments import CommentStore
from service.storage.postgres import open_pool
from tests.conftest import FreshDatabase
from tests.trees import Forest, Leaf, add_site, grow, plant

SHAPES = {
    "many roots": {"size": 160, "roots": 0.5, "deep": 0.3},
    "a few great discussions": {"size": 220, "roots": 0.02, "deep": 0.1},
    "long chains": {"size": 160, "roots": 0.02, "deep": 0.93},
    "one crowded root": {"size": 150, "roots": 0.0, "deep": 0.0},
    "only roots": {"size": 90, "roots": 1.0, "deep": 0.0},
}


@dataclass(slots=True, kw_only=True)
class Newsroom:
    """A site whose threads are read, and the session that plants them."""

    owner: asyncpg.Connection
    threads: Threads
    site: Site


@dataclass(slots=True)
class Nested:
    """What a page should carry below a comment."""

    leaf: Leaf
    replies: list[Nested] = field(default_factory=list)


@pytest.fixture(scope="module")
async def archive(
    fresh_database: FreshDatabase, template_database: str
) -> AsyncIterator[tuple[asyncpg.Connection, CommentStore]]:
    """One database for all tests of this file; each has a site of its own."""
    url = await fresh_database(template_database)
    owner = await asyncpg.connect(url)
    async with open_pool(url, min_size=1, max_size=2) as pool:
        yield owner, CommentStore(pool=pool)
    await owner.close()


@pytest.fixture
async def newsroom(archive: tuple[asyncpg.Connection, CommentStore]) -> Newsroom:
    owner, store = archive
    slug = f"daily-{next(_numbers)}"
    site = Site(site_id=await add_site(owner, slug), slug=slug, name="The Daily")
    return Newsroom(
        owner=owner, threads=Threads(store=store, cursors=Cursors([b"k" * 32])), site=site
    )


_numbers = itertools.count(1)


def nest(top: Leaf, focus: Leaf | None = None) -> Nested:
    """Nest the first two replies of each comment, level by level, at most 50 in all.

    The way down to the comment in focus is always open, and counts.
    """
    way = {id(leaf) for leaf in [focus, *focus.above()]} if focus else set()
    way = {one for one in way if any(one == id(leaf) for leaf in _below(top))}
    left = 50 - len(way)
    whole = Nested(top)
    level = [whole]
    while level:
        following: list[Nested] = []
        for each in level:
            for place, reply in enumerate(each.leaf.replies):
                if id(reply) in way:
                    each.replies.append(Nested(reply))
                elif place < 2 and left and len(each.replies) == place:
                    each.replies.append(Nested(reply))
                    left -= 1
            following += each.replies
        level = following
    return whole


def _below(top: Leaf) -> list[Leaf]:
    return [leaf for reply in top.replies for leaf in [reply, *_below(reply)]]


def shape(nested: Nested) -> tuple[object, ...]:
    """Everything that is said of a comment, and of those below it."""
    leaf = nested.leaf
    return (
        leaf.comment_id,
        leaf.text,
        leaf.status,
        leaf.up,
        leaf.down,
        leaf.pinned,
        sum(child.status == "approved" for child in leaf.children),
        len(leaf.replies) > len(nested.replies),
        tuple(shape(reply) for reply in nested.replies),
    )


def seen(threaded: Threaded) -> tuple[object, ...]:
    """The same of what a page carries."""
    comment = threaded.comment
    return (
        comment.comment_id,
        comment.text,
        comment.status,
        comment.up,
        comment.down,
        comment.pinned,
        comment.reply_count,
        threaded.more_replies is not None,
        tuple(seen(reply) for reply in threaded.replies),
    )


def everything(comments: Sequence[Threaded]) -> list[Threaded]:
    """The comments and all that is nested below them."""
    return [each for top in comments for each in [top, *everything(top.replies)]]


async def walk(newsroom: Newsroom, key: str, sort: Sort, limit: int) -> list[ThreadPage]:
    """Every page of roots, by cursors."""
    pages = [await newsroom.threads.page(newsroom.site, key, sort=sort, limit=limit)]
    while pages[-1].next:
        pages.append(
            await newsroom.threads.page(
                newsroom.site, key, sort=sort, limit=limit, cursor=pages[-1].next
            )
        )
    return pages


async def rest(
    newsroom: Newsroom, key: str, top: Threaded, limit: int
) -> list[tuple[Threaded, list[Threaded]]]:
    """Each comment nested under `top`, with those of its replies that come by its cursor."""
    found: list[tuple[Threaded, list[Threaded]]] = []
    for each in everything([top]):
        more: list[Threaded] = []
        cursor = each.more_replies
        while cursor:
            page = await newsroom.threads.page(
                newsroom.site, key, limit=limit, cursor=cursor, parent=each.comment.comment_id
            )
            more += page.comments
            unread = each.comment.shown_replies - len(each.replies) - len(more)
            assert page.remaining == unread
            assert (page.next is None) == (unread == 0)
            cursor = page.next
        found.append((each, more))
    return found


@pytest.mark.parametrize("shape_name", SHAPES)
@pytest.mark.parametrize("sort", list(Sort))
async def test_every_page_is_what_the_rules_say(
    newsroom: Newsroom, shape_name: str, sort: Sort
) -> None:
    chance = random.Random(f"{shape_name} {sort}")  # noqa: S311 - a test may be repeated
    for number, keys in enumerate((("a",), ("b", "c", "d"))):
        forest = grow(
            chance.randrange(10**6),
            site_id=newsroom.site.site_id,
            keys=keys,
            **SHAPES[shape_name],  # type: ignore[arg-type]
        )
        await plant(newsroom.owner, forest)
        limit = chance.choice((1, 2, 3, 7, 20, 100))
        expected = [shape(nest(root)) for root in forest.roots(sort)]

        pages = await walk(newsroom, keys[number], sort, limit)

        assert [seen(top) for page in pages for top in page.comments] == expected
        assert all(len(page.comments) == limit for page in pages[:-1])
        for place, page in enumerate(pages):
            assert page.remaining == max(len(expected) - (place + 1) * limit, 0)
            assert page.article.count == forest.approved()
            assert page.article.key == keys[0]
            assert set(page.article_ids) == set(forest.article_ids)
            assert page.focus is None


@pytest.mark.parametrize("shape_name", SHAPES)
async def test_cursors_lead_to_every_comment_once(newsroom: Newsroom, shape_name: str) -> None:
    forest = grow(
        11,
        site_id=newsroom.site.site_id,
        keys=("a", "b"),
        **SHAPES[shape_name],  # type: ignore[arg-type]
    )
    await plant(newsroom.owner, forest)
    leaves = {leaf.comment_id: leaf for leaf in forest.shown}
    met: list[UUID] = []
    waiting = [top for page in await walk(newsroom, "a", Sort.BEST, 20) for top in page.comments]
    while waiting:
        for each, more in await rest(newsroom, "a", waiting.pop(), limit=3):
            met.append(each.comment.comment_id)
            leaf = leaves[each.comment.comment_id]
            assert [reply.comment.comment_id for reply in [*each.replies, *more]] == [
                reply.comment_id for reply in leaf.replies
            ]
            assert [seen(reply) for reply in more] == [
                shape(nest(leaves[reply.comment.comment_id])) for reply in more
            ]
            waiting += more

    assert len(met) == len(set(met))
    assert set(met) == set(leaves)


@pytest.mark.parametrize("sort", list(Sort))
@pytest.mark.parametrize("shape_name", SHAPES)
@pytest.mark.long
async def test_a_permalink_opens_its_page_and_the_way_down(
    newsroom: Newsroom, shape_name: str, sort: Sort
) -> None:
    forest = grow(
        23,
        site_id=newsroom.site.site_id,
        keys=("a", "b"),
        **SHAPES[shape_name],  # type: ignore[arg-type]
    )
    await plant(newsroom.owner, forest)
    limit = 4
    roots = forest.roots(sort)
    leaves = {leaf.comment_id: leaf for leaf in forest.shown}
    for number, leaf in enumerate(each for each in forest.shown[::3] if each.depth <= 50):
        page = await newsroom.threads.page(
            newsroom.site, "b", sort=sort, limit=limit, focus=leaf.comment_id
        )
        place = roots.index(leaf.root)
        first = place - place % limit
        expected = [
            shape(nest(root, leaf if root is leaf.root else None))
            for root in roots[first : first + limit]
        ]
        assert [seen(top) for top in page.comments] == expected
        assert page.focus == leaf.comment_id
        assert page.remaining == max(len(roots) - first - limit, 0)
        assert (page.next is None) == (page.remaining == 0)
        if number % 4 == 0:
            opened = page.comments[place - first]
            for each, more in await rest(newsroom, "a", opened, limit=2):
                replies = [reply.comment.comment_id for reply in [*each.replies, *more]]
                assert sorted(replies) == sorted(
                    reply.comment_id for reply in leaves[each.comment.comment_id].replies
                )


async def test_replies_to_what_a_page_leaves_out_are_not_taken_for_its_siblings(
    newsroom: Newsroom,
) -> None:
    """As many comments stand below the root as it has replies, and two are none of them."""
    forest = Forest(site_id=newsroom.site.site_id, keys=("a",))
    root = forest.add()
    replies = [forest.add(root) for _ in range(4)]
    for _ in range(2):
        forest.add(replies[2])
    await plant(newsroom.owner, forest)
    page = await newsroom.threads.page(newsroom.site, "a")

    assert [seen(top) for top in page.comments] == [shape(nest(root))]
    shown = [each.comment.comment_id for each in page.comments[0].replies]
    assert shown == [reply.comment_id for reply in replies[:2]]
    assert page.comments[0].more_replies is not None


async def test_the_page_of_a_permalink_goes_on_like_any_other(newsroom: Newsroom) -> None:
    forest = grow(4, site_id=newsroom.site.site_id, keys=("a",), size=30, roots=0.8, deep=0.1)
    await plant(newsroom.owner, forest)
    roots = forest.roots("newest")
    page = await newsroom.threads.page(
        newsroom.site, "a", sort=Sort.NEWEST, limit=3, focus=roots[4].comment_id
    )
    assert page.next is not None
    following = await newsroom.threads.page(
        newsroom.site, "a", sort=Sort.NEWEST, limit=3, cursor=page.next, focus=roots[4].comment_id
    )

    assert [top.comment.comment_id for top in following.comments] == [
        root.comment_id for root in roots[6:9]
    ]
    assert following.focus is None


async def test_a_permalink_beyond_the_count_begins_its_page_somewhere(
    newsroom: Newsroom,
) -> None:
    forest = Forest(site_id=newsroom.site.site_id, keys=("a",))
    roots = [forest.add() for _ in range(30)]
    await plant(newsroom.owner, forest)
    threads = Threads(store=newsroom.threads.store, cursors=newsroom.threads.cursors, rank_max=10)
    page = await threads.page(
        newsroom.site, "a", sort=Sort.OLDEST, limit=4, focus=roots[21].comment_id
    )

    assert [top.comment.comment_id for top in page.comments] == [
        root.comment_id for root in roots[19:23]
    ]
    assert page.focus == roots[21].comment_id
    assert page.next is not None


async def test_a_permalink_to_what_is_not_there_is_the_first_page(newsroom: Newsroom) -> None:
    forest = Forest(site_id=newsroom.site.site_id, keys=("a",))
    deep = forest.add()
    for _ in range(51):
        deep = forest.add(deep)
    hidden = forest.add(status="removed")
    await plant(newsroom.owner, forest)
    other = Forest(site_id=newsroom.site.site_id, keys=("other",))
    foreign = other.add()
    await plant(newsroom.owner, other)
    first = await newsroom.threads.page(newsroom.site, "a")
    for focus in (uuid4(), hidden.comment_id, foreign.comment_id, deep.comment_id):
        page = await newsroom.threads.page(newsroom.site, "a", focus=focus)
        assert page.focus is None
        assert [seen(top) for top in page.comments] == [seen(top) for top in first.comments]

    just_there = await newsroom.threads.page(
        newsroom.site, "a", focus=deep.parent.comment_id if deep.parent else None
    )
    assert just_there.focus is not None
    assert len(everything(just_there.comments)) == 51


async def test_a_page_of_replies_may_begin_anywhere(newsroom: Newsroom) -> None:
    forest = grow(31, site_id=newsroom.site.site_id, keys=("a",), size=150, roots=0.02, deep=0.3)
    await plant(newsroom.owner, forest)
    for leaf in forest.shown:
        page = await newsroom.threads.page(
            newsroom.site, "a", limit=5, parent=leaf.comment_id, focus=leaf.comment_id
        )
        assert [seen(top) for top in page.comments] == [
            shape(nest(reply)) for reply in leaf.replies[:5]
        ]
        assert page.remaining == max(len(leaf.replies) - 5, 0)
        assert page.focus is None
        assert page.article.count == forest.approved()


async def test_replies_of_what_readers_do_not_see_are_unknown(newsroom: Newsroom) -> None:
    forest = Forest(site_id=newsroom.site.site_id, keys=("a",))
    forest.add()
    hidden = forest.add(status="deleted")
    await plant(newsroom.owner, forest)
    for key, parent in (("a", hidden.comment_id), ("a", uuid4()), ("unseen", uuid4())):
        with pytest.raises(UnknownParent) as refused:
            await newsroom.threads.page(newsroom.site, key, parent=parent)
        assert refused.value.stable_code == "unknown_parent"


async def test_an_article_nobody_has_met_has_an_empty_page(newsroom: Newsroom) -> None:
    page = await newsroom.threads.page(newsroom.site, "story/8731 é")

    assert page.comments == ()
    assert page.next is None
    assert page.remaining == 0
    assert page.article.key == "story/8731 é"
    assert page.article.count == 0
    assert page.article.state is ArticleState.OPEN
    assert page.article_ids == (article_id(newsroom.site.site_id, "story/8731 é"),)


async def test_a_cursor_opens_its_own_list_only(newsroom: Newsroom) -> None:
    threads, site = newsroom.threads, newsroom.site
    for key in ("a", "b"):
        forest = Forest(site_id=site.site_id, keys=(key,))
        for _ in range(4):
            root = forest.add()
            for _ in range(4):
                forest.add(root)
        await plant(newsroom.owner, forest)
    page = await threads.page(site, "a", sort=Sort.BEST, limit=2)
    first, second = page.comments
    assert page.next
    assert first.more_replies
    await threads.page(site, "a", cursor=page.next, sort=Sort.BEST)
    await threads.page(site, "a", cursor=first.more_replies, parent=first.comment.comment_id)
    elsewhere = Site(site_id=site.site_id + 1, slug="weekly", name="The Weekly")

    for foreign in (
        threads.page(site, "a", cursor=page.next, sort=Sort.OLDEST),
        threads.page(site, "b", cursor=page.next, sort=Sort.BEST),
        threads.page(site, "unseen", cursor=page.next, sort=Sort.BEST),
        threads.page(elsewhere, "a", cursor=page.next, sort=Sort.BEST),
        threads.page(site, "a", cursor=first.more_replies, sort=Sort.BEST),
        threads.page(site, "a", cursor=page.next, parent=first.comment.comment_id),
        threads.page(site, "a", cursor=first.more_replies, parent=second.comment.comment_id),
        threads.page(site, "a", cursor=page.next[:-1], sort=Sort.BEST),
        threads.page(site, "a", cursor="", sort=Sort.BEST),
    ):
        with pytest.raises(BadCursor):
            await foreign


async def test_one_comment_comes_with_its_ancestors(newsroom: Newsroom) -> None:
    forest = grow(41, site_id=newsroom.site.site_id, keys=("a", "b"), size=90, roots=0.1, deep=0.8)
    await plant(newsroom.owner, forest)
    for leaf in forest.shown[::2]:
        one = await newsroom.threads.one(newsroom.site, leaf.comment_id)
        assert one is not None
        assert one.article.key == "a"
        assert set(one.article_ids) == set(forest.article_ids)
        line = [each.comment for each in [*one.ancestors, one.comment]]
        assert [each.comment_id for each in line] == [
            each.comment_id for each in [leaf, *leaf.above()][::-1]
        ]
        assert line[-1].text == leaf.text
        assert one.comment.replies == ()
        for each, _ in zip([one.comment, *one.ancestors], range(3), strict=False):
            more = (await rest(newsroom, "a", each, limit=100))[0][1]
            assert len(more) == each.comment.shown_replies
    elsewhere = Site(site_id=newsroom.site.site_id + 1, slug="weekly", name="The Weekly")
    hidden = next(leaf for leaf in forest.leaves if not leaf.shown)
    assert await newsroom.threads.one(newsroom.site, uuid4()) is None
    assert await newsroom.threads.one(newsroom.site, hidden.comment_id) is None
    assert await newsroom.threads.one(elsewhere, forest.shown[0].comment_id) is None
