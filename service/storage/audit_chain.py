"""The chains of hashes over the log, one a site: sealed, and followed link by link."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.storage.postgres import (
    Connection,
    connected,
    in_transaction,
    load_queries,
    write_rows,
)

SQL = load_queries("audit")

WHOLE_SERVICE = 0
"""The chain of what was done on no site in particular."""
TURN_KEY = 0x706F737473656C
"""The advisory lock of whoever seals: "postsel" in ASCII."""
SECONDS = 4.5
"""How long a list or a stretch may take: less than a request."""
Kind = Literal["decision", "act"]


class Written(Struct, frozen=True, kw_only=True):
    """A decision or an act as its own table has it."""

    site_id: int
    kind: Kind
    article_id: UUID | None
    comment_id: UUID | None
    n: int | None
    entry_id: UUID
    at: datetime
    actor_kind: str
    actor_id: str
    act: str
    reason: str | None
    rest: tuple[Any, ...]
    """Whatever else the row says, in the order of its columns."""

    @property
    def place(self) -> Place:
        """Where its own table has it."""
        if self.kind == "decision":
            return (self.site_id, self.article_id, self.comment_id, self.n)
        return (self.site_id, self.entry_id)


Place: TypeAlias = tuple[int | UUID | None, ...]


class Link(Struct, frozen=True, kw_only=True):
    """An entry of a chain, and what it was made of as that is now."""

    position: int
    """From 1 on, without gaps."""
    hash: bytes
    listed: Written
    """As the chain itself repeats it; without `rest`."""
    written: Written | None
    """None: the row is gone."""


class Head(Struct, frozen=True, kw_only=True):
    """Where a chain ends."""

    position: int
    hash: bytes


Seal: TypeAlias = Callable[[bytes, int, Written], bytes]
"""The hash of a link: of the former one's hash, of its position, and of what was written."""


class ChainStore(Struct, frozen=True, kw_only=True):
    """Chains in Postgres. Every method raises DatabaseUnavailable while it is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def seal(self, seal: Seal, *, beginning: bytes, limit: int) -> int:
        """Seal the oldest that is not sealed; returns how much that was.

        Whoever else seals at the same time waits: a position of a chain is given once.
        """
        async with in_transaction(self.pool) as connection:
            await connection.execute(SQL["wait_for_turn"], TURN_KEY)
            taken = await connection.fetch(SQL["take_unsealed"], limit)
            if not taken:
                return 0
            taken.sort(key=lambda row: row["written_id"])
            written = await _written(connection, taken)
            heads = await _heads(connection, {each.site_id for each in written})
            rows = []
            for each in written:
                head = heads.get(each.site_id) or Head(position=0, hash=beginning)
                position = head.position + 1
                made = seal(head.hash, position, each)
                heads[each.site_id] = Head(position=position, hash=made)
                rows.append(_row(each, position, made))
            await write_rows(connection, SQL["seal"], rows)
        return len(taken)

    async def head(self, site_id: int) -> Head | None:
        """Where a chain ends; None before its first entry."""
        async with connected(self.pool) as connection:
            heads = await _heads(connection, {site_id})
        return heads.get(site_id)

    async def hash_at(self, site_id: int, position: int) -> bytes | None:
        """Return the hash of one link; None: there is no such position."""
        async with connected(self.pool) as connection:
            found: bytes | None = await connection.fetchval(SQL["hash_at"], site_id, position)
        return found

    async def links(self, site_id: int, *, after: int, limit: int) -> list[Link]:
        """Return a stretch of a chain with what it was made of."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["links"], site_id, after, limit, timeout=SECONDS)
            written = {each.place: each for each in await _written(connection, rows)}
        links = []
        for row in rows:
            listed = _listed(row)
            links.append(
                Link(
                    position=row["position"],
                    hash=row["hash"],
                    listed=listed,
                    written=written.get(listed.place),
                )
            )
        return links

    async def waiting(self, site_id: int) -> int:
        """How much of a site is not sealed yet."""
        async with connected(self.pool) as connection:
            count: int = await connection.fetchval(SQL["waiting"], site_id)
        return count

    async def unlisted(self, site_id: int) -> UUID | None:
        """Return something that was written and is in no chain; None when all of it is."""
        async with connected(self.pool) as connection:
            found: UUID | None = await connection.fetchval(
                SQL["unlisted_decision"], site_id, timeout=SECONDS
            )
            if found is None:
                found = await connection.fetchval(SQL["unlisted_act"], site_id, timeout=SECONDS)
        return found


async def _written(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> list[Written]:
    """Return what rows of a list stand for, in their order, as far as it is there."""
    wanted = list(rows)
    decided = [row for row in wanted if row["comment_id"] is not None]
    places = [[row[name] for row in decided] for name in _DECISION]
    acted = [row["entry_id"] for row in wanted if row["comment_id"] is None]
    there: list[Written] = []
    if decided:
        found = await connection.fetch(SQL["written_decisions"], *places, timeout=SECONDS)
        there += map(_of_decision, found)
    if acted:
        found = await connection.fetch(SQL["written_acts"], acted, timeout=SECONDS)
        there += map(_of_act, found)
    known = {each.place: each for each in there}
    return [known[place] for place in map(_place, wanted) if place in known]


def _place(row: Mapping[str, Any]) -> Place:
    if row["comment_id"] is None:
        return (row["site_id"], row["entry_id"])
    return tuple(row[name] for name in _DECISION)


_DECISION = ("site_id", "article_id", "comment_id", "n")


def _of_decision(row: Mapping[str, Any]) -> Written:
    names = (
        "revision",
        "kind",
        "status",
        "note",
        "rule_version",
        "reverses",
        "duplicate_of",
        "content_hash",
        "request_id",
        "lang",
        "risk",
        "rules",
    )
    return Written(
        site_id=row["site_id"],
        kind="decision",
        article_id=row["article_id"],
        comment_id=row["comment_id"],
        n=row["n"],
        entry_id=row["decision_id"],
        at=row["at"],
        actor_kind=row["actor_kind"],
        actor_id=row["actor_id"],
        act=row["action"],
        reason=row["reason"],
        rest=tuple(row[name] for name in names),
    )


def _of_act(row: Mapping[str, Any]) -> Written:
    return Written(
        site_id=row["site_id"],
        kind="act",
        article_id=None,
        comment_id=None,
        n=None,
        entry_id=row["entry_id"],
        at=row["at"],
        actor_kind=row["actor_kind"],
        actor_id=row["actor_id"],
        act=row["act"],
        reason=None,
        rest=(row["member_id"], row["details"], row["request_id"]),
    )


def _listed(row: Mapping[str, Any]) -> Written:
    return Written(
        site_id=row["site_id"],
        kind=row["kind"],
        article_id=row["article_id"],
        comment_id=row["comment_id"],
        n=row["n"],
        entry_id=row["entry_id"],
        at=row["at"],
        actor_kind=row["actor_kind"],
        actor_id=row["actor_id"],
        act=row["act"],
        reason=row["reason"],
        rest=(),
    )


def _row(written: Written, position: int, made: bytes) -> tuple[Any, ...]:
    return (
        written.site_id,
        position,
        written.kind,
        written.article_id,
        written.comment_id,
        written.n,
        written.entry_id,
        written.at,
        written.actor_kind,
        written.actor_id,
        written.act,
        written.reason,
        made,
    )


async def _heads(connection: Connection, site_ids: Iterable[int]) -> dict[int, Head]:
    rows = await connection.fetch(SQL["heads"], sorted(site_ids))
    return {row["site_id"]: Head(position=row["position"], hash=row["hash"]) for row in rows}
