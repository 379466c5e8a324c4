"""Who is asking, of which site, and whether they may."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from service.errors import FieldError, Forbidden, Invalid, Unauthenticated
from service.features.access import Access, KeyHolder, Visitor, require, require_site
from service.features.sessions import (
    Sessions,
    SignedInMember,
    require_fresh_proof,
    role_on,
)
from service.features.sites import SiteDirectory, UnknownSite
from service.model import ApiKey, Role, Site
from service.web.operation import AKey, AMember, AModerator, AVisitor, Operation
from service.web.presented import Presented
from service.web.reading import site_of_query

_OF_SOME_SITE = re.compile(r"(?i:bearer) (?:pbr_[\w-]{48}|[\w-]+\.[\w-]+\.[\w-]+)\Z", re.ASCII)
"""What has the form of a receipt or a token: only its site can judge it."""


class Asker(Struct, frozen=True, kw_only=True):
    """Whoever asks, let in."""

    site: Site | None = None
    visitor: Visitor | None = None
    key: ApiKey | None = None
    member: SignedInMember | None = None
    role: Role | None = None
    """What the operation asks of a member."""
    token: str | None = None
    """The session's own."""
    sites: tuple[Site, ...] = ()
    """Where whoever asks may do this; of a site that is named elsewhere, only that."""

    @property
    def principal(self) -> tuple[str, str] | None:
        """Who it is, as kind and id; None: anybody."""
        if self.member is not None:
            return "member", str(self.member.member_id)
        key = self.visitor.key if isinstance(self.visitor, KeyHolder) else self.key
        if key is not None:
            return "key", key.key_id
        if self.visitor is None or isinstance(self.visitor, KeyHolder):
            return None
        return "reader", str(self.visitor.author_id)


class Doorkeeper(Struct, frozen=True, kw_only=True):
    """Checks credential, site and right, in this order."""

    access: Access
    sites: SiteDirectory
    sessions: Sessions | None = None
    """None where nobody can be signed in."""

    async def admit(
        self,
        operation: Operation,
        *,
        slug: str | None,
        query: str,
        presented: Presented,
        now: datetime,
    ) -> Asker:
        """Let whoever asks in. `slug` is the path's site.

        Raises:
            Unauthenticated: a credential is wrong, or needed and missing.
            UnknownSite: there is no such site, or it is not the key's or the member's.
            Forbidden: the credential does not give this right, or a foreign page uses it.
            Unavailable: Postgres is away, and this process has not met the site or the key.
        """
        if operation.own_pages:
            presented.refuse_foreign_page(with_session=False)
        if slug is None and operation.site_in_query:
            slug = site_of_query(query)
        match operation.credential:
            case AModerator() as wanted if self._asks_with_session(presented):
                return await self._moderator(wanted, operation, slug, presented, now)
            case AKey() as wanted:
                return await self._backend(wanted, slug, presented.authorization, now)
            case AMember() as wanted:
                return await self._member(wanted, slug, presented, now)
            case AVisitor() as wanted:
                assert slug is not None, "Visitors are a site's visitors."
                return await self._visitor(wanted, slug, presented.authorization, now)
            case _:
                return Asker(site=None if slug is None else await self.sites.get(slug))

    async def named(self, asker: Asker, slug: str) -> Site:
        """Return the site that the body names.

        Raises:
            UnknownSite: there is none, or it is not the key's or the member's.
            Forbidden: the member's role there does not give this right.
            Unavailable: Postgres is away, and this process has not met the site.
        """
        site = await self.sites.get(slug)
        if asker.key is not None:
            require_site(asker.key, site)
        if asker.member is not None and asker.role is not None:
            _require_role(asker.member, asker.role, site)
        return site

    def _asks_with_session(self, presented: Presented) -> bool:
        """Tell whether there is a session's cookie and nothing that goes before it."""
        return (
            self.sessions is not None
            and not presented.authorization
            and presented.token is not None
        )

    async def _moderator(
        self,
        wanted: AModerator,
        operation: Operation,
        slug: str | None,
        presented: Presented,
        now: datetime,
    ) -> Asker:
        signed_in, token = await self._signed_in(presented, now)
        if slug is None and operation.site_in_query:
            slug = _only_site(signed_in)
        asker = await self._with_role(signed_in, wanted.role, slug, token)
        if wanted.fresh:
            require_fresh_proof(signed_in, strong=wanted.role is Role.ADMIN, now=now)
        return asker

    async def _member(
        self, wanted: AMember, slug: str | None, presented: Presented, now: datetime
    ) -> Asker:
        try:
            signed_in, token = await self._signed_in(presented, now)
        except Unauthenticated:
            if wanted.required:
                raise
            return Asker(site=None if slug is None else await self.sites.get(slug))
        asker = await self._with_role(signed_in, wanted.role, slug, token)
        if wanted.fresh:
            require_fresh_proof(signed_in, strong=wanted.role is Role.ADMIN, now=now)
        return asker

    async def _signed_in(self, presented: Presented, now: datetime) -> tuple[SignedInMember, str]:
        """Return whose session a request of one of our own pages presents, and its token."""
        token = presented.token
        if token is None or self.sessions is None:
            raise Unauthenticated
        if not presented.opens_page:
            presented.refuse_foreign_page(with_session=True)
        return await self.sessions.find(token, now=now), token

    async def _with_role(
        self, signed_in: SignedInMember, role: Role | None, slug: str | None, token: str
    ) -> Asker:
        """Let a member in at one site, or wherever they have the role.

        Raises:
            UnknownSite: there is no such site, or they have no role there.
            Forbidden: they have not this role there, or nowhere.
        """
        if slug is not None:
            site = await self.sites.get(slug)
            _require_role(signed_in, role or Role.VIEWER, site)
            return Asker(site=site, member=signed_in, role=role, token=token, sites=(site,))
        least = role or Role.VIEWER
        sites = [
            await self.sites.get(each.site)
            for each in signed_in.memberships
            if each.role.includes(least)
        ]
        if role is not None and not sites:
            raise Forbidden(f"This needs the role `{role}` on a site.")
        return Asker(member=signed_in, role=role, token=token, sites=tuple(sites))

    async def _backend(
        self, wanted: AKey, slug: str | None, authorization: Sequence[str], now: datetime
    ) -> Asker:
        key = await self.access.key(_one(authorization), now=now)
        site = await self.sites.get(key.site if slug is None else slug)
        require_site(key, site)
        require(key, wanted.scope)
        return Asker(site=site, key=key, sites=(site,))

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


def _require_role(signed_in: SignedInMember, role: Role, site: Site) -> None:
    """Let a member pass whose role on a site includes another.

    Raises:
        UnknownSite: they have no role there.
        Forbidden: it is a lesser one.
    """
    if not role_on(signed_in, site).includes(role):
        raise Forbidden(f"This needs the role `{role}` on this site.")


def _only_site(signed_in: SignedInMember) -> str:
    """Return the site of a member who has no other.

    Raises:
        Forbidden: they have none.
        Invalid: they have several, and who knows which is meant.
    """
    slugs = [each.site for each in signed_in.memberships]
    if not slugs:
        raise Forbidden("You have no role on any site.")
    if len(slugs) > 1:
        detail = "Name one of your sites."
        raise Invalid(detail, errors=(FieldError(pointer="/site", code="missing", detail=detail),))
    return slugs[0]


def _one(authorization: Sequence[str]) -> str | None:
    """Return the only `Authorization` header.

    Raises:
        Unauthenticated: there are several, and who knows which is meant.
    """
    if len(authorization) > 1:
        raise Unauthenticated
    return authorization[0] if authorization else None
