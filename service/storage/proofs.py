"""With what the newsroom's people prove who they are: passwords, authenticators, passkeys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.storage.administration import Act, note_act
from service.storage.postgres import Connection, connected, in_transaction, load_queries

SQL = load_queries("proofs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimant:
    """Whoever has an address, with what they have to say to prove that it is theirs."""

    member_id: UUID
    name: str
    password_hash: str | None = field(repr=False)
    has_authenticator: bool


class Proofs(Struct, frozen=True, kw_only=True):
    """What a member can prove who they are with."""

    password_changed_at: datetime | None
    authenticator_since: datetime | None
    recovery_codes: int
    """Those left."""
    passkeys: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticator:
    """The secret that a member's telephone makes codes of."""

    secret: bytes = field(repr=False)
    """Sealed."""
    created_at: datetime
    confirmed_at: datetime | None


class Passkey(Struct, frozen=True, kw_only=True):
    """A member's passkey: what we need to recognise it."""

    passkey_id: UUID
    credential_id: bytes
    member_id: UUID
    public_key: bytes
    sign_count: int
    """Uses that the authenticator counts; always 0 for many."""
    synced: bool
    """Kept by more than one device."""
    name: str
    created_at: datetime
    last_used_at: datetime | None = None


class ProofStore(Struct, frozen=True, kw_only=True):
    """Proofs in Postgres. Every method raises DatabaseUnavailable while it is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def claimant(self, email: str) -> Claimant | None:
        """Whoever may sign in under an address."""
        async with connected(self.pool) as connection:
            row = await connection.fetchrow(SQL["member_to_prove"], email)
        if row is None:
            return None
        return Claimant(
            member_id=row["member_id"],
            name=row["name"],
            password_hash=row["hash"],
            has_authenticator=row["has_authenticator"],
        )

    async def of_member(self, member_id: UUID) -> Proofs:
        """What a member has."""
        async with connected(self.pool) as connection:
            row = await connection.fetchrow(SQL["proofs_of_member"], member_id)
        assert row is not None
        return Proofs(
            password_changed_at=row["password_changed_at"],
            authenticator_since=row["confirmed_at"],
            recovery_codes=row["recovery_codes"],
            passkeys=row["passkeys"],
        )

    async def password(self, member_id: UUID) -> str | None:
        """The hash of a member's password."""
        async with connected(self.pool) as connection:
            found: str | None = await connection.fetchval(SQL["password_of"], member_id)
        return found

    async def set_password(self, member_id: UUID, hashed: str, *, act: Act) -> None:
        """Change a member's password."""
        async with in_transaction(self.pool) as connection:
            await write_password(connection, member_id, hashed, now=act.at)
            await note_act(connection, act)

    async def rehash(self, member_id: UUID, *, old: str, new: str) -> None:
        """Keep the same password under today's parameters."""
        async with connected(self.pool) as connection:
            await connection.execute(SQL["rehash_password"], member_id, old, new)

    async def begin_authenticator(self, member_id: UUID, secret: bytes, *, now: datetime) -> bool:
        """Add a sealed secret that does not count yet; False when another one counts."""
        async with connected(self.pool) as connection:
            begun = await connection.fetchval(SQL["begin_authenticator"], member_id, secret, now)
        return begun is not None

    async def authenticator(self, member_id: UUID) -> Authenticator | None:
        """A member's authenticator, also one that does not count yet."""
        async with connected(self.pool) as connection:
            row = await connection.fetchrow(SQL["authenticator_of"], member_id)
        if row is None:
            return None
        return Authenticator(
            secret=row["secret"], created_at=row["created_at"], confirmed_at=row["confirmed_at"]
        )

    async def confirm_authenticator(
        self, member_id: UUID, secret: bytes, *, step: int, codes: Sequence[bytes], act: Act
    ) -> bool:
        """Let a secret count, with recovery codes; False when it did, or is another by now."""
        async with in_transaction(self.pool) as connection:
            confirmed = await connection.fetchval(
                SQL["confirm_authenticator"], member_id, secret, step, act.at
            )
            if confirmed is None:
                return False
            await _write_recovery_codes(connection, member_id, codes)
            await note_act(connection, act)
        return True

    async def use_step(self, member_id: UUID, step: int) -> bool:
        """Use up the code of a step; False when it, or a later one, was used."""
        async with connected(self.pool) as connection:
            return await connection.fetchval(SQL["use_step"], member_id, step) is not None

    async def remove_authenticator(self, member_id: UUID, *, act: Act) -> bool:
        """Do without authenticator and recovery codes; False when there was none."""
        async with in_transaction(self.pool) as connection:
            if await connection.fetchval(SQL["remove_authenticator"], member_id) is None:
                return False
            await connection.execute(SQL["remove_recovery_codes"], member_id)
            await note_act(connection, act)
        return True

    async def replace_recovery_codes(
        self, member_id: UUID, codes: Sequence[bytes], *, act: Act
    ) -> None:
        """Make other recovery codes the only good ones."""
        async with in_transaction(self.pool) as connection:
            await _write_recovery_codes(connection, member_id, codes)
            await note_act(connection, act)

    async def use_recovery_code(
        self, member_id: UUID, hashes: Sequence[bytes], *, act: Act
    ) -> bool:
        """Use up a code under any of its hashes; False when none is good."""
        async with in_transaction(self.pool) as connection:
            used = await connection.fetchval(
                SQL["use_recovery_code"], member_id, list(hashes), act.at
            )
            if used is None:
                return False
            await note_act(connection, act)
        return True

    async def add_passkey(self, passkey: Passkey, *, act: Act) -> bool:
        """Add a passkey; False when the credential is known already."""
        async with in_transaction(self.pool) as connection:
            if not await write_passkey(connection, passkey):
                return False
            await note_act(connection, act)
        return True

    async def find_passkey(self, credential_id: bytes) -> Passkey | None:
        """The passkey of a credential that somebody presents."""
        async with connected(self.pool) as connection:
            row = await connection.fetchrow(SQL["find_passkey"], credential_id)
        return _passkey(row) if row else None

    async def use_passkey(self, passkey: Passkey, *, sign_count: int, now: datetime) -> bool:
        """Note a use; False when the counter went on since `passkey` was read."""
        async with connected(self.pool) as connection:
            used = await connection.fetchval(
                SQL["use_passkey"], passkey.passkey_id, passkey.sign_count, sign_count, now
            )
        return used is not None

    async def passkeys(self, member_id: UUID) -> list[Passkey]:
        """A member's passkeys, oldest first."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["passkeys_of_member"], member_id)
        return [_passkey(row) for row in rows]

    async def remove_passkey(self, member_id: UUID, passkey_id: UUID, *, act: Act) -> bool:
        """Take a passkey back; False when the member has none of this id."""
        async with in_transaction(self.pool) as connection:
            if await connection.fetchval(SQL["remove_passkey"], member_id, passkey_id) is None:
                return False
            await note_act(connection, act)
        return True


async def write_password(
    connection: Connection, member_id: UUID, hashed: str, *, now: datetime
) -> None:
    """Set a password inside another's transaction."""
    await connection.execute(SQL["set_password"], member_id, hashed, now)


