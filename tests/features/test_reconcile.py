from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from service.features import reconcile
from service.model import Action, PendingComment
from service.storage.pending import Finished, FinishOutcome, PendingStore
from service.storage.redis import Keys
from tests.newsroom import KIM, Newsroom, open_newsroom, without_redis
from tests.storage.queues import Places


class Crash(Exception):  # noqa: N818 - it is the end of a process
    """A process ends here."""


class DiesAfterCommit(PendingStore, frozen=True, kw_only=True):
    """The queue of a process that ends right after its commit."""

    async def finish(self, _slug: str, _finished: Sequence[Finished]) -> list[FinishOutcome]:
        raise Crash

    async def requeue(self, *_item: Any, **_how: Any) -> Any:
        raise Crash


def dying(newsroom: Newsroom) -> PendingStore:
    return DiesAfterCommit(redis=newsroom.redis, scripts=newsroom.pending.scripts)


async def decide_and_die(
    newsroom: Newsroom, action: Action, *comments: PendingComment, **said: Any
) -> None:
    """Commit decisions in a process that ends before it has cleaned Redis."""
    whole = newsroom.decisions
    newsroom.decisions = replace(whole, pending=dying(newsroom))
    await newsroom.decide(action, *comments, **said)
    await whole.cleanups.ended()
    newsroom.decisions = whole


async def reverse_and_die(newsroom: Newsroom, decision_id: UUID) -> None:
    with pytest.raises(Crash):
        await replace(newsroom.decisions, pending=dying(newsroom)).reverse(
            [newsroom.site], decision_id, actor=KIM, now=newsroom.now
        )


async def item_of(newsroom: Newsroom, comment: PendingComment) -> PendingComment | None:
    return await newsroom.pending.get(newsroom.site.slug, comment.comment_id)


async def claim(newsroom: Newsroom) -> list[UUID]:
    claimed = await newsroom.pending.claim(
        newsroom.site.slug, owner="key:kim", name="Kim", limit=50, ttl_ms=90_000, senior=True
    )
    return [each.comment_id for each in claimed]


async def edit(newsroom: Newsroom, comment: PendingComment, text: str) -> None:
    change = await newsroom.pending.edit(
        replace(comment, text=text), expected_revision=comment.revision
    )
    assert change.outcome == "OK"


# R1


@pytest.mark.parametrize("action", [Action.APPROVE, Action.REJECT, Action.WITHDRAW])
async def test_what_was_decided_before_a_crash_leaves_the_queue(
    newsroom: Newsroom, action: Action
) -> None:
    decided, other = await newsroom.post(), await newsroom.post()
    await decide_and_die(newsroom, action, decided)
    assert await item_of(newsroom, decided) is not None
    assert await newsroom.reconcile.finish_decided(newsroom.site) == 1
    assert await item_of(newsroom, decided) is None
    assert await newsroom.reconcile.finish_decided(newsroom.site) == 0
    assert await claim(newsroom) == [other.comment_id]
    (await Places.of(newsroom.redis, newsroom.site.slug)).assert_sound()


async def test_what_is_held_settling_or_set_aside_is_finished_too(newsroom: Newsroom) -> None:
    held = await newsroom.post()
    assert await claim(newsroom) == [held.comment_id]
    settling, aside = await newsroom.post(auto=True), await newsroom.post()
    await newsroom.pending.move(newsroom.site.slug, aside.comment_id, aside=True)
    await decide_and_die(newsroom, Action.APPROVE, held, settling, aside, override=True)
    assert await newsroom.reconcile.finish_decided(newsroom.site) == 3
    places = await Places.of(newsroom.redis, newsroom.site.slug)
    assert (places.items, places.of_id(held.comment_id)) == ({}, set())


async def test_an_edit_that_came_before_the_cleaning_waits_on_as_an_edit(
    newsroom: Newsroom,
) -> None:
    comment = await newsroom.post("Before.")
    await decide_and_die(newsroom, Action.APPROVE, comment)
    await edit(newsroom, comment, "After.")
    await newsroom.reconcile.finish_decided(newsroom.site)
    item = await item_of(newsroom, comment)
    assert item is not None
    assert (item.text, item.kind, item.n, item.revision) == ("After.", "edit", 1, 2)
    assert await newsroom.status(comment) == "approved"
    assert await newsroom.reconcile.finish_decided(newsroom.site) == 0
    assert (await newsroom.decide(Action.APPROVE, comment, revision=2))[0].outcome == "applied"


