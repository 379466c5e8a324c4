"""The newsroom's people: invited by a link that works once."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from service.errors import FieldError, Invalid, NotFound
from service.features import credentials
from service.model import Role, Site
from service.storage.accounts import AccountStore, Invitation, Member, Membership

__all__ = ["Invitation", "Member", "Membership", "Team", "UnknownLink"]

LINK_LIFETIME = timedelta(hours=72)
"""Long enough for a weekend, short enough for a lost mail."""

EMAIL_MAX_CHARS = 254
"""RFC 5321 allows no more."""

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\Z")


class UnknownLink(NotFound):
    """The link was used, has expired, or never was one."""

    code = "unknown_link"
    title = "This link does not work any more. Ask for a new one."


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """Invite people, and know who may do what."""

    accounts: AccountStore
    new_id: Callable[[], UUID] = uuid4

    async def invite(self, email: str, role: Role, site: Site, now: datetime) -> str:
        """Give somebody a role on a site; return the token of a link that lets them in once.

        Whoever is in the team already gets the role and another link.

        Raises:
            Invalid: the address is not one.
            Unavailable: Postgres is away; a link nobody knows may have been made.
        """
        address = _checked_address(email)
        token, token_hash = credentials.new_link_token()
        await self.accounts.invite(
            site.site_id,
            member_id=self.new_id(),
            email=address,
            role=role,
            token_hash=token_hash,
            now=now,
            expires_at=now + LINK_LIFETIME,
        )
        return token

    async def owner_link(self, now: datetime) -> str | None:
        """Return the token of a link for whoever runs the service; None once anybody is in.

        Raises:
            Unavailable: Postgres is away.
        """
        token, token_hash = credentials.new_link_token()
        added = await self.accounts.add_owner_link(
            token_hash, now=now, expires_at=now + LINK_LIFETIME
        )
        return token if added else None

    async def accept(self, token: str, now: datetime) -> Invitation:
        """Use up a link and say whom it was for.

        Raises:
            UnknownLink: it was used, has expired, or never was one.
            Unavailable: Postgres is away; the link may be used up.
        """
        taken = await self.accounts.take_invitation(credentials.link_token_hash(token), now=now)
        if taken is None:
            raise UnknownLink
        return taken

    async def of_site(self, site: Site) -> list[Member]:
        """Return the team of a site, by address.

        Raises:
            Unavailable: Postgres is away.
        """
        return await self.accounts.members_of_site(site.site_id)

    async def roles(self, member_id: UUID) -> list[Membership]:
        """Return what a member may do, and where, by slug.

        Raises:
            Unavailable: Postgres is away.
        """
        return await self.accounts.roles_of_member(member_id)


def _checked_address(email: str) -> str:
    address = email.strip().lower()
    if len(address) > EMAIL_MAX_CHARS or not _EMAIL.match(address) or not address.isprintable():
        detail = "An e-mail address."
        error = FieldError(pointer="/email", code="bad_email", detail=detail)
        raise Invalid(detail, errors=(error,))
    return address
