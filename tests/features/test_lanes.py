from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from service.cursors import BadCursor
from service.features.lanes import REPORTED_WITHIN, Lane
from service.features.queue import QueueEntry, QueuePage
from service.model import Action, PendingComment
from service.storage.redis import Keys
from tests.features.conftest import OpenSite
from tests.newsroom import KIM, SAM, Newsroom

PUBLIC_LANES = (Lane.REPORTED, Lane.APPEALS)
MINUTE = timedelta(minutes=1)


async def look(
    newsroom: Newsroom, lane: Lane, *, limit: int = 50, cursor: str | None = None
) -> QueuePage:
    return await newsroom.queue.look(
        newsroom.site,
        lane=lane,
        sort="priority",
        phrase=None,
        limit=limit,
        cursor=cursor,
        actor=SAM,
        now=newsroom.now,
    )


async def pages(newsroom: Newsroom, lane: Lane, *, limit: int) -> list[list[UUID]]:
    """Walk a pile from its first page to its last."""
    walked, cursor = [], None
    while True:
        page = await look(newsroom, lane, limit=limit, cursor=cursor)
        walked.append(ids(page.entries))
        cursor = page.next
        if cursor is None:
            return walked


async def claim(
    newsroom: Newsroom, lane: Lane, limit: int = 50, by: object = SAM
) -> tuple[QueueEntry, ...]:
    actor = SAM if by is SAM else KIM
    return await newsroom.queue.claim(
        newsroom.site, lane=lane, limit=limit, actor=actor, now=newsroom.now
    )


def ids(entries: tuple[QueueEntry, ...]) -> list[UUID]:
    return [each.found.comment_id for each in entries]


async def report(newsroom: Newsroom, comment: PendingComment, *, after: int = 0) -> None:
    await newsroom.reports.report(
        newsroom.site,
        comment.comment_id,
        reporter_id=uuid4(),
        address_hash="here",
        reason="abuse",
        said="",
        notice=None,
        now=newsroom.now + after * MINUTE,
    )


async def fill(newsroom: Newsroom, lane: Lane, size: int) -> list[PendingComment]:
    """Put comments on a pile, the first to be worked off first."""
    comments = [await newsroom.post(f"Number {number}.") for number in range(size)]
    await newsroom.approve(*comments)
    for place, comment in enumerate(comments):
        if lane is Lane.REPORTED:
            await report(newsroom, comment, after=place)
            continue
        await newsroom.decide(Action.REMOVE, comment)
        await newsroom.appeals.appeal(
            newsroom.site,
            comment.comment_id,
            comment.author.author_id,
            said="Please look again.",
            now=newsroom.now + place * MINUTE,
        )
    return comments


async def end_leases(newsroom: Newsroom, comments: list[PendingComment]) -> None:
    """Let leases run out, as time does."""
    key = Keys(newsroom.site.slug).leases
    await newsroom.redis.zadd(key, {str(each.comment_id): 1 for each in comments}, xx=True)


async def test_the_most_reported_come_first_then_those_reported_longest_ago(
    newsroom: Newsroom,
) -> None:
    first, second, third, fourth = await fill(newsroom, Lane.REPORTED, 4)
    await report(newsroom, third, after=9)
    await report(newsroom, fourth, after=8)
    await report(newsroom, fourth, after=10)
    page = await look(newsroom, Lane.REPORTED)
    expected = [each.comment_id for each in (fourth, third, first, second)]
    assert (ids(page.entries), page.total, page.next) == (expected, 4, None)
    assert [each.reports for each in page.entries] == [
        {"abuse": 3},
        {"abuse": 2},
        {"abuse": 1},
        {"abuse": 1},
    ]
    due = [each.due_at - newsroom.now for each in page.entries]
    assert due == [REPORTED_WITHIN + minutes * MINUTE for minutes in (3, 2, 0, 1)]


