"""The newsroom's people: invited by a link that works once."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from msgspec import Struct

from service.errors import Conflict, FieldError, Invalid, NotFound
from service.features import credentials
from service.features.administration import Acts
from service.model import Actor, Membership, Role, Site
from service.storage.accounts import AccountStore, Member

__all__ = [
    "Member",
    "Membership",
    "OwnRole",
    "OwnersRole",
    "Team",
    "UnknownLink",
    "UnknownMember",
    "checked_address",
    "settled_address",
]

LINK_LIFETIME = timedelta(hours=72)
"""Long enough for a weekend, short enough for a lost mail."""

EMAIL_MAX_CHARS = 254
"""RFC 5321 allows no more."""

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\Z")


class UnknownLink(NotFound):
    """The link was used, has expired, or never was one."""

    code = "unknown_link"
    title = "This link does not work any more. Ask for a new one."


class UnknownMember(NotFound):
    """Nobody of the site's team has this id."""

    code = "unknown_member"
    title = "Nobody of this site's team has this id."


class OwnRole(Conflict):
    """Somebody else has to: nobody locks themselves out, or lets themselves up."""

    code = "own_role"
    title = "You cannot change your own role; ask another admin."


class OwnersRole(Conflict):
    """The owner is an admin of every site, whatever a site's admins want."""

    code = "owners_role"
    title = "The owner's role cannot be changed here."


class Team(Struct, frozen=True, kw_only=True):
    """Invite people, and know who may do what."""

    accounts: AccountStore
    acts: Acts
    new_id: Callable[[], UUID] = uuid4

    async def invite(
        self,
        email: str,
        role: Role,
        site: Site,
        now: datetime,
        *,
        actor: Actor | None = None,
        resets: bool = False,
    ) -> str | None:
        """Give somebody a role on a site; return the token of a link that lets them in once.

        None when they are in already: they sign in as ever, with the role. A link that `resets`
        is made for them too; it takes back what they sign in with, so only the command line
        makes such links. Without an actor it is the command line's user who invites.

        Raises:
            Invalid: the address is not one.
            Unavailable: Postgres is away; a link nobody knows may have been made.
        """
        address = checked_address(email)
        token, token_hash = credentials.new_link_token()
        invited = await self.accounts.invite(
            site.site_id,
            member_id=self.new_id(),
            email=address,
            role=role,
            token_hash=token_hash,
            resets=resets,
            act=self.acts.by(
                actor, "member.invited", site=site, now=now, details={"role": role.value}
            ),
            expires_at=now + LINK_LIFETIME,
        )
        return token if resets or not invited.arrived else None

    async def change_role(
        self, site: Site, member_id: UUID, role: Role, *, actor: Actor, now: datetime
    ) -> Member:
        """Change what somebody may do on a site; return them.

        Raises:
            UnknownMember, OwnRole, OwnersRole.
            Unavailable: Postgres is away.
        """
        member = await self._other(site, member_id, actor)
        act = self.acts.by(
            actor,
            "role.changed",
            site=site,
            now=now,
            member_id=member_id,
            details={"from": member.role.value, "to": role.value},
        )
        if not await self.accounts.change_role(site.site_id, member_id, role, act=act):
            raise UnknownMember
        return await self.member(site, member_id)

    async def remove(self, site: Site, member_id: UUID, *, actor: Actor, now: datetime) -> None:
        """Take somebody off a site's team; they may do nothing there within a second.

        Raises:
            UnknownMember, OwnRole, OwnersRole.
            Unavailable: Postgres is away.
        """
        member = await self._other(site, member_id, actor)
        act = self.acts.by(
            actor,
            "member.removed",
            site=site,
            now=now,
            member_id=member_id,
            details={"role": member.role.value},
        )
        if not await self.accounts.take_role(site.site_id, member_id, act=act):
            raise UnknownMember

    async def member(self, site: Site, member_id: UUID) -> Member:
        """Return one of a site's team.

        Raises:
            UnknownMember: nobody has this id.
            Unavailable: Postgres is away.
        """
        for member in await self.accounts.members_of_site(site.site_id):
            if member.member_id == member_id:
                return member
        raise UnknownMember

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

    async def _other(self, site: Site, member_id: UUID, actor: Actor) -> Member:
        """Return one of a site's team whose role somebody may change."""
        member = await self.member(site, member_id)
        if actor.kind == "member" and actor.actor_id == str(member_id):
            raise OwnRole
        if member.owner:
            raise OwnersRole
        return member


def settled_address(email: str) -> str:
    """Write an address as it is kept."""
    return email.strip().lower()


def checked_address(email: str) -> str:
    """Return an address as it is kept.

    Raises:
        Invalid: it is not one.
    """
    address = settled_address(email)
    if len(address) > EMAIL_MAX_CHARS or not _EMAIL.match(address) or not address.isprintable():
        detail = "An e-mail address."
        error = FieldError(pointer="/email", code="bad_email", detail=detail)
        raise Invalid(detail, errors=(error,))
    return address
