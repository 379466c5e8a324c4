from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from service.errors import Invalid, NotFound
from service.features.outcomes import AmbiguousDecision, DecidedSince, DecisionRequest, TextGone
from service.model import Action, PendingComment, Screened
from service.storage.changes import ArticlePlace
from service.storage.decisions import Refused
from tests.newsroom import KIM, SAM, Newsroom, open_newsroom

SENIOR = replace(KIM, sees_escalated=True)


@pytest.fixture
async def newsroom(emptied_database_url: str, redis_url: str) -> AsyncIterator[Newsroom]:
    async with open_newsroom(emptied_database_url, redis_url) as opened:
        yield opened


async def text_of(newsroom: Newsroom, comment: PendingComment) -> str | None:
    text: str | None = await newsroom.pool.fetchval(
        "SELECT text FROM comments WHERE comment_id = $1", comment.comment_id
    )
    return text


async def edited(newsroom: Newsroom, comment: PendingComment, text: str) -> None:
    """Edit what waits."""
    item = replace(comment, text=text)
    change = await newsroom.pending.edit(item, expected_revision=comment.revision)
    assert change.outcome == "OK"


async def with_edit(newsroom: Newsroom, comment: PendingComment, text: str) -> PendingComment:
    """Let an edit of a public comment wait."""
    found = await newsroom.find(comment)
    assert found is not None
    assert found.public is not None
    assert found.decision is not None
    item = replace(
        comment,
        text=text,
        kind="edit",
        revision=found.public.revision + 1,
        n=found.decision.n,
    )
    assert await newsroom.pending.requeue(item, journaled=False, guarded=True) == "NEW"
    return item


async def test_nobody_can_decide_on_an_article_that_does_not_exist(newsroom: Newsroom) -> None:
    nowhere = ArticlePlace(newsroom.site.site_id, uuid4())
    with pytest.raises(Refused, match="23503"):
        async with newsroom.decisions.store.deciding({nowhere: None}) as deciding:
            assert not deciding.held


async def test_an_approved_comment_is_public_and_counted_and_waits_no_longer(
    newsroom: Newsroom,
) -> None:
    comment = await newsroom.post("Hello.")
    result = (await newsroom.approve(comment))[0]
    assert result.status == "approved"
    assert result.decision is not None
    assert (result.decision.n, result.decision.actor_id) == (1, SAM.actor_id)
    assert await text_of(newsroom, comment) == "Hello."
    assert await newsroom.pool.fetchval(
        "SELECT written IS NOT NULL FROM comments WHERE comment_id = $1", comment.comment_id
    )
    assert await newsroom.count() == 1
    assert await newsroom.pending.total("daily", include_escalated=True) == 0


async def test_a_rejected_comment_is_kept_with_its_reason_and_never_public(
    newsroom: Newsroom,
) -> None:
    comment = await newsroom.post("Buy now.")
    result = (await newsroom.decide(Action.REJECT, comment))[0]
    assert (result.outcome, result.status) == ("applied", "rejected")
    found = await newsroom.find(comment)
    assert found is not None
    assert found.kept is not None
    assert found.kept.text == "Buy now."
    assert found.decision is not None
    assert found.decision.reason == "spam"
    assert await text_of(newsroom, comment) is None
    assert await newsroom.count() == 0


async def test_the_same_decision_id_again_is_replayed_and_with_another_action_a_conflict(
    newsroom: Newsroom,
) -> None:
    comment = await newsroom.post()
    decision_id = uuid4()
    first = await newsroom.decide(Action.APPROVE, comment, decision_id=decision_id)
    again = await newsroom.decide(Action.APPROVE, comment, decision_id=decision_id)
    other = await newsroom.decide(Action.REJECT, comment, decision_id=decision_id)
    assert [first[0].outcome, again[0].outcome, other[0].outcome] == [
        "applied",
        "replayed",
        "conflict",
    ]
    assert first[0].decision == again[0].decision == other[0].decision
    assert await newsroom.count() == 1


