"""Whom a site has forgotten, and how: in Postgres, in Redis, and in a file beside them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, cast
from uuid import UUID

import asyncpg
import orjson
from msgspec import Struct, field
from redis.asyncio.client import Redis
from redis.exceptions import ResponseError

from service.storage.administration import Act, note_act
from service.storage.postgres import connected, in_transaction, load_queries
from service.storage.records import note_act_about
from service.storage.redis import Keys, unavailable_when_down
from service.storage.redo import pages
from service.storage.rows import ERASED

SQL = load_queries("erasures")
READERS = load_queries("readers")

OF_AUTHOR = (
    "forget_comments",
    "forget_kept",
    "forget_members",
    "forget_subjects",
    "forget_votes",
    "forget_warnings",
    "forget_notes",
    "forget_acts",
    "search_anew",
    "forget_reader",
    "forget_record",
)
OF_NOBODY = ("forget_submissions", "forget_sweeps")
"""What keeps a place for an author, which then names nobody."""


class UnderWay(NamedTuple):
    """An erasure that is not done."""

    author_id: UUID
    subject: bytes


class Known(Struct, frozen=True, kw_only=True):
    """Whom a site has forgotten or is to forget, by keyed hashes; and what is not done of it."""

    subjects: set[bytes] = field(default_factory=set)
    under_way: list[UnderWay] = field(default_factory=list)


class Voted(NamedTuple):
    """A vote that somebody gave."""

    comment_id: UUID
    value: int
    at: datetime


class Reported(NamedTuple):
    """A report that somebody made."""

    comment_id: UUID
    reason: str
    text: str
    at: datetime


class Ledgered(NamedTuple):
    """One line of the file: a site's slug and an author's keyed hash."""

    site: str
    subject: bytes


class ErasureStore(Struct, frozen=True, kw_only=True):
    """Forget authors. Every method raises Unavailable while the store it asks is away."""

    pool: asyncpg.Pool[asyncpg.Record]
    redis: Redis

    async def begin(
        self, site_id: int, author_id: UUID, subject: bytes, *, act: Act, has_receipt: bool
    ) -> None:
        """Note whom to forget, log that somebody is, and void a guest's receipts."""
        async with in_transaction(self.pool) as connection:
            await connection.execute(SQL["begin"], site_id, subject, author_id, act.at)
            if has_receipt:
                await connection.execute(READERS["void_receipts"], site_id, author_id)
            await note_act(connection, act)

    async def note_export(self, author_id: UUID, *, act: Act) -> None:
        """Log that somebody was handed all that is theirs."""
        async with in_transaction(self.pool) as connection:
            await note_act_about(connection, author_id, act)

    async def remember(self, site_id: int, subject: bytes, *, at: datetime) -> None:
        """Note somebody forgotten of whom nothing is there."""
        async with connected(self.pool) as connection:
            await connection.execute(SQL["remember"], site_id, subject, at)

    async def known(self, site_ids: Sequence[int]) -> dict[int, Known]:
        """Return whom sites have forgotten, as Postgres knows them; a site without any is left out.

        Erasures that are not done stand the oldest first.
        """
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["known"], site_ids)
        known: dict[int, Known] = {}
        for site_id, subject, author_id in rows:
            of_site = known.setdefault(site_id, Known())
            of_site.subjects.add(subject)
            if author_id is not None:
                of_site.under_way.append(UnderWay(author_id, subject))
        return known

    async def authors(self, site_id: int) -> list[UUID]:
        """Return everybody of whom a site knows something."""
        async with connected(self.pool) as connection:
            return [row["author_id"] for row in await connection.fetch(SQL["authors"], site_id)]

    async def comments(
        self, site_id: int, author_id: UUID, *, after: UUID, limit: int
    ) -> list[UUID]:
        """Return ids of an author's comments above `after`, in order."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["comments"], site_id, author_id, after, limit)
        return [row["comment_id"] for row in rows]

    async def votes(self, site_id: int, author_id: UUID) -> list[Voted]:
        """Return what somebody voted, oldest first."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["votes"], site_id, author_id)
        return [Voted(*row.values()) for row in rows]

    async def reports(self, site_id: int, author_id: UUID) -> list[Reported]:
        """Return what somebody reported, oldest first."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["reports"], site_id, author_id.hex)
        return [Reported(*row.values()) for row in rows]

    async def submissions(self, site_id: int, author_id: UUID) -> list[str]:
        """Return the keys (hex) of what an author sent lately."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["submissions"], site_id, author_id)
        return [row["dk"].hex() for row in rows]

    async def finish(
        self, site_id: int, author_id: UUID, subject: bytes, *, comments: int, at: datetime
    ) -> None:
        """Forget everything but the log, in one transaction; the keyed hash stays."""
        async with in_transaction(self.pool) as connection:
            for name in OF_AUTHOR:
                await connection.execute(SQL[name], site_id, author_id)
            for name in OF_NOBODY:
                await connection.execute(SQL[name], site_id, author_id, ERASED)
            await connection.execute(SQL["forget_reports"], site_id, author_id.hex)
            await connection.execute(SQL["done"], site_id, subject, comments, at)

    # Redis

    async def note(self, slug: str, subject: bytes) -> None:
        """Let Redis know as well: a Postgres that goes back in time has forgotten it."""
        with unavailable_when_down():
            await self.redis.sadd(Keys(slug).erased, subject)

    async def noted(self, slug: str) -> set[bytes]:
        """Return the keyed hashes that Redis knows."""
        with unavailable_when_down():
            return cast("set[bytes]", await self.redis.smembers(Keys(slug).erased))

    async def forget(
        self, slug: str, author_id: UUID, comment_ids: Sequence[UUID], dks: Sequence[str]
    ) -> None:
        """Take an author out of what Redis keeps of decided comments and of submissions."""
        at = Keys(slug)
        with unavailable_when_down():
            await self.redis.delete(at.recent_of_author(author_id))
            for dk in dks:
                if await self.redis.exists(at.submission(dk)):
                    await self.redis.hset(at.submission(dk), "author", str(ERASED))
            ids = {str(each).encode() for each in comment_ids}
            async for found in pages(self.redis, slug):
                gone = [entry for entry, fields in found if fields.get(b"id") in ids]
                if gone:
                    await self.redis.xdel(at.redo, *gone)

    async def compact(self) -> None:
        """Ask Redis to write its file anew, without what was deleted from it.

        A server that does so already, or lets nobody ask, does it in its own time.
        """
        with unavailable_when_down(), suppress(ResponseError):
            await self.redis.bgrewriteaof()


class ErasureFile(Struct, frozen=True):
    """`erasures.log`: one line an erasure, kept with the backups, never with a text or a name."""

    path: Path

    def add(self, slug: str, subject: bytes) -> None:
        """Append a line; it is on disk when this returns.

        Raises:
            OSError: the file cannot be written.
        """
        line = orjson.dumps({"site": slug, "subject": subject.hex()}) + b"\n"
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def read(self) -> list[Ledgered]:
        """Return every line; none without a file. A last one that was cut short is left out."""
        if not self.path.exists():
            return []
        lines = self.path.read_bytes().split(b"\n")[:-1]
        said = [orjson.loads(line) for line in lines if line]
        return [Ledgered(each["site"], bytes.fromhex(each["subject"])) for each in said]
