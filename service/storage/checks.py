"""The sample of decisions in Postgres, and what a second look said of each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import asyncpg
from msgspec import Struct
from msgspec.structs import replace

from service.model import Actor
from service.storage.administration import Act, note_act
from service.storage.postgres import connected, in_transaction, load_queries

SQL = load_queries("checks")

Verdict = Literal["approve", "reject"]

COUNTED_MAX = 1_000
"""Open checks that are counted: two weeks' of a large site."""


class Sampled(Struct, frozen=True, kw_only=True):
    """A decision that may be checked."""

    article_id: UUID
    comment_id: UUID
    n: int
    decided_by: str
    """`member`, `key` or `rule`."""
    decider_id: str
    verdict: Verdict
    at: datetime


class Check(Struct, frozen=True, kw_only=True):
    """A decision in the sample."""

    n: int
    decided_by: str
    decider_id: str
    verdict: Verdict
    checked: Verdict | None
    """What the second look said; None before."""
    told: Sequence[str]
    """Who took a second look back, as `kind:id`: they know how it was decided."""


class Agreement(Struct, frozen=True, kw_only=True):
    """How often second looks said the same as who had decided."""

    decided_by: str
    checks: int
    agreed: int


class CheckStore(Struct, frozen=True, kw_only=True):
    """Keep checks. Every method raises DatabaseUnavailable while Postgres is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def decided(
        self, site_id: int, *, after: datetime, until: datetime, limit: int
    ) -> list[Sampled]:
        """Return decisions of a stretch of time, the oldest first."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["decided"], site_id, after, until, limit)
        return [
            Sampled(
                article_id=row["article_id"],
                comment_id=row["comment_id"],
                n=row["n"],
                decided_by=row["actor_kind"],
                decider_id=row["actor_id"],
                verdict="approve" if row["action"] == "approve" else "reject",
                at=row["at"],
            )
            for row in rows
        ]

    async def count_since(self, site_id: int, since: datetime) -> int:
        """Count the sample of decisions since a moment."""
        async with connected(self.pool) as connection:
            return int(await connection.fetchval(SQL["count_day"], site_id, since))

    async def add(self, site_id: int, sampled: Sequence[Sampled]) -> None:
        """Put decisions into the sample; a comment that is in it already stays as it is."""
        rows = [
            (
                site_id,
                each.article_id,
                each.comment_id,
                each.n,
                each.decided_by,
                each.decider_id,
                each.verdict,
                each.at,
            )
            for each in sampled
        ]
        async with in_transaction(self.pool) as connection:
            await connection.executemany(SQL["add"], rows)

    async def lane(
        self,
        site_id: int,
        *,
        actor: Actor | None,
        after: tuple[datetime, UUID] | None,
        limit: int,
    ) -> list[tuple[UUID, datetime]]:
        """Return what somebody may check as (id, decided), the oldest first."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(
                SQL["lane"], site_id, *_who(actor), *(after or (None, None)), limit
            )
        return [(row["comment_id"], row["decided_at"]) for row in rows]

    async def count_lane(self, site_id: int, *, actor: Actor | None) -> int:
        """Count what somebody may check, up to `COUNTED_MAX`."""
        async with connected(self.pool) as connection:
            counted = await connection.fetchval(
                SQL["count_lane"], site_id, *_who(actor), COUNTED_MAX
            )
        return int(counted)

    async def find(self, site_id: int, article_id: UUID, comment_id: UUID) -> Check | None:
        """Return the check of a comment, or None if it is not in the sample."""
        async with connected(self.pool) as connection:
            row = await connection.fetchrow(SQL["find"], site_id, article_id, comment_id)
        return Check(**row) if row else None

    async def answer(
        self,
        site_id: int,
        article_id: UUID,
        comment_id: UUID,
        *,
        checked: Verdict,
        reason: str | None,
        actor: Actor,
        at: datetime,
    ) -> bool:
        """Keep what a second look says; False when somebody was faster."""
        async with connected(self.pool) as connection:
            answered = await connection.fetchval(
                SQL["answer"],
                site_id,
                article_id,
                comment_id,
                checked,
                reason,
                actor.kind,
                actor.actor_id,
                at,
            )
        return answered is not None

    async def withdraw(
        self, site_id: int, article_id: UUID, comment_id: UUID, *, actor: Actor, act: Act
    ) -> bool:
        """Take back what somebody said, and log it; False when they said nothing here."""
        async with in_transaction(self.pool) as connection:
            row = await connection.fetchrow(
                SQL["withdraw"], site_id, article_id, comment_id, actor.kind, actor.actor_id
            )
            if row is None:
                return False
            said = {"verdict": row["checked"], "reason": row["reason"]}
            said["checked_at"] = row["checked_at"].isoformat()
            await note_act(connection, replace(act, details={**act.details, **said}))
        return True

    async def agreement(self, site_id: int, *, since: datetime, until: datetime) -> list[Agreement]:
        """Count the second looks of a stretch of time, by kind of who had decided."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["agreement"], site_id, since, until)
        return [Agreement(**row) for row in rows]

    async def forget(self, site_id: int, *, before: datetime) -> None:
        """Drop what was decided before a moment and nobody has checked."""
        async with connected(self.pool) as connection:
            await connection.execute(SQL["forget"], site_id, before)


def _who(actor: Actor | None) -> tuple[str | None, str | None]:
    return (actor.kind, actor.actor_id) if actor else (None, None)
