from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from service.errors import Unavailable
from service.features.lookup import Found
from service.model import Action, PendingComment
from tests.features.conftest import OpenSite
from tests.newsroom import KIM, Newsroom, without_postgres, without_redis

LEILA = UUID(int=7)


async def seen(newsroom: Newsroom, comment: PendingComment | UUID) -> Found:
    found = await newsroom.find(comment)
    assert found is not None
    return found


async def edited(newsroom: Newsroom, comment: PendingComment, text: str, *, n: int = 0) -> None:
    """Let a newer text of a comment wait, as its author's edit does."""
    current = await newsroom.pending.get(newsroom.site.slug, comment.comment_id)
    if current is None:
        item = replace(comment, text=text, revision=2, n=n, kind="edit")
        assert await newsroom.pending.requeue(item, journaled=False, guarded=True) == "NEW"
        return
    item = replace(current, text=text)
    change = await newsroom.pending.edit(item, expected_revision=current.revision)
    assert change.outcome == "OK"


async def test_what_nobody_has_decided_waits(newsroom: Newsroom) -> None:
    comment = await newsroom.post("Hello.", author=LEILA)
    found = await seen(newsroom, comment)
    assert (found.status, found.author_id, found.decision) == ("pending", LEILA, None)
    assert found.waiting is not None
    assert found.waiting.text == "Hello."
    await newsroom.journal_all()
    assert await seen(newsroom, comment) == found


async def test_what_nobody_knows_is_not_found(newsroom: Newsroom) -> None:
    assert await newsroom.find(uuid4()) is None


async def test_another_sites_comment_is_not_found(newsroom: Newsroom, new_site: OpenSite) -> None:
    comment = await newsroom.post()
    public = await newsroom.post()
    await newsroom.approve(public)
    other = await new_site()
    for each in (comment, public):
        assert await other.find(each) is None


async def test_each_state_is_told_with_its_text_and_its_author(newsroom: Newsroom) -> None:
    approved, rejected, removed = [await newsroom.post(author=LEILA) for _ in range(3)]
    await newsroom.approve(approved, removed)
    await newsroom.decide(Action.REMOVE, removed)
    await newsroom.decide(Action.REJECT, rejected)
    for comment, status in ((approved, "approved"), (rejected, "rejected"), (removed, "removed")):
        found = await seen(newsroom, comment)
        assert (found.status, found.author_id) == (status, LEILA)
        assert found.waiting is None
        assert (found.article_id, found.article_key) == (comment.article_id, "story-1")
        text = (found.public and found.public.text) or (found.kept and found.kept.text)
        assert text == "A comment."


@pytest.mark.parametrize("action", [Action.WITHDRAW, Action.DELETE])
async def test_of_what_its_author_took_away_no_text_is_left_but_whose_it_was(
    newsroom: Newsroom, action: Action
) -> None:
    comment = await newsroom.post(author=LEILA)
    if action is Action.DELETE:
        await newsroom.approve(comment)
    await newsroom.decide(action, comment)
    found = await seen(newsroom, comment)
    assert (found.status, found.author_id) == ("deleted", LEILA)
    assert (found.waiting, found.kept) == (None, None)
    assert found.public is None or found.public.text is None


async def test_a_text_whose_time_is_over_is_not_shown_before_it_is_purged(
    newsroom: Newsroom,
) -> None:
    comment = await newsroom.post(author=LEILA)
    await newsroom.decide(Action.REJECT, comment)
    await newsroom.pool.execute(
        "UPDATE kept_texts SET expires_at = now() - interval '1 s' WHERE comment_id = $1",
        comment.comment_id,
    )
    found = await seen(newsroom, comment)
    assert (found.status, found.kept, found.author_id) == ("rejected", None, LEILA)


async def test_an_item_that_the_log_has_settled_does_not_wait_any_longer(
    newsroom: Newsroom,
) -> None:
    comment = await newsroom.post()
    await newsroom.approve(comment)
    again = await newsroom.pending.requeue(comment, journaled=True, guarded=True)
    assert again == "NEW"  # as after a restore of Redis from a backup
    found = await seen(newsroom, comment)
    assert (found.status, found.waiting) == ("approved", None)


async def test_an_edit_waits_beside_the_public_text(newsroom: Newsroom) -> None:
    comment = await newsroom.post("Old.")
    await newsroom.approve(comment)
    await edited(newsroom, comment, "New.", n=1)
    found = await seen(newsroom, comment)
    assert found.status == "approved"
    assert found.public is not None
    assert found.waiting is not None
    assert (found.public.text, found.waiting.text) == ("Old.", "New.")


