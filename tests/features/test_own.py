from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from service.errors import Failure, Invalid, RateLimited, Unavailable
from service.features.intake import AuthorBanned
from service.features.lookup import Found, Lookup
from service.features.outcomes import TextGone
from service.features.own import (
    EDITOR,
    Editor,
    EditWindowOver,
    NotEditable,
    NotYours,
    StaleRevision,
    UnknownComment,
)
from service.model import Action, ArticleState, Mode, PendingComment, Site, SiteSettings, Status
from service.storage.pending import PendingStore
from service.storage.redis import Keys
from tests.features.conftest import OpenSite
from tests.newsroom import KIM, Newsroom, without_redis

MINUTE = timedelta(minutes=1)
MOMENT = timedelta(milliseconds=1)
SECRET = "what nobody shall read again"
STATES = ("pending", "approved", "rejected", "removed")
STANDINGS = """
    INSERT INTO readers (site_id, author_id, kind, banned_until, trusted)
    VALUES ($1, $2, 'guest', $3, $4)
"""
TEXTS = """
    SELECT (SELECT count(*) FROM comments WHERE site_id = $1 AND text LIKE $2)
         + (SELECT count(*) FROM comment_revisions WHERE site_id = $1 AND text LIKE $2)
         + (SELECT count(*) FROM intake_journal WHERE site_id = $1 AND payload::text LIKE $2)
         + (SELECT count(*) FROM kept_texts WHERE site_id = $1 AND payload::text LIKE $2)
"""


async def edit(
    newsroom: Newsroom,
    comment: PendingComment,
    body: str,
    *,
    revision: int = 1,
    by: UUID | None = None,
    after: timedelta = MINUTE,
    editor: str | None = None,
) -> Found:
    return await newsroom.own.edit(
        newsroom.site,
        comment.comment_id,
        by or comment.author.author_id,
        body=body,
        revision=revision,
        editor=editor,
        now=comment.created_at + after,
    )


async def open_editor(
    newsroom: Newsroom,
    comment: PendingComment,
    *,
    by: UUID | None = None,
    after: timedelta = MINUTE,
) -> Editor:
    author = by or comment.author.author_id
    now = comment.created_at + after
    return await newsroom.own.open_editor(newsroom.site, comment.comment_id, author, now=now)


async def delete(newsroom: Newsroom, comment: PendingComment, by: UUID | None = None) -> None:
    author = by or comment.author.author_id
    await newsroom.own.delete(newsroom.site, comment.comment_id, author, now=newsroom.now)


async def seen(newsroom: Newsroom, comment: PendingComment) -> Found:
    found = await newsroom.find(comment)
    assert found is not None
    return found


async def bring_to(newsroom: Newsroom, state: str, text: str = SECRET) -> PendingComment:
    """Post a comment and decide it until it is in a state."""
    comment = await newsroom.post(text)
    if state in {"approved", "removed"}:
        await newsroom.approve(comment)
    if state == "rejected":
        await newsroom.decide(Action.REJECT, comment)
    if state == "removed":
        await newsroom.decide(Action.REMOVE, comment)
    assert await newsroom.status(comment) == state
    return comment


async def note_standing(
    newsroom: Newsroom,
    author: UUID,
    *,
    banned_until: datetime | None = None,
    trusted: bool = False,
) -> None:
    site_id = newsroom.site.site_id
    await newsroom.pool.execute(STANDINGS, site_id, author, banned_until, trusted)


async def kept_anywhere(newsroom: Newsroom, text: str = SECRET) -> int:
    """Count the places that hold a text, in both stores."""
    rows: int = await newsroom.pool.fetchval(TEXTS, newsroom.site.site_id, f"%{text}%")
    items = [key async for key in newsroom.redis.scan_iter(f"pb:{{{newsroom.site.slug}}}:c:*")]
    texts = [await newsroom.redis.hget(key, "text") for key in items]
    return rows + sum(text.encode() in each for each in texts if isinstance(each, bytes))


async def redone(newsroom: Newsroom) -> str:
    """Return everything that is kept against a Postgres that goes back in time."""
    return str(await newsroom.redis.xrange(Keys(newsroom.site.slug).redo))