async def test_an_escalation_before_a_crash_keeps_the_comment_for_seniors(
    newsroom: Newsroom,
) -> None:
    comment = await newsroom.post()
    await decide_and_die(newsroom, Action.ESCALATE, comment)
    await newsroom.reconcile.finish_decided(newsroom.site)
    item = await item_of(newsroom, comment)
    assert item is not None
    assert (item.escalated, item.n) == (True, 1)
    assert await newsroom.pending.total(newsroom.site.slug, include_escalated=False) == 0


async def test_what_waits_again_is_not_finished_by_the_decision_that_was_undone(
    newsroom: Newsroom,
) -> None:
    comment = await newsroom.post()
    approval = (await newsroom.approve(comment))[0].decision
    assert approval is not None
    await newsroom.decisions.reverse(
        [newsroom.site], approval.decision_id, actor=KIM, now=newsroom.now
    )
    assert await newsroom.reconcile.finish_decided(newsroom.site) == 0
    assert await claim(newsroom) == [comment.comment_id]


async def test_an_edit_whose_approval_was_undone_before_the_cleaning_leaves_the_queue(
    newsroom: Newsroom,
) -> None:
    comment = await newsroom.post("Before.")
    await newsroom.approve(comment)
    revised = replace(comment, text="After.", kind="edit", revision=2, n=1)
    await newsroom.pending.requeue(revised, journaled=False, guarded=True)
    await decide_and_die(newsroom, Action.APPROVE, comment, revision=2)
    found = await newsroom.find(comment)
    assert found is not None
    assert found.decision is not None
    await newsroom.decisions.reverse(
        [newsroom.site], found.decision.decision_id, actor=KIM, now=newsroom.now
    )
    assert await item_of(newsroom, comment) is not None
    assert await newsroom.reconcile.finish_decided(newsroom.site) == 1
    assert await item_of(newsroom, comment) is None
    assert await newsroom.reconcile.finish_decided(newsroom.site) == 0


async def test_an_escalation_that_was_undone_before_a_crash_is_finished_once(
    newsroom: Newsroom,
) -> None:
    comment = await newsroom.post()
    escalation = (await newsroom.decide(Action.ESCALATE, comment))[0].decision
    assert escalation is not None
    await reverse_and_die(newsroom, escalation.decision_id)
    await newsroom.reconcile.finish_decided(newsroom.site)
    assert await newsroom.reconcile.finish_decided(newsroom.site) == 0
    item = await item_of(newsroom, comment)
    assert item is not None
    assert item.n == 2


async def test_what_was_decided_lately_leaves_the_queue_without_a_walk_over_it(
    newsroom: Newsroom,
) -> None:
    decided, escalated, other = [await newsroom.post() for _ in range(3)]
    before = newsroom.now
    await decide_and_die(newsroom, Action.REJECT, decided)
    await decide_and_die(newsroom, Action.ESCALATE, escalated)
    later = newsroom.now + timedelta(seconds=1)
    assert await newsroom.reconcile.finish_decided_since([newsroom.site], later) == 0
    assert await newsroom.reconcile.finish_decided_since([newsroom.site], before) == 2
    assert await newsroom.reconcile.finish_decided_since([newsroom.site], before) == 0
    assert await item_of(newsroom, decided) is None
    kept = await item_of(newsroom, escalated)
    assert kept is not None
    assert kept.escalated
    assert await claim(newsroom) == [escalated.comment_id, other.comment_id]


async def test_what_came_back_with_an_old_redis_is_finished(newsroom: Newsroom) -> None:
    comment = await newsroom.post()
    await newsroom.approve(comment)
    await newsroom.pending.requeue(comment, journaled=True, guarded=True)
    assert await newsroom.reconcile.finish_decided(newsroom.site) == 1
    assert await item_of(newsroom, comment) is None
    assert await newsroom.count() == 1


