"""Keys of back ends, the newsroom's people, and the links that let them in."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from service.model import ApiKey, Role, Scope
from service.storage.postgres import connected, in_transaction, load_queries

SQL = load_queries("accounts")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """A key with what proves it."""

    key: ApiKey
    secret_hash: bytes
    """SHA-256 of the secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Somebody of a site's team."""

    member_id: UUID
    email: str
    name: str
    """Empty until they followed their link."""
    role: Role
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """What a member may do on one site."""

    site_id: int
    site: str
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A link that was good and is used up now."""

    member_id: UUID | None
    """Whom it was for; None for the first start's owner link."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStore:
    """Accounts in Postgres. Every method raises DatabaseUnavailable while it is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def create_key(
        self,
        site_id: int,
        *,
        key_id: str,
        name: str,
        secret_hash: bytes,
        scopes: Collection[Scope],
        created_at: datetime,
        expires_at: datetime | None,
    ) -> bool:
        """Add a key, its secret known by its hash alone; False when the id is taken."""
        async with connected(self.pool) as connection:
            row = await connection.fetchval(
                SQL["create_key"],
                key_id,
                site_id,
                name,
                secret_hash,
                sorted(scopes),
                created_at,
                expires_at,
            )
        return row is not None

    async def find_key(self, key_id: str) -> StoredKey | None:
        """One key that was not revoked, or None; it may have expired."""
        async with connected(self.pool) as connection:
            row = await connection.fetchrow(SQL["find_key"], key_id)
        return StoredKey(key=_key(row), secret_hash=row["secret_hash"]) if row else None

    async def keys_of_site(self, site_id: int) -> list[ApiKey]:
        """Every key of a site, oldest first, ended ones included."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["keys_of_site"], site_id)
        return [_key(row) for row in rows]

    async def revoke_key(self, site_id: int, key_id: str, *, now: datetime) -> bool:
        """End a site's key; False when there is none or it ended before."""
        async with connected(self.pool) as connection:
            return await connection.fetchval(SQL["revoke_key"], site_id, key_id, now) is not None

    async def touch_key(self, key_id: str, *, hour: datetime) -> None:
        """Note the hour in which a key was used."""
        async with connected(self.pool) as connection:
            await connection.execute(SQL["touch_key"], key_id, hour)

    async def invite(
        self,
        site_id: int,
        *,
        member_id: UUID,
        email: str,
        role: Role,
        token_hash: bytes,
        now: datetime,
        expires_at: datetime,
    ) -> UUID:
        """Make somebody a member with a role on one site, and add a link that lets them in.

        Returns the member's id: `member_id`, or the one this address had before.
        """
        async with in_transaction(self.pool) as connection:
            await connection.execute(SQL["end_old_roles"], email)
            known: UUID = await connection.fetchval(SQL["add_member"], member_id, email)
            await connection.execute(SQL["give_role"], known, site_id, role, now)
            await connection.execute(SQL["add_invitation"], token_hash, known, now, expires_at)
        return known

    async def add_owner_link(
        self, token_hash: bytes, *, now: datetime, expires_at: datetime
    ) -> bool:
        """Add a link for whoever runs the service; False once anybody is in the newsroom."""
        async with in_transaction(self.pool) as connection:
            if await connection.fetchval(SQL["members_exist"]):
                return False
            await connection.execute(SQL["add_invitation"], token_hash, None, now, expires_at)
        return True

    async def take_invitation(self, token_hash: bytes, *, now: datetime) -> Invitation | None:
        """Use up a link; None when it was used, has expired or never was."""
        async with connected(self.pool) as connection:
            row = await connection.fetchrow(SQL["take_invitation"], token_hash, now)
        return Invitation(member_id=row["member_id"]) if row else None

    async def members_of_site(self, site_id: int) -> list[Member]:
        """The team of one site, by address."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["members_of_site"], site_id)
        return [
            Member(
                member_id=row["member_id"],
                email=row["email"],
                name=row["name"],
                role=Role(row["role"]),
                since=row["since"],
            )
            for row in rows
        ]

    async def roles_of_member(self, member_id: UUID) -> list[Membership]:
        """What one member may do, and where, by slug; nothing once they were removed."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["roles_of_member"], member_id)
        return [
            Membership(site_id=row["site_id"], site=row["slug"], role=Role(row["role"]))
            for row in rows
        ]


def _key(row: asyncpg.Record) -> ApiKey:
    return ApiKey(
        key_id=row["key_id"],
        site_id=row["site_id"],
        site=row["site"],
        name=row["name"],
        scopes=frozenset(Scope(scope) for scope in row["scopes"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        last_used_at=row["last_used_at"],
    )
