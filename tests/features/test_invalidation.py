"""Processes that tell each other what is no longer true."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from uuid import UUID

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from service.features import invalidation
from service.features.cache import Built, Cache
from service.features.invalidation import Invalidations
from service.model import Site
from service.storage.bulletin import Bulletin
from service.storage.channel import Channel
from service.storage.postgres import open_pool
from service.storage.redis import connect

STORY, OTHER = UUID(int=1), UUID(int=2)
DECISION = UUID(int=3)
SITE = Site(site_id=1, slug="daily", name="The Daily")


@dataclass(slots=True, kw_only=True)
class Worker:
    """What one process has of the read side."""

    cache: Cache
    invalidations: Invalidations

    async def keep(self, article: UUID) -> None:
        """Have a page of an article ready."""

        async def build() -> Built:
            return Built(body=b"page", article_ids=(article,))

        await self.cache.get(str(article), build)

    def has(self, article: UUID) -> bool:
        return self.cache.ready(str(article)) is not None

    def has_old_bytes(self, article: UUID) -> bool:
        return self.cache.shelf.any_since(str(article), 0.0) is not None


async def until(true: Callable[[], bool]) -> None:
    """Wait for a condition, five seconds at most."""
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


@pytest.fixture
async def workers(redis_url: str) -> AsyncIterator[tuple[Worker, Worker]]:
    redis = connect(redis_url)
    pair = (_worker(redis), _worker(redis))
    listening = [asyncio.create_task(worker.invalidations.run()) for worker in pair]
    await until(lambda: all(worker.cache.shelf.changes for worker in pair))
    yield pair
    for task in listening:
        task.cancel()
    await asyncio.gather(*listening, return_exceptions=True)
    await redis.aclose()


def _worker(redis: Redis, bulletin: Bulletin | None = None) -> Worker:
    cache = Cache(clock=time.monotonic)
    channel = Channel(redis=redis)
    return Worker(
        cache=cache, invalidations=Invalidations(channel=channel, cache=cache, bulletin=bulletin)
    )


async def test_what_one_process_tells_every_process_stops_believing(
    workers: tuple[Worker, Worker],
) -> None:
    teller, listener = workers
    for worker in workers:
        await worker.keep(STORY)
        await worker.keep(OTHER)

    await teller.invalidations.tell(SITE, [STORY], drop=False)

    assert not teller.has(STORY)
    await until(lambda: not listener.has(STORY))
    assert listener.has_old_bytes(STORY)
    assert listener.has(OTHER)
    assert teller.has(OTHER)


async def test_bytes_of_a_text_that_was_taken_away_are_gone_everywhere(
    workers: tuple[Worker, Worker],
) -> None:
    teller, listener = workers
    for worker in workers:
        await worker.keep(STORY)

    await teller.invalidations.tell(SITE, [STORY], drop=True)

    assert not teller.has_old_bytes(STORY)
    await until(lambda: not listener.has_old_bytes(STORY))


async def test_a_slow_reader_keeps_no_page_that_another_process_has_made_old(
    workers: tuple[Worker, Worker],
) -> None:
    teller, reader = workers
    begun, goes_on = asyncio.Event(), asyncio.Event()

    async def build() -> Built:
        begun.set()
        await goes_on.wait()
        return Built(body=b"as it was", article_ids=(STORY,))

    reading = asyncio.create_task(reader.cache.get(str(STORY), build))
    await begun.wait()
    before = reader.cache.shelf.changes
    await teller.invalidations.tell(SITE, [STORY], drop=False)
    await until(lambda: reader.cache.shelf.changes > before)
    goes_on.set()
    await reading
    assert not reader.has(STORY)
    assert not reader.has_old_bytes(STORY)


async def test_a_process_does_not_act_twice_on_what_it_said(
    workers: tuple[Worker, Worker],
) -> None:
    teller, listener = workers
    await teller.invalidations.tell(SITE, [STORY], drop=False)
    await teller.keep(STORY)
    await teller.keep(OTHER)
    await listener.invalidations.tell(SITE, [OTHER], drop=False)
    await until(lambda: not teller.has(OTHER))  # what was said before that was heard, too

    assert teller.has(STORY)


async def test_whoever_may_have_missed_something_believes_nothing(
    workers: tuple[Worker, Worker], redis_url: str
) -> None:
    for worker in workers:
        await worker.keep(STORY)
    redis = connect(redis_url)
    await redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")  # type: ignore[no-untyped-call]
    await redis.aclose()

    await until(lambda: not any(worker.has(STORY) for worker in workers))
    assert all(worker.has_old_bytes(STORY) for worker in workers)

    await workers[1].keep(STORY)
    await until(lambda: workers[1].has(STORY))
    await workers[0].invalidations.tell(SITE, [STORY], drop=True)
    await until(lambda: not workers[1].has_old_bytes(STORY))


async def test_a_message_that_is_not_understood_may_mean_anything(
    workers: tuple[Worker, Worker],
) -> None:
    for worker in workers:
        await worker.keep(STORY)

    await workers[0].invalidations.channel.publish([b"from another release"])

    await until(lambda: not any(worker.has(STORY) for worker in workers))


async def test_every_process_knows_of_a_decision_once_that_all_were_told(
    workers: tuple[Worker, Worker],
) -> None:
    for worker in workers:
        await worker.keep(STORY)

    await workers[0].invalidations.tell(SITE, [STORY], drop=False, decided=[(OTHER, DECISION)])

    await until(lambda: not workers[1].has(STORY))
    for worker in workers:
        assert not worker.invalidations.was_told(STORY, str(DECISION))
        assert worker.invalidations.was_told(OTHER, str(DECISION))
        assert not worker.invalidations.was_told(OTHER, str(DECISION))


async def test_what_redis_did_not_take_was_told_to_nobody() -> None:
    redis = connect("redis://127.0.0.1:1")
    alone = _worker(redis)

    assert not await alone.invalidations.tell(
        SITE, [STORY], drop=False, decided=[(OTHER, DECISION)]
    )

    assert not alone.invalidations.was_told(OTHER, str(DECISION))
    await redis.aclose()


async def test_only_the_latest_decisions_are_known_to_have_been_told(
    workers: tuple[Worker, Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invalidation, "TOLD_MAX", 2)
    for number in range(3):
        await workers[0].invalidations.tell(
            SITE, [STORY], drop=False, decided=[(OTHER, UUID(int=number))]
        )

    assert not workers[0].invalidations.was_told(OTHER, str(UUID(int=0)))
    assert workers[0].invalidations.was_told(OTHER, str(UUID(int=2)))


async def test_telling_works_at_home_while_redis_is_away() -> None:
    redis = connect("redis://127.0.0.1:1")
    alone = _worker(redis)
    await alone.keep(STORY)
    with capture_logs() as lines:
        await alone.invalidations.tell(SITE, [STORY], drop=True)
    await redis.aclose()

    assert not alone.has_old_bytes(STORY)
    assert [line["event"] for line in lines] == ["invalidation_not_published"]


@pytest.mark.long
async def test_while_redis_is_away_postgres_tells_other_processes(database_url: str) -> None:
    nowhere = connect("redis://127.0.0.1:1")
    async with open_pool(database_url) as pool:
        pair = [_worker(nowhere, Bulletin(pool=pool)) for _ in range(2)]
        listening = [asyncio.create_task(each.invalidations.run_bulletin()) for each in pair]
        await until(lambda: all(worker.cache.shelf.changes for worker in pair))
        teller, listener = pair
        articles = [UUID(int=number) for number in range(1, 251)]
        for article in (STORY, articles[-1]):
            await listener.keep(article)

        assert not await teller.invalidations.tell(SITE, articles, drop=True)

        await until(lambda: not listener.has_old_bytes(articles[-1]))
        assert not listener.has_old_bytes(STORY)

        await listener.keep(STORY)
        async with pool.acquire() as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE query LIKE 'LISTEN%' AND pid <> pg_backend_pid()"
            )
        await until(lambda: not listener.has(STORY))
        await listener.keep(STORY)
        await until(lambda: listener.has(STORY))

        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)
    await nowhere.aclose()


async def test_nothing_is_said_of_no_article(workers: tuple[Worker, Worker]) -> None:
    before = workers[0].cache.shelf.changes
    await workers[0].invalidations.tell(SITE, [], drop=True)
    assert workers[0].cache.shelf.changes == before