async def test_a_queue_that_was_filled_up_is_looked_through_once(newsroom: Newsroom) -> None:
    comment = await newsroom.post()
    await newsroom.approve(comment)
    await newsroom.pending.requeue(comment, journaled=True, guarded=True)  # as an old Redis has it
    refilled: set[int] = set()
    reconcile = replace(newsroom.reconcile, refilled=refilled)
    later = newsroom.now + timedelta(minutes=1)
    await reconcile.finish_decided_on([newsroom.site], since=later)
    assert await item_of(newsroom, comment) is not None
    refilled.add(newsroom.site.site_id)
    await reconcile.finish_decided_on([newsroom.site], since=later)
    assert await item_of(newsroom, comment) is None
    assert not refilled


# R2


async def test_a_lease_that_ran_out_ends_and_another_goes_on(newsroom: Newsroom) -> None:
    first, second = await newsroom.post(), await newsroom.post()
    assert await claim(newsroom) == [first.comment_id, second.comment_id]
    at = Keys(newsroom.site.slug)
    await newsroom.redis.zadd(at.leases, {str(first.comment_id): 1})
    assert await newsroom.reconcile.expire_leases(newsroom.site) == 1
    assert await newsroom.reconcile.expire_leases(newsroom.site) == 0
    leases = await newsroom.pending.leases(at.site, [first.comment_id, second.comment_id])
    assert leases.keys() == {second.comment_id}
    assert await claim(newsroom) == [first.comment_id]


# R4


async def test_an_item_without_a_place_waits_again(newsroom: Newsroom) -> None:
    comment, other = await newsroom.post(), await newsroom.post()
    at, name = Keys(newsroom.site.slug), str(comment.comment_id)
    for key in (at.queue, at.by_age, at.by_priority):
        await newsroom.redis.zrem(key, name)
    assert await claim(newsroom) == [other.comment_id]
    assert await newsroom.reconcile.mend_structure(newsroom.site) == (1, 0)
    (await Places.of(newsroom.redis, at.site)).assert_sound()
    assert await claim(newsroom) == [comment.comment_id]


async def test_a_place_without_an_item_goes(newsroom: Newsroom) -> None:
    comment, other = await newsroom.post(), await newsroom.post()
    at = Keys(newsroom.site.slug)
    await newsroom.redis.delete(at.item(comment.comment_id))
    assert await newsroom.reconcile.mend_structure(newsroom.site) == (0, 1)
    places = await Places.of(newsroom.redis, at.site)
    places.assert_sound()
    assert places.of_id(comment.comment_id) == set()
    assert await claim(newsroom) == [other.comment_id]


async def test_a_public_comments_lease_is_left_alone(newsroom: Newsroom) -> None:
    comment = await newsroom.post()
    await newsroom.approve(comment)
    slug = newsroom.site.slug
    await newsroom.pending.lease(
        slug, owner="key:kim", name="Kim", ids=[comment.comment_id], limit=1, ttl_ms=90_000
    )
    assert await newsroom.reconcile.mend_structure(newsroom.site) == (0, 0)
    assert (await newsroom.pending.leases(slug, [comment.comment_id])).keys()


# R6


async def lose(newsroom: Newsroom, comment: PendingComment) -> None:
    """Take one comment out of Redis, after the journal has copied it."""
    await newsroom.journal_all()
    at = Keys(newsroom.site.slug)
    await newsroom.redis.delete(at.item(comment.comment_id))
    await newsroom.reconcile.mend_structure(newsroom.site)


async def test_what_the_journal_has_and_redis_has_not_is_put_back_under_its_id(
    newsroom: Newsroom,
) -> None:
    comment, other = await newsroom.post("Hello."), await newsroom.post()
    before = await item_of(newsroom, comment)
    await lose(newsroom, comment)
    assert await newsroom.reconcile.put_back_missing(newsroom.site) == 1
    assert await item_of(newsroom, comment) == before
    assert await newsroom.reconcile.put_back_missing(newsroom.site) == 0
    assert set(await claim(newsroom)) == {comment.comment_id, other.comment_id}