async def test_a_text_edited_before_its_rejection_was_known_waits_again(
    newsroom: Newsroom,
) -> None:
    comment = await newsroom.post("Bad.")
    await newsroom.journal_all()
    await newsroom.decide(Action.REJECT, comment)
    await newsroom.pending.requeue(
        replace(comment, text="Better.", revision=2), journaled=False, guarded=True
    )
    found = await seen(newsroom, comment)
    assert found.status == "pending"
    assert found.waiting is not None
    assert found.waiting.text == "Better."


@pytest.mark.parametrize("action", [Action.WITHDRAW, Action.DELETE])
async def test_an_edit_that_meets_its_authors_deletion_is_not_found_waiting(
    newsroom: Newsroom, action: Action
) -> None:
    comment = await newsroom.post()
    n = 0
    if action is Action.DELETE:
        await newsroom.approve(comment)
        n = 1
    await newsroom.decide(action, comment)
    late = replace(comment, text="Late.", revision=2, n=n)
    await newsroom.pending.requeue(late, journaled=False, guarded=True)
    await newsroom.journal_all()
    found = await seen(newsroom, comment)
    assert (found.status, found.waiting) == ("deleted", None)


async def test_the_journal_tells_what_redis_has_lost(newsroom: Newsroom) -> None:
    comment = await newsroom.post("Hello.")
    await newsroom.journal_all()
    await newsroom.lose_redis()
    found = await seen(newsroom, comment)
    assert found.status == "pending"
    assert found.waiting is not None
    assert found.waiting.text == "Hello."


async def test_of_two_copies_the_later_text_is_told(newsroom: Newsroom) -> None:
    comment = await newsroom.post("Old.")
    await newsroom.journal_all()
    await edited(newsroom, comment, "New.")
    found = await seen(newsroom, comment)
    assert found.waiting is not None
    assert (found.waiting.text, found.waiting.revision) == ("New.", 2)


async def test_an_undone_approval_is_pending_also_while_its_item_is_lost(
    newsroom: Newsroom,
) -> None:
    comment = await newsroom.post("Hello.")
    approval = (await newsroom.approve(comment))[0].decision
    assert approval is not None
    await newsroom.decisions.reverse(
        [newsroom.site], approval.decision_id, actor=KIM, now=newsroom.now
    )
    await newsroom.lose_redis()
    found = await seen(newsroom, comment)
    assert found.status == "pending"
    assert found.waiting is not None
    assert (found.waiting.text, found.waiting.n) == ("Hello.", 2)


async def test_while_postgres_is_away_redis_answers_for_what_it_has(newsroom: Newsroom) -> None:
    waiting, public = await newsroom.post(), await newsroom.post()
    await newsroom.approve(public)
    async with without_postgres(newsroom) as cut_off:
        assert await cut_off.status(waiting) == "pending"
        for comment in (public, uuid4()):
            with pytest.raises(Unavailable):
                await cut_off.find(comment)


async def test_while_redis_is_away_postgres_answers_for_what_it_has(newsroom: Newsroom) -> None:
    journaled, public = await newsroom.post(), await newsroom.post()
    await newsroom.approve(public)
    await newsroom.journal_all()
    fresh = await newsroom.post()
    async with without_redis(newsroom) as cut_off:
        assert await cut_off.status(public) == "approved"
        assert await cut_off.status(journaled) == "pending"
        with pytest.raises(Unavailable):
            await cut_off.find(fresh)


async def test_history_and_former_texts_are_told_oldest_first(newsroom: Newsroom) -> None:
    comment = await newsroom.post("One.")
    await newsroom.approve(comment)
    await edited(newsroom, comment, "Two.", n=1)
    newsroom.now += timedelta(minutes=1)
    results = await newsroom.decide(Action.APPROVE, comment, revision=2)
    assert results[0].outcome == "applied"
    await newsroom.decide(Action.REMOVE, comment, revision=2)
    found = await seen(newsroom, comment)
    history = await newsroom.lookup.history(found, newsroom.site)
    assert [(each.n, each.action, each.revision) for each in history] == [
        (1, "approve", 1),
        (2, "approve", 2),
        (3, "remove", 2),
    ]
    revisions = await newsroom.lookup.revisions(found, newsroom.site)
    assert [(each.revision, each.text) for each in revisions] == [(1, "One.")]
    assert revisions[0].replaced_at == newsroom.now