async def test_whoever_comes_second_is_told_who_was_first(newsroom: Newsroom) -> None:
    comment = await newsroom.post()
    await newsroom.approve(comment)
    second = (await newsroom.decide(Action.REJECT, comment, by=KIM))[0]
    assert (second.outcome, second.status) == ("conflict", "approved")
    assert second.decision is not None
    assert (second.decision.actor_id, second.decision.action) == (SAM.actor_id, "approve")


async def test_of_300_raced_comments_each_has_one_winner_and_the_other_is_told(
    newsroom: Newsroom,
) -> None:
    comments = [await newsroom.post(f"Number {number}.") for number in range(300)]
    orders = {SAM: Action.APPROVE, KIM: Action.REJECT}

    async def work(by: object, seed: int) -> dict[UUID, str]:
        mine = list(comments)
        random.Random(seed).shuffle(mine)  # noqa: S311 - the order of work
        outcomes = {}
        for start in range(0, 300, 20):
            batch = mine[start : start + 20]
            actor = SAM if by is SAM else KIM
            for result in await newsroom.decide(orders[actor], *batch, by=actor):
                outcomes[result.comment_id] = str(result.outcome)
                if result.outcome == "conflict":
                    assert result.decision is not None
                    assert result.decision.actor_id != actor.actor_id
        return outcomes

    sam, kim = await asyncio.gather(work(SAM, 1), work(KIM, 2))
    for comment in comments:
        pair = sorted((sam[comment.comment_id], kim[comment.comment_id]))
        assert pair == ["applied", "conflict"], comment.comment_id
    approved = [each for each in comments if sam[each.comment_id] == "applied"]
    assert 0 < len(approved) < 300, "the two did not race"
    assert await newsroom.count() == len(approved)
    rows = await newsroom.pool.fetch("SELECT comment_id, count(*) AS n FROM decisions GROUP BY 1")
    assert Counter(row["n"] for row in rows) == {1: 300}


async def test_a_colleagues_lease_stands_in_the_way_unless_overridden(newsroom: Newsroom) -> None:
    comment = await newsroom.post()
    await newsroom.pending.claim(
        "daily", owner="key:kimskey1", name="Kim", limit=1, ttl_ms=90_000, senior=True
    )
    refused = await newsroom.decide(Action.APPROVE, comment)
    assert refused[0].outcome == "leased"
    assert await newsroom.status(comment) == "pending"
    overridden = await newsroom.decide(Action.APPROVE, comment, override=True)
    assert overridden[0].outcome == "applied"


async def test_a_decision_on_an_edited_text_is_stale_and_shows_the_new_one(
    newsroom: Newsroom,
) -> None:
    comment = await newsroom.post("Before.")
    await edited(newsroom, comment, "After.")
    stale = (await newsroom.decide(Action.APPROVE, comment))[0]
    assert stale.outcome == "stale"
    assert stale.waiting is not None
    assert (stale.waiting.text, stale.waiting.revision) == ("After.", 2)
    assert (await newsroom.decide(Action.APPROVE, comment, revision=2))[0].outcome == "applied"
    assert await text_of(newsroom, comment) == "After."


async def test_a_reply_waits_for_its_parent_and_both_go_in_one_request(
    newsroom: Newsroom,
) -> None:
    parent = await newsroom.post("Question?")
    reply = await newsroom.post("Answer.", parent=parent.comment_id)
    assert (await newsroom.decide(Action.APPROVE, reply))[0].outcome == "parent_pending"
    results = await newsroom.approve(reply, parent)
    assert [result.comment_id for result in results] == [reply.comment_id, parent.comment_id]
    row = await newsroom.pool.fetchrow(
        "SELECT root_id, depth FROM comments WHERE comment_id = $1", reply.comment_id
    )
    assert tuple(row) == (parent.comment_id, 1)
    assert await newsroom.count() == 2


async def test_a_reply_to_a_rejected_comment_is_a_conflict_with_that_rejection(
    newsroom: Newsroom,
) -> None:
    parent = await newsroom.post("Spam.")
    reply = await newsroom.post("Quite.", parent=parent.comment_id)
    await newsroom.decide(Action.REJECT, parent)
    result = (await newsroom.decide(Action.APPROVE, reply))[0]
    assert result.outcome == "conflict"
    assert result.decision is not None
    assert result.decision.comment_id == parent.comment_id


