"""The connection, the scripts and what durable means, against real servers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from importlib import resources
from itertools import chain
from typing import cast

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from service.storage.durability import Demand, durability
from service.storage.redis import (
    Keys,
    QueueUnavailable,
    Scripts,
    connect,
    unavailable_when_down,
)
from tests.storage.queues import OwnServer, own_server

SCRIPTS = Scripts.load()
CARELESS = ("--appendonly", "no", "--maxmemory-policy", "allkeys-lru")
CAREFUL = ("--appendonly", "yes", "--appendfsync", "always")


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with connect(redis_url) as client:
        yield client


@pytest.fixture
async def careless() -> AsyncIterator[OwnServer]:
    """A server that loses what it acknowledges."""
    async with own_server(*CARELESS) as server:
        await server.start()
        yield server


def test_every_key_of_a_site_has_its_slug_as_hash_tag() -> None:
    at = Keys("daily")
    keys = [*at.places, at.events, at.item("1"), at.submission("2"), at.limit("vote", "3")]
    assert {re.search(r"{(.*?)}", key)[1] for key in keys} == {"daily"}  # type: ignore[index]
    assert len(set(keys)) == len(keys)


def test_places_have_the_order_and_the_names_the_scripts_give_them() -> None:
    part = (resources.files("service") / "scripts" / "parts" / "places.lua").read_text("utf-8")
    said = re.search(r"^local (.*) = unpack\(KEYS, 1, (\d+)\)$", part, re.MULTILINE)
    assert said is not None
    names = [key.rpartition(":")[2] for key in Keys("daily").places]
    assert names == said[1].split(", ")
    assert f"local ITEMS = {len(names)} " in part
    assert said[2] == str(len(names))


@pytest.mark.parametrize("name", sorted(SCRIPTS.named))
async def test_a_script_is_whole_and_known_under_its_digest(name: str, redis: Redis) -> None:
    script = SCRIPTS.named[name]
    assert script.source.startswith("#!lua")
    assert "--- use" not in script.source
    assert cast("bytes | str", await redis.script_load(script.source)) in (
        script.sha,
        script.sha.encode(),
    )


async def test_only_what_makes_room_runs_in_a_full_redis() -> None:
    allowed = ("allow-oom", "no-writes")
    refused = {
        name
        for name, each in SCRIPTS.named.items()
        if not any(flag in each.source.partition("\n")[0] for flag in allowed)
    }
    assert refused == {
        "accept",
        "begin_epoch",
        "edit",
        "gcra",
        "mark",
        "requeue",
        "restore_submission",
    }


async def test_a_server_that_forgot_a_script_is_told_again(redis: Redis) -> None:
    keys = [Keys("daily").meta]
    assert await SCRIPTS.run(redis, "begin_epoch", keys, ["one", 0]) == b"one"
    await redis.script_flush()
    assert await SCRIPTS.run(redis, "begin_epoch", keys, ["two", 0]) == b"one"
    assert await redis.script_exists(SCRIPTS.named["begin_epoch"].sha) == [True]


async def test_answers_are_bytes_and_the_client_gives_its_name(redis: Redis) -> None:
    assert await redis.client_getname() == "postbag"
    await redis.set("name", "Jos\u00e9")
    assert await redis.get("name") == "Jos\u00e9".encode()


async def test_whoever_is_told_to_end_while_redis_is_asked_ends(redis: Redis) -> None:
    async def ask_for_ever() -> None:
        while True:
            await redis.get("nothing")

    for turns in range(40):
        task = asyncio.create_task(ask_for_ever())
        for _ in range(turns):  # so that the cancellation comes at every step of a question
            await asyncio.sleep(0)
        task.cancel()
        ended, _ = await asyncio.wait((task,), timeout=1)
        assert ended, turns
        assert task.cancelled()
    assert await redis.get("nothing") is None


async def test_a_wrong_command_stays_a_bug(redis: Redis) -> None:
    await redis.set("text", "no number")
    with pytest.raises(ResponseError), unavailable_when_down():
        await redis.incr("text")


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    async with connect("redis://127.0.0.1:1") as nowhere:
        with pytest.raises(QueueUnavailable) as refusal:
            await SCRIPTS.run(nowhere, "begin_epoch", ["meta"], ["one", 0])
    assert refusal.value.retry_after_seconds == 5
    assert refusal.value.stable_code == "queue_unavailable"


async def test_a_frozen_server_is_unavailable_and_not_waited_for(careless: OwnServer) -> None:
    async with connect(careless.url) as redis:
        await redis.get("warm")
        await redis.client_pause(60_000)
        with pytest.raises(QueueUnavailable):
            await SCRIPTS.run(redis, "begin_epoch", ["meta"], ["one", 0])


async def test_a_pool_with_no_free_connection_is_unavailable(redis_url: str) -> None:
    async with connect(redis_url, pool_size=1) as redis, redis.pubsub() as line:
        await line.subscribe("anything")
        with pytest.raises(QueueUnavailable), unavailable_when_down():
            await redis.set("text", "")  # on the pool: `get` shares the line


async def test_a_full_server_is_unavailable_for_what_needs_room(careless: OwnServer) -> None:
    async with connect(careless.url) as redis:
        await redis.config_set("maxmemory-policy", "noeviction")
        await redis.config_set("maxmemory", "1")
        with pytest.raises(QueueUnavailable):
            await SCRIPTS.run(redis, "begin_epoch", ["meta"], ["one", 0])
        assert await SCRIPTS.run(redis, "expire", Keys("daily").places, [10]) == 0


async def test_a_replica_is_unavailable_and_found_out(careless: OwnServer) -> None:
    async with connect(careless.url) as redis:
        await redis.config_set("replica-serve-stale-data", "yes")
        await redis.replicaof("127.0.0.1", 1)
        with pytest.raises(QueueUnavailable):
            await SCRIPTS.run(redis, "begin_epoch", ["meta"], ["one", 0])
        found = await durability(redis, Demand())
    assert "This Redis is a replica: it cannot take comments." in found.findings


async def test_what_was_acknowledged_survives_a_kill() -> None:
    keys = [Keys("daily").meta]
    async with own_server(*CAREFUL) as server:
        await server.start()
        async with connect(server.url) as redis:
            for seq in range(50):
                await SCRIPTS.run(redis, "begin_epoch", keys, ["one", seq])
        await server.kill()
        await server.start()
        async with connect(server.url) as redis:
            held = await redis.hmget(keys[0], "epoch", "seq")
    assert held == [b"one", b"49"]


def test_no_script_asks_a_clock_but_the_servers() -> None:
    sources = chain(each.source for each in SCRIPTS.named.values())
    assert not [source for source in sources if re.search(r"\bos\.|math\.random", source)]
