from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from service.errors import Unavailable
from service.model import Action, PendingComment
from service.payload import to_payload
from service.storage.journal import JournalStore, Submitted
from service.storage.redis import Keys
from tests.newsroom import KIM, Newsroom, without_postgres, without_redis


async def marked(newsroom: Newsroom) -> list[UUID]:
    return await newsroom.pending.unjournaled(newsroom.site.slug, limit=1000)


async def record(newsroom: Newsroom, comment: PendingComment) -> None:
    payload = orjson.dumps(to_payload(comment))
    assert await newsroom.journal.store.record({str(comment.comment_id): payload}) == []


async def row(newsroom: Newsroom, comment: PendingComment) -> dict[str, Any] | None:
    found = await newsroom.pool.fetchrow(
        "SELECT state, revision, n, seq, payload FROM intake_journal WHERE comment_id = $1",
        comment.comment_id,
    )
    return dict(found) if found else None


async def edit(newsroom: Newsroom, comment: PendingComment, text: str) -> None:
    change = await newsroom.pending.edit(
        replace(comment, text=text), expected_revision=comment.revision
    )
    assert change.outcome == "OK"


async def everything_waiting(newsroom: Newsroom) -> dict[UUID, PendingComment]:
    items: dict[UUID, PendingComment] = {}
    async for ids in newsroom.pending.waiting_ids(newsroom.site.slug):
        items |= await newsroom.pending.items(newsroom.site.slug, ids)
    return items


async def opened(newsroom: Newsroom) -> list[Any]:
    """Open the queue, and return what was logged about it."""
    with capture_logs() as lines:
        await newsroom.journal.open_queue(newsroom.site)
    return [line for line in lines if line["event"] == "queue_refilled"]


# The copy


async def test_what_was_copied_is_not_marked_any_longer(newsroom: Newsroom) -> None:
    comments = [await newsroom.post(f"Number {number}.") for number in range(3)]
    assert await marked(newsroom) == [comment.comment_id for comment in comments]
    assert await newsroom.journal_all() == 3
    assert await marked(newsroom) == []
    assert await newsroom.journal_all() == 0
    for seq, comment in enumerate(comments, start=1):
        copied = await row(newsroom, comment)
        assert copied is not None
        assert (copied["state"], copied["seq"], copied["n"]) == ("waiting", seq, 0)
        assert copied["payload"]["text"] == comment.text


class EditedMeanwhile(JournalStore, frozen=True, kw_only=True):
    """A journal that takes its time: an author edits before the marks are cleared."""

    newsroom: Newsroom
    comment: PendingComment

    async def record(self, payloads: Mapping[str, bytes]) -> list[str]:
        refused = await JournalStore.record(self, payloads)
        await edit(self.newsroom, self.comment, "After.")
        return refused


async def test_an_edit_between_the_copy_and_its_tick_stays_marked(newsroom: Newsroom) -> None:
    edited, other = await newsroom.post("Before."), await newsroom.post()
    store = EditedMeanwhile(pool=newsroom.pool, newsroom=newsroom, comment=edited)
    await replace(newsroom.journal, store=store).copy(newsroom.site)
    assert await marked(newsroom) == [edited.comment_id]
    copied = await row(newsroom, edited)
    assert copied is not None
    assert copied["payload"]["text"] == "Before."
    await newsroom.journal_all()
    copied = await row(newsroom, edited)
    assert copied is not None
    assert (copied["payload"]["text"], copied["revision"]) == ("After.", 2)
    assert await marked(newsroom) == []
    assert (await row(newsroom, other)) is not None


async def test_a_mark_whose_item_is_gone_is_cleared(newsroom: Newsroom) -> None:
    comment = await newsroom.post()
    await newsroom.redis.delete(Keys(newsroom.site.slug).item(comment.comment_id))
    assert await newsroom.journal_all() == 1
    assert await marked(newsroom) == []
    assert await row(newsroom, comment) is None


@pytest.mark.parametrize("action", [Action.APPROVE, Action.REJECT, Action.WITHDRAW])
async def test_a_late_copy_does_not_overwrite_what_was_decided(
    newsroom: Newsroom, action: Action
) -> None:
    comment = await newsroom.post()
    await newsroom.decide(action, comment)
    await record(newsroom, comment)
    found = await row(newsroom, comment)
    assert found is not None
    assert (found["state"], found["payload"], found["n"]) == ("decided", None, 1)


