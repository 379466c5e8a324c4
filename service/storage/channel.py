"""What processes tell each other: one Redis channel, listened to without end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import structlog
from msgspec import Struct
from redis.asyncio.client import Redis
from redis.exceptions import RedisError

from service.storage.hearing import Ear
from service.storage.line import ask_each
from service.storage.redis import unavailable_when_down

log = structlog.get_logger(__name__)

INVALIDATE = "pb:invalidate"
"""What is ready about an article is no longer true."""
EVENTS = "pb:events"
"""What readers with a page open are told."""
DESK = "pb:desk"
"""What moderators with the dashboard open are told."""
PAUSE_SECONDS = 0.5
"""Between attempts to connect again."""


def _unheard() -> None:
    """Tell nobody."""


class Channel(Struct, frozen=True, kw_only=True):
    """Say something to every process, and hear what is said."""

    redis: Redis
    """Listening has a connection of its own."""
    name: str = INVALIDATE
    lost: Callable[[], None] = _unheard
    """Told each time that the line is lost."""

    async def publish(self, messages: Sequence[bytes]) -> None:
        """Say something; whoever does not listen just now never hears it.

        Raises:
            QueueUnavailable: Redis is away.
        """
        with unavailable_when_down():
            await ask_each(self.redis, [("PUBLISH", self.name, each) for each in messages])

    async def listen(self) -> AsyncIterator[bytes | None]:
        """Yield messages without end, and None whenever some may have been missed.

        None comes after every connect, the first one too; whatever is said from then on is
        heard, or followed by another None. A dead line is noticed within three seconds.
        """
        stands = True
        while True:
            try:
                ear = await Ear.open(self.redis.connection_pool, self.name)
                try:
                    async for message in ear.messages():
                        stands = True
                        yield message
                finally:
                    ear.close()
            except (RedisError, OSError, TimeoutError) as error:
                if stands:
                    log.warning("channel_lost", error=type(error).__name__)
                    self.lost()
                stands = False
            await asyncio.sleep(PAUSE_SECONDS)
