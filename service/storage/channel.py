"""What processes tell each other: one Redis channel, listened to without end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from service.storage.redis import unavailable_when_down

log = structlog.get_logger(__name__)

NAME = "pb:invalidate"
PAUSE_SECONDS = 0.5
"""Between attempts to connect again."""
LISTEN_SECONDS = 1.0
"""How long one look for a message takes at most."""
PING_SECONDS = 2.0
"""How long the line may be silent before it is asked whether it still stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """Say something to every process, and hear what is said."""

    redis: Redis

    async def publish(self, messages: Sequence[bytes]) -> None:
        """Say something; whoever does not listen just now never hears it.

        Raises:
            QueueUnavailable: Redis is away.
        """
        with unavailable_when_down():
            async with self.redis.pipeline(transaction=False) as pipe:
                for message in messages:
                    pipe.publish(NAME, message)
                await pipe.execute()

    async def listen(self) -> AsyncIterator[bytes | None]:
        """Yield messages without end, and None whenever some may have been missed.

        None comes after every connect, the first one too.
        """
        while True:
            try:
                async with self.redis.pubsub() as line:
                    await line.subscribe(NAME)
                    yield None
                    async for message in _messages(line):
                        yield message
            except (RedisError, OSError, TimeoutError) as error:
                log.warning("channel_lost", error=type(error).__name__)
            await asyncio.sleep(PAUSE_SECONDS)


async def _messages(line: PubSub) -> AsyncIterator[bytes]:
    """Yield messages until the line is dead; a silent one is pinged, and has to answer."""
    loop = asyncio.get_running_loop()
    heard = loop.time()
    pinged = False
    while True:
        message = await line.get_message(timeout=LISTEN_SECONDS)
        if message is not None:
            heard, pinged = loop.time(), False
            if message["type"] == "message":
                yield message["data"]
        elif loop.time() - heard > PING_SECONDS:
            if pinged:
                raise TimeoutError
            await line.ping()
            heard, pinged = loop.time(), True