def public_text(found: Found) -> str | None:
    return found.public.text if found.public else None


# Editing what waits


async def test_what_waits_is_replaced_by_the_edit(newsroom: Newsroom) -> None:
    comment = await newsroom.post("Frist!")
    found = await edit(newsroom, comment, "First!")
    assert found.status == "pending"
    assert found.waiting is not None
    assert (found.waiting.text, found.waiting.revision) == ("First!", 2)
    assert found.waiting.edited_at == comment.created_at + MINUTE
    assert found.waiting.created_at == comment.created_at
    await newsroom.decide(Action.APPROVE, comment, revision=2)
    assert public_text(await seen(newsroom, comment)) == "First!"


@pytest.mark.parametrize("state", ["pending", "approved"])
async def test_the_window_ends_to_the_moment(newsroom: Newsroom, state: str) -> None:
    comment = await bring_to(newsroom, state, "Old.")
    window = timedelta(seconds=newsroom.site.settings.edit_window_seconds)
    with pytest.raises(EditWindowOver):
        await edit(newsroom, comment, "Too late.", after=window)
    found = await edit(newsroom, comment, "Just so.", after=window - timedelta(milliseconds=1))
    assert found.waiting is not None
    assert found.waiting.text == "Just so."


@pytest.mark.parametrize("state", ["pending", "approved"])
async def test_an_editor_opened_in_time_has_ten_minutes(newsroom: Newsroom, state: str) -> None:
    comment = await bring_to(newsroom, state, "Old.")
    window = timedelta(seconds=newsroom.site.settings.edit_window_seconds)
    opened = await open_editor(newsroom, comment, after=window - MOMENT)
    assert opened.until == comment.created_at + window - MOMENT + EDITOR
    found = await edit(
        newsroom, comment, "New.", after=window + EDITOR - 2 * MOMENT, editor=opened.proof
    )
    assert found.waiting is not None
    assert found.waiting.text == "New."
    revision = found.waiting.revision
    late = window + EDITOR - MOMENT
    with pytest.raises(EditWindowOver):
        await edit(newsroom, comment, "Late.", revision=revision, after=late, editor=opened.proof)


async def test_an_editor_is_opened_in_time_by_the_author_for_one_comment(
    newsroom: Newsroom,
) -> None:
    leila = uuid4()
    first = await newsroom.post("First.", author=leila)
    other = await newsroom.post("Other.", author=leila)
    window = timedelta(seconds=newsroom.site.settings.edit_window_seconds)
    opened = await open_editor(newsroom, first)
    with pytest.raises(EditWindowOver):
        await open_editor(newsroom, first, after=window)
    with pytest.raises(UnknownComment):
        await open_editor(newsroom, first, by=uuid4())
    for editor in (opened.proof, opened.proof[:-1], "", None):
        with pytest.raises(EditWindowOver):
            await edit(newsroom, other, "New.", after=window, editor=editor)
    await newsroom.decide(Action.REJECT, first)
    with pytest.raises(NotEditable):
        await open_editor(newsroom, first)


@pytest.mark.parametrize("state", ["pending", "approved"])
async def test_an_edit_of_what_was_not_read_last_is_stale(newsroom: Newsroom, state: str) -> None:
    comment = await bring_to(newsroom, state, "Old.")
    with pytest.raises(StaleRevision):
        await edit(newsroom, comment, "New.", revision=2)
    await edit(newsroom, comment, "Second.")
    with pytest.raises(StaleRevision):
        await edit(newsroom, comment, "Third.", revision=1)
    third = await edit(newsroom, comment, "Third.", revision=2)
    assert third.waiting is not None
    assert (third.waiting.text, third.waiting.revision) == ("Third.", 3)


@pytest.mark.parametrize("state", ["pending", "approved"])
async def test_of_edits_at_once_one_wins_and_the_others_are_stale(
    newsroom: Newsroom, state: str
) -> None:
    comment = await bring_to(newsroom, state, "Old.")
    texts = [f"Version {number}." for number in range(6)]
    outcomes = await asyncio.gather(
        *(edit(newsroom, comment, each) for each in texts), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in outcomes) == ["Found"] + 5 * ["StaleRevision"]
    winner = next(text for text, each in zip(texts, outcomes, strict=True) if type(each) is Found)
    found = await seen(newsroom, comment)
    assert found.waiting is not None
    assert (found.waiting.text, found.waiting.revision) == (winner, 2)


