from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from service.errors import Failure, Invalid, RateLimited
from service.features.appeals import (
    AlreadyAppealed,
    Appeal,
    AppealAnswered,
    NotAppealable,
    OwnDecision,
    ParentNotPublic,
)
from service.features.lanes import Lane
from service.features.lookup import Found
from service.features.outcomes import TextGone
from service.features.own import NotYours, UnknownComment
from service.model import Action, Actor, PendingComment, SiteSettings
from service.storage.appeals import AppealStore
from tests.features.conftest import OpenSite
from tests.newsroom import KIM, SAM, Newsroom, without_redis

RULE = Actor(kind="rule", actor_id="screening", name="screening")
JO = Actor(kind="key", actor_id="joskey01", name="Jo")


async def appeal(
    newsroom: Newsroom,
    comment: PendingComment,
    said: str = "Please look again.",
    *,
    by: UUID | None = None,
) -> Appeal:
    author = by or comment.author.author_id
    return await newsroom.appeals.appeal(
        newsroom.site, comment.comment_id, author, said=said, now=newsroom.now
    )


async def answer(
    newsroom: Newsroom, comment: PendingComment, *, grant: bool, by: Actor = KIM, note: str = ""
) -> Found:
    return await newsroom.appeals.answer(
        newsroom.site, comment.comment_id, grant=grant, note=note, actor=by, now=newsroom.now
    )


async def taken(
    newsroom: Newsroom,
    state: str,
    by: Actor = SAM,
    *,
    author: UUID | None = None,
    parent: UUID | None = None,
) -> PendingComment:
    """Post a comment that somebody rejects or removes."""
    comment = await newsroom.post("Fine.", author=author, parent=parent)
    if state == "removed":
        await newsroom.approve(comment)
        await newsroom.decide(Action.REMOVE, comment, by=by)
    else:
        await newsroom.decide(Action.REJECT, comment, by=by)
    return comment


async def kept(newsroom: Newsroom, comment: PendingComment) -> Appeal | None:
    found = await newsroom.find(comment)
    assert found is not None
    return (await newsroom.appeals.of(newsroom.site, [found])).get(comment.comment_id)


async def pile(newsroom: Newsroom) -> list[UUID]:
    page = await newsroom.queue.look(
        newsroom.site,
        lane=Lane.APPEALS,
        sort="priority",
        phrase=None,
        limit=50,
        cursor=None,
        actor=SAM,
        now=newsroom.now,
    )
    assert page.total == len(page.entries)
    return [each.found.comment_id for each in page.entries]


@pytest.mark.parametrize("state", ["rejected", "removed"])
async def test_an_author_asks_once(newsroom: Newsroom, state: str) -> None:
    comment = await taken(newsroom, state)
    asked = await appeal(newsroom, comment)
    assert (asked.text, asked.granted, asked.answered_at) == ("Please look again.", None, None)
    assert await kept(newsroom, comment) == asked
    for said in ("Please look again.", "Please!"):
        with pytest.raises(AlreadyAppealed):
            await appeal(newsroom, comment, said)
    assert await pile(newsroom) == [comment.comment_id]


async def test_of_ten_appeals_at_once_one_is_kept(newsroom: Newsroom) -> None:
    comment = await taken(newsroom, "rejected")
    outcomes = await asyncio.gather(
        *(appeal(newsroom, comment, f"Number {number}.") for number in range(10)),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in outcomes) == 9 * ["AlreadyAppealed"] + ["Appeal"]


@pytest.mark.parametrize("state", ["pending", "approved", "deleted"])
async def test_only_a_rejection_or_removal_is_appealed(newsroom: Newsroom, state: str) -> None:
    comment = await newsroom.post()
    if state != "pending":
        await newsroom.approve(comment)
    if state == "deleted":
        await newsroom.decide(Action.DELETE, comment)
    with pytest.raises(NotAppealable):
        await appeal(newsroom, comment)
    assert await pile(newsroom) == []


