"""Where the newsroom's people are signed in."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.model import Membership, Role
from service.storage.postgres import Connection, connected, in_transaction, load_queries

SQL = load_queries("sessions")

Method = Literal["password", "code", "passkey", "invitation"]
"""How a session began; `code` is a password with a one-time code."""


class Session(Struct, frozen=True, kw_only=True):
    """One browser in which a member is signed in."""

    session_id: UUID
    member_id: UUID
    method: Method
    agent: str
    """The families of browser and system."""
    created_at: datetime
    seen_at: datetime
    """Last used, up to a minute ago."""
    proved_at: datetime
    """When its member last proved who they are."""
    expires_at: datetime


class SignedInMember(Struct, frozen=True, kw_only=True):
    """A session with whose it is and what they may do."""

    session: Session
    email: str
    name: str
    owner: bool
    memberships: tuple[Membership, ...]
    """By slug; of an owner, every site."""

    @property
    def member_id(self) -> UUID:
        """Whose session it is."""
        return self.session.member_id


class SessionStore(Struct, frozen=True, kw_only=True):
    """Sessions in Postgres. Every method raises DatabaseUnavailable while it is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def open(
        self, token_hash: bytes, session: Session, *, kept: int, seen_before: datetime
    ) -> None:
        """Add a session; of its member's older ones the newest stay, `kept` in all.

        Sessions of anybody that ran out, or were last used so long before, are forgotten.
        """
        async with in_transaction(self.pool) as connection:
            await connection.execute(SQL["end_old_sessions"], session.created_at, seen_before)
            await add_session(connection, token_hash, session, kept=kept)

    async def find(self, token_hash: bytes) -> SignedInMember | None:
        """One session with its member, or None; it may be over."""
        async with connected(self.pool) as connection:
            row = await connection.fetchrow(SQL["find_session"], token_hash)
        if row is None:
            return None
        return SignedInMember(
            session=_session(row),
            email=row["email"],
            name=row["name"],
            owner=row["owner"],
            memberships=tuple(
                Membership(site_id=site_id, site=slug, role=Role(role))
                for site_id, slug, role in row["roles"]
            ),
        )

    async def touch(self, session_id: UUID, *, now: datetime) -> None:
        """Note that a session is in use."""
        async with connected(self.pool) as connection:
            await connection.execute(SQL["touch_session"], session_id, now)

    async def renew(
        self, session_id: UUID, token_hash: bytes, *, method: Method, now: datetime
    ) -> None:
        """Give a session another token: its member proved again who they are."""
        async with connected(self.pool) as connection:
            await connection.execute(SQL["renew_session"], session_id, token_hash, now, method)

    async def of_member(self, member_id: UUID) -> list[Session]:
        """Where a member is signed in, latest use first; some may be over."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["sessions_of_member"], member_id)
        return [_session(row) for row in rows]

    async def end(self, member_id: UUID, session_id: UUID) -> bool:
        """End a member's session; False when it is not theirs or ended before."""
        async with connected(self.pool) as connection:
            row = await connection.fetchval(SQL["end_session"], member_id, session_id)
        return row is not None

    async def end_others(self, member_id: UUID, *, spared: UUID | None) -> int:
        """End all sessions of a member but one; return how many there were."""
        async with connected(self.pool) as connection:
            return len(await connection.fetch(SQL["end_other_sessions"], member_id, spared))


async def add_session(
    connection: Connection, token_hash: bytes, session: Session, *, kept: int
) -> None:
    """Add a session inside another's transaction."""
    await connection.execute(
        SQL["open_session"],
        token_hash,
        session.session_id,
        session.member_id,
        session.method,
        session.agent,
        session.created_at,
        session.expires_at,
    )
    await connection.execute(SQL["end_excess_sessions"], session.member_id, kept)


async def end_every_session(connection: Connection, member_id: UUID) -> None:
    """Sign a member out everywhere, inside another's transaction."""
    await connection.fetch(SQL["end_other_sessions"], member_id, None)


def _session(row: asyncpg.Record) -> Session:
    return Session(
        session_id=row["session_id"],
        member_id=row["member_id"],
        method=row["method"],
        agent=row["agent"],
        created_at=row["created_at"],
        seen_at=row["seen_at"],
        proved_at=row["proved_at"],
        expires_at=row["expires_at"],
    )