async def test_a_late_copy_of_a_newer_text_waits(newsroom: Newsroom) -> None:
    comment = await newsroom.post()
    await newsroom.approve(comment)
    await record(newsroom, replace(comment, text="New.", revision=2))
    found = await row(newsroom, comment)
    assert found is not None
    assert (found["state"], found["revision"]) == ("waiting", 2)


async def test_an_older_text_does_not_overwrite_a_newer_one(newsroom: Newsroom) -> None:
    comment = await newsroom.post("Old.")
    newer = replace(comment, text="New.", revision=2)
    await record(newsroom, newer)
    await record(newsroom, comment)
    found = await row(newsroom, comment)
    assert found is not None
    assert found["payload"]["text"] == "New."


async def test_a_text_that_postgres_does_not_take_keeps_no_other_from_being_copied(
    newsroom: Newsroom,
) -> None:
    good, bad, better = [await newsroom.post(text) for text in ("One.", "Two\0.", "Three.")]
    with capture_logs() as lines:
        await newsroom.journal_all()
    assert [line["event"] for line in lines] == ["not_journaled"]
    assert await marked(newsroom) == []
    assert await row(newsroom, bad) is None
    assert await row(newsroom, good)
    assert await row(newsroom, better)


async def test_while_postgres_is_away_everything_stays_marked(newsroom: Newsroom) -> None:
    comment = await newsroom.post()
    async with without_postgres(newsroom) as cut_off:
        with pytest.raises(Unavailable):
            await cut_off.journal_all()
    assert await marked(newsroom) == [comment.comment_id]


async def test_the_copy_goes_on_by_itself(newsroom: Newsroom) -> None:
    task = asyncio.create_task(newsroom.journal.run())
    comment = await newsroom.post()
    async with asyncio.timeout(5):
        while await row(newsroom, comment) is None:  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


# A Redis that came back empty


async def test_a_fresh_site_needs_no_refill(newsroom: Newsroom) -> None:
    epoch = await newsroom.pending.epoch(newsroom.site.slug)
    assert epoch is not None
    assert await opened(newsroom) == []
    assert await newsroom.pending.epoch(newsroom.site.slug) == epoch
    await newsroom.submit()


async def test_a_site_made_while_redis_was_away_takes_comments_once_the_leader_has_seen_it(
    newsroom: Newsroom,
) -> None:
    async with without_redis(newsroom) as cut_off:
        site = await cut_off.sites.create(f"late-{uuid4().hex[:12]}", "Late")
    newsroom.site = site
    with pytest.raises(Unavailable):
        await newsroom.submit()
    assert await opened(newsroom) == []
    await newsroom.submit()
    mark = await newsroom.journal.store.watermark(site.site_id)
    assert mark is not None
    assert mark.epoch == await newsroom.pending.epoch(site.slug)


async def test_everything_that_waits_comes_back_as_it_was(newsroom: Newsroom) -> None:
    plain = await newsroom.post("Plain.")
    parent = await newsroom.post("Parent.")
    reply = await newsroom.post("Reply.", parent=parent.comment_id)
    edited = await newsroom.post("Before.")
    escalated = await newsroom.post("Escalated.")
    undone = await newsroom.post("Undone.")
    public = await newsroom.post("Public.")
    rejected = await newsroom.post("Rejected.")
    await edit(newsroom, edited, "After.")
    await newsroom.decide(Action.ESCALATE, escalated)
    await newsroom.decide(Action.REJECT, rejected)
    approval = (await newsroom.approve(undone, public))[0].decision
    assert approval is not None
    await newsroom.decisions.reverse(
        [newsroom.site], approval.decision_id, actor=KIM, now=newsroom.now
    )
    revised = replace(public, text="Edit.", kind="edit", revision=2, n=1, seq=0)
    await newsroom.pending.requeue(revised, journaled=False, guarded=True)
    while await newsroom.journal_all():
        pass
    before = await everything_waiting(newsroom)
    waits = (plain, parent, reply, edited, escalated, undone, public)
    assert before.keys() == {each.comment_id for each in waits}
    sequence = await newsroom.pending.sequence(newsroom.site.slug)

    await newsroom.lose_redis()
    lines = await opened(newsroom)

    assert await everything_waiting(newsroom) == before
    assert before[edited.comment_id].text == "After."
    assert before[escalated.comment_id].escalated
    assert before[undone.comment_id].n == 2
    assert await newsroom.pending.total(newsroom.site.slug, include_escalated=False) == 6
    assert await newsroom.pending.sequence(newsroom.site.slug) == sequence
    assert [(line["restored"], line["lost_at_most"]) for line in lines] == [(7, 0)]
    assert await marked(newsroom) == []
    assert (await newsroom.decide(Action.APPROVE, edited, revision=2))[0].outcome == "applied"
    assert await newsroom.reconcile.mend_structure(newsroom.site) == (0, 0)