async def test_only_its_author_appeals(newsroom: Newsroom, new_site: OpenSite) -> None:
    comment = await taken(newsroom, "removed")
    with pytest.raises(UnknownComment):
        await appeal(newsroom, comment, by=uuid4())
    with pytest.raises(UnknownComment):
        await appeal(await new_site(), comment)
    public = await newsroom.post()
    await newsroom.approve(public)
    with pytest.raises(NotYours):
        await appeal(newsroom, public, by=uuid4())


async def test_an_appeal_says_something(newsroom: Newsroom) -> None:
    comment = await taken(newsroom, "rejected")
    for said in ("", " \n", "x" * 2_001, "a\0b"):
        with pytest.raises(Invalid) as refused:
            await appeal(newsroom, comment, said)
        assert [each.pointer for each in refused.value.errors] == ["/text"]


async def test_one_author_appeals_three_times_a_day(new_site: OpenSite) -> None:
    newsroom, author = await new_site(limits_on=True), uuid4()
    comments = [await taken(newsroom, "rejected", author=author) for _ in range(4)]
    for comment in comments[:3]:
        await appeal(newsroom, comment)
    with pytest.raises(RateLimited):
        await appeal(newsroom, comments[3])


@pytest.mark.parametrize("grant", [True, False])
@pytest.mark.parametrize("state", ["rejected", "removed"])
async def test_whoever_decided_does_not_answer_and_the_answer_is_final(
    newsroom: Newsroom, state: str, *, grant: bool
) -> None:
    comment = await taken(newsroom, state, by=SAM)
    await appeal(newsroom, comment)
    with pytest.raises(OwnDecision):
        await answer(newsroom, comment, grant=grant, by=SAM)
    assert (await newsroom.status(comment), await pile(newsroom)) == (state, [comment.comment_id])
    found = await answer(newsroom, comment, grant=grant, by=KIM, note="Looked twice.")
    assert found.status == ("approved" if grant else state)
    assert await newsroom.count() == int(grant)
    if grant:
        assert found.public is not None
        assert found.public.text == "Fine."
    answered = await kept(newsroom, comment)
    assert answered is not None
    assert (answered.granted, answered.answered_at) == (grant, newsroom.now)
    assert answered.note == "Looked twice."
    assert await pile(newsroom) == []
    for again in (True, False):
        with pytest.raises(AppealAnswered):
            await answer(newsroom, comment, grant=again, by=JO)
    with pytest.raises((AlreadyAppealed, NotAppealable)):
        await appeal(newsroom, comment)
    assert await newsroom.status(comment) == found.status


async def test_what_a_rule_rejected_any_moderator_answers(newsroom: Newsroom) -> None:
    comment = await taken(newsroom, "rejected", by=RULE)
    await appeal(newsroom, comment)
    assert (await answer(newsroom, comment, grant=True, by=SAM)).status == "approved"


async def test_without_an_appeal_there_is_nothing_to_answer(newsroom: Newsroom) -> None:
    comment = await taken(newsroom, "rejected")
    with pytest.raises(AppealAnswered):
        await answer(newsroom, comment, grant=True)
    with pytest.raises(UnknownComment):
        await newsroom.appeals.answer(
            newsroom.site, uuid4(), grant=True, note="", actor=KIM, now=newsroom.now
        )
    assert await newsroom.status(comment) == "rejected"


async def test_of_two_answers_at_once_the_later_is_told_so(newsroom: Newsroom) -> None:
    for _ in range(6):
        comment = await taken(newsroom, "removed")
        await appeal(newsroom, comment)
        outcomes = await asyncio.gather(
            answer(newsroom, comment, grant=True, by=KIM),
            answer(newsroom, comment, grant=True, by=JO),
            return_exceptions=True,
        )
        assert any(isinstance(each, Found) for each in outcomes)
        assert all(isinstance(each, (Found, Failure)) for each in outcomes), outcomes
        restored = await newsroom.pool.fetchval(
            "SELECT count(*) FROM decisions WHERE comment_id = $1 AND action = 'restore'",
            comment.comment_id,
        )
        assert (restored, await newsroom.status(comment)) == (1, "approved")


