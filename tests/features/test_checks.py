from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import orjson
import pytest
from uuid_utils.compat import uuid7

from service.errors import Invalid
from service.features.administration import Acts
from service.features.checks import (
    DAY_MIN,
    OPEN_FOR,
    CheckAnswered,
    Checks,
    DecidedYourself,
    UnknownCheck,
)
from service.features.lanes import Lane
from service.features.queue import QueuePage
from service.features.screening.priority import is_audited
from service.model import Action, Actor, PendingComment
from service.storage.checks import CheckStore, Sampled
from service.web.wire.moderation import entry_json
from tests.features.conftest import OpenSite
from tests.features.test_lanes import ids, look
from tests.newsroom import KIM, SAM, Newsroom


def checks_of(newsroom: Newsroom) -> Checks:
    return Checks(
        store=CheckStore(pool=newsroom.pool),
        lookup=newsroom.lookup,
        sites=newsroom.sites,
        acts=Acts(new_id=lambda _: uuid7()),
        clock=lambda: newsroom.now,
    )


async def sampled(newsroom: Newsroom, action: Action, by: Actor = KIM) -> PendingComment:
    """Put a decision into the sample."""
    comment = await newsroom.post("To be checked.")
    await newsroom.decide(action, comment, by=by)
    await checks_of(newsroom).store.add(
        newsroom.site.site_id,
        [
            Sampled(
                article_id=comment.article_id,
                comment_id=comment.comment_id,
                n=1,
                decided_by=by.kind,
                decider_id=by.actor_id,
                verdict="approve" if action is Action.APPROVE else "reject",
                at=newsroom.now,
            )
        ],
    )
    return comment


async def check(
    newsroom: Newsroom, comment_id: UUID, verdict: str, by: Actor = SAM, **said: str | None
) -> bool:
    usual = "spam" if verdict == "reject" else None
    found = await newsroom.find(comment_id)
    assert found is not None
    checked = await checks_of(newsroom).answer(
        newsroom.site,
        found,
        "approve" if verdict == "approve" else "reject",
        reason=said.get("reason", usual),
        actor=by,
        now=newsroom.now,
    )
    return checked.agrees


@pytest.mark.parametrize("reason", ["no such reason", None])
async def test_a_second_look_gives_a_reason_that_decisions_could_give(
    newsroom: Newsroom, reason: str | None
) -> None:
    comment = await sampled(newsroom, Action.REJECT)
    with pytest.raises(Invalid):
        await check(newsroom, comment.comment_id, "reject", reason=reason)
    assert await check(newsroom, comment.comment_id, "reject")


async def test_a_quiet_day_has_a_fifth_of_its_decisions_checked(new_site: OpenSite) -> None:
    newsroom = await new_site()
    await newsroom.approve(*[await newsroom.post(f"Number {n}.") for n in range(20)])
    await checks_of(newsroom).draw(newsroom.site, now=newsroom.now)
    total = (await look_as(newsroom, KIM)).total
    assert 4 <= total <= 4 + 3, "the fixed share is 2 %"
    await checks_of(newsroom).draw(newsroom.site, now=newsroom.now)
    assert (await look_as(newsroom, KIM)).total == total


async def test_every_decision_of_the_fixed_share_is_in_the_sample(new_site: OpenSite) -> None:
    newsroom = await new_site()
    comments = [await newsroom.post(f"Number {n}.") for n in range(200)]
    await newsroom.approve(*comments)
    await checks_of(newsroom).draw(newsroom.site, now=newsroom.now)
    drawn = set(ids((await look_as(newsroom, KIM)).entries))
    fixed = {each.comment_id for each in comments if is_audited(each.comment_id)}
    assert fixed <= drawn
    assert DAY_MIN <= len(drawn) <= DAY_MIN + len(fixed)


async def look_as(newsroom: Newsroom, actor: Actor) -> QueuePage:
    return await newsroom.queue.look(
        newsroom.site,
        lane=Lane.CHECK,
        sort="priority",
        phrase=None,
        limit=100,
        cursor=None,
        actor=actor,
        now=newsroom.now,
    )