@pytest.mark.parametrize("state", ["pending", "approved"])
async def test_a_repeated_edit_is_answered_like_the_first_also_after_the_window(
    newsroom: Newsroom, state: str
) -> None:
    comment = await bring_to(newsroom, state, "Old.")
    first = await edit(newsroom, comment, "New.")
    assert await edit(newsroom, comment, "New.") == first
    assert await edit(newsroom, comment, "New.", after=timedelta(hours=1)) == first


async def test_a_lease_blocks_no_edit_and_its_holder_is_told_the_new_text(
    newsroom: Newsroom,
) -> None:
    comment = await newsroom.post("Old.")
    slug = newsroom.site.slug
    await newsroom.pending.claim(
        slug, owner="key:samskey1", name="Sam", limit=1, ttl_ms=60_000, senior=True
    )
    await edit(newsroom, comment, "New.")
    stale = (await newsroom.decide(Action.APPROVE, comment))[0]
    assert (stale.outcome, stale.status) == ("stale", "pending")
    assert stale.waiting is not None
    assert (stale.waiting.text, stale.waiting.revision) == ("New.", 2)
    assert (await newsroom.pending.leases(slug, [comment.comment_id]))[comment.comment_id]
    applied = (await newsroom.decide(Action.APPROVE, comment, revision=2))[0]
    assert applied.outcome == "applied"


async def test_an_edit_goes_through_the_text_policy(newsroom: Newsroom) -> None:
    comment = await newsroom.post("Old.")
    limit = newsroom.site.settings.body_max_chars
    for body in ("", " \n", "x" * (limit + 1), "a\0b"):
        with pytest.raises(Invalid):
            await edit(newsroom, comment, body)
    found = await edit(newsroom, comment, "a\r\nb")
    assert found.waiting is not None
    assert found.waiting.text == "a\nb"


async def test_too_many_edits_are_refused_for_a_while(new_site: OpenSite) -> None:
    newsroom = await new_site(limits_on=True)
    comment = await newsroom.post()
    for revision in range(1, 6):
        await edit(newsroom, comment, f"Version {revision + 1}.", revision=revision)
    with pytest.raises(RateLimited):
        await edit(newsroom, comment, "Version 7.", revision=6)


async def test_what_redis_lost_is_edited_once_it_is_back(newsroom: Newsroom) -> None:
    waiting, public = await newsroom.post("Old."), await bring_to(newsroom, "approved", "Old.")
    await newsroom.journal_all()
    await newsroom.lose_redis()
    for comment in (waiting, public):
        with pytest.raises(Unavailable):
            await edit(newsroom, comment, "New.")
    await newsroom.journal.open_queue(newsroom.site)
    for comment in (waiting, public):
        found = await edit(newsroom, comment, "New.")
        assert found.waiting is not None
        assert (found.waiting.text, found.waiting.revision) == ("New.", 2)


async def test_without_redis_an_edit_is_refused_and_nothing_is_changed(
    newsroom: Newsroom,
) -> None:
    comment = await bring_to(newsroom, "approved", "Old.")
    async with without_redis(newsroom) as stranded:
        with pytest.raises(Unavailable):
            await edit(stranded, comment, "New.")
    found = await seen(newsroom, comment)
    assert (public_text(found), found.waiting) == ("Old.", None)


# Editing what is public


async def test_a_held_edit_leaves_the_old_text_public_until_it_is_approved(
    newsroom: Newsroom,
) -> None:
    comment = await bring_to(newsroom, "approved", "Old.")
    found = await edit(newsroom, comment, "New.")
    assert (found.status, public_text(found)) == ("approved", "Old.")
    assert found.waiting is not None
    assert (found.waiting.text, found.waiting.kind) == ("New.", "edit")
    assert await newsroom.count() == 1
    held = await newsroom.pending.total(newsroom.site.slug, include_escalated=False)
    assert held == 1
    result = (await newsroom.decide(Action.APPROVE, comment, revision=2))[0]
    assert (result.outcome, result.status) == ("applied", "approved")
    found = await seen(newsroom, comment)
    assert (public_text(found), found.waiting) == ("New.", None)
    assert found.public is not None
    assert found.public.edited_at == comment.created_at + MINUTE
    assert await newsroom.count() == 1


