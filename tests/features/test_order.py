"""The order of the queue, while views, reports and time change it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from msgspec.structs import replace

from bench.priority import Days, urgencies
from service.features.order import Order
from service.features.queue import Lane
from service.features.screening import PRIORITY_MAX, priority_of, queue_score
from service.features.screening.priority import SECONDS, prioritised
from service.features.urgency import urgency_of
from service.model import PendingComment, Screened, Site, Why
from tests.newsroom import NOON, SAM, Newsroom


async def put(newsroom: Newsroom, text: str = "A remark.", **given: Any) -> PendingComment:
    """A comment that screening saw in a certain way, and that has no place of its own yet."""
    article = given.pop("article", "story-1")
    usual: dict[str, Any] = {"at": newsroom.now, "severity": 1, "risk": 0.35}
    known = Screened(**usual | given)
    item = replace(await newsroom.post(text, article=article), screened=known, revision=2)
    await newsroom.pending.edit(item, expected_revision=1)
    found = await newsroom.pending.get(newsroom.site.slug, item.comment_id)
    assert found is not None
    return found


def at(newsroom: Newsroom, **later: Any) -> Order:
    return replace(newsroom.order, clock=lambda: NOON + timedelta(**later))


async def order_of(newsroom: Newsroom) -> list[UUID]:
    page = await newsroom.queue.look(
        newsroom.site,
        lane=Lane.HELD,
        sort="priority",
        phrase=None,
        limit=50,
        cursor=None,
        actor=SAM,
        now=newsroom.now,
    )
    return [each.found.comment_id for each in page.entries]


async def test_where_more_people_read_a_comment_is_looked_at_sooner(newsroom: Newsroom) -> None:
    calm, busy = await put(newsroom, article="calm"), await put(newsroom, article="busy")
    for _ in range(60):
        newsroom.views.note(newsroom.site, "busy")
    await newsroom.views.flush()
    await newsroom.views.update(newsroom.site)
    assert await order_of(newsroom) == [calm.comment_id, busy.comment_id]
    assert await newsroom.order.renew(newsroom.site) == 2
    assert await order_of(newsroom) == [busy.comment_id, calm.comment_id]


async def test_views_the_back_end_tells_count_too(newsroom: Newsroom) -> None:
    calm, busy = await put(newsroom, article="calm"), await put(newsroom, article="busy")
    await newsroom.articles.put(newsroom.site, "busy", {"views_per_hour": 5_000.0}, NOON)
    await newsroom.order.renew(newsroom.site)
    assert await order_of(newsroom) == [busy.comment_id, calm.comment_id]


async def test_a_threat_is_first_and_stays_so(newsroom: Newsroom) -> None:
    await put(newsroom, risk=0.9, severity=3, raise_by=10.0)
    threat = await put(newsroom, severity=10)
    await newsroom.order.renew(newsroom.site)
    assert (await order_of(newsroom))[0] == threat.comment_id
    found = await newsroom.pending.get(newsroom.site.slug, threat.comment_id)
    assert found is not None
    assert priority_of(found.score) == PRIORITY_MAX


async def test_a_comment_rises_while_it_waits_and_nothing_moves_in_vain(
    newsroom: Newsroom,
) -> None:
    item = await put(newsroom, risk=0.01, severity=0)
    levels = []
    for hours in (0, 24, 72):
        order = at(newsroom, hours=hours)
        await order.renew(newsroom.site)
        found = await newsroom.pending.get(newsroom.site.slug, item.comment_id)
        assert found is not None
        levels.append(priority_of(found.score))
        assert await order.renew(newsroom.site) == 0
    assert levels == sorted(set(levels))


async def test_what_somebody_holds_is_placed_anew_and_comes_back_there(
    newsroom: Newsroom,
) -> None:
    first, second = await put(newsroom), await put(newsroom, severity=3, risk=0.6)
    (held,) = await newsroom.queue.claim(
        newsroom.site, lane=Lane.HELD, limit=1, actor=SAM, now=NOON
    )
    assert held.found.comment_id == first.comment_id
    await newsroom.order.renew(newsroom.site)
    await newsroom.queue.release(newsroom.site, [first.comment_id], actor=SAM)
    assert await order_of(newsroom) == [second.comment_id, first.comment_id]


async def test_the_rest_of_a_long_queue_is_looked_at_in_turn(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("TOP", 2), ("OLDEST", 1), ("STRETCH", 2)):
        monkeypatch.setattr(f"service.features.order.{name}", value)
    items = [await put(newsroom, position=n) for n in range(9)]
    for _ in range(12):
        await newsroom.order.renew(newsroom.site)
    found = await newsroom.pending.items(newsroom.site.slug, [each.comment_id for each in items])
    assert all(priority_of(each.score) > 0 for each in found.values())


async def test_an_edit_that_readers_report_meanwhile_rises(newsroom: Newsroom) -> None:
    public = await newsroom.post("A remark.")
    await newsroom.approve(public)
    found = await newsroom.find(public)
    assert found is not None
    author = public.author.author_id
    room = dataclasses.replace(newsroom, now=public.created_at + timedelta(minutes=1))
    await room.own.edit(
        room.site, public.comment_id, author, body="Another one.", revision=1, now=room.now
    )
    before = await room.pending.get(room.site.slug, public.comment_id)
    await room.reports.report(
        room.site,
        public.comment_id,
        reporter_id=uuid4(),
        address_hash="there",
        reason="abuse",
        said="",
        notice=None,
        now=room.now,
    )
    after = await room.pending.get(room.site.slug, public.comment_id)
    assert before is not None
    assert after is not None
    assert priority_of(after.score) > priority_of(before.score)


async def test_one_of_many_alike_takes_less_time_and_comes_sooner(newsroom: Newsroom) -> None:
    alone, alike = await put(newsroom), await put(newsroom)

    async def sizes(_site: Site, items: Sequence[PendingComment]) -> Mapping[UUID, int]:
        ids = {each.comment_id for each in items}
        return {alike.comment_id: 14} if alike.comment_id in ids else {}

    await replace(newsroom.order, sizes_of=sizes).renew(newsroom.site)
    assert await order_of(newsroom) == [alike.comment_id, alone.comment_id]


async def test_the_card_says_by_what_a_comment_is_urgent(newsroom: Newsroom) -> None:
    await newsroom.articles.put(newsroom.site, "story-1", {"views_per_hour": 1_000.0}, NOON)
    item = await put(newsroom, severity=3, risk=0.6, depth=1)
    now = item.created_at + timedelta(minutes=30)
    entry = await newsroom.queue.entry(newsroom.site, item.comment_id, now=now)
    assert entry is not None
    priority = entry.priority
    assert (priority.risk, priority.severity, priority.urgency) == (0.6, 3, 0.5)
    assert priority.reach == pytest.approx(1_000 * 0.6 * 0.05)
    assert entry.due_at == item.created_at + timedelta(hours=1)


def test_a_report_counts_once_and_a_legal_notice_goes_before_all() -> None:
    seen = Screened(at=NOON, risk=0.5, severity=1)
    usual: dict[str, Any] = {
        "chars": 20,
        "views_per_hour": 100.0,
        "waited": timedelta(0),
        "within": timedelta(hours=1),
    }
    known = (Why(rule="reported", version=1, label="Reported by readers"),)
    plain = urgency_of(seen, **usual)
    raised = urgency_of(seen, reports={"abuse": 1}, **usual)
    assert raised.value == pytest.approx(2 * plain.value)
    assert urgency_of(seen, why=known, reports={"abuse": 1}, **usual).value == plain.value
    assert urgency_of(seen, reports={"illegal": 1}, **usual).level == PRIORITY_MAX


def test_the_simulation_orders_by_the_formula_that_ships() -> None:
    chance = np.random.default_rng(7)
    count = 200
    risk, reach = chance.random(count), chance.random(count) * 1_000
    guessed = chance.choice([0, 1, 3], count).astype(float)
    seconds = chance.choice([SECONDS["short"], SECONDS["long"]], count)
    came = chance.random(count) * 30
    days = Days(
        came=came,
        seconds=seconds,
        bad=guessed > 0,
        severity=guessed,
        guessed=guessed,
        risk=risk,
        readers=reach * 0.5 ** ((came - 30) / 8.0),
        age=np.zeros(count),
    )
    simulated = urgencies(days, np.arange(count), 30.0, held=False)
    formula = [
        prioritised(
            risk=risk[n],
            severity=int(guessed[n]),
            reach=reach[n],
            waited_seconds=(30 - came[n]) * 3_600,
            due_seconds=3_600,
            size="long" if seconds[n] == SECONDS["long"] else "short",
        ).value
        for n in range(count)
    ]
    assert simulated == pytest.approx(formula)


def test_a_place_in_the_queue_keeps_age_among_equals() -> None:
    older, newer = queue_score(300, NOON), queue_score(300, NOON + timedelta(seconds=1))
    assert older < newer < queue_score(299, NOON)
