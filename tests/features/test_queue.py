from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from service.cursors import BadCursor
from service.errors import Unavailable
from service.features.queue import Lane, QueueEntry, QueuePage
from service.features.screening import queue_score
from service.model import Action, Actor, PendingComment
from service.storage.redis import Keys
from tests.newsroom import KIM, NOON, SAM, Newsroom, without_postgres, without_redis

LEILA = UUID(int=7)
JUNIOR = replace(KIM, sees_escalated=False)


async def look(newsroom: Newsroom, *, by: Actor = SAM, **query: Any) -> QueuePage:
    """Look at a page of the queue."""
    asked = {
        "lane": Lane.HELD,
        "sort": "oldest",
        "phrase": None,
        "limit": 20,
        "cursor": None,
        **query,
    }
    return await newsroom.queue.look(newsroom.site, actor=by, now=NOON, **asked)


async def every_page(newsroom: Newsroom, **query: Any) -> list[UUID]:
    """Follow the cursors to the end; returns the ids in the order they came."""
    ids: list[UUID] = []
    cursor = None
    while True:
        page = await look(newsroom, cursor=cursor, **query)
        ids += ids_of(page.entries)
        if page.next is None:
            return ids
        assert page.entries
        cursor = page.next


def ids_of(entries: tuple[QueueEntry, ...]) -> list[UUID]:
    return [entry.found.comment_id for entry in entries]


async def claim(newsroom: Newsroom, *, by: Actor = SAM, limit: int = 20) -> list[QueueEntry]:
    return list(
        await newsroom.queue.claim(newsroom.site, lane=Lane.HELD, limit=limit, actor=by, now=NOON)
    )


async def urgent(newsroom: Newsroom, priority: int, text: str = "Urgent.") -> PendingComment:
    """Let a comment wait that is more urgent than others."""
    comment = await newsroom.post(text)
    item = replace(comment, score=queue_score(priority, comment.created_at), revision=2)
    assert await newsroom.pending.requeue(item, journaled=False, guarded=True) == "REPLACED"
    return comment


# Looking


async def test_the_queue_is_seen_by_urgency_by_age_and_the_newest_first(
    newsroom: Newsroom,
) -> None:
    old, pressing, new = await newsroom.post(), await urgent(newsroom, 500), await newsroom.post()
    expected = {
        "priority": [pressing, old, new],
        "oldest": [old, pressing, new],
        "newest": [new, pressing, old],
    }
    for sort, comments in expected.items():
        page = await look(newsroom, sort=sort)
        assert ids_of(page.entries) == [comment.comment_id for comment in comments]
        assert (page.total, page.next) == (3, None)


@pytest.mark.parametrize("phrase", [None, "number"])
@pytest.mark.parametrize("sort", ["priority", "oldest", "newest"])
async def test_following_the_pages_gives_every_comment_once(
    newsroom: Newsroom, sort: str, phrase: str | None
) -> None:
    comments = [await newsroom.post(f"Number {number}.") for number in range(7)]
    comments += [await urgent(newsroom, 300, f"Number {number}.") for number in range(7, 10)]
    await newsroom.decide(Action.ESCALATE, comments[3])
    await newsroom.journal_all()
    ids = await every_page(newsroom, sort=sort, phrase=phrase, limit=3)
    assert len(ids) == 10
    assert set(ids) == {comment.comment_id for comment in comments}
    whole = await look(newsroom, sort=sort, phrase=phrase, limit=50)
    assert ids == ids_of(whole.entries)


async def test_a_page_goes_on_where_it_ended_also_when_that_comment_was_decided_meanwhile(
    newsroom: Newsroom,
) -> None:
    comments = [await newsroom.post(f"Number {number}.") for number in range(6)]
    first = await look(newsroom, limit=2)
    await newsroom.approve(comments[0], comments[1], comments[2])
    newcomer = await newsroom.post("A new one.")
    second = await look(newsroom, limit=2, cursor=first.next)
    third = await look(newsroom, limit=2, cursor=second.next)
    expected = [*comments[3:], newcomer]
    assert ids_of((*second.entries, *third.entries)) == [each.comment_id for each in expected]


