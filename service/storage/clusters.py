"""Clusters in Postgres: what comments are alike, kept up to date batch by batch, and read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
from msgspec import Struct, field

from service.storage.changes import bytea
from service.storage.decisions import BY_KEY
from service.storage.postgres import (
    Connection,
    begun,
    connected,
    load_queries,
    write_rows,
)

SQL = load_queries("clusters")


REJECTED = ("rejected", "removed")
"""States of what a person decided against."""


class ClusterPlace(NamedTuple):
    """A cluster's key."""

    site_id: int
    cluster_id: UUID


class Changed(NamedTuple):
    """A comment that came or changed, as it is now."""

    site_id: int
    article_id: UUID
    comment_id: UUID
    author_id: UUID | None
    revision: int
    text: str | None
    state: str | None
    """A status; None where nobody knows of it any more."""
    waits: bool
    escalated: bool
    judged: bool
    """A person decided it last."""
    reason: str | None
    cluster_id: UUID | None
    """Where it belongs so far."""
    signed_revision: int | None
    """Of the text that put it there."""


class SignatureRow(NamedTuple):
    """What new comments are compared with."""

    place: ClusterPlace
    comment_id: UUID
    numbers: bytes
    bands: Sequence[int]


class Member(Struct, frozen=True, kw_only=True):
    """A comment of a cluster."""

    comment_id: UUID
    revision: int
    likeness: float
    """To the first comment, 0 to 1."""
    outlier: bool
    state: str
    waits: bool
    at: datetime


class Cluster(Struct, frozen=True, kw_only=True):
    """Comments that say nearly the same, counted; what waits, with and without escalated ones."""

    cluster_id: UUID
    """The id of its first comment."""
    size: int
    authors: int
    waiting: int
    escalated: int
    """Of those that wait."""
    outliers: int
    """Of those that wait: alike to others of the cluster, and not to the first."""
    public: int
    approved: int
    """By a person; so `rejected`."""
    rejected: int
    reason: str | None
    """Why most of those were rejected."""
    first_at: datetime
    last_at: datetime


class Lively(NamedTuple):
    """A cluster, and what came to it lately."""

    cluster: Cluster
    latest: tuple[tuple[datetime, UUID | None], ...]
    """When its comments came and of whom, the newest first."""


class Turn(Struct, kw_only=True):
    """One batch of changes in one transaction; all that is collected here is written at its end."""

    connection: Connection
    taken: int
    """Changes of this batch: also of comments that stay where they are."""
    changed: list[Changed]
    """Comments that come, go, or say something else."""
    _signatures: list[dict[str, Any]] = field(default_factory=list)
    _members: list[dict[str, Any]] = field(default_factory=list)
    _gone: list[Changed] = field(default_factory=list)
    _rejected: set[ClusterPlace] = field(default_factory=set)
    """Where comments come that a person rejected."""

    async def alike(self, bands: Collection[int]) -> list[SignatureRow]:
        """Return every signature of clusters that have one with one of these bands."""
        return await _alike(self.connection, bands)

    def sign(self, row: SignatureRow) -> None:
        """Let later comments be compared with this one."""
        self._signatures.append(
            {
                "site_id": row.place.site_id,
                "cluster_id": row.place.cluster_id,
                "comment_id": row.comment_id,
                "numbers": bytea(row.numbers.hex()),
                "bands": row.bands,
            }
        )

    def join(
        self, place: ClusterPlace, comment: Changed, *, at: datetime, likeness: float, outlier: bool
    ) -> None:
        """Put a comment into a cluster, which is new with its first one."""
        if comment.judged and comment.state in REJECTED:
            self._rejected.add(place)
        self._members.append(
            {
                "site_id": place.site_id,
                "cluster_id": place.cluster_id,
                "article_id": comment.article_id,
                "comment_id": comment.comment_id,
                "author_id": comment.author_id,
                "revision": comment.revision,
                "likeness": likeness,
                "outlier": outlier,
                "state": comment.state,
                "waits": comment.waits,
                "escalated": comment.escalated,
                "judged": comment.judged,
                "reason": comment.reason,
                "at": at,
            }
        )

    def leave(self, comment: Changed) -> None:
        """Take a comment out, and its signature."""
        self._gone.append(comment)

    async def write(self) -> None:
        """Write what was collected, and count on: never by reading whole clusters."""
        run = self.connection
        gone = [(each.site_id, each.article_id, each.comment_id) for each in self._gone]
        left = {ClusterPlace(*row) for row in await _fetch(run, "leave", gone)}
        if self._members:
            joined = {"signed": self._signatures, "members": self._members}
            await run.execute(SQL["join"], joined)
        await write_rows(run, SQL["look_again"], sorted(left | self._rejected))
        await write_rows(run, SQL["drop_empty"], sorted(left))