async def test_unknown_comments_are_not_found_and_others_in_the_request_are_decided(
    newsroom: Newsroom,
) -> None:
    comment = await newsroom.post()
    results = await newsroom.decide(Action.APPROVE, uuid4(), comment)
    assert [result.outcome for result in results] == ["not_found", "applied"]


async def test_a_foreign_sites_comment_is_not_found(newsroom: Newsroom) -> None:
    comment = await newsroom.post()
    other = await newsroom.sites.create("other", "Other")
    results = await newsroom.decisions.decide(
        [other],
        [
            DecisionRequest(
                comment_id=comment.comment_id,
                revision=1,
                action=Action.APPROVE,
                decision_id=uuid4(),
            )
        ],
        actor=SAM,
        now=newsroom.now,
    )
    assert results[0].outcome == "not_found"
    assert await newsroom.status(comment) == "pending"


@pytest.mark.parametrize("reason", [None, "no_such_reason"])
async def test_a_rejection_needs_a_reason_the_site_has(
    newsroom: Newsroom, reason: str | None
) -> None:
    comment = await newsroom.post()
    request = DecisionRequest(
        comment_id=comment.comment_id,
        revision=1,
        action=Action.REJECT,
        decision_id=uuid4(),
        reason=reason,
    )
    with pytest.raises(Invalid) as refusal:
        await newsroom.decisions.decide([newsroom.site], [request], actor=SAM, now=newsroom.now)
    assert refusal.value.errors[0].pointer == "/decisions/0/reason"
    assert await newsroom.status(comment) == "pending"


async def test_removing_and_restoring_moves_count_and_text(newsroom: Newsroom) -> None:
    comment = await newsroom.post("Here.")
    await newsroom.approve(comment)
    assert (await newsroom.decide(Action.REMOVE, comment))[0].status == "removed"
    assert (await newsroom.count(), await text_of(newsroom, comment)) == (0, None)
    assert (await newsroom.decide(Action.RESTORE, comment))[0].status == "approved"
    assert (await newsroom.count(), await text_of(newsroom, comment)) == (1, "Here.")
    assert (await newsroom.decide(Action.RESTORE, comment))[0].outcome == "conflict"


async def test_an_escalated_comment_waits_for_seniors_only(newsroom: Newsroom) -> None:
    comment = await newsroom.post()
    result = (await newsroom.decide(Action.ESCALATE, comment))[0]
    assert (result.outcome, result.status) == ("applied", "pending")
    junior = replace(KIM, sees_escalated=False)
    assert (await newsroom.decide(Action.APPROVE, comment, by=junior))[0].outcome == "conflict"
    assert await newsroom.pending.total("daily", include_escalated=False) == 0
    assert (await newsroom.decide(Action.APPROVE, comment, by=KIM))[0].outcome == "applied"
    assert await newsroom.pending.total("daily", include_escalated=True) == 0


async def test_undoing_an_approval_puts_the_comment_back_and_its_replies_under_a_tombstone(
    newsroom: Newsroom,
) -> None:
    parent = await newsroom.post("Parent.")
    await newsroom.approve(parent)
    reply = await newsroom.post("Reply.", parent=parent.comment_id)
    await newsroom.approve(reply)
    approval = (await newsroom.find(parent)).decision  # type: ignore[union-attr]
    assert approval is not None
    reversal = await newsroom.decisions.reverse(
        [newsroom.site], approval.decision_id, actor=KIM, now=newsroom.now
    )
    assert (reversal.decision.action, reversal.decision.n) == ("reverse", 2)
    assert reversal.decision.reverses == approval.decision_id
    assert await newsroom.status(parent) == "pending"
    assert await newsroom.count() == 1
    row = await newsroom.pool.fetchrow(
        "SELECT status, text, shown, shown_replies FROM comments WHERE comment_id = $1",
        parent.comment_id,
    )
    assert tuple(row) == ("removed", None, True, 1)
    waiting = await newsroom.pending.get("daily", parent.comment_id)
    assert waiting is not None
    assert (waiting.text, waiting.n) == ("Parent.", 2)
    again = await newsroom.decisions.reverse(
        [newsroom.site], approval.decision_id, actor=KIM, now=newsroom.now
    )
    assert again.decision == reversal.decision
    await newsroom.approve(parent)
    assert await newsroom.count() == 2
    with pytest.raises(DecidedSince):
        await newsroom.decisions.reverse(
            [newsroom.site], approval.decision_id, actor=KIM, now=newsroom.now
        )


