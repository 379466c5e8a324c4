"""News sites: one row each, with how they want their comments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import asyncpg
from msgspec import Struct
from msgspec.structs import asdict

from service.model import Mode, Site, SiteSettings
from service.storage.administration import Act, note_act
from service.storage.postgres import connected, in_transaction, load_queries

SQL = load_queries("sites")


class SiteStore(Struct, frozen=True, kw_only=True):
    """Sites as Postgres has them. Every method raises DatabaseUnavailable while it is away."""

    pool: asyncpg.Pool[asyncpg.Record]

    async def create(self, slug: str, name: str, settings: SiteSettings) -> Site | None:
        """Add a site; None when the slug is taken."""
        async with connected(self.pool) as connection:
            row = await connection.fetchrow(SQL["create"], slug, name, asdict(settings))
        return _site(row) if row else None

    async def by_slug(self, slug: str) -> Site | None:
        """One site, or None."""
        async with connected(self.pool) as connection:
            row = await connection.fetchrow(SQL["by_slug"], slug)
        return _site(row) if row else None

    async def all_sites(self) -> list[Site]:
        """Every site, by slug."""
        async with connected(self.pool) as connection:
            rows = await connection.fetch(SQL["all_sites"])
        return [_site(row) for row in rows]

    async def update_settings(
        self,
        site_id: int,
        settings: SiteSettings,
        *,
        version: int,
        name: str | None = None,
        act: Act | None = None,
    ) -> Site | None:
        """Replace the settings that had this version; None when they have another by now.

        Without a `name` the site keeps its own.
        """
        async with in_transaction(self.pool) as connection:
            row = await connection.fetchrow(
                SQL["update_settings"], site_id, asdict(settings), version, name
            )
            if row is not None and act is not None:
                await note_act(connection, act)
        return _site(row) if row else None

    async def note_epoch(self, site_id: int, epoch: str) -> None:
        """Remember which epoch a new site's queue began with; an earlier note stays."""
        async with connected(self.pool) as connection:
            await connection.execute(SQL["note_epoch"], site_id, epoch)


def _site(row: asyncpg.Record) -> Site:
    return Site(
        site_id=row["site_id"],
        slug=row["slug"],
        name=row["name"],
        settings=_settings(row["settings"]),
        settings_version=row["settings_version"],
    )


def _settings(stored: Mapping[str, Any]) -> SiteSettings:
    """Read settings; what this release does not know is left out, what is missing has its default.

    During a rolling deploy two releases read the same rows.
    """
    known: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in stored.items()
        if name in SiteSettings.__struct_fields__
    }
    if "mode" in known:
        known["mode"] = Mode(known["mode"])
    return SiteSettings(**known)
