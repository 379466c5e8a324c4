"""The queue in Redis: every script's outcomes, and what no interleaving may break."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from service.features.screening import queue_score
from service.model import Action, PendingComment
from service.storage.pending import Acceptance, Claimed, Finished, PendingStore, Remembered
from service.storage.recents import RecentStore
from service.storage.redis import Keys, QueueUnavailable, Scripts, connect
from service.storage.replies import Submitted
from tests.storage.queues import EPOCH, Places, eventually, make_item, own_server

SCRIPTS = Scripts.load()
MINUTE_MS = 60_000
AT = Keys("daily")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The queue of one site, with the shortest way to say what a test does."""

    redis: Redis
    pending: PendingStore

    async def post(self, item: PendingComment, *, auto: bool = False) -> Acceptance:
        return await self.pending.accept(
            item, auto=auto, pending_max=1_000, dk_ttl_ms=10 * MINUTE_MS
        )

    async def put(self, *items: PendingComment, auto: bool = False) -> None:
        for item in items:
            assert (await self.post(item, auto=auto)).outcome == "OK"

    async def claim(
        self,
        limit: int = 1,
        *,
        owner: str = "key:sam",
        senior: bool = False,
        ttl: int = MINUTE_MS,
        luck: float = 0.0,
    ) -> list[Claimed]:
        return await self.pending.claim(
            "daily", owner=owner, name=owner, limit=limit, ttl_ms=ttl, senior=senior, luck=luck
        )

    async def claimed(
        self, limit: int = 1, *, senior: bool = False, luck: float = 0.0
    ) -> list[UUID]:
        """Claim what is next; it was foreseen."""
        foreseen = await self.pending.foresee("daily", limit=limit, senior=senior, luck=luck)
        claimed = [each.comment_id for each in await self.claim(limit, senior=senior, luck=luck)]
        assert claimed == ids(foreseen)
        return claimed

    async def decide(
        self,
        item: PendingComment,
        action: Action,
        *,
        n: int = 1,
        revision: int = 1,
        waits: bool = False,
    ) -> str:
        [outcome] = await self.pending.finish(
            "daily", [decided(item, action, n=n, revision=revision, waits=waits)]
        )
        return outcome

    async def escalate(self, *items: PendingComment) -> None:
        for item in items:
            assert await self.decide(item, Action.ESCALATE, waits=True) == "DONE"

    async def edit(self, item: PendingComment, text: str, expected: int = 1) -> str:
        edited = replace(item, text=text)
        return (await self.pending.edit(edited, expected_revision=expected)).outcome

    async def get(self, item: PendingComment) -> PendingComment:
        found = await self.pending.get("daily", item.comment_id)
        assert found is not None
        return found

    async def places(self, item: PendingComment) -> set[str]:
        return (await Places.of(self.redis)).of_id(item.comment_id)

    async def holder(self, item: PendingComment) -> str | None:
        lease = (await self.pending.leases("daily", [item.comment_id])).get(item.comment_id)
        return lease.owner if lease else None

    async def let_run_out(self, item: PendingComment) -> None:
        """Bring the end of a lease forward."""
        await self.redis.zadd(AT.leases, {str(item.comment_id): 1}, xx=True)


def decided(
    item: PendingComment, action: Action, *, n: int = 1, revision: int = 1, waits: bool = False
) -> Finished:
    return Finished(
        comment_id=item.comment_id,
        n=n,
        revision=revision,
        action=action,
        decision_id=uuid4(),
        waits=waits,
    )


def ids(items: Sequence[PendingComment]) -> list[UUID]:
    return [item.comment_id for item in items]


@pytest.fixture
async def desk(redis_url: str) -> AsyncIterator[Desk]:
    """A queue that is open; when the test is over, items and places must agree."""
    async with connect(redis_url) as redis:
        pending = PendingStore(redis=redis, scripts=SCRIPTS)
        await pending.begin_epoch("daily", epoch=EPOCH, seq=0)
        yield Desk(redis=redis, pending=pending)
        (await Places.of(redis)).assert_sound()


# The way in


async def test_an_accepted_comment_waits_in_full(desk: Desk) -> None:
    item = make_item(text="Hello.")
    accepted = await desk.post(item)

    assert accepted == Acceptance(
        outcome="OK",
        comment_id=item.comment_id,
        seq=1,
        author_id=item.author.author_id,
        published=False,
    )
    assert await desk.get(item) == replace(item, seq=1)
    assert await desk.places(item) == {"q", "t", "p", "j"}


async def test_every_comment_has_the_next_number(desk: Desk) -> None:
    numbers = [(await desk.post(make_item())).seq for _ in range(5)]
    assert numbers == [1, 2, 3, 4, 5]
    assert await desk.pending.sequence("daily") == 5


async def test_a_repeated_submission_is_the_earlier_comment(desk: Desk) -> None:
    first = make_item(dk="d1")
    await desk.put(first)
    again = await desk.post(make_item(dk="d1"))

    assert again.outcome == "DUP"
    assert again.comment_id == first.comment_id
    assert again.author_id == first.author.author_id
    assert not again.published
    assert await desk.pending.total("daily", include_escalated=True) == 1


async def test_another_text_under_the_same_key_is_no_repetition(desk: Desk) -> None:
    first = make_item(dk="d1", text="One.")
    await desk.put(first)
    again = await desk.post(make_item(dk="d1", text="Two."))

    assert again.outcome == "MISMATCH"
    assert again.comment_id == first.comment_id


async def test_a_repetition_writes_so_that_replicas_can_be_waited_for(desk: Desk) -> None:
    item = make_item(dk="d1")
    await desk.put(item)
    before = (await desk.redis.info("replication"))["master_repl_offset"]
    writes = (await desk.redis.info("persistence"))["aof_current_size"]
    await desk.post(item)
    after = (await desk.redis.info("replication"))["master_repl_offset"]
    assert after > before or (await desk.redis.info("persistence"))["aof_current_size"] > writes


async def test_fifty_of_one_submission_at_once_are_one_comment(desk: Desk) -> None:
    attempts = [make_item(dk="d1") for _ in range(50)]
    outcomes = await asyncio.gather(*(_insisted(desk, item) for item in attempts))

    assert sorted(each.outcome for each in outcomes) == ["DUP"] * 49 + ["OK"]
    assert len({each.comment_id for each in outcomes}) == 1
    assert len({each.author_id for each in outcomes}) == 1
    assert await desk.pending.total("daily", include_escalated=True) == 1
    assert await desk.pending.sequence("daily") == 1


async def _insisted(desk: Desk, item: PendingComment) -> Acceptance:
    """Post as a client does that is told to come back: the pool may be busy for a moment."""
    while True:
        try:
            return await desk.post(item)
        except QueueUnavailable:
            await asyncio.sleep(0)


async def test_submissions_without_a_key_are_never_the_same(desk: Desk) -> None:
    await desk.put(make_item(dk=None), make_item(dk=None))
    assert await desk.pending.total("daily", include_escalated=True) == 2


async def _submitted(desk: Desk, dk: str) -> Submitted | None:
    lately = await RecentStore(redis=desk.redis).of("daily", None, None, dk=dk)
    return lately.submitted


