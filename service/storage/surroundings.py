"""What Postgres knows around comments, as far as a queue shows it: one statement for a page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.model import Article, Standing
from service.storage.clusters import Cluster
from service.storage.postgres import connected, load_queries

SQL = load_queries("surroundings")


class Surroundings(Struct, frozen=True, kw_only=True):
    """What is around one comment; None where Postgres has not met it."""

    article: Article | None
    """The one it was merged into, where it was; its name and its address, not its state."""
    standing: Standing | None
    """The author's counts, and whether they are banned."""
    cluster: Cluster | None
    """Where others say nearly the same."""


class SurroundingStore(Struct, frozen=True, kw_only=True):
    """Look around comments. Every method raises DatabaseUnavailable while Postgres is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def around(
        self, site_id: int, places: Sequence[tuple[UUID, UUID, UUID | None]]
    ) -> dict[UUID, Surroundings]:
        """Return what is around comments, by id, each asked for by article, comment and author."""
        if not places:
            return {}
        async with connected(self.pool) as connection:
            rows = await connection.fetch(
                SQL["around"], site_id, *(list(column) for column in zip(*places, strict=True))
            )
        return {row["comment_id"]: _surroundings(site_id, row) for row in rows}


def _surroundings(site_id: int, row: asyncpg.Record) -> Surroundings:
    return Surroundings(
        article=_article(site_id, row) if row["key"] is not None else None,
        standing=_standing(row) if row["first_seen"] is not None else None,
        cluster=_cluster(row) if row["cluster_id"] is not None else None,
    )


def _article(site_id: int, row: asyncpg.Record) -> Article:
    return Article(
        site_id=site_id,
        article_id=row["article_id"],
        key=row["key"],
        url=row["url"],
        title=row["title"],
        views_per_hour=row["views_per_hour"],
    )


def _standing(row: asyncpg.Record) -> Standing:
    until = row["banned_until"]  # the driver reads `infinity` as the end of time without a zone
    return Standing(
        author_id=row["author_id"],
        approved=row["author_approved"],
        rejected=row["author_rejected"],
        first_seen=row["first_seen"],
        banned_until=until.replace(tzinfo=UTC) if until is not None else None,
    )


def _cluster(row: asyncpg.Record) -> Cluster:
    return Cluster(
        cluster_id=row["cluster_id"],
        size=row["size"],
        authors=row["authors"],
        waiting=row["waiting"],
        escalated=row["escalated"],
        outliers=row["outliers"],
        public=row["public"],
        approved=row["approved"],
        rejected=row["rejected"],
        reason=row["reason"],
        first_at=row["first_at"],
        last_at=row["last_at"],
    )