async def test_a_cursor_of_another_list_is_refused(newsroom: Newsroom) -> None:
    for number in range(3):
        await newsroom.post(f"Number {number}.")
    await newsroom.journal_all()
    cursor = (await look(newsroom, limit=1)).next
    found = (await look(newsroom, limit=1, phrase="number")).next
    assert cursor is not None
    assert found is not None
    queries: list[dict[str, Any]] = [
        {"cursor": cursor, "sort": "newest"},
        {"cursor": cursor, "phrase": "number"},
        {"cursor": cursor, "lane": Lane.ALL},
        {"cursor": found},
        {"cursor": found, "phrase": "other"},
        {"cursor": "nonsense"},
    ]
    for query in queries:
        with pytest.raises(BadCursor):
            await look(newsroom, **query)


async def test_only_what_holds_the_phrase_is_found_whatever_signs_it_has(
    newsroom: Newsroom,
) -> None:
    percent = await newsroom.post("I agree 100% with that_one.")
    await newsroom.post("I agree 1000 times with thatXone.")
    slash = await newsroom.post(r"C:\temp")
    arabic = await newsroom.post("مرحبا بالعالم")
    await newsroom.journal_all()
    for phrase, comment in (
        ("100%", percent),
        ("that_ONE", percent),
        (r"c:\t", slash),
        ("بالعالم", arabic),
    ):
        page = await look(newsroom, phrase=phrase)
        assert ids_of(page.entries) == [comment.comment_id], phrase
    assert (await look(newsroom, phrase="nobody wrote this")).entries == ()


async def test_what_was_decided_is_not_found_any_longer(newsroom: Newsroom) -> None:
    decided, other = await newsroom.post("Number 1."), await newsroom.post("Number 2.")
    await newsroom.journal_all()
    await newsroom.approve(decided)
    assert ids_of((await look(newsroom, phrase="number")).entries) == [other.comment_id]


@pytest.mark.parametrize("phrase", [None, "number"])
async def test_what_was_escalated_only_seniors_see(newsroom: Newsroom, phrase: str | None) -> None:
    escalated, other = await newsroom.post("Number 1."), await newsroom.post("Number 2.")
    await newsroom.decide(Action.ESCALATE, escalated)
    await newsroom.journal_all()
    assert await every_page(newsroom, by=JUNIOR, phrase=phrase) == [other.comment_id]
    both = [escalated.comment_id, other.comment_id]
    assert await every_page(newsroom, by=SAM, phrase=phrase) == both
    assert (await look(newsroom, by=JUNIOR)).total == 1
    assert [entry.found.comment_id for entry in await claim(newsroom, by=JUNIOR)] == [
        other.comment_id
    ]
    assert [entry.found.comment_id for entry in await claim(newsroom, by=SAM)] == [
        escalated.comment_id
    ]


async def test_what_is_held_settling_or_set_aside_is_seen_too(newsroom: Newsroom) -> None:
    held = await newsroom.post()
    await claim(newsroom)
    settling, aside = await newsroom.post(auto=True), await newsroom.post()
    await newsroom.pending.move(newsroom.site.slug, aside.comment_id, aside=True)
    page = await look(newsroom)
    assert ids_of(page.entries) == [each.comment_id for each in (held, settling, aside)]
    assert [entry.lease is not None for entry in page.entries] == [True, False, False]


@pytest.mark.parametrize("lane", [Lane.REPORTED, Lane.NEW, Lane.APPEALS, Lane.CHECK])
async def test_what_waits_is_in_no_other_lane(newsroom: Newsroom, lane: Lane) -> None:
    await newsroom.post()
    page = await look(newsroom, lane=lane)
    assert (page.entries, page.total, page.next) == ((), 0, None)
    claimed = await newsroom.queue.claim(newsroom.site, lane=lane, limit=5, actor=SAM, now=NOON)
    assert claimed == ()


# What an entry carries