async def test_what_was_journaled_just_now_is_not_looked_for_yet(newsroom: Newsroom) -> None:
    comment = await newsroom.post()
    await lose(newsroom, comment)
    written = await newsroom.pool.fetchval(
        "SELECT journaled_at FROM intake_journal WHERE comment_id = $1", comment.comment_id
    )
    soon = replace(newsroom.reconcile, clock=lambda: written + timedelta(seconds=29))
    later = replace(newsroom.reconcile, clock=lambda: written + timedelta(seconds=30))
    assert await soon.put_back_missing(newsroom.site) == 0
    assert await later.put_back_missing(newsroom.site) == 1


@pytest.mark.parametrize("action", [Action.APPROVE, Action.REJECT])
async def test_an_undone_decision_whose_comment_never_came_back_is_put_right(
    newsroom: Newsroom, action: Action
) -> None:
    comment = await newsroom.post("Hello.")
    decision = (await newsroom.decide(action, comment))[0].decision
    assert decision is not None
    await reverse_and_die(newsroom, decision.decision_id)
    assert await item_of(newsroom, comment) is None
    assert await newsroom.status(comment) == "pending"
    assert await newsroom.reconcile.put_back_missing(newsroom.site) == 1
    item = await item_of(newsroom, comment)
    assert item is not None
    assert (item.text, item.n) == ("Hello.", 2)
    assert item.seq > 0
    assert await newsroom.reconcile.finish_decided(newsroom.site) == 0
    assert await claim(newsroom) == [comment.comment_id]
    assert (await newsroom.decide(Action.APPROVE, comment, override=True))[0].outcome == "applied"


async def test_an_undone_escalation_that_redis_never_heard_of_is_put_right(
    newsroom: Newsroom,
) -> None:
    comment = await newsroom.post()
    escalation = (await newsroom.decide(Action.ESCALATE, comment))[0].decision
    assert escalation is not None
    await reverse_and_die(newsroom, escalation.decision_id)
    item = await item_of(newsroom, comment)
    assert item is not None
    assert item.escalated
    await newsroom.reconcile.put_back_missing(newsroom.site)
    item = await item_of(newsroom, comment)
    assert item is not None
    assert (item.escalated, item.n) == (False, 2)
    (await Places.of(newsroom.redis, newsroom.site.slug)).assert_sound()


async def test_a_text_that_redis_has_forgotten_replaces_the_one_it_went_back_to(
    newsroom: Newsroom,
) -> None:
    comment = await newsroom.post("Before.")
    fields = await newsroom.redis.dump(Keys(newsroom.site.slug).item(comment.comment_id))
    assert fields is not None
    await edit(newsroom, comment, "After.")
    await newsroom.journal_all()
    await newsroom.redis.restore(
        Keys(newsroom.site.slug).item(comment.comment_id), 0, fields, replace=True
    )
    assert await newsroom.reconcile.put_back_missing(newsroom.site) == 1
    item = await item_of(newsroom, comment)
    assert item is not None
    assert (item.text, item.revision) == ("After.", 2)
    assert await newsroom.reconcile.put_back_missing(newsroom.site) == 0


async def test_nothing_is_put_back_into_a_redis_that_is_still_to_be_refilled(
    newsroom: Newsroom,
) -> None:
    comment = await newsroom.post()
    await newsroom.journal_all()
    await newsroom.lose_redis()
    assert await newsroom.reconcile.put_back_missing(newsroom.site) == 0
    assert await item_of(newsroom, comment) is None


# Nothing comes back that its author took away (Ruling 6)


@pytest.mark.parametrize("copied", [1, 2], ids=["the same text", "a later edit"])
@pytest.mark.parametrize("action", [Action.WITHDRAW, Action.DELETE])
async def test_no_repair_brings_back_what_its_author_took_away(
    newsroom: Newsroom, action: Action, copied: int
) -> None:
    comment = await newsroom.post("Mine.")
    n = 0
    if action is Action.DELETE:
        await newsroom.approve(comment)
        n = 1
    await decide_and_die(newsroom, action, comment)
    late = replace(comment, text="Mine still.", revision=copied, n=n, kind="edit" if n else "new")
    await newsroom.pending.requeue(late, journaled=False, guarded=True)
    await newsroom.journal_all()

    for _ in range(2):
        await newsroom.reconcile.put_back_missing(newsroom.site)
        await newsroom.reconcile.finish_decided(newsroom.site)
        await newsroom.reconcile.mend_structure(newsroom.site)
        await newsroom.settle.settle(newsroom.site)

    assert await item_of(newsroom, comment) is None
    assert await newsroom.status(comment) == "deleted"
    for again in (Action.APPROVE, Action.RESTORE, Action.ESCALATE):
        result = (await newsroom.decide(again, comment, revision=copied))[0]
        assert result.outcome == "conflict"
    texts = await newsroom.pool.fetchval(
        """
        SELECT count(*) FROM (
            SELECT text FROM comments WHERE comment_id = $1 AND text IS NOT NULL
            UNION ALL
            SELECT payload::text FROM intake_journal
            WHERE comment_id = $1 AND payload IS NOT NULL
            UNION ALL SELECT payload::text FROM kept_texts WHERE comment_id = $1
            UNION ALL SELECT text FROM comment_revisions WHERE comment_id = $1
        ) texts
        """,
        comment.comment_id,
    )
    assert texts == 0
    assert await newsroom.count() == 0