async def test_undoing_a_rejection_puts_the_comment_back_to_be_approved(
    newsroom: Newsroom,
) -> None:
    comment = await newsroom.post("Fine after all.")
    rejection = (await newsroom.decide(Action.REJECT, comment))[0].decision
    assert rejection is not None
    await newsroom.decisions.reverse(
        [newsroom.site], rejection.decision_id, actor=SAM, now=newsroom.now
    )
    assert await newsroom.status(comment) == "pending"
    await newsroom.approve(comment)
    assert await text_of(newsroom, comment) == "Fine after all."
    standing = await newsroom.pool.fetchrow("SELECT approved, rejected FROM readers")
    assert tuple(standing) == (1, 0)


async def test_undoing_a_removal_restores_and_undoing_that_cannot_be_undone_again(
    newsroom: Newsroom,
) -> None:
    comment = await newsroom.post("Back.")
    await newsroom.approve(comment)
    removal = (await newsroom.decide(Action.REMOVE, comment))[0].decision
    assert removal is not None
    reversal = await newsroom.decisions.reverse(
        [newsroom.site], removal.decision_id, actor=SAM, now=newsroom.now
    )
    assert reversal.decision.status == "approved"
    assert await newsroom.count() == 1
    with pytest.raises(DecidedSince):
        await newsroom.decisions.reverse(
            [newsroom.site], reversal.decision.decision_id, actor=SAM, now=newsroom.now
        )


async def test_a_held_edit_keeps_the_old_text_public_until_it_is_approved(
    newsroom: Newsroom,
) -> None:
    comment = await newsroom.post("Old.")
    await newsroom.approve(comment)
    edit = await with_edit(newsroom, comment, "New.")
    assert await newsroom.status(comment) == "approved"
    assert await text_of(newsroom, comment) == "Old."
    approval = (await newsroom.decide(Action.APPROVE, comment, revision=edit.revision))[0]
    assert approval.outcome == "applied"
    assert (await text_of(newsroom, comment), await newsroom.count()) == ("New.", 1)
    assert approval.decision is not None
    await newsroom.decisions.reverse(
        [newsroom.site], approval.decision.decision_id, actor=SAM, now=newsroom.now
    )
    assert (await text_of(newsroom, comment), await newsroom.count()) == ("Old.", 1)


async def test_a_rejected_edit_leaves_the_public_text_as_it_is(newsroom: Newsroom) -> None:
    comment = await newsroom.post("Old.")
    await newsroom.approve(comment)
    edit = await with_edit(newsroom, comment, "Worse.")
    rejection = (await newsroom.decide(Action.REJECT, comment, revision=edit.revision))[0]
    assert (rejection.outcome, rejection.status) == ("applied", "approved")
    assert (await text_of(newsroom, comment), await newsroom.count()) == ("Old.", 1)
    assert await newsroom.pending.get("daily", comment.comment_id) is None


async def test_an_edit_of_a_removed_comment_waits_for_the_comment_to_be_restored(
    newsroom: Newsroom,
) -> None:
    comment = await newsroom.post("Old.")
    await newsroom.approve(comment)
    edit = await with_edit(newsroom, comment, "New.")
    await newsroom.decide(Action.REMOVE, comment)
    early = (await newsroom.decide(Action.APPROVE, comment, revision=edit.revision))[0]
    assert (early.outcome, await newsroom.count()) == ("conflict", 0)
    assert (await newsroom.decide(Action.RESTORE, comment))[0].outcome == "applied"
    assert await text_of(newsroom, comment) == "Old."
    late = (await newsroom.decide(Action.APPROVE, comment, revision=edit.revision))[0]
    assert late.outcome == "applied"
    assert (await text_of(newsroom, comment), await newsroom.count()) == ("New.", 1)