async def test_a_grant_that_was_cut_short_is_repeated_by_the_same_moderator(
    newsroom: Newsroom,
) -> None:
    comment = await taken(newsroom, "rejected", by=SAM)
    await appeal(newsroom, comment)
    found = await newsroom.find(comment)
    assert found is not None
    assert found.decision is not None
    # The first of the two steps, and then the process ended.
    await newsroom.decisions.reverse(
        [newsroom.site], found.decision.decision_id, actor=KIM, now=newsroom.now
    )
    assert (await newsroom.status(comment), await pile(newsroom)) == (
        "pending",
        [comment.comment_id],
    )
    assert (await answer(newsroom, comment, grant=True, by=KIM)).status == "approved"
    assert await pile(newsroom) == []


async def test_who_rejected_it_again_does_not_answer_either(newsroom: Newsroom) -> None:
    comment = await taken(newsroom, "rejected", by=SAM)
    await appeal(newsroom, comment)
    found = await newsroom.find(comment)
    assert found is not None
    assert found.decision is not None
    await newsroom.decisions.reverse(
        [newsroom.site], found.decision.decision_id, actor=JO, now=newsroom.now
    )
    await newsroom.decide(Action.REJECT, comment, by=KIM)
    for judge in (SAM, KIM):
        with pytest.raises(OwnDecision):
            await answer(newsroom, comment, grant=True, by=judge)
    assert (await answer(newsroom, comment, grant=False, by=JO)).status == "rejected"


async def test_a_moderator_who_changes_their_mind_grants_the_appeal_by_it(
    newsroom: Newsroom,
) -> None:
    removed, rejected = await taken(newsroom, "removed"), await taken(newsroom, "rejected")
    for comment in (removed, rejected):
        await appeal(newsroom, comment)
    await newsroom.decide(Action.RESTORE, removed, by=SAM)
    found = await newsroom.find(rejected)
    assert found is not None
    assert found.decision is not None
    await newsroom.decisions.reverse(
        [newsroom.site], found.decision.decision_id, actor=SAM, now=newsroom.now
    )
    assert await pile(newsroom) == [rejected.comment_id]
    await newsroom.decide(Action.APPROVE, rejected, by=SAM)
    assert await pile(newsroom) == []
    for comment in (removed, rejected):
        answered = await kept(newsroom, comment)
        assert answered is not None
        assert answered.granted is True
        with pytest.raises(AppealAnswered):
            await answer(newsroom, comment, grant=True)
        assert await newsroom.status(comment) == "approved"


@pytest.mark.parametrize("state", ["rejected", "removed"])
async def test_undoing_a_grant_opens_the_appeal_again(newsroom: Newsroom, state: str) -> None:
    comment = await taken(newsroom, state)
    await appeal(newsroom, comment)
    granted = await answer(newsroom, comment, grant=True)
    assert granted.decision is not None
    await newsroom.decisions.reverse(
        [newsroom.site], granted.decision.decision_id, actor=KIM, now=newsroom.now
    )
    assert await newsroom.status(comment) == ("removed" if state == "removed" else "pending")
    assert await pile(newsroom) == [comment.comment_id]


@pytest.mark.parametrize("state", ["rejected", "removed"])
async def test_deleting_the_comment_takes_the_appeal_along(newsroom: Newsroom, state: str) -> None:
    comment = await taken(newsroom, state)
    await appeal(newsroom, comment)
    await newsroom.own.delete(
        newsroom.site, comment.comment_id, comment.author.author_id, now=newsroom.now
    )
    assert await pile(newsroom) == []
    assert await kept(newsroom, comment) is None
    with pytest.raises(AppealAnswered):
        await answer(newsroom, comment, grant=True)
    assert await newsroom.status(comment) == "deleted"