async def test_a_submission_is_found_with_its_first_answer(desk: Desk) -> None:
    item = make_item(dk="d1")
    assert await _submitted(desk, "d1") is None
    await desk.put(item)

    held = await _submitted(desk, "d1")
    assert held is not None
    assert held.comment_id == item.comment_id
    assert held.fingerprint == item.fingerprint
    assert held.author_id == item.author.author_id
    assert not held.published

    await desk.pending.answered("daily", "d1", 201)
    published = await _submitted(desk, "d1")
    assert published == replace(held, published=True)
    assert (await desk.post(make_item(dk="d1"))).published


async def test_an_answer_to_a_forgotten_submission_is_not_noted(desk: Desk) -> None:
    await desk.pending.answered("daily", "d1", 201)
    assert not await desk.redis.exists(AT.submission("d1"))


async def test_a_submission_is_forgotten_in_time(desk: Desk) -> None:
    item = make_item(dk="d1")
    await desk.pending.accept(item, auto=False, pending_max=10, dk_ttl_ms=20)

    async def forgotten() -> bool:
        return await _submitted(desk, "d1") is None

    await eventually(forgotten)
    assert (await desk.post(make_item(dk="d1"))).outcome == "OK"


async def test_a_full_queue_refuses_whatever_waits_wherever(desk: Desk) -> None:
    items = [make_item(minute) for minute in range(3)]
    await desk.put(*items)
    await desk.escalate(items[0])
    await desk.claim()

    refused = await desk.pending.accept(make_item(), auto=False, pending_max=3, dk_ttl_ms=1_000)
    assert refused.outcome == "FULL"
    repeated = await desk.pending.accept(items[1], auto=False, pending_max=3, dk_ttl_ms=1_000)
    assert repeated.outcome == "DUP"
    roomier = await desk.pending.accept(make_item(), auto=False, pending_max=4, dk_ttl_ms=1_000)
    assert roomier.outcome == "OK"


async def test_a_queue_without_epoch_accepts_nothing(desk: Desk) -> None:
    item = make_item(site="weekly")
    assert (await desk.post(item)).outcome == "EMPTY"
    assert not await desk.redis.keys("pb:{weekly}:*")


async def test_an_id_is_given_once(desk: Desk) -> None:
    item = make_item(dk="d1", text="First.")
    await desk.put(item)
    clash = await desk.post(replace(item, dk="d2", text="Second."))
    assert clash.outcome == "CLASH"
    assert (await desk.get(item)).text == "First."
    assert await _submitted(desk, "d2") is None


async def test_sites_know_nothing_of_each_other(desk: Desk) -> None:
    await desk.pending.begin_epoch("weekly", epoch="other", seq=7)
    here, there = make_item(dk="d1"), make_item(site="weekly", dk="d1")
    await desk.put(here)
    accepted = await desk.post(there)

    assert (accepted.outcome, accepted.seq) == ("OK", 8)
    assert await desk.pending.get("daily", there.comment_id) is None
    assert await desk.claimed(10) == [here.comment_id]
    assert [batch async for batch in desk.pending.waiting_ids("weekly")] == [[there.comment_id]]


# The settle worker


async def test_what_a_rule_decided_is_not_claimable_and_not_due_at_once(desk: Desk) -> None:
    item = make_item()
    await desk.put(item, auto=True)
    assert await desk.places(item) == {"a", "t", "p", "j"}
    assert await desk.claimed(10, senior=True) == []
    assert await desk.pending.settle_claim("daily", limit=10, ttl_ms=1_000) == []


async def test_what_is_due_goes_to_one_worker_and_again_when_left_undone(desk: Desk) -> None:
    items = [make_item(minute) for minute in range(3)]
    await desk.put(*items, auto=True)
    for due, item in enumerate(items):
        await desk.redis.zadd(AT.settling, {str(item.comment_id): due})

    assert await desk.pending.settle_claim("daily", limit=2, ttl_ms=MINUTE_MS) == ids(items[:2])
    assert await desk.pending.settle_claim("daily", limit=9, ttl_ms=1) == ids(items[2:])

    async def again() -> bool:
        return await desk.pending.settle_claim("daily", limit=9, ttl_ms=60_000) == ids(items[2:])

    await eventually(again)


async def test_a_comment_is_set_aside_and_taken_back(desk: Desk) -> None:
    item = make_item()
    await desk.put(item)
    await desk.claim()

    assert await desk.pending.move("daily", item.comment_id, aside=True)
    assert await desk.places(item) == {"x", "t", "p", "j"}
    assert await desk.claimed(10) == []
    assert await desk.pending.move("daily", item.comment_id, aside=False)
    assert await desk.claimed(10) == [item.comment_id]
    assert not await desk.pending.move("daily", uuid4(), aside=True)


# Claims


async def test_the_most_urgent_goes_first_and_the_older_among_equals(desk: Desk) -> None:
    calm_new, calm_old = make_item(5), make_item(1)
    urgent_new, urgent_old = make_item(9, priority=500), make_item(8, priority=500)
    await desk.put(calm_new, urgent_new, calm_old, urgent_old)
    assert await desk.claimed(4) == ids([urgent_old, urgent_new, calm_old, calm_new])


@pytest.mark.parametrize("at_once", [1, 4, 10])
async def test_every_fifth_that_is_handed_out_is_the_oldest(desk: Desk, at_once: int) -> None:
    items = [make_item(minute, priority=minute * 10) for minute in range(12)]
    await desk.put(*items)
    order: list[UUID] = []
    while len(order) < 10:
        order += await desk.claimed(min(at_once, 10 - len(order)))
    urgent, old = ids(items[::-1]), ids(items)
    assert order == [*urgent[:4], old[0], *urgent[4:8], old[1]]


async def test_one_in_fifty_is_any_of_those_that_wait(desk: Desk) -> None:
    items = [make_item(minute, priority=minute) for minute in range(40)]
    await desk.put(*items)
    drawn = []
    for luck in (0.0, 0.26, 0.999):
        await desk.redis.hset(AT.meta, "claims", 49)
        (comment_id,) = await desk.claimed(luck=luck)
        drawn.append(comment_id)
        await desk.pending.release("daily", owner="key:sam", ids=[comment_id])
    assert drawn == ids([items[39], items[29], items[0]])


async def test_what_is_foreseen_is_nobodys_and_changes_nothing(desk: Desk) -> None:
    items = [make_item(minute, priority=minute) for minute in range(9)]
    await desk.put(*items)
    writes = (await desk.redis.info("persistence"))["aof_current_size"]
    seen = [await desk.pending.foresee("daily", limit=6, senior=True, luck=0.5) for _ in range(2)]
    assert seen[0] == seen[1] == [await desk.get(each) for each in seen[0]]
    assert ids(seen[0]) == ids([*items[:4:-1], items[0], items[4]])
    assert await desk.pending.leases("daily", ids(items)) == {}
    assert (await desk.redis.info("persistence"))["aof_current_size"] == writes


async def test_what_ran_out_is_claimed_although_it_was_not_foreseen(desk: Desk) -> None:
    item = make_item()
    await desk.put(item)
    await desk.claim()
    await desk.let_run_out(item)
    assert await desk.pending.foresee("daily", limit=1, senior=False, luck=0.0) == []
    assert [each.comment_id for each in await desk.claim(owner="key:kim")] == [item.comment_id]


async def test_a_claim_hands_out_nothing_twice_whichever_way_it_is_found(desk: Desk) -> None:
    items = [make_item(minute, priority=minute) for minute in range(9)]
    await desk.put(*items)
    await desk.redis.hset(AT.meta, "claims", 40)
    assert sorted(await desk.claimed(50)) == sorted(ids(items))
    assert await desk.claimed(50) == []


