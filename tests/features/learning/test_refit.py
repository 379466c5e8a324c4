"""Models that learn of a newsroom's decisions, over real stores."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from msgspec.structs import replace

from service.features.cluster_decisions import Ticked
from service.features.learning.apart import study_apart
from service.features.learning.lesson import Lesson, lesson_of
from service.features.learning.model import Model
from service.features.learning.models import Models
from service.features.learning.refit import VERSIONS_KEPT, Refit
from service.features.learning.report import Learnt, study
from service.features.outcomes import DecisionRequest
from service.model import Action, Actor, PendingComment
from service.storage.learning import LearningStore, Version
from tests.features.learning.test_model import lesson_rows, texts
from tests.newsroom import NOON, Newsroom, real_time

PEOPLE = [Actor(kind="member", actor_id=str(uuid4()), name=name) for name in ("Sam", "Kim", "Lea")]
AT_ONCE = 20
KEY = Actor(kind="key", actor_id="botkey01", name="Bot")


async def study_here(
    lesson: Lesson, *, before: Mapping[str, Any] | None, current: tuple[bytes, bytes] | None
) -> Learnt:
    """Learn in this process: starting another takes longer than the lesson."""
    model = Model.restored(current[0], sha256=current[1]) if current else None
    return study(lesson, before=before, current=model)


def refit_of(newsroom: Newsroom, *, later: timedelta = timedelta()) -> Refit:
    return Refit(
        store=LearningStore(pool=newsroom.pool),
        sites=newsroom.sites,
        clock=lambda: real_time() + later,
        study=study_here,
    )


async def decided(newsroom: Newsroom, count: int, *, by: Actor | None = None) -> None:
    """Let people decide so many comments, or somebody all of them."""
    made = texts(count)
    items: list[PendingComment] = []
    for start in range(0, count, AT_ONCE):
        piece = made[start : start + AT_ONCE]
        items += await asyncio.gather(
            *(newsroom.post(text, article=f"story-{at % 7}") for at, (text, _) in enumerate(piece))
        )
    for turn, person in enumerate([by] if by else PEOPLE):
        step = 1 if by else len(PEOPLE)
        requests = [
            _request(item, bad=bad)
            for item, (_, bad) in list(zip(items, made, strict=True))[turn::step]
        ]
        results = await newsroom.decisions.decide(
            [newsroom.site], requests, actor=person, now=real_time()
        )
        assert {each.outcome for each in results} == {"applied"}


def _request(item: PendingComment, *, bad: bool) -> DecisionRequest:
    return DecisionRequest(
        comment_id=item.comment_id,
        revision=1,
        action=Action.REJECT if bad else Action.APPROVE,
        decision_id=uuid4(),
        reason="abuse" if bad else None,
    )


async def versions(newsroom: Newsroom) -> list[Version]:
    return await LearningStore(pool=newsroom.pool).versions(newsroom.site.site_id)


async def test_what_people_decided_becomes_a_model_and_what_a_program_decided_does_not(
    newsroom: Newsroom,
) -> None:
    await decided(newsroom, 60, by=KEY)
    refit = refit_of(newsroom)
    assert not await refit.is_due(newsroom.site)
    await decided(newsroom, 60)
    assert await refit.is_due(newsroom.site)
    await refit.learn(newsroom.site)

    [abuse] = [each for each in await versions(newsroom) if each.kind == "abuse"]
    assert abuse.version == 1
    assert 50 <= abuse.decisions <= 60
    assert abuse.moderators == 3
    assert abuse.state == "refused"
    assert set(abuse.figures["refused"]) >= {"few_decisions", "few_violations"}
    assert not await refit.is_due(newsroom.site)


async def test_a_lesson_that_fails_in_whatever_way_stops_nothing_else(newsroom: Newsroom) -> None:
    async def trip(*_: object, **__: object) -> Learnt:
        raise ValueError

    await decided(newsroom, 60)
    refit = replace(refit_of(newsroom), study=trip)
    await refit.learn(newsroom.site)
    assert not await refit.is_due(newsroom.site)


async def test_what_was_undone_or_erased_is_forgotten_by_the_next_version(
    newsroom: Newsroom,
) -> None:
    await decided(newsroom, 70)
    store = LearningStore(pool=newsroom.pool)
    before = await store.labelled(newsroom.site.site_id, limit=1_000)
    undone, erased = before[0], before[1]
    found = await newsroom.find(undone.comment_id)
    assert found is not None
    assert found.decision is not None
    await newsroom.decisions.reverse(
        [newsroom.site], found.decision.decision_id, actor=PEOPLE[0], now=real_time()
    )
    await newsroom.pool.execute("DELETE FROM kept_texts WHERE comment_id = $1", erased.comment_id)
    await newsroom.pool.execute(
        "UPDATE comments SET status = 'deleted', text = NULL WHERE comment_id = $1",
        erased.comment_id,
    )

    after = {
        each.comment_id: each for each in await store.labelled(newsroom.site.site_id, limit=1_000)
    }

    assert undone.comment_id not in after
    assert after[erased.comment_id].text is None


async def test_the_last_ten_versions_are_kept_and_processes_follow_the_one_in_use(
    newsroom: Newsroom,
) -> None:
    await decided(newsroom, 330)
    refit = refit_of(newsroom)
    await refit.learn(newsroom.site)
    store = LearningStore(pool=newsroom.pool)
    [first] = [each for each in await versions(newsroom) if each.kind == "abuse"]
    learnt = await store.weights(newsroom.site.site_id, "abuse", first.version)
    assert learnt is not None
    for _ in range(VERSIONS_KEPT + 1):
        await store.keep(
            newsroom.site.site_id, first, weights=learnt[0], sha256=learnt[1], kept=VERSIONS_KEPT
        )

    kept = [each for each in await versions(newsroom) if each.kind == "abuse"]
    assert [each.version for each in kept] == list(range(12, 2, -1))
    assert [each.state for each in kept] == ["current"] + ["kept"] * 9

    models = Models(store=LearningStore(pool=newsroom.pool))
    await models.refresh()
    bad = models.scores(newsroom.site, "go away you stupid liar")
    good = models.scores(newsroom.site, "the bridge was built in 1987")
    assert bad["abuse"] > 0.7 > good["abuse"]
    assert models.approving(newsroom.site) == frozenset()
    await newsroom.pool.execute(
        "UPDATE models SET sha256 = sha256('x'::bytea) WHERE site_id = $1", newsroom.site.site_id
    )
    again = Models(store=LearningStore(pool=newsroom.pool))
    await again.refresh()
    assert again.scores(newsroom.site, "go away you stupid liar") == {}


async def test_a_cluster_that_was_decided_at_once_is_one_lesson(newsroom: Newsroom) -> None:
    for at in range(12):
        await newsroom.post(f"Earn 900 euros a day at home, write to my manager now {at}")
    while await newsroom.journal_all():
        pass
    await newsroom.clusters.catch_up()
    [whole] = (
        await newsroom.clusters.page(newsroom.site, cursor=None, limit=5, actor=PEOPLE[0])
    ).clusters
    await newsroom.cluster_decisions.begin(
        newsroom.site,
        whole.cluster.cluster_id,
        action="reject",
        reason="spam",
        note="",
        ticked=Ticked(with_outliers=True),
        operation_id=None,
        actor=PEOPLE[0],
        is_senior=True,
        now=NOON,
    )
    while await newsroom.cluster_decisions.go_on():
        pass
    rows = await LearningStore(pool=newsroom.pool).labelled(newsroom.site.site_id, limit=100)
    assert len(rows) == 12
    assert len({row.operation_id for row in rows}) == 1
    assert None not in {row.operation_id for row in rows}


@pytest.mark.faults
@pytest.mark.long
async def test_a_lesson_is_learnt_in_a_process_apart() -> None:
    lesson = lesson_of("abuse", lesson_rows(320))
    here = study(lesson, before=None, current=None)
    apart = await study_apart(lesson, before=None, current=None)
    assert apart.sha256 == here.sha256
    again = await study_apart(lesson, before=here.figures, current=(here.weights, here.sha256))
    assert again.refused == ()
