"""What processes tell each other while Redis is away: NOTIFY of Postgres, heard without end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

import asyncpg
from msgspec import Struct

from service.errors import Unavailable
from service.storage.postgres import Connection, connected

CHANNEL: Final = "postbag_invalidate"
PAUSE_SECONDS = 0.5
"""Between attempts to listen again."""
SILENCE_SECONDS = 5.0
"""A line so long silent is asked whether it still stands."""
BACKLOG_MAX = 1_000
"""Messages not yet acted on; beyond it, it is as if some had been missed."""
CLOSE_SECONDS = 1.0
"""How long the session may take to end."""


class Bulletin(Struct, frozen=True, kw_only=True):
    """Say something to every process by way of Postgres, and hear what is said."""

    pool: asyncpg.Pool[asyncpg.Record]
    """Listening keeps one of its connections."""

    async def publish(self, messages: Sequence[bytes]) -> None:
        """Say something; whoever does not listen just now never hears it.

        Raises:
            DatabaseUnavailable: Postgres is away.
        """
        texts = [message.decode() for message in messages]
        async with connected(self.pool, writes=True) as connection:
            await connection.execute(
                "SELECT pg_notify($1, message) FROM unnest($2::text[]) message", CHANNEL, texts
            )

    async def listen(self) -> AsyncIterator[bytes | None]:
        """Yield messages without end, and None whenever some may have been missed."""
        while True:
            try:
                async with connected(self.pool) as connection:
                    async for message in _messages(connection):
                        yield message
            except Unavailable:
                await asyncio.sleep(PAUSE_SECONDS)


async def _messages(connection: Connection) -> AsyncIterator[bytes | None]:
    backlog: asyncio.Queue[bytes] = asyncio.Queue(BACKLOG_MAX)
    missed = True

    def hear(_: object, __: int, ___: str, payload: object) -> None:
        nonlocal missed
        try:
            backlog.put_nowait(str(payload).encode())
        except asyncio.QueueFull:
            missed = True

    try:
        await connection.add_listener(CHANNEL, hear)
        while True:
            if missed:
                missed = False
                yield None
            try:
                async with asyncio.timeout(SILENCE_SECONDS):
                    message = await backlog.get()
            except TimeoutError:
                await connection.fetchval("SELECT 1")
                continue
            yield message
    finally:
        # Given back with its listener it would hear on, for nobody.
        await connection.close(timeout=CLOSE_SECONDS)