async def test_a_new_place_in_the_order_is_given_wherever_a_comment_is(desk: Desk) -> None:
    first, second, held = [make_item(minute, priority=10 * minute) for minute in range(3)]
    await desk.put(first, second, held)
    assert await desk.claimed() == ids([held])
    urgent = queue_score(500, first.created_at)
    placed = await desk.pending.rescore(
        "daily", [(first.comment_id, 1, urgent), (held.comment_id, 1, urgent + 1)]
    )
    assert placed == 2
    assert (await desk.get(first)).score == urgent
    assert await desk.pending.ranked("daily", first=0, count=2) == ids([first, held])
    assert await desk.claimed(3) == ids([first, second])
    await desk.pending.release("daily", owner="key:sam", ids=ids([held, first]))
    assert await desk.claimed(2) == ids([first, held])


async def test_what_was_edited_meanwhile_keeps_the_place_of_its_new_text(desk: Desk) -> None:
    item = make_item(priority=10)
    await desk.put(item)
    await desk.pending.edit(replace(item, text="New."), expected_revision=1)
    assert await desk.pending.rescore("daily", [(item.comment_id, 1, 1.0)]) == 0
    assert (await desk.get(item)).score == item.score


async def test_what_waits_no_more_is_given_no_place(desk: Desk) -> None:
    assert await desk.pending.rescore("daily", [(make_item().comment_id, 1, 1.0)]) == 0
    assert await desk.pending.ranked("daily", first=0, count=5) == []


@pytest.mark.parametrize("settle", ["publish", "reject", None])
@pytest.mark.parametrize("waits_at", ["queue", "settling", "lease"])
async def test_an_edit_goes_where_its_verdict_sends_it_unless_somebody_holds_it(
    desk: Desk, settle: Literal["publish", "reject"] | None, waits_at: str
) -> None:
    item = make_item()
    await desk.put(item, auto=waits_at == "settling")
    if waits_at == "lease":
        assert await desk.claimed() == ids([item])
    await desk.pending.edit(replace(item, text="New."), expected_revision=1, settle=settle)
    settles = await desk.redis.zscore(AT.settling, str(item.comment_id)) is not None
    stays = settle == "publish" and waits_at == "settling"
    assert settles is (waits_at != "lease" and (settle == "reject" or stays))
    assert (await desk.redis.zscore(AT.leases, str(item.comment_id)) is not None) is (
        waits_at == "lease"
    )


async def test_a_claim_by_age_passes_over_what_others_hold(desk: Desk) -> None:
    items = [make_item(minute, priority=minute) for minute in range(6)]
    await desk.put(*items)
    await desk.pending.move("daily", items[0].comment_id, aside=True)
    await desk.redis.hset(AT.meta, "claims", 4)
    assert await desk.claimed(3) == ids([items[1], items[5], items[4]])


async def test_a_claim_by_age_fills_up_by_urgency_when_only_the_far_ones_are_free(
    desk: Desk,
) -> None:
    blocked = [make_item(minute) for minute in range(201)]
    free = make_item(999)
    await asyncio.gather(*(_insisted(desk, item) for item in [*blocked, free]))
    await desk.redis.hset(AT.meta, "claims", 4)
    held = await desk.pending.lease(
        "daily", owner="key:kim", name="Kim", ids=ids(blocked), limit=201, ttl_ms=MINUTE_MS
    )
    assert len(held) == 201
    assert await desk.claimed() == [free.comment_id]


async def test_escalated_comments_are_for_seniors_in_one_order_with_the_rest(desk: Desk) -> None:
    items = [make_item(minute) for minute in range(5)]
    await desk.put(*items)
    await desk.escalate(items[1], items[3])

    assert await desk.claimed(9) == ids([items[0], items[2], items[4]])
    assert await desk.claimed(9) == []
    assert await desk.claimed(1, senior=True) == [items[1].comment_id]
    await desk.pending.release("daily", owner="key:sam", ids=ids(items))
    assert await desk.claimed(4, senior=True) == ids(items[:4])


async def test_a_claim_by_age_gives_seniors_the_oldest_of_both_lists(desk: Desk) -> None:
    items = [make_item(minute, priority=minute) for minute in range(4)]
    await desk.put(*items)
    await desk.escalate(items[0], items[3])
    await desk.redis.hset(AT.meta, "claims", 4)
    assert await desk.claimed(3, senior=True) == ids([items[0], items[3], items[2]])


async def test_a_claim_by_age_keeps_escalated_ones_from_everybody_else(desk: Desk) -> None:
    items = [make_item(minute) for minute in range(2)]
    await desk.put(*items)
    await desk.escalate(items[0])
    await desk.redis.hset(AT.meta, "claims", 4)
    assert await desk.claimed(9) == [items[1].comment_id]


async def test_a_claim_says_until_when_and_under_which_number(desk: Desk) -> None:
    items = [make_item(minute) for minute in range(3)]
    await desk.put(*items)
    now = await _server_time(desk)
    one, two = await desk.claim(2, ttl=90_000)
    await desk.let_run_out(items[0])
    [again] = await desk.claim(1, owner="key:kim")

    for claimed in (one, two):
        assert timedelta(0) <= claimed.until - now - timedelta(seconds=90) < timedelta(seconds=2)
    assert again.comment_id == one.comment_id
    assert one.fence < two.fence < again.fence