async def test_an_expired_text_cannot_come_back(newsroom: Newsroom) -> None:
    comment = await newsroom.post("Gone.")
    rejection = (await newsroom.decide(Action.REJECT, comment))[0].decision
    assert rejection is not None
    await newsroom.pool.execute("DELETE FROM kept_texts")
    with pytest.raises(TextGone):
        await newsroom.decisions.reverse(
            [newsroom.site], rejection.decision_id, actor=SAM, now=newsroom.now
        )


async def test_one_id_for_several_comments_is_ambiguous_until_one_is_named(
    newsroom: Newsroom,
) -> None:
    comments = [await newsroom.post(), await newsroom.post()]
    shared = uuid4()
    await newsroom.decide(Action.APPROVE, *comments, decision_id=shared)
    with pytest.raises(AmbiguousDecision):
        await newsroom.decisions.reverse([newsroom.site], shared, actor=SAM, now=newsroom.now)
    reversal = await newsroom.decisions.reverse(
        [newsroom.site],
        shared,
        comment_id=comments[0].comment_id,
        actor=SAM,
        now=newsroom.now,
    )
    assert reversal.comment_id == comments[0].comment_id
    with pytest.raises(NotFound):
        await newsroom.decisions.reverse([newsroom.site], uuid4(), actor=SAM, now=newsroom.now)


async def test_a_bulk_of_200_over_several_articles_is_one_transaction(
    newsroom: Newsroom,
) -> None:
    comments = [await newsroom.post(article=f"story-{number % 7}") for number in range(200)]
    results = await newsroom.decide(Action.APPROVE, *comments)
    assert Counter(result.outcome for result in results) == {"applied": 200}
    assert await newsroom.pool.fetchval("SELECT sum(approved) FROM article_counts") == 200
    at = await newsroom.pool.fetchval("SELECT count(DISTINCT xmin::text) FROM decisions")
    assert at == 1


async def test_a_comment_that_postgres_refuses_does_not_keep_others_from_being_decided(
    newsroom: Newsroom,
) -> None:
    good, bad = await newsroom.post("Good."), await newsroom.post("Bad.")
    broken = replace(bad, article_title="x" * 400, n=0, revision=2)
    await newsroom.pending.requeue(broken, journaled=False, guarded=True)
    requests = [
        DecisionRequest(
            comment_id=each.comment_id,
            revision=each.revision,
            action=Action.APPROVE,
            decision_id=uuid4(),
        )
        for each in (good, broken)
    ]
    for _ in range(3):
        results = await newsroom.decisions.decide(
            [newsroom.site], requests, actor=SAM, now=newsroom.now
        )
    assert [result.outcome for result in results] == ["replayed", "conflict"]
    assert results[1].decision is None
    assert await newsroom.redis.zscore("pb:{daily}:x", str(bad.comment_id)) is not None
    assert await newsroom.status(bad) == "pending"


@pytest.mark.parametrize("copied", [True, False])
@pytest.mark.parametrize("before", [None, Action.ESCALATE])
async def test_what_came_with_a_comment_is_kept_whether_the_journal_or_its_decision_is_first(
    newsroom: Newsroom, before: Action | None, *, copied: bool
) -> None:
    comment = await newsroom.post(key="a draft")
    seen = replace(comment, screened=Screened(at=newsroom.now, lang="en"), n=0, revision=2)
    await newsroom.pending.requeue(seen, journaled=False, guarded=True)
    if copied:
        await newsroom.journal_all()
    if before is not None:
        await newsroom.decide(before, comment, revision=2)
    results = await newsroom.decide(Action.APPROVE, comment, revision=2, by=SENIOR)
    assert results[0].outcome == "applied"
    for table in ("comment_places", "submissions", "screenings"):
        known = await newsroom.pool.fetchval(
            f"SELECT count(*) FROM {table} WHERE comment_id = $1",  # noqa: S608 - its own list
            comment.comment_id,
        )
        assert known == 1, table