class ClusterStore(Struct, frozen=True, kw_only=True):
    """Keep and read clusters. Every method raises DatabaseUnavailable while Postgres is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    @asynccontextmanager
    async def turn(self, *, limit: int) -> AsyncIterator[Turn]:
        """Take a batch of changed comments; they are done with when the block ends well.

        Mostly they were but decided: those stay where they are, and are counted on at once.
        """
        async with connected(self.pool, writes=True) as connection, begun(connection, BY_KEY):
            taken = await connection.fetch(SQL["take_changes"], limit)
            changed = {row[:3] for row in taken}
            members = {row[:3] for row in taken if row["is_member"]}
            changed -= await _stay(connection, sorted(members))
            rows = await _fetch(connection, "read_changed", sorted(changed))
            turn = Turn(
                connection=connection, taken=len(taken), changed=[Changed(*row) for row in rows]
            )
            yield turn
            await turn.write()

    async def alike(self, bands: Collection[int]) -> list[SignatureRow]:
        """Return every signature of clusters that have one with one of these bands."""
        async with connected(self.pool) as connection:
            return await _alike(connection, bands)

    async def forget(self, *, before: datetime, limit: int) -> int:
        """Delete clusters that nothing came to since; returns how many."""
        async with connected(self.pool) as connection:
            status = await connection.execute(SQL["forget"], before, limit)
        return int(status.rpartition(" ")[2])

    async def page(
        self, site_id: int, *, see_escalated: bool, after: tuple[int, UUID], limit: int
    ) -> list[Cluster]:
        """Return clusters in which something waits, the largest first."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["page"], site_id, see_escalated, *after, limit)
        return [Cluster(**row) for row in rows]

    async def find(self, site_id: int, cluster_id: UUID) -> Cluster | None:
        """Return one cluster."""
        async with connected(self.pool) as connection:
            row = await connection.fetchrow(SQL["find"], site_id, cluster_id)
        return Cluster(**row) if row else None

    async def articles_of(self, site_id: int, cluster_id: UUID) -> int:
        """Count the articles a cluster is on."""
        async with connected(self.pool) as connection:
            counted: int = await connection.fetchval(SQL["articles_of"], site_id, cluster_id)
        return counted

    async def members(
        self,
        site_id: int,
        cluster_id: UUID,
        *,
        see_escalated: bool,
        waits: bool | None,
        outlier: bool | None,
        before: tuple[datetime, UUID],
        limit: int,
    ) -> list[Member]:
        """Return comments of a cluster, the newest first; None: whether or not."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(
                SQL["members"], site_id, cluster_id, see_escalated, waits, outlier, *before, limit
            )
        return [Member(**row) for row in rows]

    async def of_comments(
        self, site_id: int, places: Sequence[tuple[UUID, UUID]]
    ) -> dict[UUID, Cluster]:
        """Return the clusters of comments, by (article, comment), that are not alone in theirs."""
        if not places:
            return {}
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["of_comments"], site_id, *_columns(places))
        clusters = {}
        for row in rows:
            counts = dict(row)
            member_id = counts.pop("member_id")
            clusters[member_id] = Cluster(**counts)
        return clusters

    async def lately(
        self, places: Collection[ClusterPlace], *, since: datetime, limit: int
    ) -> dict[ClusterPlace, Lively]:
        """Return clusters, and when their latest comments came and of whom."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["lately"], *_columns([*places]), since, limit)
        found = {}
        for row in rows:
            counts = dict(row)
            site_id, times, authors = map(counts.pop, ("site_id", "times", "author_ids"))
            cluster = Cluster(**counts)
            latest = tuple(zip(times or (), authors or (), strict=True))
            found[ClusterPlace(site_id, cluster.cluster_id)] = Lively(cluster, latest)
        return found


async def _stay(connection: Connection, places: Sequence[tuple[Any, ...]]) -> set[tuple[Any, ...]]:
    """Count on what became of comments whose texts are the same; returns which these are."""
    rows = await _fetch(connection, "stay", places)
    for name, query in (("rejected", "look_again"), ("renamed", "count_authors")):
        clusters = {(row["site_id"], row["cluster_id"]) for row in rows if row[name]}
        await write_rows(connection, SQL[query], sorted(clusters))
    return {(row["site_id"], row["article_id"], row["comment_id"]) for row in rows}


async def _fetch(
    connection: Connection, name: str, rows: Sequence[tuple[Any, ...]]
) -> list[asyncpg.Record]:
    return await connection.fetch(SQL[name], *_columns(rows)) if rows else []


async def _alike(connection: Connection, bands: Collection[int]) -> list[SignatureRow]:
    rows = await connection.fetch(SQL["alike"], list(bands))
    return [
        SignatureRow(ClusterPlace(site_id, cluster_id), comment_id, numbers, bands)
        for site_id, cluster_id, comment_id, numbers, bands in rows
    ]


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