async def test_an_entry_says_what_is_needed_to_decide_it(newsroom: Newsroom) -> None:
    parent = await newsroom.post("Question?")
    await newsroom.approve(parent)
    earlier = await newsroom.post(author=LEILA)
    await newsroom.decide(Action.REJECT, earlier)
    await newsroom.articles.put(
        newsroom.site, "story-1", {"title": "Budget vote", "views_per_hour": 340.0}, NOON
    )
    reply = await newsroom.post("Answer.", parent=parent.comment_id, author=LEILA)
    entry = (await look(newsroom)).entries[0]
    assert entry.found.comment_id == reply.comment_id
    assert (entry.article.title, entry.article.views_per_hour) == ("Budget vote", 340.0)
    assert entry.parent is not None
    assert entry.parent.public is not None
    assert entry.parent.public.text == "Question?"
    assert (entry.standing.author_id, entry.standing.rejected) == (LEILA, 1)
    assert entry.due_at == reply.created_at + timedelta(hours=1)
    assert (entry.lease, entry.found.public) == (None, None)


async def test_an_article_nobody_has_described_is_as_the_page_told(newsroom: Newsroom) -> None:
    await newsroom.submit(article_title="Budget vote", article_url="https://daily.example/1")
    async with without_postgres(newsroom) as cut_off:
        entry = (await look(cut_off)).entries[0]
    assert (entry.article.key, entry.article.title, entry.article.url) == (
        "story-1",
        "Budget vote",
        "https://daily.example/1",
    )


async def test_an_entry_tells_of_a_ban_for_good_and_of_the_article_another_became(
    newsroom: Newsroom,
) -> None:
    await newsroom.post(author=LEILA)
    await newsroom.readers.ban(
        newsroom.site.site_id, LEILA, kind="guest", until=datetime.max.replace(tzinfo=UTC)
    )
    await newsroom.articles.put(newsroom.site, "story-2", {"title": "Budget vote"}, NOON)
    await newsroom.articles.merge(newsroom.site, "story-1", "story-2", NOON)
    entry = (await look(newsroom)).entries[0]
    assert entry.standing == await newsroom.readers.standing(newsroom.site.site_id, LEILA)
    assert (entry.article.key, entry.article.title) == ("story-2", "Budget vote")


async def test_an_edit_comes_with_the_text_it_would_replace(newsroom: Newsroom) -> None:
    comment = await newsroom.post("Old.")
    await newsroom.approve(comment)
    edit = replace(comment, text="New.", kind="edit", revision=2, n=1)
    await newsroom.pending.requeue(edit, journaled=False, guarded=True)
    entry = (await look(newsroom)).entries[0]
    assert entry.item is not None
    assert entry.item.text == "New."
    assert entry.found.public is not None
    assert entry.found.public.text == "Old."


async def test_one_entry_is_found_by_its_id_also_when_it_waits_no_longer(
    newsroom: Newsroom,
) -> None:
    comment = await newsroom.post()
    entry = await newsroom.queue.entry(newsroom.site, comment.comment_id, now=NOON)
    assert entry is not None
    assert entry.item is not None
    assert entry.item.comment_id == comment.comment_id
    await newsroom.approve(comment)
    entry = await newsroom.queue.entry(newsroom.site, comment.comment_id, now=NOON)
    assert entry is not None
    assert (entry.item, entry.found.status) == (None, "approved")
    assert await newsroom.queue.entry(newsroom.site, uuid4(), now=NOON) is None


async def test_an_author_who_was_erased_or_never_met_has_an_empty_record(
    newsroom: Newsroom,
) -> None:
    comment = await newsroom.post(author=LEILA)
    found = await newsroom.find(comment)
    assert found is not None
    assert (await newsroom.queue.standing(newsroom.site, found)).author_id == LEILA
    erased = replace(found, author_id=None)
    standing = await newsroom.queue.standing(newsroom.site, erased)
    assert (standing.approved, standing.rejected, standing.first_seen) == (0, 0, None)


# Claiming


async def test_a_claimed_comment_is_handed_to_nobody_else_and_says_who_holds_it(
    newsroom: Newsroom,
) -> None:
    comments = [await newsroom.post(f"Number {number}.") for number in range(3)]
    sams = await claim(newsroom, by=SAM, limit=2)
    kims = await claim(newsroom, by=KIM, limit=2)
    assert [entry.found.comment_id for entry in sams + kims] == [
        comment.comment_id for comment in comments
    ]
    for entries, actor in ((sams, SAM), (kims, KIM)):
        for entry in entries:
            assert entry.lease is not None
            assert entry.lease.owner == f"key:{actor.actor_id}"
            assert entry.lease.name == actor.name
    assert await claim(newsroom, by=SAM) == []