async def test_what_an_undone_decision_put_back_comes_back_however_much_there_is(
    newsroom: Newsroom,
) -> None:
    comments = [await newsroom.post(f"Number {number}.") for number in range(5)]
    for result in await newsroom.approve(*comments):
        assert result.decision is not None
        await newsroom.decisions.reverse(
            [newsroom.site], result.decision.decision_id, actor=KIM, now=newsroom.now
        )
    await newsroom.lose_redis()  # before the copy could note what numbers Redis gave them
    small = JournalStore(pool=newsroom.pool, batch=2)
    await replace(newsroom.journal.refill, store=small).open_queue(newsroom.site)
    assert (await everything_waiting(newsroom)).keys() == {each.comment_id for each in comments}


async def test_submissions_come_back_with_their_answer_and_for_what_is_left_of_their_time(
    newsroom: Newsroom,
) -> None:
    held = await newsroom.post("Held.", key="key-number-one")
    public = await newsroom.post("Public.", key="key-number-two")
    forgotten = await newsroom.post("Forgotten.", key="key-number-three")
    plain = await newsroom.post("Plain.")
    assert await newsroom.settle.settle_now(newsroom.site, public, now=newsroom.now)
    await newsroom.journal_all()
    for comment, hours in ((held, 47), (forgotten, 49)):
        await newsroom.pool.execute(
            "UPDATE submissions SET at = now() - make_interval(hours => $2) WHERE comment_id = $1",
            comment.comment_id,
            hours,
        )
    await newsroom.lose_redis()
    await newsroom.journal.open_queue(newsroom.site)
    at = Keys(newsroom.site.slug)
    answers = {}
    for comment in (held, public, forgotten, plain):
        assert comment.dk is not None
        lately = await newsroom.screen.recents.of(at.site, None, None, dk=comment.dk)
        answers[comment.text] = lately.submitted
    assert (answers["Forgotten."], answers["Plain."]) == (None, None)
    for comment, published in ((held, False), (public, True)):
        answer = answers[comment.text]
        assert answer is not None
        assert (answer.comment_id, answer.author_id) == (
            comment.comment_id,
            comment.author.author_id,
        )
        assert (answer.fingerprint, answer.published) == (comment.fingerprint, published)
    assert held.dk is not None
    assert 3500 <= await newsroom.redis.ttl(at.submission(held.dk)) <= 3600


class AskedMeanwhile(JournalStore, frozen=True, kw_only=True):
    """A journal that is read while somebody posts."""

    newsroom: Newsroom

    async def submissions(self, site_id: int, *, since: datetime) -> AsyncIterator[list[Submitted]]:
        with pytest.raises(Unavailable):
            await self.newsroom.submit("Meanwhile.", key="key-number-two")
        async for batch in JournalStore.submissions(self, site_id, since=since):
            yield batch


async def test_nothing_is_accepted_before_everything_is_back(newsroom: Newsroom) -> None:
    first = await newsroom.submit("First.", key="key-number-one")
    await newsroom.journal_all()
    await newsroom.lose_redis()
    store = AskedMeanwhile(pool=newsroom.pool, newsroom=newsroom)
    await replace(newsroom.journal.refill, store=store).open_queue(newsroom.site)
    again = await newsroom.submit("First.", key="key-number-one")
    assert again.found.comment_id == first.found.comment_id
    await newsroom.submit("Meanwhile.", key="key-number-two")


async def test_two_who_refill_at_once_do_no_harm(newsroom: Newsroom) -> None:
    comments = [await newsroom.post(f"Number {number}.") for number in range(5)]
    await newsroom.journal_all()
    before = await everything_waiting(newsroom)
    await newsroom.lose_redis()
    await asyncio.gather(*(newsroom.journal.open_queue(newsroom.site) for _ in range(3)))
    assert await everything_waiting(newsroom) == before
    assert len(before) == len(comments)
    epoch = await newsroom.pending.epoch(newsroom.site.slug)
    mark = await newsroom.journal.store.watermark(newsroom.site.site_id)
    assert mark is not None
    assert mark.epoch == epoch


# What is lost is told


