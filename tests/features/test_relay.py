from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from service.errors import Unavailable
from service.features import relay as relaying
from service.features.cache import Built
from service.model import Action, article_id
from service.storage.outbox import Message, OutboxStore
from tests.newsroom import KIM, Newsroom, open_newsroom, staff, without_redis


class Crash(Exception):  # noqa: N818 - it is the end of a process
    """A process ends here."""


class DiesBeforeTicking(OutboxStore, frozen=True, kw_only=True):
    """The outbox of a process that ends when everything is told and nothing ticked off."""

    async def told(self, _messages: Sequence[Message], *, at: datetime) -> None:
        raise Crash(at)


async def until(true: Callable[[], bool]) -> None:
    """Wait for a condition, five seconds at most."""
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


async def keep(newsroom: Newsroom, article: str) -> None:
    """Have a page of an article ready."""

    async def build() -> Built:
        return Built(body=b"page", article_ids=(article_id(newsroom.site.site_id, article),))

    await newsroom.cache.get(article, build)


def has(newsroom: Newsroom, article: str) -> bool:
    return newsroom.cache.ready(article) is not None


def has_old_bytes(newsroom: Newsroom, article: str) -> bool:
    return newsroom.cache.shelf.any_since(article, 0.0) is not None


async def untold(newsroom: Newsroom) -> list[tuple[str, UUID | None]]:
    messages = await newsroom.relay.outbox.untold(limit=1000)
    return [(message.kind, message.comment_id) for message in messages]


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """Two processes over the same stores; the first one leads, the other listens.

    So the leader has not heard that the other one told what it decided.
    """

    leader: Newsroom
    other: Newsroom


@pytest.fixture
async def office(emptied_database_url: str, redis_url: str) -> AsyncIterator[Office]:
    async with open_newsroom(emptied_database_url, redis_url) as leader:
        other = staff(leader.pool, leader.redis, leader.site)
        listening = asyncio.create_task(other.invalidations.run())
        await until(lambda: other.cache.shelf.changes > 0)
        yield Office(leader=leader, other=other)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def test_what_was_decided_is_told_to_every_process_and_ticked_off(office: Office) -> None:
    comment = await office.leader.post()
    await office.other.approve(comment)
    for newsroom in (office.leader, office.other):
        await keep(newsroom, "story-1")
        await keep(newsroom, "story-2")
    assert await untold(office.leader) == [("comment.approved", comment.comment_id)]

    assert await office.leader.relay.relay() == 1

    await until(lambda: not has(office.other, "story-1"))
    assert not has(office.leader, "story-1")
    assert has_old_bytes(office.other, "story-1")
    assert has(office.other, "story-2")
    assert await untold(office.leader) == []
    assert await office.leader.relay.relay() == 0


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_what_was_told_when_it_was_decided_is_only_ticked_off(
    office: Office, *, elsewhere: bool
) -> None:
    hearing = asyncio.create_task(office.leader.invalidations.run())
    await until(lambda: office.leader.cache.shelf.changes > 0)
    comment = await office.leader.post()
    await (office.other if elsewhere else office.leader).approve(comment)
    await until(office.leader.invalidations.heard.is_set)
    for newsroom in (office.leader, office.other):
        await keep(newsroom, "story-1")
    before = office.other.cache.shelf.changes

    assert await office.leader.relay.relay() == 1

    assert await untold(office.leader) == []
    await office.leader.invalidations.tell(office.leader.site, [uuid4()], drop=False)
    await until(lambda: office.other.cache.shelf.changes > before)
    assert has(office.leader, "story-1")
    assert has(office.other, "story-1")
    hearing.cancel()
    await asyncio.gather(hearing, return_exceptions=True)


@pytest.mark.parametrize("how", ["remove", "delete", "reverse"])
async def test_a_text_that_was_taken_away_is_gone_from_every_process(
    office: Office, how: str
) -> None:
    comment = await office.leader.post()
    approval = (await office.leader.approve(comment))[0].decision
    assert approval is not None
    await office.leader.relay.relay()
    if how == "reverse":
        await office.leader.decisions.reverse(
            [office.leader.site],
            approval.decision_id,
            actor=KIM,
            now=office.leader.now,
        )
    else:
        await office.leader.decide(Action(how), comment)
    await until(lambda: not has(office.other, "story-1"))
    await keep(office.other, "story-1")

    await office.leader.relay.relay()

    await until(lambda: not has_old_bytes(office.other, "story-1"))