async def test_a_rejected_edit_leaves_the_old_text_public_and_its_author_may_try_again(
    newsroom: Newsroom,
) -> None:
    comment = await bring_to(newsroom, "approved", "Old.")
    await edit(newsroom, comment, "Worse.")
    result = (await newsroom.decide(Action.REJECT, comment, revision=2))[0]
    assert (result.outcome, result.status) == ("applied", "approved")
    found = await seen(newsroom, comment)
    assert (public_text(found), found.waiting) == ("Old.", None)
    assert await newsroom.count() == 1
    again = await edit(newsroom, comment, "Better.")
    assert again.waiting is not None
    # Whoever has read the rejected text cannot approve this one by mistake.
    assert again.waiting.revision == 3
    late = (await newsroom.decide(Action.APPROVE, comment, revision=2, by=KIM))[0]
    assert late.outcome == "stale"


async def test_removed_and_restored_it_is_the_public_text_that_returns_not_a_rejected_edit(
    newsroom: Newsroom,
) -> None:
    comment = await bring_to(newsroom, "approved", "Old.")
    await edit(newsroom, comment, "Worse.")
    await newsroom.decide(Action.REJECT, comment, revision=2)
    await newsroom.decide(Action.REMOVE, comment)
    found = await seen(newsroom, comment)
    assert found.kept is not None
    assert found.kept.text == "Old."
    restored = (await newsroom.decide(Action.RESTORE, comment))[0]
    assert restored.outcome == "applied"
    assert public_text(await seen(newsroom, comment)) == "Old."


async def test_undoing_the_rejection_of_an_edit_lets_that_very_edit_wait_again(
    newsroom: Newsroom,
) -> None:
    comment = await bring_to(newsroom, "approved", "Old.")
    await edit(newsroom, comment, "New.")
    await newsroom.decide(Action.REMOVE, comment)
    rejection = (await newsroom.decide(Action.REJECT, comment, revision=2))[0].decision
    assert rejection is not None
    await newsroom.decisions.reverse(
        [newsroom.site], rejection.decision_id, actor=KIM, now=newsroom.now
    )
    found = await seen(newsroom, comment)
    assert found.status == "removed"
    assert found.waiting is not None
    assert found.waiting.text == "New."


@pytest.mark.parametrize(
    ("mode", "state", "trusted", "at_once"),
    [
        (Mode.POST, ArticleState.OPEN, False, True),
        (Mode.POST, ArticleState.PREMODERATED, False, False),
        (Mode.TRUSTED, ArticleState.OPEN, True, True),
        (Mode.TRUSTED, ArticleState.OPEN, False, False),
        (Mode.PRE, ArticleState.OPEN, True, False),
    ],
)
async def test_an_edit_is_published_at_once_where_a_comment_would_be(
    new_site: OpenSite, mode: Mode, state: ArticleState, *, trusted: bool, at_once: bool
) -> None:
    newsroom = await new_site(SiteSettings(mode=mode))
    author = uuid4()
    comment = await newsroom.post("Old.", author=author)
    await newsroom.approve(comment)
    await newsroom.pool.execute(
        "UPDATE readers SET trusted = $1 WHERE site_id = $2 AND author_id = $3",
        trusted,
        newsroom.site.site_id,
        author,
    )
    await newsroom.articles.put(newsroom.site, "story-1", {"state": state}, newsroom.now)
    found = await edit(newsroom, comment, "New.")
    assert (public_text(found), found.waiting is None) == (
        ("New.", True) if at_once else ("Old.", False)
    )
    assert await newsroom.count() == 1
    if at_once:
        assert [each.text for each in await newsroom.lookup.revisions(found, newsroom.site)] == [
            "Old."
        ]
        unseen = await newsroom.pool.fetchval(
            "SELECT unseen FROM comments WHERE comment_id = $1", comment.comment_id
        )
        assert unseen, "a moderator has seen the old text only"