async def test_what_was_acknowledged_and_never_copied_is_reported_as_lost(
    newsroom: Newsroom,
) -> None:
    for number in range(3):
        await newsroom.submit(f"Number {number}.")
    await newsroom.journal_all()
    for number in range(3, 5):
        await newsroom.submit(f"Number {number}.")
    await newsroom.journal.note_acknowledged()
    await newsroom.lose_redis()
    lines = await opened(newsroom)
    assert [(line["restored"], line["lost_at_most"]) for line in lines] == [(3, 2)]
    accepted = await newsroom.submit("The next one.")
    assert accepted.seq == 6


async def test_what_was_decided_is_not_lost(newsroom: Newsroom) -> None:
    accepted = [await newsroom.submit(f"Number {number}.") for number in range(3)]
    await newsroom.journal.note_acknowledged()
    await newsroom.decide(Action.APPROVE, *(each.found.comment_id for each in accepted))
    await newsroom.lose_redis()
    lines = await opened(newsroom)
    assert [(line["restored"], line["lost_at_most"]) for line in lines] == [(0, 0)]


async def test_a_queue_that_went_back_in_time_is_filled_up_while_it_goes_on(
    newsroom: Newsroom,
) -> None:
    early = await newsroom.submit("Early.")
    at = Keys(newsroom.site.slug)
    backup = {
        key: await newsroom.redis.dump(key)
        async for key in newsroom.redis.scan_iter(f"pb:{{{at.site}}}:*")
    }
    late = await newsroom.submit("Late.", key="key-number-one")
    await newsroom.journal_all()
    await newsroom.submit("Lost.")
    await newsroom.journal.note_acknowledged()
    epoch = await newsroom.pending.epoch(at.site)
    assert await opened(newsroom) == []

    await newsroom.lose_redis()
    for key, value in backup.items():
        assert value is not None
        await newsroom.redis.restore(key, 0, value)
    lines = await opened(newsroom)

    assert [(line["restored"], line["lost_at_most"]) for line in lines] == [(2, 1)]
    waiting = await everything_waiting(newsroom)
    assert waiting.keys() == {early.found.comment_id, late.found.comment_id}
    assert await newsroom.pending.epoch(at.site) == epoch
    again = await newsroom.submit("Late.", key="key-number-one")
    assert again.found.comment_id == late.found.comment_id
    assert await opened(newsroom) == []


async def test_another_leader_notices_it_by_the_watermark(newsroom: Newsroom) -> None:
    await newsroom.submit("One.")
    await newsroom.submit("Two.")
    await newsroom.journal.note_acknowledged()
    await newsroom.redis.hset(Keys(newsroom.site.slug).meta, "seq", 1)
    fresh = replace(newsroom.journal.refill, known={})
    with capture_logs() as lines:
        await fresh.open_queue(newsroom.site)
    assert [line["event"] for line in lines] == ["queue_refilled", "rollback.detected"]
    assert await newsroom.pending.sequence(newsroom.site.slug) == 2


async def test_whoever_leads_again_does_not_trust_what_it_knew_before(newsroom: Newsroom) -> None:
    await newsroom.journal.open_queue(newsroom.site)
    for number in range(2):  # while another process leads
        await newsroom.submit(f"Number {number}.")
    await newsroom.journal.note_acknowledged()
    await newsroom.redis.hset(Keys(newsroom.site.slug).meta, "seq", 1)
    task = asyncio.create_task(newsroom.journal.run())
    async with asyncio.timeout(5):
        while await newsroom.pending.sequence(newsroom.site.slug) < 2:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_could_not_be_noted_is_noted_later(newsroom: Newsroom) -> None:
    await newsroom.submit("One.")
    async with without_postgres(newsroom) as cut_off:
        lost = replace(newsroom.journal, store=cut_off.journal.store)
        await lost.note_acknowledged()
    await newsroom.journal.note_acknowledged()
    mark = await newsroom.journal.store.watermark(newsroom.site.site_id)
    assert mark is not None
    assert mark.seq == 1
    await newsroom.journal.note_acknowledged()


# Nothing comes back that its author took away


@pytest.mark.parametrize("action", [Action.WITHDRAW, Action.DELETE])
@pytest.mark.parametrize("revision", [1, 2])
async def test_a_refill_leaves_out_what_its_author_took_away(
    newsroom: Newsroom, action: Action, revision: int
) -> None:
    comment = await newsroom.post("Mine.")
    if action is Action.DELETE:
        await newsroom.approve(comment)
    await newsroom.decide(action, comment)
    late = replace(comment, text="Mine still.", revision=revision)
    await record(newsroom, late)
    await newsroom.lose_redis()
    await newsroom.journal.open_queue(newsroom.site)
    assert await everything_waiting(newsroom) == {}
    assert await newsroom.status(comment) == "deleted"