async def test_the_oldest_appeal_comes_first_with_what_its_author_said(
    newsroom: Newsroom,
) -> None:
    comments = await fill(newsroom, Lane.APPEALS, 3)
    page = await look(newsroom, Lane.APPEALS)
    assert ids(page.entries) == [each.comment_id for each in comments]
    assert page.total == 3
    for entry in page.entries:
        assert entry.appeal is not None
        assert entry.appeal.text == "Please look again."
        assert entry.found.status == "removed"
        assert entry.found.kept is not None


@pytest.mark.parametrize("lane", PUBLIC_LANES)
async def test_pages_follow_each_other_without_gap_or_double(
    newsroom: Newsroom, lane: Lane
) -> None:
    comments = await fill(newsroom, lane, 7)
    expected = [each.comment_id for each in comments]
    for limit in (1, 2, 3, 7, 8):
        walked = await pages(newsroom, lane, limit=limit)
        assert [len(each) for each in walked[:-1]] == (len(walked) - 1) * [limit]
        assert [each for page in walked for each in page] == expected


async def test_equal_reports_at_one_moment_are_told_apart_by_the_cursor(
    newsroom: Newsroom,
) -> None:
    comments = [await newsroom.post() for _ in range(5)]
    await newsroom.approve(*comments)
    for comment in comments:
        await report(newsroom, comment)
    walked = await pages(newsroom, Lane.REPORTED, limit=2)
    told = [each for page in walked for each in page]
    assert told == sorted(each.comment_id for each in comments)


async def test_nothing_is_told_twice_while_reports_come_in(newsroom: Newsroom) -> None:
    comments = await fill(newsroom, Lane.REPORTED, 6)
    first = await look(newsroom, Lane.REPORTED, limit=3)
    await report(newsroom, comments[1], after=9)
    await report(newsroom, comments[5], after=9)
    second = await look(newsroom, Lane.REPORTED, limit=3, cursor=first.next)
    assert not set(ids(first.entries)) & set(ids(second.entries))
    assert set(ids(second.entries)) == {comments[3].comment_id, comments[4].comment_id}


@pytest.mark.parametrize("lane", PUBLIC_LANES)
async def test_a_cursor_of_another_pile_or_site_is_none(
    newsroom: Newsroom, new_site: OpenSite, lane: Lane
) -> None:
    await fill(newsroom, lane, 2)
    cursor = (await look(newsroom, lane, limit=1)).next
    assert cursor is not None
    other = Lane.APPEALS if lane is Lane.REPORTED else Lane.REPORTED
    with pytest.raises(BadCursor):
        await look(newsroom, other, cursor=cursor)
    with pytest.raises(BadCursor):
        await look(await new_site(), lane, cursor=cursor)
    with pytest.raises(BadCursor):
        await look(newsroom, lane, cursor=cursor[:-2] + "AA")


@pytest.mark.parametrize("lane", PUBLIC_LANES)
async def test_nobody_is_handed_what_somebody_holds(newsroom: Newsroom, lane: Lane) -> None:
    comments = await fill(newsroom, lane, 5)
    expected = [each.comment_id for each in comments]
    sams = await claim(newsroom, lane, 2)
    assert ids(sams) == expected[:2]
    assert all(each.lease is not None and each.lease.name == "Sam" for each in sams)
    kims = await claim(newsroom, lane, 2, by=KIM)
    assert ids(kims) == expected[2:4]
    assert ids(await claim(newsroom, lane)) == expected[4:], "not even what one holds oneself"
    assert await claim(newsroom, lane) == ()
    assert (await look(newsroom, lane)).total == 5
    held = await newsroom.decide(Action.RESTORE, comments[0], by=KIM)
    assert held[0].outcome == ("leased" if lane is Lane.APPEALS else "conflict")


@pytest.mark.parametrize("lane", PUBLIC_LANES)
async def test_two_who_claim_at_once_share_a_pile(newsroom: Newsroom, lane: Lane) -> None:
    comments = await fill(newsroom, lane, 8)
    claims = await asyncio.gather(*(claim(newsroom, lane, 2, by=by) for by in (SAM, KIM, SAM, KIM)))
    handed = [comment_id for entries in claims for comment_id in ids(entries)]
    assert sorted(handed) == sorted(each.comment_id for each in comments)