@pytest.mark.parametrize("action", [Action.APPROVE, Action.REJECT])
async def test_a_second_look_tells_whether_it_agrees(new_site: OpenSite, action: Action) -> None:
    newsroom = await new_site()
    comment = await sampled(newsroom, action)
    assert await check(newsroom, comment.comment_id, "approve") is (action is Action.APPROVE)
    assert (await look(newsroom, Lane.CHECK)).total == 0
    assert await newsroom.status(comment) == ("approved" if action == "approve" else "rejected")


async def test_whoever_decided_is_neither_shown_it_nor_heard(new_site: OpenSite) -> None:
    newsroom = await new_site()
    comment = await sampled(newsroom, Action.APPROVE, by=SAM)
    page = await look_as(newsroom, SAM)
    assert (page.entries, page.total) == ((), 0)
    assert ids((await look_as(newsroom, KIM)).entries) == [comment.comment_id]
    with pytest.raises(DecidedYourself):
        await check(newsroom, comment.comment_id, "approve", by=SAM)


async def test_what_is_checked_is_shown_as_if_it_waited(new_site: OpenSite) -> None:
    newsroom = await new_site()
    await sampled(newsroom, Action.REJECT)
    (entry,) = (await look(newsroom, Lane.CHECK)).entries
    assert entry.blind
    assert entry.reports == {}
    assert entry.due_at == newsroom.now + timedelta(days=7)


async def test_nothing_that_is_shown_tells_how_it_was_decided(new_site: OpenSite) -> None:
    newsroom = await new_site()
    for action in (Action.APPROVE, Action.REJECT):
        await sampled(newsroom, action)
    page = orjson.dumps([entry_json(each) for each in (await look(newsroom, Lane.CHECK)).entries])
    approved, rejected = orjson.loads(page)
    for shown in (approved, rejected):
        shown["comment"] |= {"id": "", "created_at": ""}
    assert approved == rejected


async def test_holding_what_is_checked_tells_no_more(new_site: OpenSite) -> None:
    newsroom = await new_site()
    comment = await sampled(newsroom, Action.REJECT)
    (held,) = await newsroom.queue.claim(
        newsroom.site,
        lane=Lane.CHECK,
        limit=1,
        only=[comment.comment_id],
        actor=SAM,
        now=newsroom.now,
    )
    assert held.lease is not None
    assert entry_json(held)["comment"]["status"] == "pending"


async def test_a_check_is_answered_once_and_only_while_the_decision_stands(
    new_site: OpenSite,
) -> None:
    newsroom = await new_site()
    comment = await sampled(newsroom, Action.APPROVE)
    await check(newsroom, comment.comment_id, "approve")
    with pytest.raises(CheckAnswered):
        await check(newsroom, comment.comment_id, "reject")
    removed = await sampled(newsroom, Action.APPROVE)
    await newsroom.decide(Action.REMOVE, removed)
    assert (await look(newsroom, Lane.CHECK)).total == 0
    with pytest.raises(CheckAnswered):
        await check(newsroom, removed.comment_id, "approve")


async def test_what_is_not_in_the_sample_cannot_be_checked(new_site: OpenSite) -> None:
    newsroom = await new_site()
    comment = await newsroom.post("Not drawn.")
    await newsroom.approve(comment)
    with pytest.raises(UnknownCheck):
        await check(newsroom, comment.comment_id, "approve")


async def test_agreement_is_counted_by_who_had_decided(new_site: OpenSite) -> None:
    newsroom = await new_site()
    for verdict in ("approve", "approve", "reject"):
        comment = await sampled(newsroom, Action.APPROVE)
        await check(newsroom, comment.comment_id, verdict)
    counted = await checks_of(newsroom).agreement(
        newsroom.site, since=newsroom.now, until=newsroom.now + timedelta(seconds=1)
    )
    assert [(each.decided_by, each.checks, each.agreed) for each in counted] == [("key", 3, 2)]


async def test_what_nobody_checks_in_time_is_dropped(new_site: OpenSite) -> None:
    newsroom = await new_site()
    comment = await sampled(newsroom, Action.APPROVE)
    late = newsroom.now + OPEN_FOR + timedelta(seconds=1)
    await checks_of(newsroom).draw(newsroom.site, now=late)
    assert (await look(newsroom, Lane.CHECK)).total == 0
    assert await newsroom.find(comment) is not None
    assert await newsroom.find(uuid4()) is None
