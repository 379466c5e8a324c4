"""Random threads: grown in memory, planted in Postgres, and read by the slowest of readers.

What readers should see is said here once more, over whole trees in memory and without any of
the service's code: the tests hold both against each other.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg

from service.model import article_id, best_order

BEGINNING = datetime(2026, 3, 1, 8, tzinfo=UTC)

COLUMNS = (
    "site_id",
    "article_id",
    "comment_id",
    "parent_id",
    "root_id",
    "depth",
    "author_kind",
    "author_name",
    "author_badge",
    "text",
    "status",
    "revision",
    "created_at",
    "published_at",
    "up",
    "down",
    "best",
    "pinned",
    "reply_count",
    "shown_replies",
)


@dataclass(slots=True, eq=False)
class Leaf:
    """A comment of a tree, with everything below it."""

    comment_id: UUID
    article_id: UUID
    parent: Leaf | None
    created_at: datetime
    status: str = "approved"
    up: int = 0
    down: int = 0
    pinned: bool = False
    children: list[Leaf] = field(default_factory=list)

    @property
    def depth(self) -> int:
        return self.parent.depth + 1 if self.parent else 0

    @property
    def root(self) -> Leaf:
        return self.parent.root if self.parent else self

    @property
    def shown(self) -> bool:
        """Approved, or above something that readers see."""
        return self.status == "approved" or any(child.shown for child in self.children)

    @property
    def replies(self) -> list[Leaf]:
        """What readers see directly below it, oldest first."""
        return sorted(
            (child for child in self.children if child.shown),
            key=lambda leaf: (leaf.created_at, leaf.comment_id),
        )

    @property
    def best(self) -> float:
        return best_order(self.up, self.down, self.created_at)

    @property
    def text(self) -> str | None:
        return f"Text of {self.comment_id}" if self.status == "approved" else None

    def above(self) -> list[Leaf]:
        """Its ancestors, the parent first."""
        return [self.parent, *self.parent.above()] if self.parent else []


@dataclass(slots=True, kw_only=True)
class Forest:
    """The comments of an article, or of several that are read as one."""

    site_id: int
    keys: Sequence[str]
    """The first is the article's, the others lead to it."""
    leaves: list[Leaf] = field(default_factory=list)

    @property
    def article_ids(self) -> list[UUID]:
        return [article_id(self.site_id, key) for key in self.keys]

    @property
    def shown(self) -> list[Leaf]:
        return [leaf for leaf in self.leaves if leaf.shown]

    def approved(self) -> int:
        return sum(leaf.status == "approved" for leaf in self.leaves)

    def roots(self, sort: str) -> list[Leaf]:
        """What readers see at the top, in an order."""
        roots = [leaf for leaf in self.leaves if leaf.parent is None and leaf.shown]
        if sort == "best":
            return sorted(
                roots, key=lambda leaf: (leaf.pinned, leaf.best, leaf.comment_id), reverse=True
            )
        return sorted(
            roots,
            key=lambda leaf: (leaf.created_at, leaf.comment_id),
            reverse=sort == "newest",
        )

    def add(
        self,
        parent: Leaf | None = None,
        *,
        article: int = 0,
        minutes: float | None = None,
        status: str = "approved",
        comment_id: UUID | None = None,
    ) -> Leaf:
        """Add one comment; each comes a minute after the one before unless said otherwise."""
        born = BEGINNING + timedelta(minutes=len(self.leaves) if minutes is None else minutes)
        leaf = Leaf(
            comment_id=comment_id or UUID(int=random.getrandbits(128)),
            article_id=parent.article_id if parent else self.article_ids[article],
            parent=parent,
            created_at=born,
            status=status,
        )
        if parent:
            parent.children.append(leaf)
        self.leaves.append(leaf)
        return leaf


def grow(
    seed: int, *, site_id: int, keys: Sequence[str], size: int, roots: float, deep: float
) -> Forest:
    """Grow a random forest.

    `roots` is the chance of a comment to be a root, `deep` that of a reply to answer the newest
    comment and not any; many are born in the same minute; about a quarter are taken down.
    """
    chance = random.Random(seed)  # noqa: S311
    forest = Forest(site_id=site_id, keys=keys)
    for _ in range(size):
        parent = None
        if forest.leaves and chance.random() >= roots:
            newest = chance.random() < deep
            parent = forest.leaves[-1] if newest else chance.choice(forest.leaves)
        leaf = forest.add(
            parent,
            article=chance.randrange(len(keys)),
            minutes=chance.randrange(max(size // 2, 1)),
            comment_id=UUID(int=chance.getrandbits(128)),
        )
        if chance.random() < 0.25:
            leaf.status = chance.choice(("removed", "deleted"))
        if chance.random() < 0.5:
            leaf.up, leaf.down = chance.randrange(9), chance.randrange(4)
        if parent is None and chance.random() < 0.1:
            leaf.pinned = True
    return forest


async def add_site(connection: asyncpg.Connection, slug: str = "daily") -> int:
    """Insert a site and return its id."""
    site_id: int = await connection.fetchval(
        "INSERT INTO sites (slug, name) VALUES ($1, $1) RETURNING site_id", slug
    )
    return site_id


async def plant(connection: asyncpg.Connection, forest: Forest) -> None:
    """Insert a forest as the decisions of its moderators would have left it."""
    ids = forest.article_ids
    await connection.executemany(
        "INSERT INTO articles (site_id, article_id, key, merged_into) VALUES ($1, $2, $3, $4)",
        [
            (forest.site_id, each, key, None if each == ids[0] else ids[0])
            for each, key in zip(ids, forest.keys, strict=True)
        ],
    )
    await connection.copy_records_to_table(
        "comments", records=[_row(forest, leaf) for leaf in forest.leaves], columns=COLUMNS
    )
    await connection.copy_records_to_table(
        "comment_places",
        records=[(forest.site_id, leaf.comment_id, leaf.article_id) for leaf in forest.leaves],
        columns=("site_id", "comment_id", "article_id"),
    )
    await connection.executemany(
        "INSERT INTO article_counts (site_id, article_id, approved, shown_roots, version)"
        " VALUES ($1, $2, $3, $4, 7)",
        [_counts(forest, each) for each in ids],
    )


def _counts(forest: Forest, article: UUID) -> tuple[object, ...]:
    own = [leaf for leaf in forest.leaves if leaf.article_id == article]
    approved = sum(leaf.status == "approved" for leaf in own)
    return forest.site_id, article, approved, sum(leaf.shown and not leaf.parent for leaf in own)


def _row(forest: Forest, leaf: Leaf) -> tuple[object, ...]:
    return (
        forest.site_id,
        leaf.article_id,
        leaf.comment_id,
        leaf.parent.comment_id if leaf.parent else None,
        leaf.root.comment_id,
        leaf.depth,
        "guest",
        "Leila",
        "Author",
        leaf.text,
        leaf.status,
        1,
        leaf.created_at,
        leaf.created_at,
        leaf.up,
        leaf.down,
        leaf.best,
        leaf.pinned,
        sum(child.status == "approved" for child in leaf.children),
        len(leaf.replies),
    )