async def test_an_edit_that_was_accepted_is_never_lost_whoever_decides_meanwhile(
    newsroom: Newsroom,
) -> None:
    chance = random.Random(5)  # noqa: S311 - the order of work
    comments = [await newsroom.post("Old.") for _ in range(24)]
    await newsroom.approve(*comments[::2])
    for comment in comments[::2]:
        await edit(newsroom, comment, "Second.")

    async def decide(comment: PendingComment, revision: int) -> None:
        action = chance.choice([Action.APPROVE, Action.REJECT])
        await newsroom.decide(action, comment, revision=revision)

    async def change(comment: PendingComment, revision: int) -> Found | Failure:
        try:
            return await edit(newsroom, comment, "Newest.", revision=revision)
        except Failure as failure:
            return failure

    kept = 0
    for place, comment in enumerate(comments):
        revision = 1 if place % 2 else 2
        work = [decide(comment, revision), change(comment, revision)]
        chance.shuffle(work)
        outcome = next(each for each in await asyncio.gather(*work) if each is not None)
        await newsroom.reconcile.finish_decided(newsroom.site)
        found = await seen(newsroom, comment)
        texts = {each.text for each in (found.waiting, found.public, found.kept) if each}
        if isinstance(outcome, Found):
            kept += 1
            assert "Newest." in texts, found
        else:
            assert isinstance(outcome, (StaleRevision, NotEditable)), outcome
    assert kept


class Overtaken(PendingStore, frozen=True, kw_only=True):
    """The queue of a process that is overtaken before it lets an edit wait."""

    meanwhile: Callable[[], Awaitable[object]]

    async def requeue(self, item: PendingComment, **how: bool) -> Any:
        await self.meanwhile()
        return await super().requeue(item, **how)


async def test_an_edit_that_was_overtaken_is_stale_and_not_answered_as_if_it_were_there(
    newsroom: Newsroom,
) -> None:
    comment = await bring_to(newsroom, "approved", "Old.")

    async def meanwhile() -> None:
        await edit(newsroom, comment, "From another device.")
        await newsroom.decide(Action.APPROVE, comment, revision=2)

    slow = Overtaken(redis=newsroom.redis, scripts=newsroom.pending.scripts, meanwhile=meanwhile)
    with pytest.raises(StaleRevision):
        await replace(newsroom.own, promise=replace(newsroom.own.promise, pending=slow)).edit(
            newsroom.site,
            comment.comment_id,
            comment.author.author_id,
            body="New.",
            revision=1,
            now=comment.created_at,
        )
    await newsroom.reconcile.finish_decided(newsroom.site)
    found = await seen(newsroom, comment)
    assert (public_text(found), found.waiting) == ("From another device.", None)


# Whose it is, and who they are


@pytest.mark.parametrize("act", [edit, delete])
async def test_anothers_comment_is_forbidden_when_public_and_unknown_when_not(
    newsroom: Newsroom, act: Callable[..., Awaitable[object]]
) -> None:
    said = ("Mine now.",) if act is edit else ()
    for state in STATES:
        comment = await bring_to(newsroom, state)
        refusal = NotYours if state == "approved" else UnknownComment
        with pytest.raises(refusal):
            await act(newsroom, comment, *said, by=uuid4())
        assert await newsroom.status(comment) == state
        assert await kept_anywhere(newsroom) == 1
        await delete(newsroom, comment)


@pytest.mark.parametrize("act", [edit, delete])
async def test_what_another_site_has_is_unknown(
    newsroom: Newsroom, new_site: OpenSite, act: Callable[..., Awaitable[object]]
) -> None:
    comment = await bring_to(newsroom, "approved")
    said = ("Mine now.",) if act is edit else ()
    with pytest.raises(UnknownComment):
        await act(await new_site(), comment, *said)
    with pytest.raises(UnknownComment):
        await act(newsroom, replace(comment, comment_id=uuid4()), *said)


