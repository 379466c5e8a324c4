"""Who is asking, of which site, and whether they may."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from service.errors import Forbidden, Unauthenticated
from service.features.access import Access, KeyHolder, Visitor, require, require_site
from service.features.sites import SiteDirectory, UnknownSite
from service.model import ApiKey, Site
from service.web.operation import AKey, AVisitor, Operation
from service.web.reading import site_of_query

_OF_SOME_SITE = re.compile(r"(?i:bearer) (?:pbr_[\w-]{48}|[\w-]+\.[\w-]+\.[\w-]+)\Z", re.ASCII)
"""What has the form of a receipt or a token: only its site can judge it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Whoever asks, let in."""

    site: Site | None = None
    visitor: Visitor | None = None
    key: ApiKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Doorkeeper:
    """Checks credential, site and right, in this order."""

    access: Access
    sites: SiteDirectory

    async def admit(
        self,
        operation: Operation,
        *,
        slug: str | None,
        query: str,
        authorization: Sequence[str],
        now: datetime,
    ) -> Asker:
        """Let whoever asks in. `slug` is the path's site, `authorization` all such headers.

        Raises:
            Unauthenticated: a credential is wrong, or needed and missing.
            UnknownSite: there is no such site, or it is not the key's.
            Forbidden: the credential does not give this right.
            Unavailable: Postgres is away, and this process has not met the site or the key.
        """
        match operation.credential:
            case AKey() as wanted:
                if slug is None and operation.site_in_query:
                    slug = site_of_query(query)
                return await self._backend(wanted, slug, authorization, now)
            case AVisitor() as wanted:
                assert slug is not None, "Visitors are a site's visitors."
                return await self._visitor(wanted, slug, authorization, now)
            case _:
                return Asker(site=None if slug is None else await self.sites.get(slug))

    async def named(self, asker: Asker, slug: str) -> Site:
        """Return the site that the body names.

        Raises:
            UnknownSite: there is none, or it is not the key's.
            Unavailable: Postgres is away, and this process has not met the site.
        """
        site = await self.sites.get(slug)
        if asker.key is not None:
            require_site(asker.key, site)
        return site

    async def _backend(
        self, wanted: AKey, slug: str | None, authorization: Sequence[str], now: datetime
    ) -> Asker:
        key = await self.access.key(_one(authorization), now=now)
        site = await self.sites.get(key.site if slug is None else slug)
        require_site(key, site)
        require(key, wanted.scope)
        return Asker(site=site, key=key)

    async def _visitor(
        self, wanted: AVisitor, slug: str, authorization: Sequence[str], now: datetime
    ) -> Asker:
        header = _one(authorization)
        if header is None and wanted.required:
            raise Unauthenticated
        try:
            site = await self.sites.get(slug)
        except UnknownSite:
            await self._judge_without_site(header, now)
            raise
        visitor = await self.access.visitor(site, header, now=now)
        if not isinstance(visitor, KeyHolder):
            return Asker(site=site, visitor=visitor)
        if wanted.key_scope is None:
            raise Forbidden("Only readers can do this.")
        require(visitor.key, wanted.key_scope)
        return Asker(site=site, visitor=visitor, key=visitor.key)

    async def _judge_without_site(self, header: str | None, now: datetime) -> None:
        """Refuse a credential that is wrong whatever the site, so that 401 comes before 404."""
        if header is not None and not _OF_SOME_SITE.match(header):
            await self.access.key(header, now=now)


def _one(authorization: Sequence[str]) -> str | None:
    """Return the only `Authorization` header.

    Raises:
        Unauthenticated: there are several, and who knows which is meant.
    """
    if len(authorization) > 1:
        raise Unauthenticated
    return authorization[0] if authorization else None