async def _server_time(desk: Desk) -> datetime:
    seconds, micros = await desk.redis.time()
    return datetime.fromtimestamp(seconds, UTC) + timedelta(milliseconds=micros // 1_000)


async def test_nobody_is_handed_what_is_held_not_even_its_holder(desk: Desk) -> None:
    item = make_item()
    await desk.put(item)
    assert await desk.claimed() == [item.comment_id]
    assert await desk.claimed(9) == []
    assert await desk.claim(9, owner="key:kim", senior=True) == []
    assert await desk.holder(item) == "key:sam"


async def test_eight_at_once_claim_two_hundred_each_once(desk: Desk) -> None:
    items = [make_item(minute, priority=minute % 7) for minute in range(200)]
    await asyncio.gather(*(_insisted(desk, item) for item in items))

    async def work(owner: str) -> list[UUID]:
        mine: list[UUID] = []
        while batch := await desk.claim(3, owner=owner):
            mine += [each.comment_id for each in batch]
        return mine

    handed = await asyncio.gather(*(work(f"key:{number}") for number in range(8)))
    given = [comment_id for mine in handed for comment_id in mine]
    assert len(given) == 200
    assert set(given) == set(ids(items))


async def test_an_empty_queue_hands_out_nothing(desk: Desk) -> None:
    assert await desk.claim(50, senior=True) == []


# Leases


async def test_a_lease_that_ran_out_is_claimed_by_the_next(desk: Desk) -> None:
    item = make_item()
    await desk.put(item)
    [first] = await desk.claim(ttl=1)

    async def by_another() -> bool:
        return [each.comment_id for each in await desk.claim(owner="key:kim")] == [item.comment_id]

    await eventually(by_another)
    assert await desk.holder(item) == "key:kim"
    assert first.comment_id == item.comment_id


async def test_only_the_holder_renews_and_only_in_time(desk: Desk) -> None:
    items = [make_item(minute) for minute in range(3)]
    await desk.put(*items)
    await desk.claim(2, ttl=MINUTE_MS)
    before = await desk.pending.leases("daily", ids(items))
    await desk.let_run_out(items[1])

    of_another = await desk.pending.renew("daily", owner="key:kim", ids=ids(items), ttl_ms=1)
    own = await desk.pending.renew("daily", owner="key:sam", ids=ids(items), ttl_ms=5 * MINUTE_MS)

    assert of_another[0] == []
    after = await desk.pending.leases("daily", ids(items))
    assert own == (ids(items[:1]), after[items[0].comment_id].until)
    longer = after[items[0].comment_id].until - before[items[0].comment_id].until
    assert timedelta(minutes=4) <= longer < timedelta(minutes=4, seconds=5)
    assert items[1].comment_id not in after


async def test_only_the_holder_gives_back(desk: Desk) -> None:
    items = [make_item(minute) for minute in range(2)]
    await desk.put(*items)
    await desk.claim(2)
    assert await desk.pending.release("daily", owner="key:kim", ids=ids(items)) == []
    assert await desk.holder(items[0]) == "key:sam"

    asked = [*ids(items[1:]), uuid4()]
    assert await desk.pending.release("daily", owner="key:sam", ids=asked) == ids(items[1:])
    assert await desk.claimed(9) == [items[1].comment_id]


async def test_nothing_to_renew_or_release_is_no_mistake(desk: Desk) -> None:
    renewed, _ = await desk.pending.renew("daily", owner="key:sam", ids=[], ttl_ms=1)
    assert renewed == []
    assert await desk.pending.release("daily", owner="key:sam", ids=[]) == []


async def test_leases_say_who_in_which_name_until_when(desk: Desk) -> None:
    items = [make_item(minute) for minute in range(3)]
    await desk.put(*items)
    claimed = await desk.pending.claim(
        "daily", owner="member:1", name='Zo\u00eb "Z" \U0001f600', limit=2, ttl_ms=900, senior=False
    )
    held = await desk.pending.leases("daily", [*ids(items), uuid4()])

    assert set(held) == set(ids(items[:2]))
    for each in claimed:
        assert held[each.comment_id].owner == "member:1"
        assert held[each.comment_id].name == 'Zo\u00eb "Z" \U0001f600'
        assert held[each.comment_id].until == each.until
    assert await desk.pending.leases("daily", []) == {}


async def test_expiry_goes_in_batches_and_to_the_list_each_came_from(desk: Desk) -> None:
    items = [make_item(minute) for minute in range(4)]
    await desk.put(*items)
    await desk.escalate(items[0])
    await desk.claim(4, senior=True)
    for item in items[:3]:
        await desk.let_run_out(item)

    assert await desk.pending.expire("daily", limit=2) == 2
    assert await desk.pending.expire("daily", limit=2) == 1
    assert await desk.pending.expire("daily", limit=2) == 0
    assert await desk.places(items[0]) == {"e", "te", "pe", "j"}
    assert await desk.places(items[1]) == {"q", "t", "p", "j"}
    assert await desk.holder(items[3]) == "key:sam"


async def test_public_comments_are_leased_and_never_queued(desk: Desk) -> None:
    public = [uuid4() for _ in range(3)]
    leased = await desk.pending.lease(
        "daily", owner="key:sam", name="Sam", ids=public, limit=2, ttl_ms=MINUTE_MS
    )
    assert [each.comment_id for each in leased] == public[:2]

    rest = await desk.pending.lease(
        "daily", owner="key:kim", name="Kim", ids=public, limit=9, ttl_ms=MINUTE_MS
    )
    assert [each.comment_id for each in rest] == public[2:]
    await desk.pending.release("daily", owner="key:sam", ids=public)
    assert set(await desk.pending.leases("daily", public)) == {public[2]}
    assert await desk.claimed(9, senior=True) == []


async def test_a_lease_that_ran_out_is_given_by_name_to_the_next(desk: Desk) -> None:
    item = make_item()
    await desk.put(item)
    await desk.claim()
    await desk.let_run_out(item)
    leased = await desk.pending.lease(
        "daily", owner="key:kim", name="Kim", ids=[item.comment_id], limit=1, ttl_ms=MINUTE_MS
    )
    assert [each.comment_id for each in leased] == [item.comment_id]
    assert await desk.holder(item) == "key:kim"


async def test_what_is_settling_or_set_aside_is_not_leased_by_name(desk: Desk) -> None:
    settling, aside, waiting = make_item(), make_item(), make_item()
    await desk.put(settling, auto=True)
    await desk.put(aside, waiting)
    await desk.pending.move("daily", aside.comment_id, aside=True)
    leased = await desk.pending.lease(
        "daily",
        owner="key:sam",
        name="Sam",
        ids=ids([settling, aside, waiting]),
        limit=9,
        ttl_ms=MINUTE_MS,
    )
    assert [each.comment_id for each in leased] == [waiting.comment_id]
    assert await desk.claimed(9) == []


# Looking


async def test_items_come_in_one_go_and_only_those_that_wait(desk: Desk) -> None:
    items = [make_item(minute) for minute in range(3)]
    await desk.put(*items)
    found = await desk.pending.items("daily", [uuid4(), *ids(items[1:])])
    assert found == {
        items[1].comment_id: replace(items[1], seq=2),
        items[2].comment_id: replace(items[2], seq=3),
    }
    assert await desk.pending.items("daily", []) == {}
    assert await desk.pending.get("daily", uuid4()) is None


async def pages(
    desk: Desk, order: Literal["priority", "oldest", "newest"], limit: int, *, escalated: bool
) -> list[list[UUID]]:
    found: list[list[UUID]] = []
    after: list[Any] | None = None
    while True:
        page, after = await desk.pending.peek(
            "daily", order=order, limit=limit, after=after, include_escalated=escalated
        )
        found.append(page)
        if after is None:
            return found


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
async def test_pages_show_everything_in_order_held_or_not(desk: Desk, limit: int) -> None:
    items = [make_item(minute, priority=(minute * 3) % 7) for minute in range(7)]
    await desk.put(*items)
    await desk.escalate(items[2], items[5])
    await desk.claim(3, senior=True)
    common = [item for item in items if item not in (items[2], items[5])]
    by_score = sorted(items, key=lambda item: item.score)

    async def look(order: Literal["priority", "oldest", "newest"], *, all_of: bool) -> list[UUID]:
        found = await pages(desk, order, limit, escalated=all_of)
        assert all(len(page) == limit for page in found[:-1])
        return [comment_id for page in found for comment_id in page]

    assert await look("oldest", all_of=True) == ids(items)
    assert await look("newest", all_of=True) == ids(items[::-1])
    assert await look("priority", all_of=True) == ids(by_score)
    assert await look("oldest", all_of=False) == ids(common)
    assert await look("newest", all_of=False) == ids(common[::-1])
    assert await desk.pending.total("daily", include_escalated=True) == 7
    assert await desk.pending.total("daily", include_escalated=False) == 5


@pytest.mark.parametrize("order", ["oldest", "newest", "priority"])
async def test_pages_of_equals_leave_nobody_out(
    desk: Desk, order: Literal["priority", "oldest", "newest"]
) -> None:
    items = [make_item(0) for _ in range(25)]
    await asyncio.gather(*(_insisted(desk, item) for item in items))
    await desk.escalate(*items[::3])
    found = [each for page in await pages(desk, order, 4, escalated=True) for each in page]
    assert found == sorted(ids(items), reverse=order == "newest")


@pytest.mark.parametrize("order", ["oldest", "newest"])
async def test_a_page_goes_on_where_the_last_one_seen_was_decided(
    desk: Desk, order: Literal["oldest", "newest"]
) -> None:
    items = [make_item(minute // 3) for minute in range(9)]
    await desk.put(*items)
    whole, none_left = await desk.pending.peek(
        "daily", order=order, limit=9, after=None, include_escalated=False
    )
    assert none_left is None
    first, after = await desk.pending.peek(
        "daily", order=order, limit=4, after=None, include_escalated=False
    )
    [seen] = [item for item in items if item.comment_id == first[-1]]
    assert await desk.decide(seen, Action.REJECT) == "DONE"
    rest, following = await desk.pending.peek(
        "daily", order=order, limit=9, after=after, include_escalated=True
    )
    assert [*first, *rest] == whole
    assert following is None


async def test_an_empty_queue_has_one_empty_page(desk: Desk) -> None:
    assert await pages(desk, "priority", 5, escalated=True) == [[]]


# Edits


async def test_an_edit_replaces_the_text_and_is_marked_for_the_journal(desk: Desk) -> None:
    item = make_item(text="Old.")
    await desk.put(item)
    await desk.pending.clear_marks("daily", [(item.comment_id, 1, 0)])
    edited_at = item.created_at + timedelta(minutes=2)
    outcome = await desk.pending.edit(
        replace(item, text="New.", lang="fr", edited_at=edited_at, score=item.score - 1),
        expected_revision=1,
    )

    assert (outcome.outcome, outcome.revision) == ("OK", 2)
    assert await desk.get(item) == replace(
        item,
        text="New.",
        lang="fr",
        edited_at=edited_at,
        score=item.score - 1,
        revision=2,
        seq=1,
    )
    assert await desk.places(item) == {"q", "t", "p", "j"}


async def test_an_edit_of_another_revision_is_stale_and_of_nothing_gone(desk: Desk) -> None:
    item = make_item(text="Old.")
    await desk.put(item)
    assert await desk.edit(item, "New.") == "OK"
    stale = await desk.pending.edit(replace(item, text="Late."), expected_revision=1)
    assert (stale.outcome, stale.revision) == ("STALE", 2)
    assert (await desk.get(item)).text == "New."
    gone = await desk.pending.edit(make_item(), expected_revision=1)
    assert (gone.outcome, gone.revision) == ("GONE", 0)


async def test_of_edits_at_once_one_wins(desk: Desk) -> None:
    item = make_item()
    await desk.put(item)
    outcomes = await asyncio.gather(*(desk.edit(item, f"Text {n}.") for n in range(10)))
    assert sorted(outcomes) == ["OK", *["STALE"] * 9]
    assert (await desk.get(item)).text == f"Text {outcomes.index('OK')}."


async def test_an_edit_leaves_its_holder_the_lease(desk: Desk) -> None:
    item = make_item()
    await desk.put(item)
    await desk.claim()
    assert await desk.edit(item, "New.") == "OK"
    assert await desk.holder(item) == "key:sam"


async def test_an_edit_takes_a_comment_from_the_rule_and_out_of_quarantine(desk: Desk) -> None:
    settling, kept, aside = make_item(1), make_item(2), make_item(3)
    await desk.put(settling, kept, auto=True)
    await desk.put(aside)
    await desk.pending.move("daily", aside.comment_id, aside=True)

    assert await desk.edit(settling, "New.") == "OK"
    assert await desk.edit(aside, "New.") == "OK"
    judged_again = await desk.pending.edit(
        replace(kept, text="New."), expected_revision=1, settle="publish"
    )
    assert judged_again.outcome == "OK"
    assert await desk.claimed(9) == ids([settling, aside])
    assert await desk.places(kept) == {"a", "t", "p", "j"}


async def test_an_edit_moves_a_comment_in_the_order(desk: Desk) -> None:
    early, late = make_item(1), make_item(2)
    await desk.put(early, late)
    await desk.escalate(early)
    raised = replace(make_item(2, priority=900), comment_id=late.comment_id)
    assert (await desk.pending.edit(raised, expected_revision=1)).outcome == "OK"
    assert await desk.claimed(9, senior=True) == ids([late, early])


# After a decision

FINAL = [Action.APPROVE, Action.REJECT, Action.WITHDRAW, Action.DUPLICATE, Action.ERASE]


@pytest.mark.parametrize("action", FINAL)
async def test_a_decided_comment_is_gone_from_every_place(desk: Desk, action: Action) -> None:
    item = make_item()
    await desk.put(item)
    await desk.claim()
    assert await desk.decide(item, action) == "DONE"
    assert await desk.places(item) == set()
    assert await desk.pending.get("daily", item.comment_id) is None
    assert await desk.decide(item, action) == "GONE"


@pytest.mark.parametrize("action", FINAL)
async def test_a_decided_comment_can_be_decided_again_for_a_day_unless_erased(
    desk: Desk, action: Action
) -> None:
    item = make_item(text="Kept.")
    await desk.put(item)
    decision = decided(item, action)
    await desk.pending.finish("daily", [decision])
    entries: Any = await desk.redis.xrange(AT.redo)

    if action is Action.ERASE:
        assert entries == []
        return
    [(_, fields)] = entries
    assert fields[b"id"] == str(item.comment_id).encode()
    assert fields[b"decision"] == str(decision.decision_id).encode()
    assert (fields[b"action"], fields[b"decision_n"]) == (action.value.encode(), b"1")
    assert fields[b"judged"] == b"1"
    # Of what its author took away, that it was, and not what it said.
    assert fields.get(b"text") == (None if action is Action.WITHDRAW else b"Kept.")


@pytest.mark.parametrize("action", [Action.APPROVE, Action.REJECT, Action.REMOVE])
async def test_an_edit_that_came_meanwhile_waits_on(desk: Desk, action: Action) -> None:
    item = make_item()
    await desk.put(item)
    await desk.claim()
    await desk.edit(item, "Newer.")
    await desk.pending.clear_marks("daily", [(item.comment_id, 2, 0)])

    assert await desk.decide(item, action) == "NEWER"
    waiting = await desk.get(item)
    assert (waiting.text, waiting.revision, waiting.n) == ("Newer.", 2, 1)
    assert waiting.kind == ("edit" if action is Action.APPROVE else "new")
    assert await desk.places(item) == {"q", "t", "p", "j"}
    assert await desk.decide(item, action, n=1) == "NEWER"  # asked twice
    assert await desk.get(item) == waiting


@pytest.mark.parametrize("action", [Action.WITHDRAW, Action.DELETE, Action.ERASE])
async def test_an_edit_does_not_outlive_what_its_author_or_the_law_took_away(
    desk: Desk, action: Action
) -> None:
    item = make_item()
    await desk.put(item)
    await desk.edit(item, "Newer.")
    assert await desk.decide(item, action) == "DONE"
    assert await desk.places(item) == set()
    assert await desk.pending.get("daily", item.comment_id) is None


async def test_an_escalated_comment_waits_for_seniors(desk: Desk) -> None:
    item = make_item()
    await desk.put(item)
    await desk.claim()
    await desk.pending.clear_marks("daily", [(item.comment_id, 1, 0)])
    await desk.escalate(item)

    assert await desk.places(item) == {"e", "te", "pe", "j"}
    assert (await desk.get(item)).escalated
    assert (await desk.get(item)).n == 1
    assert await desk.claimed(9) == []
    assert await desk.decide(item, Action.ESCALATE, waits=True) == "NEWER"  # asked twice


async def test_what_was_edited_after_its_escalation_was_answered_is_for_everybody(
    desk: Desk,
) -> None:
    item = make_item()
    await desk.put(item)
    await desk.escalate(item)
    await desk.edit(item, "Newer.")
    assert await desk.places(item) == {"e", "te", "pe", "j"}
    assert await desk.decide(item, Action.REJECT, n=2) == "NEWER"
    assert not (await desk.get(item)).escalated
    assert await desk.claimed(9) == [item.comment_id]


async def test_an_escalation_of_the_former_text_counts_for_the_edit_too(desk: Desk) -> None:
    item = make_item()
    await desk.put(item)
    await desk.edit(item, "Newer.")
    assert await desk.decide(item, Action.ESCALATE, waits=True) == "NEWER"
    assert (await desk.get(item)).kind == "new"
    assert await desk.places(item) == {"e", "te", "pe", "j"}


async def test_a_text_older_than_the_judged_one_does_not_wait_on(desk: Desk) -> None:
    item = make_item(revision=2)
    await desk.put(item)
    assert await desk.decide(item, Action.REJECT, revision=3) == "DONE"
    assert await desk.places(item) == set()


async def test_a_decision_older_than_what_waits_changes_nothing(desk: Desk) -> None:
    item = make_item(n=3, revision=4)
    await desk.pending.requeue(item, journaled=True, guarded=True)
    before = await desk.get(item)
    assert await desk.decide(item, Action.REJECT, n=3, revision=4) == "NEWER"
    assert await desk.decide(item, Action.ERASE, n=2, revision=3) == "NEWER"
    assert await desk.get(item) == before
    assert await desk.places(item) == {"q", "t", "p"}


async def test_a_public_comment_that_was_held_is_free_after_its_decision(desk: Desk) -> None:
    public = make_item()
    await desk.pending.lease(
        "daily", owner="key:sam", name="Sam", ids=[public.comment_id], limit=1, ttl_ms=MINUTE_MS
    )
    assert await desk.decide(public, Action.REMOVE) == "GONE"
    assert await desk.places(public) == set()


async def test_a_batch_has_an_answer_for_each(desk: Desk) -> None:
    items = [make_item(minute) for minute in range(3)]
    await desk.put(*items)
    await desk.edit(items[1], "Newer.")
    outcomes = await desk.pending.finish(
        "daily",
        [
            decided(items[0], Action.APPROVE),
            decided(items[1], Action.REJECT),
            decided(make_item(), Action.REJECT),
            decided(items[2], Action.ESCALATE, waits=True),
        ],
    )
    assert outcomes == ["DONE", "NEWER", "GONE", "DONE"]
    assert await desk.pending.finish("daily", []) == []


async def test_two_hundred_are_finished_at_once(desk: Desk) -> None:
    items = [make_item(minute) for minute in range(200)]
    await asyncio.gather(*(_insisted(desk, item) for item in items))
    decisions = [decided(item, Action.APPROVE) for item in items]
    assert await desk.pending.finish("daily", decisions) == ["DONE"] * 200
    assert await desk.pending.total("daily", include_escalated=True) == 0


# Waiting again


async def test_a_comment_is_put_back_once(desk: Desk) -> None:
    item = make_item(n=2, revision=3, seq=41, kind="edit")
    assert await desk.pending.requeue(item, journaled=False, guarded=True) == "NEW"
    assert await desk.get(item) == item
    assert await desk.places(item) == {"q", "t", "p", "j"}
    assert await desk.pending.requeue(item, journaled=False, guarded=True) == "KEPT"
    assert await desk.pending.sequence("daily") == 41
    assert (await desk.post(make_item())).seq == 42


async def test_a_comment_that_had_no_number_gets_one(desk: Desk) -> None:
    await desk.put(make_item())
    item = make_item(n=1)
    await desk.pending.requeue(item, journaled=False, guarded=True)
    assert (await desk.get(item)).seq == 2
    await desk.pending.requeue(replace(item, n=2), journaled=False, guarded=True)
    assert (await desk.get(item)).seq == 2


async def test_what_the_journal_has_is_not_marked_for_it(desk: Desk) -> None:
    item = make_item(n=1)
    await desk.pending.requeue(item, journaled=True, guarded=True)
    assert await desk.places(item) == {"q", "t", "p"}


async def test_an_escalated_comment_comes_back_escalated(desk: Desk) -> None:
    item = make_item(n=1, escalated=True)
    await desk.pending.requeue(item, journaled=True, guarded=True)
    assert await desk.places(item) == {"e", "te", "pe"}


async def test_the_later_text_and_the_later_decision_win(desk: Desk) -> None:
    item = make_item(text="One.")
    await desk.put(item)
    await desk.edit(item, "Two.")

    decided_later = replace(item, n=3, escalated=True)
    assert await desk.pending.requeue(decided_later, journaled=True, guarded=True) == "REPLACED"
    both = await desk.get(item)
    assert (both.text, both.revision, both.n, both.escalated) == ("Two.", 2, 3, True)

    written_later = replace(item, text="Five.", revision=5, n=1)
    assert await desk.pending.requeue(written_later, journaled=True, guarded=True) == "REPLACED"
    both = await desk.get(item)
    assert (both.text, both.revision, both.n, both.escalated) == ("Five.", 5, 3, True)
    assert both.seq == 1
    assert await desk.pending.requeue(item, journaled=True, guarded=True) == "KEPT"
    assert await desk.get(item) == both


async def test_of_one_decision_the_later_text_brings_its_kind(desk: Desk) -> None:
    item = make_item(n=1, revision=1)
    await desk.pending.requeue(item, journaled=True, guarded=True)
    edit = replace(item, revision=2, kind="edit", escalated=True, text="Two.", seq=1)
    assert await desk.pending.requeue(edit, journaled=True, guarded=True) == "REPLACED"
    assert await desk.get(item) == edit
    assert await desk.places(item) == {"e", "te", "pe"}


async def test_a_comment_put_back_while_held_stays_with_its_holder(desk: Desk) -> None:
    item = make_item(n=1)
    await desk.pending.lease(
        "daily", owner="key:sam", name="Sam", ids=[item.comment_id], limit=1, ttl_ms=MINUTE_MS
    )
    await desk.pending.requeue(item, journaled=True, guarded=True)
    assert await desk.claimed(9) == []
    await desk.pending.release("daily", owner="key:sam", ids=[item.comment_id])
    assert await desk.claimed(9) == [item.comment_id]


async def test_only_the_refill_puts_back_into_a_queue_without_epoch(desk: Desk) -> None:
    await desk.redis.flushdb()
    item = make_item(n=1)
    assert await desk.pending.requeue(item, journaled=True, guarded=True) == "EMPTY"
    assert not await desk.redis.keys("*")
    assert await desk.pending.requeue(item, journaled=True, guarded=False) == "NEW"


# The journal's side


async def test_marks_come_oldest_first_and_go_with_what_was_written(desk: Desk) -> None:
    items = [make_item(minute) for minute in range(3)]
    await desk.put(*items)
    for when, item in enumerate(items[::-1]):
        await desk.redis.zadd(AT.marks, {str(item.comment_id): when})

    assert await desk.pending.unjournaled("daily", limit=2) == ids([items[2], items[1]])
    written = [(item.comment_id, 1, 0) for item in items]
    assert await desk.pending.clear_marks("daily", written[1:]) == 2
    assert await desk.pending.unjournaled("daily", limit=9) == [items[0].comment_id]
    assert await desk.pending.clear_marks("daily", written) == 1
    assert await desk.pending.clear_marks("daily", []) == 0


async def test_what_changed_since_it_was_written_stays_marked(desk: Desk) -> None:
    edited, escalated, gone = make_item(1), make_item(2), make_item(3)
    await desk.put(edited, escalated, gone)
    written = [(item.comment_id, 1, 0) for item in (edited, escalated, gone)]
    await desk.edit(edited, "Newer.")
    await desk.escalate(escalated)
    await desk.redis.zadd(AT.marks, {str(uuid4()): 1})
    [orphan] = await desk.pending.unjournaled("daily", limit=1)
    await desk.decide(gone, Action.REJECT)

    assert await desk.pending.clear_marks("daily", [*written, (orphan, 0, 0)]) == 1
    left = await desk.pending.unjournaled("daily", limit=9)
    assert set(left) == {edited.comment_id, escalated.comment_id}


async def test_a_queue_keeps_its_epoch_and_never_counts_back(desk: Desk) -> None:
    assert await desk.pending.epoch("weekly") is None
    assert await desk.pending.sequence("weekly") == 0
    assert await desk.pending.begin_epoch("weekly", epoch="one", seq=9) == "one"
    assert await desk.pending.begin_epoch("weekly", epoch="two", seq=5) == "one"
    assert await desk.pending.epoch("weekly") == "one"
    assert await desk.pending.sequence("weekly") == 9
    await desk.pending.begin_epoch("weekly", epoch="two", seq=12)
    assert await desk.pending.sequence("weekly") == 12


async def test_a_submissions_record_is_put_back_where_none_is(desk: Desk) -> None:
    item = make_item(dk="d1")

    def of(comment: PendingComment, status: int) -> Remembered:
        return Remembered(
            dk="d1",
            comment_id=comment.comment_id,
            fingerprint=item.fingerprint or "",
            author_id=comment.author.author_id,
            status=status,
            ttl_ms=MINUTE_MS,
        )

    await desk.pending.restore_submissions("daily", [of(item, 201), of(make_item(), 202)])
    again = await desk.post(make_item(dk="d1"))
    assert (again.outcome, again.comment_id) == ("DUP", item.comment_id)
    assert (again.author_id, again.published) == (item.author.author_id, True)
    assert 0 < await desk.redis.pttl(AT.submission("d1")) <= MINUTE_MS


# Repair


async def test_an_item_without_a_place_waits_again(desk: Desk) -> None:
    lost, unlisted, escalated = make_item(1), make_item(2), make_item(3)
    await desk.put(lost, unlisted, escalated)
    await desk.escalate(escalated)
    await desk.redis.zrem(AT.queue, str(lost.comment_id))
    for key in (AT.queue, AT.by_age, AT.by_priority):
        await desk.redis.zrem(key, str(unlisted.comment_id))
    for key in (AT.escalated, AT.escalated_by_age, AT.escalated_by_priority):
        await desk.redis.zrem(key, str(escalated.comment_id))

    assert await desk.pending.mend("daily", ids([lost, unlisted, escalated])) == (3, 0)
    assert await desk.claimed(9, senior=True) == ids([lost, unlisted, escalated])
    assert await desk.pending.mend("daily", ids([lost, unlisted, escalated])) == (0, 0)


async def test_a_place_without_an_item_goes(desk: Desk) -> None:
    item = make_item()
    await desk.put(item)
    await desk.redis.delete(AT.item(item.comment_id))
    assert await desk.pending.mend("daily", [item.comment_id]) == (0, 1)
    assert await desk.places(item) == set()
    assert await desk.pending.mend("daily", []) == (0, 0)


async def test_mending_leaves_what_is_whole_and_public_leases(desk: Desk) -> None:
    public, waiting, held, settling = uuid4(), make_item(2), make_item(1), make_item(3)
    await desk.put(held, waiting)
    await desk.put(settling, auto=True)
    await desk.claim()
    await desk.pending.lease(
        "daily", owner="key:sam", name="Sam", ids=[public], limit=1, ttl_ms=MINUTE_MS
    )
    before = await Places.of(desk.redis)
    assert await desk.pending.mend("daily", [public, *ids([waiting, held, settling])]) == (0, 0)
    assert await Places.of(desk.redis) == before


async def test_a_walk_meets_everything_in_any_place_once(desk: Desk) -> None:
    waiting, escalated, held, aside, settling, public, stray = (make_item(n) for n in range(7))
    await desk.put(held)
    await desk.claim()
    await desk.put(waiting, escalated, aside, stray)
    await desk.put(settling, auto=True)
    await desk.escalate(escalated)
    await desk.pending.move("daily", aside.comment_id, aside=True)
    await desk.pending.lease(
        "daily", owner="key:sam", name="Sam", ids=[public.comment_id], limit=1, ttl_ms=MINUTE_MS
    )
    for key in (AT.by_age, AT.by_priority):
        await desk.redis.zrem(key, str(stray.comment_id))

    met = [each async for batch in desk.pending.waiting_ids("daily") for each in batch]
    everything = [waiting, escalated, held, aside, settling, public, stray]
    assert sorted(met) == sorted(ids(everything))

    # The place of one is there, and it is not listed; of the other there never was an item.
    assert await _amiss(desk) == {stray.comment_id, public.comment_id}
    assert await desk.pending.mend("daily", met) == (0, 0)
    assert await _amiss(desk) == {public.comment_id}


async def test_whatever_does_not_agree_is_amiss(desk: Desk) -> None:
    held, whole, lost, gone, unlisted, settling = (make_item(n) for n in range(6))
    await desk.put(held)
    await desk.claim()
    await desk.put(whole, lost, gone, unlisted)
    await desk.put(settling, auto=True)
    await desk.redis.zrem(AT.queue, str(lost.comment_id))  # listed, without a place
    await desk.redis.delete(AT.item(gone.comment_id))
    for key in (AT.queue, AT.by_age, AT.by_priority):
        await desk.redis.zrem(key, str(unlisted.comment_id))  # nothing but an item
    await desk.redis.zrem(AT.by_age, str(settling.comment_id))
    assert {*ids([lost, gone])} <= await _amiss(desk)
    found = [each async for each in desk.pending.unlisted_ids(["weekly", "daily"]) if each]
    assert len(found) == 1
    assert {*found[0]["daily"]} == set(ids([unlisted, settling]))
    assert not any([each async for each in desk.pending.unlisted_ids(["weekly"])])
    assert await desk.pending.mend("daily", ids([lost, gone, unlisted, settling])) == (2, 1)
    assert await _amiss(desk) == set()


async def test_a_walk_over_many_comes_in_steps(desk: Desk) -> None:
    items = [make_item(minute) for minute in range(400)]
    await asyncio.gather(*(_insisted(desk, item) for item in items))
    steps = [step async for step in desk.pending.waiting_ids("daily", batch=50)]
    assert len(steps) >= 4
    assert {each for step in steps for each in step} == set(ids(items))
    for key in (AT.queue, AT.by_age):
        await desk.redis.delete(key)
    unlisted = [step async for step in desk.pending.unlisted_ids(["daily"], batch=50)]
    assert len(unlisted) >= 4
    assert {each for step in unlisted for each in step.get("daily", ())} == set(ids(items))
    assert await desk.pending.mend("daily", ids(items)) == (400, 0)
    assert [step async for step in desk.pending.waiting_ids("weekly")] == []


async def _amiss(desk: Desk) -> set[UUID]:
    return {each async for step in desk.pending.amiss_ids("daily") for each in step}


# When Redis is away, or full


async def test_every_way_to_the_queue_says_when_it_cannot_be_reached() -> None:
    item = make_item()
    async with connect("redis://127.0.0.1:1") as nowhere:
        pending = PendingStore(redis=nowhere, scripts=SCRIPTS)
        ways = [
            RecentStore(redis=nowhere).of("daily", None, None, dk="d1"),
            pending.ranked("daily", first=0, count=1),
            pending.rescore("daily", [(item.comment_id, 1, 1.0)]),
            pending.accept(item, auto=False, pending_max=1, dk_ttl_ms=1),
            pending.get("daily", item.comment_id),
            pending.items("daily", [item.comment_id]),
            pending.leases("daily", [item.comment_id]),
            pending.total("daily", include_escalated=True),
            pending.claim("daily", owner="o", name="n", limit=1, ttl_ms=1, senior=False),
            pending.unjournaled("daily", limit=1),
            pending.epoch("daily"),
            pending.sequence("daily"),
            anext(pending.waiting_ids("daily")),
            anext(pending.amiss_ids("daily")),
            anext(pending.unlisted_ids(["daily"])),
            pending.revisions("daily", [item.comment_id]),
        ]
        failures = await asyncio.gather(*ways, return_exceptions=True)
    assert [type(failure) for failure in failures] == [QueueUnavailable] * len(ways)


async def test_a_full_redis_takes_nothing_in_and_can_be_emptied() -> None:
    async with own_server() as server:
        await server.start()
        async with connect(server.url) as redis:
            desk = Desk(redis=redis, pending=PendingStore(redis=redis, scripts=SCRIPTS))
            await desk.pending.begin_epoch("daily", epoch=EPOCH, seq=0)
            first, second = make_item(1), make_item(2)
            await desk.put(first, second)
            await redis.config_set("maxmemory", "1")

            with pytest.raises(QueueUnavailable):
                await desk.post(make_item(3))
            assert await desk.pending.sequence("daily") == 2
            assert await desk.claimed() == [first.comment_id]
            assert await desk.decide(first, Action.APPROVE) == "DONE"
            await desk.escalate(second)
            assert await desk.pending.clear_marks("daily", [(second.comment_id, 1, 1)]) == 1
            (await Places.of(redis)).assert_sound()

            await redis.config_set("maxmemory", "0")
            await desk.put(make_item(3))


async def test_nothing_acknowledged_is_lost_when_redis_is_killed() -> None:
    async with own_server("--appendonly", "yes", "--appendfsync", "always") as server:
        await server.start()
        acknowledged: list[UUID] = []
        async with connect(server.url) as redis:
            desk = Desk(redis=redis, pending=PendingStore(redis=redis, scripts=SCRIPTS))
            await desk.pending.begin_epoch("daily", epoch=EPOCH, seq=0)

            async def post_until_refused() -> None:
                while True:
                    item = make_item()
                    try:
                        await desk.put(item)
                    except QueueUnavailable:
                        return
                    acknowledged.append(item.comment_id)

            async def enough() -> bool:
                return len(acknowledged) >= 200

            posting = [asyncio.create_task(post_until_refused()) for _ in range(4)]
            await eventually(enough)
            await server.kill()
            await asyncio.gather(*posting)
            await server.start()
            found = await desk.pending.items("daily", acknowledged)
            assert len(found) == len(acknowledged)
            assert await desk.pending.sequence("daily") == len((await Places.of(redis)).items)
            (await Places.of(redis)).assert_sound()


# Any order of everything


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_happens_in_whatever_order_places_and_items_agree(
    desk: Desk, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same walk every time
    known: dict[UUID, PendingComment] = {}
    for minute in range(120):
        step = chance.choice(STEPS)
        await step(desk, known, chance, minute)
        places = await Places.of(desk.redis)
        places.assert_sound()
        assert {UUID(name) for name in places.items} == set(known)
    assert await desk.pending.mend("daily", list(known)) == (0, 0)


Known = dict[UUID, PendingComment]


async def _post_one(desk: Desk, known: Known, chance: random.Random, minute: int) -> None:
    item = make_item(minute, priority=chance.randrange(900))
    await desk.put(item, auto=chance.random() < 0.3)
    known[item.comment_id] = item


async def _claim_some(desk: Desk, _: Known, chance: random.Random, __: int) -> None:
    await desk.claim(chance.randrange(4), senior=chance.random() < 0.5)


async def _let_one_run_out(desk: Desk, known: Known, chance: random.Random, _: int) -> None:
    for item in chance.sample(list(known.values()), min(2, len(known))):
        await desk.let_run_out(item)
    await desk.pending.expire("daily", limit=1)


async def _release_all(desk: Desk, known: Known, _: random.Random, __: int) -> None:
    await desk.pending.release("daily", owner="key:sam", ids=list(known))


async def _edit_one(desk: Desk, known: Known, chance: random.Random, minute: int) -> None:
    for comment_id in chance.sample(list(known), min(1, len(known))):
        item = await desk.get(known[comment_id])
        edited = replace(item, text=f"Minute {minute}.", score=item.score + chance.randrange(99))
        outcome = await desk.pending.edit(
            edited,
            expected_revision=item.revision,
            settle=chance.choice(["publish", "reject", None]),
        )
        assert outcome.outcome == "OK"


async def _move_one(desk: Desk, known: Known, chance: random.Random, _: int) -> None:
    for comment_id in chance.sample(list(known), min(1, len(known))):
        assert await desk.pending.move("daily", comment_id, aside=chance.random() < 0.5)


async def _decide_one(desk: Desk, known: Known, chance: random.Random, _: int) -> None:
    for comment_id in chance.sample(list(known), min(1, len(known))):
        item = await desk.get(known[comment_id])
        action = chance.choice([*FINAL, Action.ESCALATE])
        judged = item.revision - chance.randrange(2)
        outcome = await desk.decide(
            item, action, n=item.n + 1, revision=judged, waits=action is Action.ESCALATE
        )
        if outcome == "DONE" and action is not Action.ESCALATE:
            del known[comment_id]


async def _put_one_back(desk: Desk, known: Known, chance: random.Random, minute: int) -> None:
    item = make_item(minute, n=2, revision=3, escalated=chance.random() < 0.5)
    if known and chance.random() < 0.5:
        item = replace(item, comment_id=chance.choice(list(known)))
    await desk.pending.requeue(item, journaled=chance.random() < 0.5, guarded=True)
    known[item.comment_id] = item


async def _settle_some(desk: Desk, _: Known, __: random.Random, ___: int) -> None:
    await desk.pending.settle_claim("daily", limit=2, ttl_ms=1)


STEPS = (
    _post_one,
    _post_one,
    _claim_some,
    _let_one_run_out,
    _release_all,
    _edit_one,
    _move_one,
    _decide_one,
    _put_one_back,
    _settle_some,
)