async def test_who_claim_at_the_same_moment_are_handed_different_comments_whole(
    newsroom: Newsroom,
) -> None:
    comments = [await newsroom.post(f"Number {number}.", author=LEILA) for number in range(6)]
    of_sam, of_kim, of_both = await asyncio.gather(
        *(claim(newsroom, by=by, limit=2) for by in (SAM, KIM, SAM))
    )
    entries = [*of_sam, *of_kim, *of_both]
    assert {entry.found.comment_id for entry in entries} == {each.comment_id for each in comments}
    assert len(entries) == len(comments)
    assert {entry.article.title for entry in entries} == {entries[0].article.title}
    assert {entry.standing.author_id for entry in entries} == {LEILA}
    for entry, by in zip(entries, (SAM, SAM, KIM, KIM, SAM, SAM), strict=True):
        assert entry.lease is not None
        assert entry.lease.name == by.name
        assert entry.item is not None
        assert entry.item.text.startswith("Number ")


async def test_what_was_given_back_late_is_claimed_with_what_surrounds_it(
    newsroom: Newsroom,
) -> None:
    comment = await newsroom.post(author=LEILA)
    await claim(newsroom, by=KIM)
    await newsroom.pending.redis.zadd(
        Keys(newsroom.site.slug).leases, {str(comment.comment_id): 1}, xx=True
    )  # it ran out, and nobody has noticed yet
    (entry,) = await claim(newsroom, by=SAM)
    assert entry.found.comment_id == comment.comment_id
    assert entry.standing.author_id == LEILA
    assert entry.lease is not None
    assert entry.lease.name == SAM.name


async def test_leases_are_renewed_by_their_holder_and_lost_ones_are_told(
    newsroom: Newsroom,
) -> None:
    first, second = await newsroom.post(), await newsroom.post()
    await claim(newsroom, by=SAM, limit=1)
    await claim(newsroom, by=KIM, limit=1)
    ids = [first.comment_id, second.comment_id]
    renewed, lost = await newsroom.queue.renew(newsroom.site, ids, actor=SAM)
    assert (renewed, lost) == ([first.comment_id], [second.comment_id])


async def test_what_is_released_can_be_claimed_and_only_its_holder_can_release_it(
    newsroom: Newsroom,
) -> None:
    comment = await newsroom.post()
    await claim(newsroom, by=SAM)
    await newsroom.queue.release(newsroom.site, [comment.comment_id], actor=KIM)
    assert await claim(newsroom, by=KIM) == []
    await newsroom.queue.release(newsroom.site, [comment.comment_id], actor=SAM)
    assert [entry.found.comment_id for entry in await claim(newsroom, by=KIM)] == [
        comment.comment_id
    ]


async def test_a_member_and_a_key_of_the_same_id_are_two_holders(newsroom: Newsroom) -> None:
    comment = await newsroom.post()
    await claim(newsroom, by=SAM)
    member = replace(SAM, kind="member")
    assert await newsroom.queue.renew(newsroom.site, [comment.comment_id], actor=member) == (
        [],
        [comment.comment_id],
    )


# Stores away


async def test_while_postgres_is_away_the_queue_is_seen_and_claimed_without_surroundings(
    newsroom: Newsroom,
) -> None:
    parent = await newsroom.post("Question?")
    await newsroom.approve(parent)
    reply = await newsroom.post("Answer.", parent=parent.comment_id, author=LEILA)
    async with without_postgres(newsroom) as cut_off:
        entry = (await look(cut_off)).entries[0]
        assert entry.found.comment_id == reply.comment_id
        assert (entry.parent, entry.standing.approved) == (None, 0)
        assert [each.found.comment_id for each in await claim(cut_off)] == [reply.comment_id]
        with pytest.raises(Unavailable):
            await look(cut_off, phrase="answer")


async def test_while_redis_is_away_there_is_no_queue(newsroom: Newsroom) -> None:
    await newsroom.post()
    async with without_redis(newsroom) as cut_off:
        with pytest.raises(Unavailable):
            await look(cut_off)
        with pytest.raises(Unavailable):
            await claim(cut_off)
