"""Saying and hearing what has changed, across broken lines."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from service.storage.channel import Channel
from service.storage.redis import QueueUnavailable, connect
from tests.storage.queues import own_server


@dataclass(slots=True)
class Listener:
    """Someone who writes down what they hear."""

    heard: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)

    async def listen(self, channel: Channel) -> None:
        async for message in channel.listen():
            self.heard.put_nowait(message)

    async def next(self) -> bytes | None:
        async with asyncio.timeout(10):
            return await self.heard.get()


@asynccontextmanager
async def listening(redis: Redis) -> AsyncIterator[Listener]:
    """Lend someone who listens."""
    listener = Listener()
    task = asyncio.create_task(listener.listen(Channel(redis=redis)))
    yield listener
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with connect(redis_url) as client:
        yield client


def lost(lines: list[Any]) -> list[str]:
    return [line["error"] for line in lines if line["event"] == "channel_lost"]


async def test_everybody_hears_everything_in_order(redis: Redis) -> None:
    said = [str(number).encode() for number in range(100)]
    async with listening(redis) as one, listening(redis) as other:
        assert await one.next() is None
        assert await other.next() is None
        await Channel(redis=redis).publish(said[:60])
        await Channel(redis=redis).publish(said[60:])

        assert [await one.next() for _ in said] == said
        assert [await other.next() for _ in said] == said


async def test_nothing_said_after_the_first_sign_is_missed(redis: Redis) -> None:
    channel = Channel(redis=redis)
    for _ in range(20):
        async with listening(redis) as listener:
            assert await listener.next() is None
            await channel.publish([b"now"])
            assert await listener.next() == b"now"


async def test_bytes_are_heard_as_they_were_said(redis: Redis) -> None:
    said = [b"", bytes(range(256)), b"\r\n$5\r\n", "\u0645".encode()]
    async with listening(redis) as listener:
        assert await listener.next() is None
        await Channel(redis=redis).publish(said)
        assert [await listener.next() for _ in said] == said


async def test_a_broken_line_is_mended_and_owned_up_to(redis: Redis) -> None:
    async with listening(redis) as listener:
        assert await listener.next() is None
        for _ in range(2):
            await redis.client_kill_filter(_type="pubsub")
            assert await listener.next() is None
            await Channel(redis=redis).publish([b"again"])
            assert await listener.next() == b"again"


async def test_a_server_that_is_away_is_waited_for_without_a_flood_of_lines() -> None:
    async with own_server() as server:
        with capture_logs() as lines:
            async with connect(server.url) as redis, listening(redis) as listener:
                async with asyncio.timeout(5):
                    while not lost(lines):  # noqa: ASYNC110 - a log line has no event
                        await asyncio.sleep(0.005)
                with pytest.raises(QueueUnavailable):
                    await Channel(redis=redis).publish([b"into the void"])
                await server.start()
                assert await listener.next() is None
                await server.kill()
                await server.start()
                assert await listener.next() is None
                await Channel(redis=redis).publish([b"back"])
                assert await listener.next() == b"back"
    assert len(lost(lines)) == 2


async def test_attempts_go_on_and_the_loss_is_said_once(tmp_path: Path) -> None:
    attempts = 0

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal attempts
        attempts += 1
        writer.close()

    socket = tmp_path / "socket"
    async with await asyncio.start_unix_server(hang_up, socket):
        with capture_logs() as lines:
            async with connect(f"unix://{socket}") as redis, listening(redis) as listener:
                async with asyncio.timeout(10):
                    while attempts < 3:  # noqa: ASYNC110 - what is waited for has no event
                        await asyncio.sleep(0.01)
                assert listener.heard.empty()
    assert lost(lines) == ["ConnectionError"]


@pytest.mark.long
async def test_a_frozen_server_is_noticed_within_seconds() -> None:
    async with own_server() as server:
        await server.start()
        assert server.running is not None
        with capture_logs() as lines:
            async with connect(server.url) as redis, listening(redis) as listener:
                assert await listener.next() is None
                os.kill(server.running.pid, signal.SIGSTOP)
                began = time.monotonic()
                async with asyncio.timeout(5):
                    while not lost(lines):  # noqa: ASYNC110 - a log line has no event
                        await asyncio.sleep(0.005)
                noticed = time.monotonic() - began
                os.kill(server.running.pid, signal.SIGCONT)
                assert await listener.next() is None
                await Channel(redis=redis).publish([b"thawed"])
                assert await listener.next() == b"thawed"
    assert lost(lines) == ["TimeoutError"]
    assert noticed < 4  # 2.5 s on a machine with nothing else to do


async def test_a_quiet_line_that_stands_is_left_alone(redis: Redis) -> None:
    with capture_logs() as lines:
        async with listening(redis) as listener:
            assert await listener.next() is None
            pings = await _pings(redis)
            async with asyncio.timeout(10):
                while await _pings(redis) < pings + 2:  # noqa: ASYNC110 - a look at the server
                    await asyncio.sleep(0.05)
            assert listener.heard.empty()
    assert lost(lines) == []


async def _pings(redis: Redis) -> int:
    counted = await redis.info("commandstats")
    return int(counted.get("cmdstat_ping", {}).get("calls", 0))
