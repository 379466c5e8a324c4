"""The last day's decisions as Redis keeps them, against a Postgres that goes back in time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast
from uuid import UUID

import asyncpg
import orjson
from msgspec import Struct
from redis.asyncio.client import Redis

from service.model import Action, Decision, PendingComment, Status
from service.storage.postgres import Connection, connected, load_queries
from service.storage.redis import Keys, unavailable_when_down
from service.storage.waiting import from_fields

SQL = load_queries("redo")

BATCH = 500
"""Decisions read and looked for at once."""

Entries = list[tuple[bytes, Mapping[bytes, bytes]]]

TAKES_AWAY = frozenset({b"withdraw", b"delete"})
"""Actions after which a comment may be gone."""

OF_ITEM = frozenset({b"text", b"origin", b"draft"})
"""Fields without which there is no comment beside a decision: its author has taken it away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redo:
    """A decision that was committed, and what it was about; read only where it is missing."""

    comment_id: UUID
    decision_id: UUID
    n: int
    deleted: bool
    """The comment was gone after it."""
    fields: Mapping[bytes, bytes] = field(repr=False)

    def read(self) -> tuple[Decision, int | None, PendingComment | None]:
        """Return the decision, the version of the rule that made it, and the comment.

        The comment is as it waited then; None when it did not, or its text was taken away.
        """
        said = orjson.loads(self.fields[b"said"])
        decision = Decision(
            site_id=said["site_id"],
            article_id=UUID(said["article_id"]),
            comment_id=self.comment_id,
            n=self.n,
            decision_id=self.decision_id,
            action=Action(self.fields[b"action"].decode()),
            revision=int(self.fields[b"judged"]),
            status=Status(said["status"]),
            reason=said["reason"],
            note=said["note"],
            actor_kind=said["actor_kind"],
            actor_id=said["actor_id"],
            at=datetime.fromisoformat(said["at"]),
            reverses=UUID(said["reverses"]) if said["reverses"] else None,
        )
        item = from_fields(self.fields) if self.fields.keys() >= OF_ITEM else None
        return decision, said["rule_version"], item


class Identity(Struct, frozen=True, kw_only=True):
    """Which Postgres this is: another one after a restore, or on another timeline."""

    system: int
    timeline: int


class RedoStore(Struct, frozen=True, kw_only=True):
    """Read what was decided, and compare it with the log."""

    redis: Redis
    pool: asyncpg.Pool[asyncpg.Record]

    async def identity(self) -> Identity | None:
        """Return which Postgres answers; None where it does not say.

        Raises:
            DatabaseUnavailable: none does.
        """
        try:
            async with connected(self.pool) as connection:
                row = await connection.fetchrow(SQL["identity"])
        except asyncpg.InsufficientPrivilegeError:
            return None
        return Identity(system=row["system_identifier"], timeline=row["timeline_id"])

    async def newest(self, slug: str, *, limit: int) -> list[Redo]:
        """Return the latest decisions of a site, oldest first."""
        with unavailable_when_down():
            found = cast("Entries", await self.redis.xrevrange(Keys(slug).redo, count=limit))
        return _read(found[::-1])

    async def forget(self, slug: str) -> None:
        """Drop a day's decisions of a site: Postgres surely has them."""
        with unavailable_when_down():
            await self.redis.delete(Keys(slug).redo)

    async def all(self, slug: str) -> AsyncIterator[list[Redo]]:
        """Yield a day's decisions of a site, as they were made, some at a time."""
        async for found in pages(self.redis, slug):
            yield _read(found)

    async def missing(self, site_id: int, entries: Sequence[Redo]) -> list[Redo]:
        """Return those of which the log knows nothing."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(
                SQL["known"],
                site_id,
                [entry.comment_id for entry in entries],
                [entry.decision_id for entry in entries],
            )
        known = {(row["comment_id"], row["decision_id"]) for row in rows}
        return [entry for entry in entries if (entry.comment_id, entry.decision_id) not in known]


async def pages(redis: Redis, slug: str) -> AsyncIterator[Entries]:
    """Yield the entries of a site's redo log as Redis keeps them, oldest first, some at a time.

    Raises:
        QueueUnavailable: Redis is away.
    """
    after = "-"
    while True:
        with unavailable_when_down():
            stream = Keys(slug).redo
            found = cast("Entries", await redis.xrange(stream, min=after, count=BATCH))
        if not found:
            return
        yield found
        after = f"({found[-1][0].decode()}"


async def is_erased(connection: Connection, site_id: int, subject: bytes) -> bool:
    """Tell, in the transaction that would bring something back, whether its author was erased."""
    return bool(await connection.fetchval(SQL["is_erased"], site_id, subject))


def said_of(decision: Decision, *, rule_version: int | None = None) -> str:
    """Write a decision as JSON; `Redo.read` reads it."""
    return orjson.dumps(
        {
            "site_id": decision.site_id,
            "article_id": str(decision.article_id),
            "status": decision.status,
            "reason": decision.reason,
            "note": decision.note,
            "actor_kind": decision.actor_kind,
            "actor_id": decision.actor_id,
            "rule_version": rule_version,
            "at": decision.at,
            "reverses": str(decision.reverses) if decision.reverses else None,
        }
    ).decode()


def _read(found: Entries) -> list[Redo]:
    """Read entries; those of an earlier release say too little to be made again."""
    return [_redo(fields) for _, fields in found if fields.get(b"said")]


def _redo(fields: Mapping[bytes, bytes]) -> Redo:
    return Redo(
        comment_id=UUID(fields[b"id"].decode()),
        decision_id=UUID(fields[b"decision"].decode()),
        n=int(fields[b"decision_n"]),
        deleted=fields[b"action"] in TAKES_AWAY
        and orjson.loads(fields[b"said"])["status"] == Status.DELETED,
        fields=fields,
    )