async def test_a_banned_author_edits_nothing_but_may_delete(newsroom: Newsroom) -> None:
    author = uuid4()
    comment = await newsroom.post("Old.", author=author)
    await note_standing(newsroom, author, banned_until=comment.created_at + 2 * MINUTE)
    with pytest.raises(AuthorBanned):
        await edit(newsroom, comment, "New.")
    assert (await edit(newsroom, comment, "New.", after=2 * MINUTE)).waiting is not None
    await delete(newsroom, comment)
    assert await newsroom.status(comment) == "deleted"


@pytest.mark.parametrize("state", ["rejected", "removed", "deleted"])
async def test_what_is_not_there_any_more_is_not_edited(newsroom: Newsroom, state: str) -> None:
    comment = await bring_to(newsroom, "approved" if state == "deleted" else state)
    if state == "deleted":
        await delete(newsroom, comment)
    with pytest.raises(NotEditable):
        await edit(newsroom, comment, "New.")
    assert await newsroom.status(comment) == state


# Deleting


@pytest.mark.parametrize("state", STATES)
async def test_a_deleted_comment_leaves_no_text_and_deleting_it_again_changes_nothing(
    newsroom: Newsroom, state: str
) -> None:
    comment = await bring_to(newsroom, state)
    await newsroom.journal_all()
    assert await kept_anywhere(newsroom)
    await delete(newsroom, comment)
    found = await seen(newsroom, comment)
    assert (found.status, found.waiting, found.kept, public_text(found)) == (
        "deleted",
        None,
        None,
        None,
    )
    assert await kept_anywhere(newsroom) == 0
    assert await newsroom.count() == 0
    decided = found.decision
    await delete(newsroom, comment)
    await newsroom.journal_all()
    assert (await seen(newsroom, comment)).decision == decided
    assert await kept_anywhere(newsroom) == 0


async def test_what_was_never_public_is_not_even_kept_for_repair(newsroom: Newsroom) -> None:
    kept, withdrawn = await newsroom.post("Fine."), await newsroom.post(SECRET)
    await newsroom.decide(Action.REJECT, kept)
    await delete(newsroom, withdrawn)
    told = await redone(newsroom)
    assert "Fine." in told
    assert str(withdrawn.comment_id) in told
    assert SECRET not in told


async def test_with_the_comment_goes_the_edit_that_waits_and_every_former_text(
    newsroom: Newsroom,
) -> None:
    comment = await bring_to(newsroom, "approved", f"First {SECRET}.")
    await edit(newsroom, comment, f"Second {SECRET}.")
    await newsroom.decide(Action.APPROVE, comment, revision=2)
    await edit(newsroom, comment, f"Third {SECRET}.", revision=2)
    await newsroom.journal_all()
    assert await kept_anywhere(newsroom) == 4  # public, former, in Redis and in the journal
    await delete(newsroom, comment)
    assert await newsroom.status(comment) == "deleted"
    assert await kept_anywhere(newsroom) == 0
    assert await newsroom.pending.total(newsroom.site.slug, include_escalated=True) == 0


@pytest.mark.parametrize("state", ["approved", "removed", "pending again"])
async def test_replies_keep_standing_under_a_tombstone_that_says_who_took_it_away(
    newsroom: Newsroom, state: str
) -> None:
    parent = await newsroom.post(SECRET)
    approval = (await newsroom.approve(parent))[0].decision
    reply = await newsroom.post("Reply.", parent=parent.comment_id)
    await newsroom.approve(reply)
    if state == "removed":
        await newsroom.decide(Action.REMOVE, parent)
    if state == "pending again":
        assert approval is not None
        await newsroom.decisions.reverse(
            [newsroom.site], approval.decision_id, actor=KIM, now=newsroom.now
        )
    await delete(newsroom, parent)
    row = await newsroom.pool.fetchrow(
        "SELECT status, text, shown FROM comments WHERE comment_id = $1", parent.comment_id
    )
    assert tuple(row) == ("deleted", None, True)
    assert await newsroom.count() == 1
    await delete(newsroom, reply)
    assert await newsroom.count() == 0
    shown = await newsroom.pool.fetchval(
        "SELECT count(*) FROM comments WHERE site_id = $1 AND shown", newsroom.site.site_id
    )
    assert shown == 0