async def test_a_crash_before_the_tick_tells_it_again(office: Office) -> None:
    comment = await office.leader.post()
    await office.other.approve(comment)
    dying = replace(office.leader.relay, outbox=DiesBeforeTicking(pool=office.leader.pool))
    with pytest.raises(Crash):
        await dying.relay()
    assert await untold(office.leader) == [("comment.approved", comment.comment_id)]
    await until(lambda: not has(office.other, "story-1"))
    await keep(office.other, "story-1")
    assert await office.leader.relay.relay() == 1
    await until(lambda: not has(office.other, "story-1"))
    assert await untold(office.leader) == []


async def test_what_could_reach_nobody_is_told_when_redis_is_back(office: Office) -> None:
    comment = await office.leader.post()
    await office.leader.approve(comment)
    async with without_redis(office.leader) as cut_off:
        with pytest.raises(Unavailable):
            await cut_off.relay.relay()
    assert await untold(office.leader) == [("comment.approved", comment.comment_id)]
    assert await office.leader.relay.relay() == 1
    assert await untold(office.leader) == []


async def test_messages_go_out_in_the_order_they_were_written_and_in_batches(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    comments = [await office.leader.post(f"Number {number}.") for number in range(5)]
    for comment in comments:
        await office.leader.approve(comment)
    expected = [("comment.approved", comment.comment_id) for comment in comments]
    assert await untold(office.leader) == expected
    monkeypatch.setattr(relaying, "BATCH", 2)
    assert await office.leader.relay.relay() == 2
    assert await untold(office.leader) == expected[2:]
    assert [await office.leader.relay.relay() for _ in range(3)] == [2, 1, 0]


async def test_each_kind_of_change_leaves_its_message(office: Office) -> None:
    newsroom = office.leader
    comments = [await newsroom.post(f"Number {number}.") for number in range(4)]
    rejected, removed, withdrawn, deleted = comments
    await newsroom.decide(Action.REJECT, rejected)
    await newsroom.approve(removed, deleted)
    await newsroom.decide(Action.REMOVE, removed)
    await newsroom.decide(Action.RESTORE, removed)
    await newsroom.decide(Action.WITHDRAW, withdrawn)
    await newsroom.decide(Action.DELETE, deleted)
    assert await untold(newsroom) == [
        ("comment.rejected", rejected.comment_id),
        ("comment.approved", removed.comment_id),
        ("comment.approved", deleted.comment_id),
        ("comment.removed", removed.comment_id),
        ("comment.restored", removed.comment_id),
        ("comment.deleted", withdrawn.comment_id),
        ("comment.deleted", deleted.comment_id),
    ]


async def test_the_relay_goes_on_by_itself(office: Office) -> None:
    task = asyncio.create_task(office.leader.relay.run())
    comment = await office.leader.post()
    await office.leader.approve(comment)
    async with asyncio.timeout(5):
        while await untold(office.leader):  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_a_decision_is_told_as_soon_as_it_is_heard_of(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch, *, elsewhere: bool
) -> None:
    monkeypatch.setattr(relaying, "PAUSE_SECONDS", 60.0)
    other = staff(newsroom.pool, newsroom.redis, newsroom.site)
    hearing = asyncio.create_task(newsroom.invalidations.run())
    while not newsroom.invalidations.heard.is_set():
        await other.invalidations.tell(newsroom.site, [uuid4()], drop=False)
        await asyncio.sleep(0.005)
    telling = asyncio.create_task(newsroom.relay.run())
    comment = await newsroom.post()
    await until(lambda: not newsroom.invalidations.heard.is_set())
    await (other if elsewhere else newsroom).approve(comment)
    async with asyncio.timeout(10):
        while await untold(newsroom):  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)
    for task in (hearing, telling):
        task.cancel()
    await asyncio.gather(hearing, telling, return_exceptions=True)
