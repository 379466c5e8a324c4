"""Trials of rules in Postgres, and the history they are tried on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg
from msgspec import Struct, field

from service.model import AuthorKind, Status
from service.storage.administration import Act, note_act
from service.storage.postgres import connected, in_transaction, load_queries

SQL = load_queries("dry_runs")

WALK_SECONDS = 20.0
"""How long a trial waits for a connection: it has time, and would begin anew."""

DryRunState = Literal["waiting", "running", "done", "stopped", "failed"]


class DryRun(Struct, frozen=True, kw_only=True):
    """A rule tried on history."""

    site_id: int
    dry_run_id: UUID
    rule_id: str
    version: int | None
    """Of the site's rule; None for one that was only tried."""
    tried: Mapping[str, Any]
    """The rule's JSON."""
    state: DryRunState
    since: datetime
    until: datetime
    total: int
    """Comments to look at; 0 until they were counted."""
    looked_at: int
    report: Mapping[str, Any] | None
    trouble: str | None
    actor_kind: str
    actor_id: str
    at: datetime
    ended_at: datetime | None
    attempts: int = 0
    """How often it was begun."""
    lists: Mapping[str, int] = field(default_factory=dict)
    """Versions of lists that are tried with it, by name; empty: those in effect."""

    @property
    def hits(self) -> int:
        """Comments the rule spoke about; 0 before it is done."""
        return int(self.report["hits"]) if self.report else 0


class Past(Struct, frozen=True, kw_only=True):
    """A comment of earlier, as far as its text is kept."""

    comment_id: UUID
    author_id: UUID | None
    article_key: str | None
    section: str | None
    tags: Sequence[str] | None
    published_at: datetime | None
    author_kind: AuthorKind
    text: str | None
    depth: int
    state: Status
    lang: str | None
    """As it was told when the comment came."""
    by_people: bool
    """Whether the latest decision about it is a person's, or the back end's for one."""


class AuthorBefore(Struct, frozen=True, kw_only=True):
    """What was decided of an author before some comment."""

    author_id: UUID
    approved: int
    rejected: int
    first_id: UUID


class DryRunStore(Struct, frozen=True, kw_only=True):
    """Keep trials, and read history. Methods raise DatabaseUnavailable while Postgres is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def begin(self, run: DryRun, *, waiting_max: int, kept_since: datetime, act: Act) -> bool:
        """Let a trial wait for its turn; False when too many of the site do."""
        async with in_transaction(self.pool) as connection:
            if await connection.fetchval(SQL["count_waiting"], run.site_id) >= waiting_max:
                return False
            await connection.execute(SQL["drop_old"], run.site_id, kept_since)
            await connection.execute(
                SQL["begin"],
                run.site_id,
                run.dry_run_id,
                run.rule_id,
                run.version,
                dict(run.tried),
                run.since,
                run.until,
                run.actor_kind,
                run.actor_id,
                run.at,
                dict(run.lists),
            )
            await note_act(connection, act)
        return True

    async def find(self, site_id: int, dry_run_id: UUID) -> DryRun | None:
        """One trial of a site, or None."""
        async with connected(self.pool) as connection:
            row = await connection.fetchrow(SQL["find"], site_id, dry_run_id)
        return DryRun(**row) if row else None

    async def of_rule(self, site_id: int, rule_id: str, *, limit: int) -> list[DryRun]:
        """The latest trials of a rule, latest first."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["of_rule"], site_id, rule_id, limit)
        return [DryRun(**row) for row in rows]

    async def latest_done(
        self, site_id: int, rule_id: str, version: int, lists: Mapping[str, int] | None = None
    ) -> DryRun | None:
        """The latest trial of exactly this version, with these lists, that came to its end."""
        async with connected(self.pool) as connection:
            row = await connection.fetchrow(
                SQL["latest_done"], site_id, rule_id, version, dict(lists or {})
            )
        return DryRun(**row) if row else None

    async def take(self, *, excused: Collection[UUID] = ()) -> DryRun | None:
        """The oldest trial of all sites that is not at its end, from its beginning.

        Its attempts are counted, but for those that are excused.
        """
        async with connected(self.pool) as connection:
            row = await connection.fetchrow(SQL["take"], list(excused))
        return DryRun(**row) if row else None

    async def note_progress(self, run: DryRun, *, total: int, looked_at: int) -> bool:
        """Note how far it is; False when somebody has stopped it."""
        async with connected(self.pool, wait_seconds=WALK_SECONDS) as connection:
            found = await connection.fetchval(
                SQL["note_progress"], run.site_id, run.dry_run_id, total, looked_at
            )
        return found is not None

    async def finish(
        self,
        run: DryRun,
        *,
        state: DryRunState,
        looked_at: int,
        report: Mapping[str, Any] | None,
        trouble: str | None,
        at: datetime,
    ) -> None:
        """Note that it is `done` or `failed`; one that was stopped meanwhile stays so."""
        async with connected(self.pool, wait_seconds=WALK_SECONDS) as connection:
            await connection.execute(
                SQL["finish"],
                run.site_id,
                run.dry_run_id,
                state,
                looked_at,
                dict(report) if report is not None else None,
                trouble,
                at,
            )

    async def stop(self, site_id: int, dry_run_id: UUID, *, act: Act) -> bool:
        """Stop it; False when it is at its end."""
        async with in_transaction(self.pool) as connection:
            found = await connection.fetchval(SQL["stop"], site_id, dry_run_id, act.at)
            if found is not None:
                await note_act(connection, act)
        return found is not None

    async def count_history(self, site_id: int, first: UUID, end: UUID) -> int:
        """How many comments have ids from `first` and below `end`."""
        async with connected(self.pool, wait_seconds=WALK_SECONDS) as connection:
            found: int = await connection.fetchval(SQL["count_history"], site_id, first, end)
        return found

    async def history(self, site_id: int, first: UUID, end: UUID, *, limit: int) -> list[Past]:
        """Comments from `first` and below `end`, oldest first."""
        async with connected(self.pool, wait_seconds=WALK_SECONDS) as connection:
            rows = await connection.fetch(SQL["read_history"], site_id, first, end, limit)
        return [
            Past(**{**row, "state": Status(row["state"]), "by_people": bool(row["by_people"])})
            for row in rows
        ]

    async def records_before(
        self, site_id: int, author_ids: Sequence[UUID], before: UUID
    ) -> list[AuthorBefore]:
        """What was decided of authors before a comment; those without one are left out."""
        async with connected(self.pool, wait_seconds=WALK_SECONDS) as connection:
            rows = await connection.fetch(SQL["records_before"], site_id, author_ids, before)
        return [AuthorBefore(**row) for row in rows]

    async def texts(
        self, site_id: int, comment_ids: Sequence[UUID], *, see_escalated: bool
    ) -> dict[UUID, tuple[str | None, str | None]]:
        """Article key and text of comments by id; no text where it is not kept any more.

        Escalated ones are left out unless they may be seen.
        """
        async with connected(self.pool, wait_seconds=WALK_SECONDS) as connection:
            rows = await connection.fetch(SQL["read_texts"], site_id, comment_ids, see_escalated)
        return {row["comment_id"]: (row["article_key"], row["text"]) for row in rows}