async def write_passkey(connection: Connection, passkey: Passkey) -> bool:
    """Add a passkey inside another's transaction; False when the credential is known."""
    added = await connection.fetchval(
        SQL["add_passkey"],
        passkey.passkey_id,
        passkey.credential_id,
        passkey.member_id,
        passkey.public_key,
        passkey.sign_count,
        passkey.synced,
        passkey.name,
        passkey.created_at,
    )
    return added is not None


async def remove_every_proof(connection: Connection, member_id: UUID) -> None:
    """Take everything back that a member signs in with, inside another's transaction."""
    for name in (
        "remove_password",
        "remove_authenticator",
        "remove_recovery_codes",
        "remove_passkeys",
    ):
        await connection.execute(SQL[name], member_id)


async def _write_recovery_codes(
    connection: Connection, member_id: UUID, codes: Sequence[bytes]
) -> None:
    await connection.execute(SQL["remove_recovery_codes"], member_id)
    await connection.execute(SQL["add_recovery_codes"], member_id, list(codes))


def _passkey(row: asyncpg.Record) -> Passkey:
    return Passkey(
        passkey_id=row["passkey_id"],
        credential_id=row["credential_id"],
        member_id=row["member_id"],
        public_key=row["public_key"],
        sign_count=row["sign_count"],
        synced=row["synced"],
        name=row["name"],
        created_at=row["created_at"],
        last_used_at=row["last_used_at"],
    )
