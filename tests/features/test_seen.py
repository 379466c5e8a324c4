from __future__ import annotations

from uuid import uuid4

from service.features.lanes import Lane
from service.features.seen import Seen
from service.features.settle import SCREENING
from service.model import Action, PendingComment
from service.storage.seen import SeenStore
from tests.features.conftest import OpenSite
from tests.features.test_lanes import ids, look
from tests.newsroom import KIM, SAM, Newsroom


def seen_of(newsroom: Newsroom) -> Seen:
    return Seen(store=SeenStore(pool=newsroom.pool))


async def let_through(newsroom: Newsroom, count: int) -> list[PendingComment]:
    """Let rules approve comments, as where a site publishes at once."""
    comments = [await newsroom.post(f"Number {n}.") for n in range(count)]
    for each in comments:
        await newsroom.decide(Action.APPROVE, each, by=SCREENING)
    return comments


async def test_what_only_rules_let_through_is_new_until_somebody_has_seen_it(
    new_site: OpenSite,
) -> None:
    newsroom = await new_site()
    first, second = await let_through(newsroom, 2)
    await newsroom.approve(await newsroom.post("By a person."))
    page = await look(newsroom, Lane.NEW)
    assert ids(page.entries) == [first.comment_id, second.comment_id]
    assert page.total == 2

    changed = await seen_of(newsroom).mark(
        [newsroom.site], [first.comment_id, uuid4()], actor=SAM, now=newsroom.now
    )
    assert changed == [first.comment_id]
    assert ids((await look(newsroom, Lane.NEW)).entries) == [second.comment_id]
    assert await newsroom.status(first) == "approved"


async def test_what_was_seen_is_not_seen_twice(new_site: OpenSite) -> None:
    newsroom = await new_site()
    (comment,) = await let_through(newsroom, 1)
    seen, sites, wanted = seen_of(newsroom), [newsroom.site], [comment.comment_id]
    assert await seen.mark(sites, wanted, actor=SAM, now=newsroom.now) == wanted
    assert await seen.mark(sites, wanted, actor=KIM, now=newsroom.now) == []


async def test_one_takes_back_what_one_has_seen_oneself(new_site: OpenSite) -> None:
    newsroom = await new_site()
    (comment,) = await let_through(newsroom, 1)
    seen, sites, wanted = seen_of(newsroom), [newsroom.site], [comment.comment_id]
    await seen.mark(sites, wanted, actor=SAM, now=newsroom.now)
    assert await seen.unmark(sites, wanted, actor=KIM) == []
    assert await seen.unmark(sites, wanted, actor=SAM) == wanted
    assert ids((await look(newsroom, Lane.NEW)).entries) == wanted


async def test_removing_an_unseen_comment_takes_it_out_of_the_lane(new_site: OpenSite) -> None:
    newsroom = await new_site()
    (comment,) = await let_through(newsroom, 1)
    await newsroom.decide(Action.REMOVE, comment)
    await newsroom.decide(Action.RESTORE, comment)
    page = await look(newsroom, Lane.NEW)
    assert (page.entries, page.total) == ((), 0)


async def test_another_site_s_comments_are_not_marked(new_site: OpenSite) -> None:
    newsroom, other = await new_site(), await new_site()
    (comment,) = await let_through(other, 1)
    marked = await seen_of(newsroom).mark(
        [newsroom.site], [comment.comment_id], actor=SAM, now=newsroom.now
    )
    assert marked == []
    assert (await look(other, Lane.NEW)).total == 1
