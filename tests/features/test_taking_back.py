"""Answers that are no decisions are taken back too, by whoever gave them; the log keeps both."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from service.features.appeals import NotAnsweredByYou
from service.features.checks import AlreadyTold, NotChecked
from service.features.outcomes import DecidedSince
from service.features.own import UnknownComment
from service.features.reports import NothingAnswered
from service.model import Action, Actor, PendingComment, Status
from tests.features.conftest import OpenSite
from tests.features.test_appeals import JO, answer, appeal, kept, pile, taken
from tests.features.test_checks import check, checks_of, look_as, sampled
from tests.features.test_reports import crowd, dismiss, public, reported
from tests.newsroom import KIM, SAM, Newsroom


async def acts(newsroom: Newsroom, comment: PendingComment) -> list[str]:
    """Return what the log says of a comment, beside its decisions."""
    rows = await newsroom.pool.fetch(
        "SELECT act FROM administrative_acts WHERE details->>'comment_id' = $1 ORDER BY entry_id",
        str(comment.comment_id),
    )
    return [str(row["act"]) for row in rows]


# Reports


async def reopen(newsroom: Newsroom, comment: PendingComment | UUID, by: Actor = KIM) -> None:
    comment_id = comment if isinstance(comment, UUID) else comment.comment_id
    await newsroom.reports.reopen(newsroom.site, comment_id, actor=by, now=newsroom.now)


async def test_reports_that_were_answered_wait_again(newsroom: Newsroom) -> None:
    comment = await public(newsroom)
    await crowd(newsroom, comment, 3)
    await dismiss(newsroom, comment.comment_id)
    assert await reported(newsroom) == []
    await reopen(newsroom, comment)
    (entry,) = await reported(newsroom)
    assert sum(entry.reports.values()) == 3
    assert sorted(await acts(newsroom, comment)) == [
        "comment.reports_answered",
        "comment.reports_reopened",
    ]
    with pytest.raises(NothingAnswered):
        await reopen(newsroom, comment)


async def test_only_whoever_answered_reports_lets_them_wait_again(newsroom: Newsroom) -> None:
    comment = await public(newsroom)
    with pytest.raises(UnknownComment):
        await reopen(newsroom, uuid4())
    with pytest.raises(NothingAnswered):
        await reopen(newsroom, comment)
    await crowd(newsroom, comment, 1)
    await dismiss(newsroom, comment.comment_id)
    with pytest.raises(NothingAnswered):
        await reopen(newsroom, comment, by=SAM)
    assert await reported(newsroom) == []


async def test_reports_of_what_was_removed_since_stay_answered(newsroom: Newsroom) -> None:
    comment = await public(newsroom)
    await crowd(newsroom, comment, 1)
    await dismiss(newsroom, comment.comment_id)
    await newsroom.decide(Action.REMOVE, comment)
    with pytest.raises(NothingAnswered):
        await reopen(newsroom, comment)


async def test_undoing_a_removal_lets_its_reports_wait_again(newsroom: Newsroom) -> None:
    comment = await public(newsroom)
    await crowd(newsroom, comment, 2)
    (removed,) = await newsroom.decide(Action.REMOVE, comment)
    assert await reported(newsroom) == []
    assert removed.decision is not None
    undone = removed.decision.decision_id
    await newsroom.decisions.reverse([newsroom.site], undone, actor=SAM, now=newsroom.now)
    (entry,) = await reported(newsroom)
    assert sum(entry.reports.values()) == 2


# Appeals


async def reopened(newsroom: Newsroom, comment: PendingComment, by: Actor = KIM) -> Status | None:
    found = await newsroom.appeals.reopen(
        newsroom.site, comment.comment_id, actor=by, now=newsroom.now
    )
    return found.status


@pytest.mark.parametrize("answered", ["granted", "denied"])
@pytest.mark.parametrize("state", ["rejected", "removed"])
async def test_an_answered_appeal_is_open_again_and_its_comment_as_before(
    newsroom: Newsroom, state: str, answered: str
) -> None:
    comment = await taken(newsroom, state)
    asked = await appeal(newsroom, comment)
    await answer(newsroom, comment, grant=answered == "granted", note="Sure.")
    assert await reopened(newsroom, comment) == state
    assert await newsroom.status(comment) == state
    assert await kept(newsroom, comment) == asked
    assert await pile(newsroom) == [comment.comment_id]
    found = await newsroom.find(comment)
    assert found is not None
    assert found.decision is not None
    history = await newsroom.lookup.history(found, newsroom.site)
    reasons = [each.reason for each in history if each.action is Action.REJECT]
    assert len(set(reasons)) <= 1, "a rejection is put back with its own reason"
    denied = [] if answered == "granted" else ["comment.appeal_denied", "comment.appeal_reopened"]
    assert sorted(await acts(newsroom, comment)) == denied


@pytest.mark.parametrize("state", ["rejected", "removed"])
async def test_whoever_took_a_grant_back_answers_anew(newsroom: Newsroom, state: str) -> None:
    comment = await taken(newsroom, state)
    await appeal(newsroom, comment)
    for grant in (True, False, True):
        await answer(newsroom, comment, grant=grant)
        await reopened(newsroom, comment)
    assert (await answer(newsroom, comment, grant=True)).status is Status.APPROVED


async def test_only_whoever_answered_an_appeal_opens_it_again(newsroom: Newsroom) -> None:
    comment = await taken(newsroom, "rejected")
    with pytest.raises(NotAnsweredByYou):
        await reopened(newsroom, comment)
    await appeal(newsroom, comment)
    with pytest.raises(NotAnsweredByYou):
        await reopened(newsroom, comment)
    await answer(newsroom, comment, grant=False)
    with pytest.raises(NotAnsweredByYou):
        await reopened(newsroom, comment, by=JO)


@pytest.mark.parametrize("answered", ["granted", "denied"])
async def test_an_answer_that_was_overtaken_stays(newsroom: Newsroom, answered: str) -> None:
    comment = await taken(newsroom, "removed")
    await appeal(newsroom, comment)
    await answer(newsroom, comment, grant=answered == "granted")
    since = Action.REMOVE if answered == "granted" else Action.RESTORE
    await newsroom.decide(since, comment, by=SAM)
    with pytest.raises(DecidedSince):
        await reopened(newsroom, comment)


# Second looks


async def withdraw(newsroom: Newsroom, comment: PendingComment, by: Actor = SAM) -> None:
    found = await newsroom.find(comment)
    assert found is not None
    await checks_of(newsroom).withdraw(newsroom.site, found, actor=by, now=newsroom.now)


async def test_a_second_look_that_is_taken_back_is_for_somebody_else(new_site: OpenSite) -> None:
    newsroom = await new_site()
    comment = await sampled(newsroom, Action.APPROVE, by=JO)
    await check(newsroom, comment.comment_id, "reject")
    await withdraw(newsroom, comment)
    assert await acts(newsroom, comment) == ["comment.check_withdrawn"]
    page = await look_as(newsroom, SAM)
    assert (page.entries, page.total) == ((), 0), "whoever was told is blind no more"
    with pytest.raises(AlreadyTold):
        await check(newsroom, comment.comment_id, "approve")
    assert (await look_as(newsroom, KIM)).total == 1
    assert await check(newsroom, comment.comment_id, "approve", by=KIM)


async def test_the_log_keeps_what_was_said_and_taken_back(new_site: OpenSite) -> None:
    newsroom = await new_site()
    comment = await sampled(newsroom, Action.APPROVE, by=JO)
    await check(newsroom, comment.comment_id, "reject")
    await withdraw(newsroom, comment)
    details = await newsroom.pool.fetchval(
        "SELECT details FROM administrative_acts WHERE details->>'comment_id' = $1",
        str(comment.comment_id),
    )
    assert details["verdict"] == "reject"


async def test_only_ones_own_second_look_is_taken_back(new_site: OpenSite) -> None:
    newsroom = await new_site()
    comment = await sampled(newsroom, Action.APPROVE, by=JO)
    with pytest.raises(NotChecked):
        await withdraw(newsroom, comment)
    await check(newsroom, comment.comment_id, "reject")
    with pytest.raises(NotChecked):
        await withdraw(newsroom, comment, by=KIM)
