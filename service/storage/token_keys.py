"""Keys of the sites' own sign-in, by site and kid."""

from __future__ import annotations

from datetime import datetime

import asyncpg
from msgspec import Struct

from service.storage.administration import Act, note_act
from service.storage.postgres import connected, in_transaction, load_queries

SQL = load_queries("token_keys")


class StoredTokenKey(Struct, frozen=True, kw_only=True):
    """A key as it lies in Postgres."""

    kid: str
    issuer: str
    algorithm: str
    """`HS256`, `RS256`, `ES256` or `EdDSA`: the only one this key is good for."""
    key: bytes
    """HS256: sealed; else the public key in PEM."""
    created_at: datetime
    revoked_at: datetime | None


class TokenKeyStore(Struct, frozen=True, kw_only=True):
    """Token keys in Postgres. Every method raises DatabaseUnavailable while it is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def add(
        self,
        site_id: int,
        *,
        kid: str,
        issuer: str,
        algorithm: str,
        key: bytes,
        now: datetime,
        act: Act | None = None,
    ) -> StoredTokenKey | None:
        """Add a key; None when the site used this kid before."""
        async with in_transaction(self.pool) as connection:
            row = await connection.fetchrow(SQL["add"], site_id, kid, issuer, algorithm, key, now)
            if row is not None and act is not None:
                await note_act(connection, act)
        return StoredTokenKey(**row) if row else None

    async def find(self, site_id: int, kid: str) -> StoredTokenKey | None:
        """One key that was not revoked, or None."""
        async with connected(self.pool) as connection:
            row = await connection.fetchrow(SQL["find"], site_id, kid)
        return StoredTokenKey(**row) if row else None

    async def of_site(self, site_id: int) -> list[StoredTokenKey]:
        """Every key of a site, oldest first, revoked ones included."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["of_site"], site_id)
        return [StoredTokenKey(**row) for row in rows]

    async def revoke(
        self, site_id: int, kid: str, *, now: datetime, act: Act | None = None
    ) -> bool:
        """End a key; False when there is none or it ended before."""
        async with in_transaction(self.pool) as connection:
            ended = await connection.fetchval(SQL["revoke"], site_id, kid, now) is not None
            if ended and act is not None:
                await note_act(connection, act)
        return ended
