"""A Redis that loses what it had while the service runs: what comes back, and what is said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from service.errors import Unavailable
from service.features.losses import Loss, UnknownLoss
from service.features.refill import GAP
from service.model import Action, PendingComment
from service.storage.journal import Watermark
from service.storage.pending import PendingStore
from service.storage.redis import Keys, QueueUnavailable, Scripts, connect
from tests.features.conftest import OpenSite, SharedStores
from tests.newsroom import Newsroom, open_site, real_time, staff
from tests.storage.queues import own_server

LEILA, SAM = UUID(int=7), UUID(int=8)
CAREFUL = ("--appendonly", "yes", "--appendfsync", "always")


@asynccontextmanager
async def leading(newsroom: Newsroom) -> AsyncIterator[None]:
    """Let the journal and its refill run, as the leader does."""
    task = asyncio.create_task(newsroom.journal.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def accepted_again(newsroom: Newsroom, text: str, **sent: Any) -> UUID:
    """Send something until it is taken."""
    async with asyncio.timeout(10):
        while True:
            try:
                return (await newsroom.submit(text, **sent)).found.comment_id
            except Unavailable:
                await asyncio.sleep(0.02)


async def waiting(newsroom: Newsroom) -> dict[UUID, PendingComment]:
    items: dict[UUID, PendingComment] = {}
    async for ids in newsroom.pending.waiting_ids(newsroom.site.slug):
        items |= await newsroom.pending.items(newsroom.site.slug, ids)
    return items


async def journaled(newsroom: Newsroom) -> None:
    while await newsroom.journal_all():
        pass


async def kept_of(newsroom: Newsroom) -> dict[bytes, bytes]:
    """Keep all that this site has in Redis, as a backup does."""
    keys = [key async for key in newsroom.redis.scan_iter(f"pb:{{{newsroom.site.slug}}}:*")]
    return {key: await newsroom.redis.dump(key) or b"" for key in keys}


async def go_back(newsroom: Newsroom, kept: dict[bytes, bytes]) -> None:
    await newsroom.lose_redis()
    for key, value in kept.items():
        await newsroom.redis.restore(key, 0, value)


async def opened(newsroom: Newsroom) -> list[Any]:
    with capture_logs() as lines:
        await newsroom.journal.open_queue(newsroom.site)
    return [line for line in lines if line["event"] == "rollback.detected"]


async def noted(newsroom: Newsroom) -> list[Loss]:
    return await newsroom.losses.open([newsroom.site])


# Emptied while the service runs


async def test_a_flushed_redis_has_its_queue_again_without_a_restart(
    shared_stores: SharedStores,
) -> None:
    async with own_server(*CAREFUL) as server:
        await server.start()
        async with connect(server.url) as redis:
            newsroom = await open_site(shared_stores.pool, redis)
            newsroom.now = real_time()
            first = await newsroom.submit("First.", key="one")
            second = await newsroom.submit("Second.", author_id=LEILA, kind="reader")
            await journaled(newsroom)
            before = await waiting(newsroom)
            async with leading(newsroom):
                await redis.flushall()
                again = await accepted_again(newsroom, "First.", key="one")
                unkeyed = await accepted_again(newsroom, "Second.", author_id=LEILA, kind="reader")
            assert (again, unkeyed) == (first.found.comment_id, second.found.comment_id)
            assert await waiting(newsroom) == before


async def test_another_server_in_its_place_has_the_queue_without_a_restart(
    shared_stores: SharedStores,
) -> None:
    async with own_server(*CAREFUL) as server:
        await server.start()
        async with connect(server.url) as redis:
            newsroom = await open_site(shared_stores.pool, redis)
            first = await newsroom.submit("First.", key="one")
            await journaled(newsroom)
            before = await waiting(newsroom)
            async with leading(newsroom):
                run_id = (await redis.info("server"))["run_id"]
                await server.kill()
                await server.lose_files()
                await server.start()
                assert await accepted_again(newsroom, "First.", key="one") == first.found.comment_id
                assert (await redis.info("server"))["run_id"] != run_id
            assert await waiting(newsroom) == before
            assert (await newsroom.submit("Next.")).found.waiting is not None


async def test_a_long_queue_is_back_within_seconds(newsroom: Newsroom) -> None:
    for number in range(600):
        await newsroom.post(f"Number {number}.")
    await journaled(newsroom)
    before = await waiting(newsroom)
    await newsroom.lose_redis()
    async with asyncio.timeout(5):
        await newsroom.journal.open_queue(newsroom.site)
    assert await waiting(newsroom) == before


async def test_a_text_without_a_key_that_was_published_is_known_again_for_its_minute(
    newsroom: Newsroom,
) -> None:
    newsroom.now = real_time()
    sent: dict[str, Any] = {"author_id": LEILA, "kind": "reader"}
    accepted = await newsroom.submit("Good morning.", **sent)
    assert accepted.found.waiting is not None
    await newsroom.decide(Action.APPROVE, accepted.found.comment_id)
    await newsroom.lose_redis()
    await newsroom.journal.open_queue(newsroom.site)
    again = await newsroom.submit("Good morning.", **sent)
    assert (again.replayed, again.found.comment_id) == (True, accepted.found.comment_id)
    later = replace(newsroom.journal.refill, clock=lambda: real_time() + timedelta(seconds=61))
    await newsroom.lose_redis()
    await later.open_queue(newsroom.site)
    assert not (await newsroom.submit("Good morning.", **sent)).replayed


# It went back in time


async def test_a_number_that_was_acknowledged_is_not_given_again(newsroom: Newsroom) -> None:
    await newsroom.submit("Kept.")
    await journaled(newsroom)
    kept = await kept_of(newsroom)
    for number in range(4):
        await newsroom.submit(f"Lost {number}.")
    await go_back(newsroom, kept)
    # Before anybody has looked, more comments come than were lost.
    after = [await newsroom.submit(f"After {number}.") for number in range(9)]
    numbers = [each.seq for each in after]
    assert min(numbers) > 5
    assert len(set(numbers)) == 9
    (line,) = await opened(newsroom)
    assert (line["kind"], line["lost_at_most"]) == ("fell_back", 4)
    assert await opened(newsroom) == []
    assert len(await waiting(newsroom)) == 10
    assert [loss.lost_at_most for loss in await noted(newsroom)] == [4]


def test_the_gap_is_the_scripts_own() -> None:
    assert f"'seq', known + {GAP})" in Scripts.load().named["accept"].source


async def test_numbers_that_were_left_out_are_not_lost(newsroom: Newsroom) -> None:
    kept = await kept_of(newsroom)
    await newsroom.submit("Lost.")
    await go_back(newsroom, kept)
    await newsroom.submit("After.")
    (fall,) = await opened(newsroom)
    await newsroom.journal.note_acknowledged()
    await newsroom.lose_redis()
    (emptied,) = await opened(newsroom)
    assert (fall["lost_at_most"], emptied["lost_at_most"]) == (1, 1)


async def test_an_emptied_queue_stays_shut_until_every_process_has_noted(
    newsroom: Newsroom,
) -> None:
    other = staff(newsroom.pool, newsroom.redis, newsroom.site)
    await newsroom.submit("Lost 1.")
    await newsroom.journal.note_acknowledged()
    await other.submit("Lost 2.")
    await newsroom.lose_redis()
    state = await newsroom.pending.state(newsroom.site.slug)
    patient = replace(newsroom.journal.refill, noting_seconds=60.0)
    assert not await patient.is_noted(newsroom.site, state)
    await other.journal.note_acknowledged()
    assert await replace(patient, noting_seconds=0.0).is_noted(newsroom.site, state)
    (line,) = await opened(newsroom)
    assert line["lost_at_most"] == 2


async def test_the_number_of_what_was_decided_before_it_was_noted_is_not_given_again(
    newsroom: Newsroom,
) -> None:
    await newsroom.submit("Noted.")
    await newsroom.journal.note_acknowledged()
    decided = await newsroom.submit("Decided.")
    await journaled(newsroom)
    await newsroom.decide(Action.REJECT, decided.found.comment_id)
    other = staff(newsroom.pool, newsroom.redis, newsroom.site)  # after the death of the first
    await newsroom.lose_redis()
    (line,) = await opened(other)
    assert (line["lost_at_most"], line["restored"]) == (0, 1)
    assert (await other.submit("Later.")).seq == 3


async def test_processes_that_know_different_numbers_agree_on_what_was_lost(
    newsroom: Newsroom,
) -> None:
    other = staff(newsroom.pool, newsroom.redis, newsroom.site)
    await newsroom.submit("Kept.")
    kept = await kept_of(newsroom)
    await newsroom.submit("Lost 1.")
    await other.submit("Lost 2.")
    await other.journal.note_acknowledged()
    await go_back(newsroom, kept)
    for room in (newsroom, other, newsroom):
        await room.submit("After.", author_id=LEILA, kind="reader", key=str(id(room)) * 2)
    await journaled(newsroom)
    (line,) = await opened(newsroom)
    assert line["lost_at_most"] == 2
    assert await opened(newsroom) == await opened(other) == []


async def test_a_fall_from_which_everything_came_back_lost_nothing(newsroom: Newsroom) -> None:
    kept = await kept_of(newsroom)
    accepted = await newsroom.submit("Journaled.")
    await journaled(newsroom)
    await newsroom.journal.note_acknowledged()
    await go_back(newsroom, kept)
    (line,) = await opened(newsroom)
    assert (line["lost_at_most"], line["restored"]) == (0, 1)
    assert await noted(newsroom) == []
    assert [*await waiting(newsroom)] == [accepted.found.comment_id]


async def test_what_is_acknowledged_between_a_look_and_the_next_step_is_no_fall(
    newsroom: Newsroom,
) -> None:
    """A leader that waits for Postgres meanwhile holds a look that is older than what is noted."""
    look = await newsroom.pending.state(newsroom.site.slug)
    await newsroom.submit("Meanwhile.")
    await newsroom.journal.note_acknowledged()
    refill = newsroom.journal.refill
    refill.begin()
    with capture_logs() as lines:
        await refill.open_queue(newsroom.site, look)
    assert lines == []
    assert refill.known[newsroom.site.site_id] == 1


async def test_a_quiet_week_is_no_loss(newsroom: Newsroom) -> None:
    accepted = await newsroom.submit("Decided long ago.")
    await journaled(newsroom)
    await newsroom.journal.note_acknowledged()
    await newsroom.decide(Action.APPROVE, accepted.found.comment_id)
    await newsroom.pool.execute(
        "UPDATE intake_journal SET journaled_at = now() - interval '8 days' WHERE site_id = $1",
        newsroom.site.site_id,
    )
    later = replace(newsroom.reconcile, clock=real_time)
    await later.purge()
    await newsroom.lose_redis()
    (line,) = await opened(newsroom)
    assert line["lost_at_most"] == 0


async def test_level_journal_loses_nothing(shared_stores: SharedStores, new_site: OpenSite) -> None:
    site = (await new_site()).site
    newsroom = staff(shared_stores.pool, shared_stores.redis, site, level="journal")
    accepted = [await newsroom.submit(f"Number {number}.") for number in range(3)]
    await newsroom.journal.note_acknowledged()
    await newsroom.lose_redis()  # before the copy could note what numbers Redis gave them
    (line,) = await opened(newsroom)
    assert (line["lost_at_most"], line["restored"]) == (0, 3)
    assert (await waiting(newsroom)).keys() == {each.found.comment_id for each in accepted}
    assert (await newsroom.submit("The next one.")).seq > 3


# It is told until somebody knows


async def lose_two(newsroom: Newsroom) -> Loss:
    for number in range(2):
        await newsroom.submit(f"Lost {number}.")
    await newsroom.journal.note_acknowledged()
    await newsroom.lose_redis()
    await newsroom.journal.open_queue(newsroom.site)
    (loss,) = await noted(newsroom)
    return loss


async def test_a_loss_is_told_until_somebody_has_taken_note(newsroom: Newsroom) -> None:
    counted: list[int] = []
    losses = replace(newsroom.losses, counted=counted.append)
    refill = replace(newsroom.journal.refill, losses=losses)
    newsroom.journal = replace(newsroom.journal, refill=refill)
    loss = await lose_two(newsroom)
    assert (loss.seq, loss.kind, loss.lost_at_most, counted) == (2, "emptied", 2, [2])
    for _ in range(2):
        await losses.acknowledge(newsroom.site, loss.seq, SAM, now=newsroom.now)
    assert await noted(newsroom) == []
    acts = await newsroom.pool.fetch(
        "SELECT act, actor_id, details FROM administrative_acts WHERE site_id = $1",
        newsroom.site.site_id,
    )
    assert [(each["act"], each["actor_id"]) for each in acts] == [("loss.acknowledged", str(SAM))]
    with pytest.raises(UnknownLoss):
        await losses.acknowledge(newsroom.site, 99, SAM, now=newsroom.now)


class EndsBeforeOpening(PendingStore, frozen=True, kw_only=True):
    """The queue of a process that ends when it has told a loss, and not opened the queue."""

    async def begin_epoch(self, slug: str, *, epoch: str, **how: Any) -> str:
        if epoch:
            raise QueueUnavailable
        return await super().begin_epoch(slug, epoch=epoch, **how)


async def test_whoever_finds_the_same_loss_again_tells_it_once(newsroom: Newsroom) -> None:
    for number in range(2):
        await newsroom.submit(f"Lost {number}.")
    await newsroom.journal.note_acknowledged()
    await newsroom.lose_redis()
    ending = EndsBeforeOpening(redis=newsroom.redis, scripts=newsroom.pending.scripts)
    for _ in range(2):
        with pytest.raises(QueueUnavailable):
            await replace(newsroom.journal.refill, pending=ending).open_queue(newsroom.site)
    assert await opened(newsroom) == []
    await newsroom.lose_redis()
    assert [line["lost_at_most"] for line in await opened(newsroom)] == [0]
    assert [loss.lost_at_most for loss in await noted(newsroom)] == [2]


class ForgetsAgain(PendingStore, frozen=True, kw_only=True):
    """The queue in a Redis that is emptied once more, when all was put back and it opens."""

    async def begin_epoch(self, slug: str, *, epoch: str, **how: Any) -> str:
        if epoch:
            await self.redis.flushdb()
        return await super().begin_epoch(slug, epoch=epoch, **how)


async def test_a_queue_that_is_emptied_while_it_is_filled_up_stays_shut(newsroom: Newsroom) -> None:
    first = await newsroom.submit("Once.", key="sent-again")
    while await newsroom.journal_all():
        pass
    await newsroom.lose_redis()
    forgetting = ForgetsAgain(redis=newsroom.redis, scripts=newsroom.pending.scripts)
    await replace(newsroom.journal.refill, pending=forgetting).open_queue(newsroom.site)
    with pytest.raises(Unavailable):
        await newsroom.submit("Once.", key="sent-again")
    await newsroom.journal.open_queue(newsroom.site)
    again = await newsroom.submit("Once.", key="sent-again")
    assert again.found.comment_id == first.found.comment_id


async def test_a_loss_of_one_site_is_not_told_on_another(
    newsroom: Newsroom, new_site: OpenSite
) -> None:
    other = await new_site()
    loss = await lose_two(newsroom)
    assert await noted(other) == []
    with pytest.raises(UnknownLoss):
        await other.losses.acknowledge(other.site, loss.seq, SAM, now=other.now)
    assert len(await noted(newsroom)) == 1


async def test_what_was_acknowledged_is_noted_while_redis_is_away(newsroom: Newsroom) -> None:
    await newsroom.submit("One.")
    key = Keys(newsroom.site.slug).meta
    await newsroom.redis.hdel(key, "epoch")
    await newsroom.journal.note_acknowledged()
    mark = await newsroom.journal.store.watermark(newsroom.site.site_id)
    assert mark == Watermark(epoch=mark.epoch if mark else "", seq=1)