async def test_a_requeue_that_comes_after_the_deletion_is_cleaned(newsroom: Newsroom) -> None:
    comment = await newsroom.post()
    approval = (await newsroom.approve(comment))[0].decision
    assert approval is not None
    await reverse_and_die(newsroom, approval.decision_id)
    await newsroom.decide(Action.WITHDRAW, comment)
    await newsroom.pending.requeue(replace(comment, n=2), journaled=False, guarded=True)
    assert await newsroom.status(comment) == "deleted"
    await newsroom.journal_all()
    await newsroom.reconcile.finish_decided(newsroom.site)
    assert await newsroom.reconcile.put_back_missing(newsroom.site) == 0
    assert await item_of(newsroom, comment) is None


# R8


async def test_what_is_too_old_goes_and_nothing_else(database_url: str, redis_url: str) -> None:
    async with open_newsroom(database_url, redis_url) as newsroom:
        old, new = [await newsroom.post(f"{age}.", key=f"{age}-key") for age in ("Old", "New")]
        await newsroom.decide(Action.REJECT, old, new)
        waiting = await newsroom.post("Waiting.", key="waiting-key")
        await newsroom.journal_all()
        await newsroom.relay.relay()
        for statement in (
            "UPDATE kept_texts SET expires_at = now()",
            "UPDATE submissions SET at = now() - interval '48 h'",
            "UPDATE intake_journal SET journaled_at = now() - interval '7 d'",
            "UPDATE outbox SET relayed_at = now() - interval '1 d'",
        ):
            await newsroom.pool.execute(f"{statement} WHERE comment_id = $1", old.comment_id)
        await newsroom.pool.execute(
            "UPDATE intake_journal SET journaled_at = '2026-01-01' WHERE state = 'waiting'"
        )
        await newsroom.reconcile.purge()
        left = {
            table: {
                row["comment_id"]
                for row in await newsroom.pool.fetch(f"SELECT comment_id FROM {table}")  # noqa: S608
            }
            for table in ("kept_texts", "submissions", "intake_journal", "outbox", "decisions")
        }
    assert left == {
        "kept_texts": {new.comment_id},
        "submissions": {new.comment_id, waiting.comment_id},
        "intake_journal": {new.comment_id, waiting.comment_id},
        "outbox": {new.comment_id},
        "decisions": {old.comment_id, new.comment_id},
    }


# All of them, without end


async def test_the_rules_are_applied_again_and_again_also_after_a_store_was_away(
    database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FINISH", "WALK", "EXPIRE", "STRUCTURE", "MISSING", "PURGE"):
        monkeypatch.setattr(reconcile, f"{name}_SECONDS", 0.01)
    async with (
        open_newsroom(database_url, redis_url) as newsroom,
        without_redis(newsroom) as cut_off,
    ):
        away = asyncio.create_task(cut_off.reconcile.run())
        task = asyncio.create_task(newsroom.reconcile.run())
        for _ in range(2):
            comment = await newsroom.post()
            await decide_and_die(newsroom, Action.APPROVE, comment)
            async with asyncio.timeout(5):
                while await item_of(newsroom, comment) is not None:  # noqa: ASYNC110 - no event
                    await asyncio.sleep(0.01)
        assert not away.done()
        for each in (task, away):
            each.cancel()
        await asyncio.gather(task, away, return_exceptions=True)
