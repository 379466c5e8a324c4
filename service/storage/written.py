"""Comments as readers are told of them, kept beside the comments themselves."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg
from msgspec import Struct

from service.storage.comments import ShownComment
from service.storage.postgres import connected, load_queries, write_rows

SQL = load_queries("written")


class WrittenStore(Struct, frozen=True, kw_only=True):
    """Keep what was written."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def keep(
        self, written: Sequence[tuple[int, ShownComment, bytes]], *, wait_seconds: float
    ) -> None:
        """Keep what was written of comments of sites, each with its row as it was read whole.

        One that has changed since, is changing now, or was written by another is left alone.

        Raises:
            DatabaseUnavailable: Postgres is away, or busy for `wait_seconds`.
        """
        rows = [
            (site_id, row.article_id, row.comment_id, *row.whole, told)
            for site_id, row, told in written
            if row.whole is not None
        ]
        async with connected(self.pool, wait_seconds=wait_seconds, writes=True) as connection:
            await write_rows(connection, SQL["keep"], rows)
