"""One of several processes leads, by an advisory lock that ends with its connection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from msgspec import Struct

from service.storage.postgres import Connection, connected

LOCK_KEY = 0x706F73746C6561
"""The advisory lock of whoever leads: "postlea" in ASCII."""

CLOSE_SECONDS = 1.0
"""How long a session may take to end before it is cut off."""


class Leadership(Struct, frozen=True, kw_only=True):
    """The right to do what only one process may do."""

    pool: asyncpg.Pool[asyncpg.Record]

    @asynccontextmanager
    async def sought(self) -> AsyncIterator[Connection | None]:
        """Lend the connection that holds the lock, or None when another process leads.

        Raises:
            DatabaseUnavailable: Postgres is away.
        """
        async with connected(self.pool) as connection:
            if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK_KEY):
                yield None
                return
            try:
                yield connection
            finally:
                # The lock ends with its session, whatever state that is in; gone back to the pool
                # with the lock it would keep every process from leading.
                await connection.close(timeout=CLOSE_SECONDS)