@pytest.mark.parametrize("lane", PUBLIC_LANES)
async def test_a_lease_that_ran_out_or_was_given_back_is_free(
    newsroom: Newsroom, lane: Lane
) -> None:
    comments = await fill(newsroom, lane, 2)
    await claim(newsroom, lane)
    await newsroom.queue.release(newsroom.site, [comments[0].comment_id], actor=SAM)
    assert ids(await claim(newsroom, lane, by=KIM)) == [comments[0].comment_id]
    await end_leases(newsroom, comments)
    await newsroom.reconcile.expire_leases(newsroom.site)
    assert ids(await claim(newsroom, lane)) == [each.comment_id for each in comments]
    held = await newsroom.pending.total(newsroom.site.slug, include_escalated=True)
    assert held == 0, "what is public never waits among the held"
    assert await claim(newsroom, Lane.HELD) == ()


async def test_deciding_ends_the_lease_of_what_is_public(newsroom: Newsroom) -> None:
    (comment,) = await fill(newsroom, Lane.REPORTED, 1)
    await claim(newsroom, Lane.REPORTED)
    result = (await newsroom.decide(Action.REMOVE, comment, by=SAM))[0]
    assert result.outcome == "applied"
    assert await newsroom.pending.leases(newsroom.site.slug, [comment.comment_id]) == {}
    assert (await look(newsroom, Lane.REPORTED)).total == 0


async def test_a_report_is_judged_by_the_public_text_not_by_the_edit_that_waits(
    newsroom: Newsroom,
) -> None:
    (comment,) = await fill(newsroom, Lane.REPORTED, 1)
    await newsroom.own.edit(
        newsroom.site,
        comment.comment_id,
        comment.author.author_id,
        body="Harmless.",
        revision=1,
        now=comment.created_at,
    )
    (entry,) = (await look(newsroom, Lane.REPORTED)).entries
    assert entry.item is None
    assert entry.found.public is not None
    assert (entry.found.public.text, entry.found.public.revision) == ("Number 0.", 1)
    (waiting,) = (await look(newsroom, Lane.HELD)).entries
    assert waiting.item is not None
    assert waiting.item.text == "Harmless."
    (claimed,) = await claim(newsroom, Lane.REPORTED)
    assert claimed.item is None


async def test_each_site_has_piles_of_its_own(newsroom: Newsroom, new_site: OpenSite) -> None:
    other = await new_site()
    for lane in PUBLIC_LANES:
        await fill(newsroom, lane, 1)
        assert (await look(other, lane)).total == 0
        assert await claim(other, lane) == ()


async def test_replies_show_what_they_answer_and_authors_their_record(newsroom: Newsroom) -> None:
    parent = await newsroom.post("Parent.")
    reply = await newsroom.post("Reply.", parent=parent.comment_id)
    await newsroom.approve(parent, reply)
    await report(newsroom, reply)
    (entry,) = (await look(newsroom, Lane.REPORTED)).entries
    assert entry.parent is not None
    assert entry.parent.public is not None
    assert entry.parent.public.text == "Parent."
    assert (entry.standing.approved, entry.article.key) == (1, "story-1")


async def test_in_all_lies_what_waits_is_reported_or_appealed_once(newsroom: Newsroom) -> None:
    waits, appealed = await newsroom.post("Waits."), await newsroom.post("Fair.")
    reported = await newsroom.post("Harmless.")
    await newsroom.approve(reported)
    await report(newsroom, reported)
    await newsroom.decide(Action.REJECT, appealed)
    await newsroom.appeals.appeal(
        newsroom.site,
        appealed.comment_id,
        appealed.author.author_id,
        said="Please look again.",
        now=newsroom.now,
    )
    everything = {waits.comment_id, reported.comment_id, appealed.comment_id}
    page = await look(newsroom, Lane.ALL)
    assert sorted(ids(page.entries)) == sorted(everything)
    assert page.total == 3
    levels = [each.priority.level for each in page.entries]
    assert levels == sorted(levels, reverse=True)
    totals = await newsroom.queue.totals(newsroom.site, actor=SAM)
    assert totals[Lane.ALL] == 3
