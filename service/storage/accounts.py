"""Keys of back ends, the newsroom's people, and the links that let them in."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct
from msgspec.structs import replace

from service.model import ApiKey, Membership, Role, Scope
from service.storage.administration import Act, note_act
from service.storage.postgres import connected, in_transaction, load_queries
from service.storage.sessions import end_every_session

SQL = load_queries("accounts")


class StoredKey(Struct, frozen=True, kw_only=True):
    """A key with what proves it."""

    key: ApiKey
    secret_hash: bytes
    """SHA-256 of the secret."""


class KeyIdTaken(Exception):  # noqa: N818 - once in 10^14; the feature tries another
    """Another key has this id."""


class ReplacedKey(Struct, frozen=True, kw_only=True):
    """What a key's successor is like."""

    name: str
    scopes: frozenset[Scope]
    expires_at: datetime | None
    old_ends_at: datetime


class Member(Struct, frozen=True, kw_only=True):
    """Somebody of a site's team."""

    member_id: UUID
    email: str
    name: str
    """Empty until they followed their link."""
    role: Role
    since: datetime
    owner: bool
    """Whether they are an admin of every site."""
    arrived: bool
    """Whether they can sign in."""
    has_passkey: bool
    has_authenticator: bool
    seen_at: datetime | None
    """When they were last at work, to some minutes."""
    sites: tuple[str, ...]
    """Slugs of all sites on which they were given a role."""
    languages: tuple[str, ...]
    """In which they say that they read comments."""


class Invited(Struct, frozen=True, kw_only=True):
    """Somebody who has a role now."""

    member_id: UUID
    arrived: bool
    """Whether they could sign in before."""


class AccountStore(Struct, frozen=True, kw_only=True):
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
        act: Act | None = None,
    ) -> bool:
        """Add a key, its secret known by its hash alone; False when the id is taken."""
        async with in_transaction(self.pool) as connection:
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
            if row is not None and act is not None:
                await note_act(connection, act)
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

    async def keys_ending(self, begin: datetime, end: datetime) -> int:
        """Count the keys of all sites that end between two times.

        Raises:
            DatabaseUnavailable: Postgres is away.
        """
        async with connected(self.pool) as connection:
            return int(await connection.fetchval(SQL["keys_ending"], begin, end))

    async def revoke_key(
        self, site_id: int, key_id: str, *, now: datetime, act: Act | None = None
    ) -> bool:
        """End a site's key; False when there is none or it ended before."""
        async with in_transaction(self.pool) as connection:
            ended = await connection.fetchval(SQL["revoke_key"], site_id, key_id, now) is not None
            if ended and act is not None:
                await note_act(connection, act)
        return ended

    async def replace_key(
        self,
        site_id: int,
        key_id: str,
        *,
        new_id: str,
        secret_hash: bytes,
        old_expires_at: datetime,
        now: datetime,
        act: Act,
    ) -> ReplacedKey | None:
        """Add a key that may what another may, for as long; the other ends at a moment, or before.

        None when the other has ended already.

        Raises:
            KeyIdTaken: nothing was done.
        """
        async with in_transaction(self.pool) as connection:
            row = await connection.fetchrow(SQL["hold_key"], site_id, key_id, now)
            if row is None:
                return None
            expires_at = row["expires_at"]
            if expires_at is not None:
                expires_at = now + (expires_at - row["created_at"])
            made = await connection.fetchval(
                SQL["create_key"],
                new_id,
                site_id,
                row["name"],
                secret_hash,
                row["scopes"],
                now,
                expires_at,
            )
            if made is None:
                raise KeyIdTaken
            ends = await connection.fetchval(SQL["let_key_expire"], site_id, key_id, old_expires_at)
            await note_act(connection, act)
        return ReplacedKey(
            name=row["name"],
            scopes=frozenset(Scope(scope) for scope in row["scopes"]),
            expires_at=expires_at,
            old_ends_at=ends,
        )

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
        resets: bool,
        act: Act,
        expires_at: datetime,
    ) -> Invited:
        """Make somebody a member with a role on one site, and add a link that lets them in.

        Their id is `member_id`, or the one this address had before. Whoever is in already gets
        no link, unless it `resets` what they sign in with.
        """
        async with in_transaction(self.pool) as connection:
            await connection.execute(SQL["end_old_roles"], email)
            known: UUID = await connection.fetchval(SQL["add_member"], member_id, email)
            await connection.execute(SQL["give_role"], known, site_id, role, act.at)
            arrived: bool = await connection.fetchval(SQL["member_has_arrived"], known)
            if resets or not arrived:
                whose = None if resets else site_id
                await connection.execute(
                    SQL["add_invitation"], token_hash, known, act.at, expires_at, whose, resets
                )
            await note_act(connection, replace(act, member_id=known))
        return Invited(member_id=known, arrived=arrived)

    async def add_owner_link(
        self, token_hash: bytes, *, now: datetime, expires_at: datetime
    ) -> bool:
        """Add a link for whoever runs the service; False once anybody is in the newsroom."""
        async with in_transaction(self.pool) as connection:
            if await connection.fetchval(SQL["members_exist"]):
                return False
            await connection.execute(
                SQL["add_invitation"], token_hash, None, now, expires_at, None, False
            )
        return True

    async def change_role(self, site_id: int, member_id: UUID, role: Role, *, act: Act) -> bool:
        """Change what a member may do on a site; False when they have no role there."""
        async with in_transaction(self.pool) as connection:
            changed = await connection.fetchval(
                SQL["change_role"], member_id, site_id, role, act.at
            )
            if changed is None:
                return False
            await note_act(connection, act)
        return True

    async def take_role(self, site_id: int, member_id: UUID, *, act: Act) -> bool:
        """Take a member's role on a site; without any other they are signed out for good.

        False when they have no role there.
        """
        async with in_transaction(self.pool) as connection:
            if await connection.fetchval(SQL["take_role"], member_id, site_id) is None:
                return False
            if await connection.fetchval(SQL["remove_idle_member"], member_id, act.at) is not None:
                await end_every_session(connection, member_id)
            await note_act(connection, act)
        return True

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
                owner=row["owner"],
                arrived=row["has_password"] or row["has_passkey"],
                has_passkey=row["has_passkey"],
                has_authenticator=row["has_authenticator"],
                seen_at=row["seen_at"],
                sites=tuple(row["sites"]),
                languages=tuple(row["languages"] or ()),
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