@pytest.mark.parametrize("state", STATES)
async def test_nothing_brings_a_deleted_comment_back(newsroom: Newsroom, state: str) -> None:
    comment = await bring_to(newsroom, state)
    found = await seen(newsroom, comment)
    before = found.decision
    edited = replace(comment, revision=2, kind="edit", n=before.n if before else 0)
    await delete(newsroom, comment)
    deletion = (await seen(newsroom, comment)).decision
    assert deletion is not None

    async def still_gone() -> None:
        found = await seen(newsroom, comment)
        assert (found.status, found.waiting, found.kept) == ("deleted", None, None)
        assert await newsroom.count() == 0

    for action in (Action.APPROVE, Action.REJECT, Action.REMOVE, Action.RESTORE, Action.ESCALATE):
        for revision in (1, 2):
            result = (await newsroom.decide(action, comment, revision=revision, by=KIM))[0]
            assert (result.outcome, result.status) == ("conflict", "deleted")
    for decision in (before, deletion):
        if decision is not None:
            with pytest.raises(TextGone):
                await newsroom.decisions.reverse(
                    [newsroom.site], decision.decision_id, actor=KIM, now=newsroom.now
                )
    # A process that was slow puts it back into Redis, and copies it to the journal.
    for late in (comment, edited):
        await newsroom.pending.requeue(late, journaled=False, guarded=True)
        await still_gone()
        result = (await newsroom.decide(Action.APPROVE, comment, revision=late.revision))[0]
        assert result.outcome == "conflict"
        await newsroom.journal_all()
        await newsroom.reconcile.finish_decided(newsroom.site)
        assert await newsroom.pending.get(newsroom.site.slug, comment.comment_id) is None
    # Not even what claims to be as new as the deletion itself.
    impossible = replace(comment, revision=3, n=deletion.n)
    await newsroom.pending.requeue(impossible, journaled=False, guarded=True)
    await still_gone()
    result = (await newsroom.decide(Action.APPROVE, comment, revision=3))[0]
    assert result.outcome == "conflict"
    await newsroom.journal_all()
    await newsroom.lose_redis()
    await newsroom.journal.open_queue(newsroom.site)
    assert await newsroom.pending.get(newsroom.site.slug, comment.comment_id) is None
    await newsroom.reconcile.put_back_missing(newsroom.site)
    assert await newsroom.pending.get(newsroom.site.slug, comment.comment_id) is None
    await still_gone()
    assert await kept_anywhere(newsroom) == 0


async def test_deleting_wins_over_every_decision_made_at_the_same_time(
    newsroom: Newsroom,
) -> None:
    chance = random.Random(3)  # noqa: S311 - the order of work
    for action in 6 * (Action.APPROVE, Action.REJECT, Action.ESCALATE):
        comment = await newsroom.post(SECRET)
        work: list[Awaitable[object]] = [
            newsroom.decide(action, comment),
            delete(newsroom, comment),
            delete(newsroom, comment),
        ]
        chance.shuffle(work)
        await asyncio.gather(*work)
        assert await newsroom.status(comment) == "deleted"
    assert await newsroom.count() == 0
    assert await kept_anywhere(newsroom) == 0
    endings = await newsroom.pool.fetch(
        "SELECT count(*) AS n FROM decisions WHERE site_id = $1 AND status = 'deleted'"
        " GROUP BY comment_id",
        newsroom.site.site_id,
    )
    assert [row["n"] for row in endings] == 18 * [1]


async def test_a_public_comment_is_deleted_also_while_redis_is_away(newsroom: Newsroom) -> None:
    comment = await bring_to(newsroom, "approved")
    async with without_redis(newsroom) as stranded:
        await delete(stranded, comment)
    assert await newsroom.status(comment) == "deleted"
    assert await kept_anywhere(newsroom) == 0


# What authors see of their own


async def own(newsroom: Newsroom, author: UUID, article: str = "story-1") -> list[Found]:
    return await newsroom.own.under(newsroom.site, article, author)


