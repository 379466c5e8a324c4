"""Many calls on one connection: each has its own answer, none is sent twice or waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from service.breaker import Breaker
from service.storage.line import CALLS_MAX, Line, ask_each
from service.storage.redis import QueueUnavailable, Scripts, connect
from tests.storage.queues import OwnServer, eventually, own_server

SCRIPTS = Scripts.load()
WRITE = ("EVAL", "return 1", 0)
"""It might write: while writes are paused it waits."""
DURABLE = ("--appendonly", "yes", "--appendfsync", "always")


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with connect(redis_url) as client:
        yield client


@pytest.fixture
async def server() -> AsyncIterator[OwnServer]:
    """A server that may be killed and frozen."""
    async with own_server(*DURABLE) as own:
        await own.start()
        yield own


def line_to(url: str, *, seconds: float = 1.5, breaker: Breaker | None = None) -> Line:
    pool = BlockingConnectionPool.from_url(url, protocol=2)
    return Line(opens=pool, seconds=seconds, breaker=breaker)


async def connections(redis: Redis) -> int:
    return sum(each["name"] == "postbag" for each in await redis.client_list())


async def test_each_of_many_calls_at_once_gets_its_own_answer(redis: Redis) -> None:
    asked = [redis.eval("return ARGV[1]", 0, str(number)) for number in range(500)]
    assert await asyncio.gather(*asked) == [str(number).encode() for number in range(500)]


async def test_calls_at_once_share_one_connection(server: OwnServer) -> None:
    async with connect(server.url) as redis:
        await asyncio.gather(*(redis.get(f"nothing-{number}") for number in range(100)))
        assert await connections(redis) <= 2  # the line, and the pool's for this question


async def test_several_commands_at_once_are_answered_in_their_order(redis: Redis) -> None:
    await redis.hset("hash", "one", "1")
    asked = [("HGETALL", "hash"), ("GET", "nothing"), ("HMGET", "hash", "one", "two")]
    assert await ask_each(redis, asked) == [{b"one": b"1"}, None, [b"1", None]]
    assert await ask_each(redis, [*asked, ("DBSIZE",)]) == [*await ask_each(redis, asked), 1]


async def test_of_several_commands_at_once_one_that_fails_leaves_no_answer_behind(
    redis: Redis,
) -> None:
    await redis.set("text", "words")
    with pytest.raises(ResponseError):
        await ask_each(redis, [("GET", "text"), ("HGET", "text", "a"), ("GET", "text")])
    assert await redis.get("text") == b"words"


async def test_an_error_is_told_to_whoever_made_it(redis: Redis) -> None:
    await redis.set("text", "words")
    wrong, right = await asyncio.gather(
        redis.hget("text", "field"), redis.get("text"), return_exceptions=True
    )
    assert isinstance(wrong, ResponseError)
    assert right == b"words"


async def test_answers_mean_what_they_mean_on_the_pool(redis: Redis) -> None:
    await redis.hset("hash", mapping={"one": 1, "two": 2.5})
    assert await redis.hgetall("hash") == {b"one": b"1", b"two": b"2.5"}
    assert await redis.hgetall("nothing") == {}
    assert await redis.hmget("hash", "two", "three") == [b"2.5", None]
    async with redis.pipeline(transaction=False) as pipe:
        pipe.hgetall("hash")
        assert await pipe.execute() == [{b"one": b"1", b"two": b"2.5"}]


async def test_a_script_that_the_server_has_not_met_is_sent_whole(redis: Redis) -> None:
    await redis.script_flush()
    assert await SCRIPTS.run(redis, "begin_epoch", ["meta"], ["one", 7]) == b"one"
    with pytest.raises(NoScriptError):
        await redis.evalsha("0" * 40, 0)


async def test_who_gives_up_shifts_nobody_elses_answer(redis: Redis) -> None:
    async def impatient(number: int) -> bytes:
        async with asyncio.timeout(0 if number % 2 else None):
            answer: bytes = await redis.eval("return ARGV[1]", 0, str(number))
            return answer

    answers = await asyncio.gather(*map(impatient, range(50)), return_exceptions=True)
    for number, answer in enumerate(answers):
        if number % 2:
            assert isinstance(answer, TimeoutError)
        else:
            assert answer == str(number).encode()
    assert await redis.eval("return 'after'", 0) == b"after"


async def test_calls_under_way_when_the_server_dies_fail_once_and_are_not_repeated(
    server: OwnServer,
) -> None:
    async with connect(server.url) as redis:
        await redis.get("warm")
        await redis.client_pause(60_000, all=False)  # writes are taken and not carried out
        asked = [
            asyncio.ensure_future(redis.eval("return redis.call('INCR', 'count')", 0))
            for _ in range(20)
        ]
        await asyncio.sleep(0)
        await server.kill()
        failed = await asyncio.gather(*asked, return_exceptions=True)
        assert {type(each) for each in failed} == {RedisConnectionError}
        await server.start()
        assert await redis.get("count") is None  # on a line of its own, and nothing was repeated


async def test_a_line_is_opened_again_when_it_was_cut(redis: Redis) -> None:
    await redis.set("text", "words")
    for _ in range(3):
        await redis.get("text")
        await redis.client_kill_filter(skipme=True, _type="normal")

        async def answers() -> bool:
            try:
                return bool(await redis.get("text") == b"words")
            except RedisConnectionError:
                return False

        await eventually(answers)


async def test_a_call_that_is_not_answered_in_time_fails_alone_and_the_line_goes_on(
    server: OwnServer,
) -> None:
    line = line_to(server.url, seconds=0.3)
    async with connect(server.url) as other:
        await line.ask(("GET", "warm"))
        await other.client_pause(450, all=False)
        with pytest.raises(RedisTimeoutError):
            await line.ask(WRITE)

        async def answers() -> bool:
            try:
                return bool(await line.ask(WRITE) == 1)
            except RedisTimeoutError:
                return False

        await eventually(answers)
    await line.close()


async def test_a_line_on_which_nothing_comes_is_given_up(server: OwnServer) -> None:
    line = line_to(server.url, seconds=0.2)
    async with connect(server.url) as other:
        await line.ask(("GET", "warm"))
        await other.client_pause(60_000, all=False)
        with pytest.raises(RedisTimeoutError):
            await line.ask(WRITE)

        failed = await asyncio.gather(*(line.ask(WRITE) for _ in range(3)), return_exceptions=True)
        assert {type(each) for each in failed} <= {RedisConnectionError, RedisTimeoutError}
        await other.client_unpause()
        assert await line.ask(WRITE) == 1
    await line.close()


async def test_more_calls_than_may_be_under_way_are_refused_at_once(server: OwnServer) -> None:
    line = line_to(server.url)
    async with connect(server.url) as other:
        await line.ask(("GET", "warm"))
        await other.client_pause(60_000, all=False)
        asked = [asyncio.create_task(line.ask(WRITE)) for _ in range(CALLS_MAX)]
        await asyncio.sleep(0)
        with pytest.raises(RedisConnectionError):
            await line.ask(WRITE)
        await other.client_unpause()
        assert await asyncio.gather(*asked) == [1] * CALLS_MAX
    await line.close()


async def test_a_server_that_is_away_is_soon_asked_no_longer() -> None:
    breaker = Breaker()
    async with connect("redis://127.0.0.1:1", breaker=breaker) as redis:
        for _ in range(6):
            with pytest.raises(QueueUnavailable):
                await SCRIPTS.run(redis, "begin_epoch", ["meta"], ["one", 0])
    assert breaker.state == "open"


async def test_one_lost_line_is_one_failure_however_many_waited(server: OwnServer) -> None:
    breaker = Breaker()
    line = line_to(server.url, breaker=breaker)
    async with connect(server.url) as other:
        await line.ask(("GET", "warm"))
        await other.client_pause(60_000, all=False)
        asked = [asyncio.create_task(line.ask(WRITE)) for _ in range(50)]
        await asyncio.sleep(0)
        await server.kill()
        failed = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(each) for each in failed} == {RedisConnectionError}
    assert breaker.state == "closed"
    await server.start()
    assert await line.ask(WRITE) == 1
    await line.close()


async def test_a_closed_line_leaves_nobody_waiting(server: OwnServer) -> None:
    line = line_to(server.url)
    async with connect(server.url) as other:
        await line.ask(("GET", "warm"))
        await other.client_pause(60_000, all=False)
        asked = asyncio.create_task(line.ask(WRITE))
        await asyncio.sleep(0)
        await line.close()
        with pytest.raises(RedisConnectionError):
            await asked
