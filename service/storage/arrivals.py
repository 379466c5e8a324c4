"""What a one-time link lets somebody do: the whole of it, or nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct
from msgspec.structs import replace

from service.storage.administration import Act, note_act
from service.storage.postgres import Connection, connected, in_transaction, load_queries
from service.storage.proofs import Passkey, remove_every_proof, write_passkey, write_password
from service.storage.sessions import Session, add_session, end_every_session

SQL = load_queries("arrivals")


class Invitation(Struct, frozen=True, kw_only=True):
    """A link that is still good."""

    member_id: UUID | None
    """Whom it is for; None for the first start's owner link."""
    email: str | None
    name: str
    site_id: int | None
    """Whose admin invited; None: whoever may use the command line."""
    resets: bool
    """Whether it replaces what its member signs in with."""
    arrived: bool
    """Whether its member can sign in without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Somebody who follows a link, as they want to be known from now on."""

    member_id: UUID
    """Of an owner a new one; what counts is the answer."""
    email: str
    name: str
    password_hash: str | None = field(default=None, repr=False)
    passkey: Passkey | None = None


class ArrivalStore(Struct, frozen=True, kw_only=True):
    """Arrivals in Postgres. Every method raises DatabaseUnavailable while it is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def find(self, token_hash: bytes, *, now: datetime) -> Invitation | None:
        """A link; None when it was used, has expired or never was."""
        async with connected(self.pool) as connection:
            return await _find(connection, token_hash, now)

    async def arrive(
        self,
        token_hash: bytes,
        arrival: Arrival,
        *,
        session_hash: bytes,
        session: Session,
        kept: int,
        act: Act,
    ) -> bool:
        """Use up a link: the member gets a name, a way to sign in, and a session.

        False, and nothing is changed, when somebody was faster, the address is a member's who can
        sign in, or the passkey is known already.
        """
        try:
            async with in_transaction(self.pool) as connection:
                member_id = await _admit(connection, token_hash, arrival, now=act.at)
                await _equip(connection, member_id, arrival, now=act.at)
                own = replace(session, member_id=member_id)
                await add_session(connection, session_hash, own, kept=kept)
                mine = replace(act, actor_id=str(member_id), member_id=member_id)
                await note_act(connection, mine)
        except _TooLateError:
            return False
        return True


class _TooLateError(Exception):
    """Undoes the transaction."""


async def _find(connection: Connection, token_hash: bytes, now: datetime) -> Invitation | None:
    row = await connection.fetchrow(SQL["find_invitation"], token_hash, now)
    if row is None:
        return None
    return Invitation(
        member_id=row["member_id"],
        email=row["email"],
        name=row["name"] or "",
        site_id=row["site_id"],
        resets=row["resets"],
        arrived=row["arrived"],
    )


async def _admit(
    connection: Connection, token_hash: bytes, arrival: Arrival, *, now: datetime
) -> UUID:
    """Use the link up and return whose it was; an owner becomes a member by it."""
    invitation = await _find(connection, token_hash, now)
    if invitation is None:
        raise _TooLateError
    if invitation.member_id is None:
        await connection.fetch(SQL["lock_owner_links"])
    else:
        await connection.fetch(SQL["lock_member"], invitation.member_id)
    invitation = await _find(connection, token_hash, now)
    if invitation is None or not await _take(connection, token_hash, now):
        raise _TooLateError
    if invitation.member_id is None:
        return await _become_owner(connection, arrival, now=now)
    member_id = invitation.member_id
    if invitation.resets:
        await remove_every_proof(connection, member_id)
        await end_every_session(connection, member_id)
    elif invitation.arrived:
        raise _TooLateError
    elif invitation.site_id is not None:
        await connection.execute(SQL["end_roles_elsewhere"], member_id, invitation.site_id)
    await connection.execute(SQL["end_links_of_member"], member_id, now)
    await connection.execute(SQL["name_member"], member_id, arrival.name)
    return member_id


async def _take(connection: Connection, token_hash: bytes, now: datetime) -> bool:
    return await connection.fetchrow(SQL["take_invitation"], token_hash, now) is not None


async def _become_owner(connection: Connection, arrival: Arrival, *, now: datetime) -> UUID:
    await connection.execute(SQL["end_owner_links"], now)
    member_id: UUID | None = await connection.fetchval(
        SQL["add_owner"], arrival.member_id, arrival.email, arrival.name
    )
    if member_id is None:
        raise _TooLateError
    await connection.execute(SQL["end_links_of_member"], member_id, now)
    return member_id


async def _equip(
    connection: Connection, member_id: UUID, arrival: Arrival, *, now: datetime
) -> None:
    """Give a member what they sign in with."""
    if arrival.password_hash is not None:
        await write_password(connection, member_id, arrival.password_hash, now=now)
    if arrival.passkey is not None:
        passkey = replace(arrival.passkey, member_id=member_id)
        if not await write_passkey(connection, passkey):
            raise _TooLateError