async def test_authors_see_their_own_from_the_moment_it_is_accepted(newsroom: Newsroom) -> None:
    accepted = await newsroom.submit("Hello.")
    await newsroom.submit("Another's.", name="Omar")
    comment_id, author = accepted.found.comment_id, accepted.author_id
    assert [each.comment_id for each in await own(newsroom, author)] == [comment_id]
    await newsroom.journal_all()
    assert [each.comment_id for each in await own(newsroom, author)] == [comment_id]
    await newsroom.lose_redis()
    assert [each.status for each in await own(newsroom, author)] == ["pending"]


async def test_authors_see_what_became_of_each_newest_first_but_not_what_they_deleted(
    newsroom: Newsroom,
) -> None:
    author = uuid4()
    comments = {}
    for state in (*STATES, "deleted"):
        comment = comments[state] = await newsroom.post(state, author=author)
        if state in {"approved", "removed"}:
            await newsroom.approve(comment)
        if state == "rejected":
            await newsroom.decide(Action.REJECT, comment)
        if state == "removed":
            await newsroom.decide(Action.REMOVE, comment)
        if state == "deleted":
            await delete(newsroom, comment)
        others = await newsroom.post("Another's.")
        await newsroom.approve(others)
    await newsroom.post("Elsewhere.", article="story-2", author=author)
    await newsroom.journal_all()
    found = await own(newsroom, author)
    assert [each.status for each in found] == ["removed", "rejected", "approved", "pending"]
    rejected = found[1]
    assert rejected.decision is not None
    assert rejected.decision.reason == "spam"
    assert rejected.kept is not None
    assert rejected.kept.text == "rejected"


async def test_authors_see_their_own_under_an_article_that_was_merged(newsroom: Newsroom) -> None:
    author = uuid4()
    comment = await newsroom.post(article="old-key", author=author)
    await newsroom.approve(comment)
    await newsroom.articles.merge(newsroom.site, "old-key", "new-key", newsroom.now)
    for key in ("old-key", "new-key"):
        assert [each.comment_id for each in await own(newsroom, author, key)] == [
            comment.comment_id
        ]


async def test_at_most_the_fifty_newest_are_told(newsroom: Newsroom) -> None:
    author = uuid4()
    comments = [await newsroom.post(author=author) for _ in range(53)]
    await newsroom.journal_all()
    found = await own(newsroom, author)
    assert [each.comment_id for each in found] == [
        each.comment_id for each in reversed(comments[3:])
    ]


async def test_many_are_looked_up_as_one_by_one(newsroom: Newsroom, new_site: OpenSite) -> None:
    comments = [await bring_to(newsroom, state, "Hello.") for state in STATES]
    await edit(newsroom, comments[1], "New.")
    foreign = await (await new_site()).post()
    ids = [each.comment_id for each in comments]
    many = await newsroom.lookup.find_many(newsroom.site, [*ids, foreign.comment_id, uuid4()])
    assert many == {each: await newsroom.find(each) for each in ids}
    assert await newsroom.lookup.find_many(newsroom.site, []) == {}
    async with without_redis(newsroom) as stranded:
        there = await stranded.lookup.find_many(newsroom.site, ids)
    assert set(there) == set(ids[2:]) | {ids[1]}, "what only Redis knows cannot be told"


async def test_a_comment_that_was_approved_behind_its_authors_back_goes_with_its_edit(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    # While Postgres is away Redis answers alone, and knows nothing of the approval.
    comment = await newsroom.post(SECRET)
    await newsroom.approve(comment)
    await edit(newsroom, comment, f"{SECRET}, said better")
    now = await seen(newsroom, comment)
    looks = iter([replace(now, status=Status.PENDING, public=None, decision=None)])
    find = Lookup.find

    async def late(self: Lookup, site: Site, comment_id: UUID) -> Found | None:
        return next(looks, None) or await find(self, site, comment_id)

    monkeypatch.setattr(Lookup, "find", late)

    await delete(newsroom, comment)

    assert (await seen(newsroom, comment)).status is Status.DELETED
    assert await newsroom.pool.fetchval(TEXTS, newsroom.site.site_id, f"%{SECRET}%") == 0