@pytest.mark.parametrize("state", ["rejected", "removed"])
async def test_a_text_that_has_expired_cannot_be_granted(newsroom: Newsroom, state: str) -> None:
    comment = await taken(newsroom, state)
    await appeal(newsroom, comment)
    await newsroom.pool.execute("DELETE FROM kept_texts WHERE comment_id = $1", comment.comment_id)
    with pytest.raises(TextGone):
        await answer(newsroom, comment, grant=True)
    assert (await newsroom.status(comment), await pile(newsroom)) == (state, [comment.comment_id])
    assert (await answer(newsroom, comment, grant=False)).status == state


async def test_a_reply_is_granted_once_what_it_answers_is_public(newsroom: Newsroom) -> None:
    parent = await newsroom.post()
    reply = await taken(newsroom, "rejected", parent=parent.comment_id)
    await appeal(newsroom, reply)
    with pytest.raises(ParentNotPublic):
        await answer(newsroom, reply, grant=True)
    assert (await newsroom.status(reply), await pile(newsroom)) == ("pending", [reply.comment_id])
    await newsroom.approve(parent)
    assert (await answer(newsroom, reply, grant=True)).status == "approved"
    assert await newsroom.count() == 2


class Overtaken(AppealStore, frozen=True, kw_only=True):
    """The appeals of a process that is overtaken before it keeps one."""

    meanwhile: Callable[[], Awaitable[object]]

    async def add(self, *place: Any, **said: Any) -> bool:
        await self.meanwhile()
        return await super().add(*place, **said)


async def test_no_appeal_is_open_for_what_was_restored_just_before(newsroom: Newsroom) -> None:
    comment = await taken(newsroom, "removed")

    async def meanwhile() -> None:
        await newsroom.decide(Action.RESTORE, comment, by=SAM)

    slow = Overtaken(pool=newsroom.pool, meanwhile=meanwhile)
    with pytest.raises(NotAppealable):
        await replace(newsroom.appeals, store=slow).appeal(
            newsroom.site,
            comment.comment_id,
            comment.author.author_id,
            said="Please look again.",
            now=newsroom.now,
        )
    assert (await newsroom.status(comment), await pile(newsroom)) == ("approved", [])


async def test_an_appeal_and_a_restoration_at_once_leave_nothing_open_that_is_public(
    newsroom: Newsroom,
) -> None:
    for _ in range(8):
        comment = await taken(newsroom, "removed")
        outcome, _ = await asyncio.gather(
            appeal(newsroom, comment),
            newsroom.decide(Action.RESTORE, comment, by=SAM),
            return_exceptions=True,
        )
        assert isinstance(outcome, (Appeal, NotAppealable)), outcome
        assert await newsroom.status(comment) == "approved"
    assert await pile(newsroom) == []


async def test_what_readers_had_hidden_is_appealed_like_any_removal(new_site: OpenSite) -> None:
    newsroom = await new_site(SiteSettings(reports_hide=True, reports_threshold=1))
    comment = await newsroom.post("Fine.")
    await newsroom.approve(comment)
    await newsroom.reports.report(
        newsroom.site,
        comment.comment_id,
        reporter_id=uuid4(),
        address_hash="here",
        reason="abuse",
        said="",
        notice=None,
        now=newsroom.now,
    )
    await appeal(newsroom, comment)
    assert (await answer(newsroom, comment, grant=True, by=SAM)).status == "approved"
    reported = await newsroom.pool.fetchval(
        "SELECT count(*) FROM reports WHERE comment_id = $1 AND closed_at IS NULL",
        comment.comment_id,
    )
    assert reported == 0


async def test_a_removal_is_appealed_and_answered_while_redis_is_away(newsroom: Newsroom) -> None:
    comment = await taken(newsroom, "removed")
    async with without_redis(newsroom) as stranded:
        await appeal(stranded, comment)
        assert (await answer(stranded, comment, grant=True)).status == "approved"
