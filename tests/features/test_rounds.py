"""Decisions that come at the same time: committed together, and each as if it had come alone."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from msgspec.structs import replace

from service.errors import Unavailable
from service.features.outcomes import DecisionRequest, Result
from service.features.rounds import COMPANY_SECONDS, ROUND_MAX, Committed, Motion, Rounds
from service.model import Action, Actor, PendingComment
from service.storage.changes import Place
from tests.features.conftest import OpenSite
from tests.newsroom import KIM, NOON, SAM, Newsroom
from tests.storage.queues import eventually

BREAKS = "x" * 400
"""A title that the table of articles does not take."""


def wish(
    comment: PendingComment | UUID, action: Action = Action.APPROVE, **changes: Any
) -> DecisionRequest:
    comment_id = comment if isinstance(comment, UUID) else comment.comment_id
    request = DecisionRequest(
        comment_id=comment_id,
        revision=1 if isinstance(comment, UUID) else comment.revision,
        action=action,
        decision_id=uuid4(),
        reason="spam" if action is Action.REJECT else None,
    )
    return replace(request, **changes)


async def decided(newsroom: Newsroom, *requests: DecisionRequest, by: Actor = SAM) -> list[Result]:
    return await newsroom.decisions.decide([newsroom.site], requests, actor=by, now=newsroom.now)


async def broken(newsroom: Newsroom, comment: PendingComment) -> PendingComment:
    """Give a comment what Postgres refuses."""
    item = replace(comment, article_title=BREAKS, n=0, revision=2)
    await newsroom.pending.requeue(item, journaled=False, guarded=True)
    return item


async def transactions(newsroom: Newsroom) -> int:
    count: int = await newsroom.pool.fetchval(
        "SELECT count(DISTINCT xmin::text) FROM decisions WHERE site_id = $1",
        newsroom.site.site_id,
    )
    return count


async def test_decisions_of_many_people_at_once_share_their_commits(newsroom: Newsroom) -> None:
    comments = [await newsroom.post() for _ in range(40)]
    await newsroom.approve(await newsroom.post())
    results = await asyncio.gather(*(newsroom.approve(each) for each in comments))
    assert Counter(each[0].outcome for each in results) == {"applied": 40}
    assert await transactions(newsroom) < 10
    assert await newsroom.count() == 41


async def test_each_decision_of_a_round_is_its_own_persons(newsroom: Newsroom) -> None:
    comments = [await newsroom.post() for _ in range(10)]
    await newsroom.approve(await newsroom.post())
    await asyncio.gather(
        *(
            newsroom.decide(Action.APPROVE, each, by=KIM if number % 2 else SAM)
            for number, each in enumerate(comments)
        )
    )
    for number, each in enumerate(comments):
        found = await newsroom.find(each)
        assert found is not None
        assert found.decision is not None
        assert found.decision.actor_id == (KIM if number % 2 else SAM).actor_id


async def test_two_who_decide_one_comment_at_once_are_never_in_one_round(
    newsroom: Newsroom,
) -> None:
    comment = await newsroom.post()
    await newsroom.approve(await newsroom.post())
    results = await asyncio.gather(
        *(newsroom.decide(Action.APPROVE, comment, by=each) for each in (SAM, KIM, SAM, KIM))
    )
    assert Counter(each[0].outcome for each in results) == {"applied": 1, "conflict": 3}
    assert await newsroom.count() == 2


async def test_the_same_decision_sent_several_times_at_once_is_made_once(
    newsroom: Newsroom,
) -> None:
    comment, decision_id = await newsroom.post(), uuid4()
    results = await asyncio.gather(
        *(newsroom.decide(Action.APPROVE, comment, decision_id=decision_id) for _ in range(5))
    )
    assert Counter(each[0].outcome for each in results) == {"applied": 1, "replayed": 4}


async def test_one_that_cannot_be_stored_fails_alone_among_those_decided_with_it(
    newsroom: Newsroom,
) -> None:
    await newsroom.approve(await newsroom.post())
    comments = [await newsroom.post() for _ in range(12)]
    bad = await broken(newsroom, comments[5])
    wishes = [wish(bad if each.comment_id == bad.comment_id else each) for each in comments]
    results = await asyncio.gather(*(decided(newsroom, each) for each in wishes))
    outcomes = [each[0].outcome for each in results]
    assert outcomes[5] == "conflict"
    assert Counter(outcomes) == {"applied": 11, "conflict": 1}
    assert await newsroom.count() == 12


async def test_an_article_that_another_process_holds_keeps_nobody_else_waiting(
    newsroom: Newsroom,
) -> None:
    for article in ("held", "free"):
        await newsroom.approve(await newsroom.post(article=article))
    held = [await newsroom.post(article="held") for _ in range(4)]
    free = [await newsroom.post(article="free") for _ in range(4)]
    async with newsroom.pool.acquire() as other, other.transaction():
        await other.execute(
            "SELECT 1 FROM article_counts WHERE site_id = $1 AND article_id = $2 FOR UPDATE",
            newsroom.site.site_id,
            held[0].article_id,
        )
        waiting = [asyncio.create_task(newsroom.approve(each)) for each in held]
        async with asyncio.timeout(4):
            await asyncio.gather(*(newsroom.approve(each) for each in free))
        assert not any(task.done() for task in waiting)
    results = await asyncio.gather(*waiting)
    assert Counter(each[0].outcome for each in results) == {"applied": 4}


async def test_an_article_that_is_decided_on_for_the_first_time_may_come_with_others(
    newsroom: Newsroom,
) -> None:
    await newsroom.approve(await newsroom.post(article="old"))
    comments = [await newsroom.post(article=f"new-{number}") for number in range(9)]
    comments += [await newsroom.post(article="old") for _ in range(3)]
    results = await asyncio.gather(*(newsroom.approve(each) for each in comments))
    assert Counter(each[0].outcome for each in results) == {"applied": 12}


async def test_more_than_a_round_holds_is_decided_in_several(newsroom: Newsroom) -> None:
    comments = [await newsroom.post() for _ in range(ROUND_MAX + 40)]
    await newsroom.approve(await newsroom.post())
    half = len(comments) // 2
    results = await asyncio.gather(
        newsroom.decide(Action.APPROVE, *comments[:half]),
        newsroom.decide(Action.APPROVE, *comments[half:]),
        newsroom.decide(Action.REJECT, *[await newsroom.post() for _ in range(ROUND_MAX)]),
    )
    outcomes = Counter(result.outcome for each in results for result in each)
    assert outcomes == {"applied": 2 * ROUND_MAX + 40}


async def test_when_the_connection_dies_everybody_of_the_round_is_told_so_and_may_repeat(
    newsroom: Newsroom, administrator: asyncpg.Connection
) -> None:
    await newsroom.approve(await newsroom.post())
    comments = [await newsroom.post() for _ in range(8)]
    wishes = [wish(each) for each in comments]
    async with newsroom.pool.acquire() as other:
        async with other.transaction():
            await other.execute(
                "SELECT 1 FROM article_counts WHERE site_id = $1 FOR UPDATE",
                newsroom.site.site_id,
            )
            asked = [asyncio.create_task(decided(newsroom, each)) for each in wishes]
            await _killed(administrator, await other.fetchval("SELECT pg_backend_pid()"))
        failed = await asyncio.gather(*asked, return_exceptions=True)
    assert any(isinstance(each, Unavailable) for each in failed)
    assert all(isinstance(each, Unavailable | list) for each in failed)
    again = [(await decided(newsroom, each))[0].outcome for each in wishes]
    assert set(again) <= {"applied", "replayed"}
    assert await newsroom.count() == 9


async def test_who_goes_away_while_waiting_takes_nobody_along(newsroom: Newsroom) -> None:
    await newsroom.approve(await newsroom.post())
    comments = [await newsroom.post() for _ in range(10)]
    asked = [asyncio.create_task(newsroom.approve(each)) for each in comments]
    await asyncio.sleep(0)
    for task in asked[::3]:
        task.cancel()
    done = await asyncio.gather(*asked, return_exceptions=True)
    for number, each in enumerate(done):
        assert isinstance(each, asyncio.CancelledError if number % 3 == 0 else list), each


async def _killed(administrator: asyncpg.Connection, holder: int) -> None:
    """End a session that waits for what another holds."""

    async def is_ended() -> bool:
        ended = await administrator.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE $1 = ANY(pg_blocking_pids(pid))",
            holder,
        )
        return bool(ended)

    await eventually(is_ended)


# Mixes

FAMILIES, SINGLES = 4, 14


async def _mix(newsroom: Newsroom, seed: int) -> list[tuple[Actor, list[DecisionRequest]]]:
    """Let comments come and say what becomes of them; the same for each site with one seed."""
    chance = random.Random(seed)  # noqa: S311 - a test's
    motions: list[tuple[Actor, list[DecisionRequest]]] = []
    for family in range(FAMILIES):
        article = f"story-{family % 3}"
        parent = await newsroom.post(f"Parent {family}", article=article)
        replies = [
            await newsroom.post(f"Reply {family}", article=article, parent=parent.comment_id)
            for _ in range(3)
        ]
        requests = [wish(each, _action(chance)) for each in (parent, *replies)]
        chance.shuffle(requests)
        motions.append((SAM, requests))
    for number in range(SINGLES):
        comment = await newsroom.post(f"Single {number}", article=f"story-{number % 3}")
        request = wish(comment, _action(chance))
        match chance.randrange(7):
            case 0:
                request = replace(request, revision=9)
            case 1:
                await newsroom.pending.lease(
                    newsroom.site.slug,
                    owner="key:another",
                    name="Another",
                    ids=[comment.comment_id],
                    limit=1,
                    ttl_ms=60_000,
                )
                request = replace(request, override=bool(chance.randrange(2)))
            case 2:
                request = replace(request, comment_id=uuid4())
            case 3:
                item = await broken(newsroom, comment)
                request = replace(request, revision=item.revision)
        motions.append((KIM, [request]))
    return motions


def _action(chance: random.Random) -> Action:
    return chance.choice((Action.APPROVE, Action.APPROVE, Action.REJECT, Action.ESCALATE))


async def _state(newsroom: Newsroom) -> list[tuple[Any, ...]]:
    """Return what a site is in the end, without what is chance: ids and times."""
    site_id = newsroom.site.site_id
    log = await newsroom.pool.fetch(
        "SELECT a.key, d.action, d.status, d.reason, d.revision, d.n, d.actor_id,"
        "       d.content_hash, c.depth, c.reply_count, c.shown_replies, k.revision AS kept,"
        "       j.state"
        " FROM decisions d JOIN articles a USING (site_id, article_id)"
        " LEFT JOIN comments c USING (site_id, article_id, comment_id)"
        " LEFT JOIN kept_texts k USING (site_id, article_id, comment_id)"
        " LEFT JOIN intake_journal j USING (site_id, article_id, comment_id)"
        " WHERE d.site_id = $1",
        site_id,
    )
    counts = await newsroom.pool.fetch(
        "SELECT a.key, c.approved, c.shown_roots"
        " FROM article_counts c JOIN articles a USING (site_id, article_id)"
        " WHERE c.site_id = $1",
        site_id,
    )
    told = await newsroom.pool.fetch(
        "SELECT kind, payload->>'article' AS article, count(*) FROM outbox WHERE site_id = $1"
        " GROUP BY 1, 2",
        site_id,
    )
    readers = await newsroom.pool.fetch(
        "SELECT approved, rejected, count(*) FROM readers WHERE site_id = $1 GROUP BY 1, 2", site_id
    )
    waiting = await newsroom.pending.total(newsroom.site.slug, include_escalated=True)
    rows = [tuple(row) for found in (log, counts, told, readers) for row in found]
    return [*sorted(rows, key=repr), (waiting,)]


async def _one_by_one(
    newsroom: Newsroom, motions: Sequence[tuple[Actor, list[DecisionRequest]]]
) -> list[str]:
    outcomes = {}
    for actor, requests in motions:
        for request in sorted(requests, key=lambda each: each.comment_id):  # by birth
            outcomes[request.decision_id] = (await decided(newsroom, request, by=actor))[0].outcome
    return [outcomes[request.decision_id] for _, requests in motions for request in requests]


@pytest.mark.parametrize("seed", range(5))
async def test_decided_together_everything_is_as_decided_one_by_one(
    new_site: OpenSite, seed: int
) -> None:
    together, alone = await new_site(), await new_site()
    motions = await _mix(together, seed)
    results = await asyncio.gather(
        *(decided(together, *requests, by=actor) for actor, requests in motions)
    )
    expected = await _one_by_one(alone, await _mix(alone, seed))
    assert [result.outcome for each in results for result in each] == expected
    assert len(set(expected)) >= 3
    assert await _state(together) == await _state(alone)


async def test_the_next_round_on_an_article_waits_for_the_commit_and_not_for_the_cleaning() -> None:
    began: asyncio.Queue[Motion] = asyncio.Queue()
    commits, cleaned = asyncio.Semaphore(0), asyncio.Event()

    async def sit(
        motions: Sequence[Motion], *, waits: bool, committed: Committed
    ) -> Sequence[Motion]:
        del waits
        began.put_nowait(motions[0])
        await commits.acquire()
        committed([])
        await cleaned.wait()
        for motion in motions:
            motion.give({})
        return []

    rounds, motions = Rounds(), [motion_on(Place(1, UUID(int=1), uuid4())) for _ in range(3)]
    async with asyncio.timeout(5), asyncio.TaskGroup() as asked:
        for motion in motions:
            asked.create_task(rounds.decide(motion, sit))
        assert await began.get() is motions[0]
        await asyncio.sleep(COMPANY_SECONDS * 2)
        assert began.empty()
        commits.release()
        assert await began.get() is motions[1]
        cleaned.set()
        commits.release()
        commits.release()


async def test_two_who_wait_for_what_others_hold_are_never_in_one_round() -> None:
    free, held, patient = asyncio.Event(), asyncio.Queue[Motion](), list[list[UUID]]()

    async def sit(
        motions: Sequence[Motion], *, waits: bool, committed: Committed
    ) -> Sequence[Motion]:
        del committed
        if not waits:
            held.put_nowait(motions[0])
            return motions
        patient.append([motion.requests[0].comment_id for motion in motions])
        await free.wait()
        for motion in motions:
            motion.give({})
        return []

    rounds, places = Rounds(), [Place(1, UUID(int=number), uuid4()) for number in range(3)]
    async with asyncio.timeout(5), asyncio.TaskGroup() as asked:
        asked.create_task(rounds.decide(motion_on(places[0]), sit))
        for place in (places[1], places[2], places[2]):
            motion = motion_on(place)
            asked.create_task(rounds.decide(motion, sit))
            assert await held.get() is motion
        free.set()
    assert patient == [[places[number].comment_id] for number in (0, 1, 2, 2)]


def motion_on(place: Place) -> Motion:
    return Motion(
        sites={},
        requests=[wish(place.comment_id)],
        places={place.comment_id: place},
        items={},
        leases={},
        actor=SAM,
        now=NOON,
    )
