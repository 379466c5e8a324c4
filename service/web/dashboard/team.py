"""The page of a site's team, of its keys and of its webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict

from service.features.access import Keyring
from service.features.sessions import SignedInMember
from service.features.sites import SiteDirectory
from service.features.team import Member, Team
from service.features.token_keys import TokenKeys
from service.features.webhooks import KINDS, Webhooks
from service.model import ApiKey, Role, Scope
from service.web.dashboard.choice import chosen_site
from service.web.dashboard.frame import page, page_operation
from service.web.dashboard.webhooks import shown_webhooks, told_webhook
from service.web.operation import Call, Operation, Reply

PATH: Final = "/moderate/team"
ALGORITHMS: Final = ("HS256", "EdDSA", "ES256", "RS256")


class TeamAsked(BaseModel):
    """The address of the page."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    site: str = ""


class ShownMember(Struct, frozen=True, kw_only=True):
    """Somebody of the team, as the page shows them."""

    member: Member
    is_self: bool
    sites: tuple[str, ...]
    """Other sites of theirs that are also the looker's."""

    @property
    def is_fixed(self) -> bool:
        """Whether their role cannot be changed here."""
        return self.is_self or self.member.owner


class TeamPages(Struct, frozen=True, kw_only=True):
    """The page of members, API keys, readers' token keys, and webhooks."""

    team: Team
    keyring: Keyring
    token_keys: TokenKeys
    webhooks: Webhooks
    sites: SiteDirectory

    def operations(self) -> list[Operation]:
        """Return the page."""
        whole = page_operation("team_page", PATH, self.show, role=Role.ADMIN)
        return [replace(whole, query=TeamAsked)]

    async def show(self, call: Call) -> Reply:
        """Show who is in, and which keys there are; what was ended stands apart."""
        choice = chosen_site(call.member, call.query_as(TeamAsked).site, Role.ADMIN)
        site = await self.sites.get(choice.slug)
        members = await self.team.of_site(site)
        keys = await self.keyring.of_site(site)
        token_keys = await self.token_keys.of_site(site)
        webhooks = await shown_webhooks(self.webhooks, site, now=call.now)
        shown = [_shown(each, call.member, site.slug) for each in members]
        return page(
            call,
            "team.html",
            title="nav_team",
            section="team",
            parts=["asking", "team", "webhooks"],
            site=site,
            slugs=choice.slugs,
            members=shown,
            roles=tuple(Role),
            scopes=tuple(Scope),
            keys=[each for each in keys if _is_good(each, call.now)],
            ended_keys=[each for each in keys if not _is_good(each, call.now)],
            token_keys=[each for each in token_keys if each.revoked_at is None],
            ended_token_keys=[each for each in token_keys if each.revoked_at is not None],
            algorithms=ALGORITHMS,
            webhooks=webhooks,
            webhook_kinds=KINDS,
            told={
                "team": {
                    "site": site.slug,
                    "members": [_told(each.member) for each in shown],
                    "webhooks": [told_webhook(each.endpoint) for each in webhooks],
                }
            },
        )


def _shown(member: Member, looker: SignedInMember, slug: str) -> ShownMember:
    own = {each.site for each in looker.memberships if each.role.includes(Role.ADMIN)}
    return ShownMember(
        member=member,
        is_self=member.member_id == looker.member_id,
        sites=tuple(each for each in member.sites if each in own and each != slug),
    )


def _told(member: Member) -> Mapping[str, Any]:
    """Return what the page's modules need to know of somebody."""
    return {
        "id": str(member.member_id),
        "email": member.email,
        "name": member.name or member.email,
        "role": member.role,
    }


def _is_good(key: ApiKey, now: datetime) -> bool:
    return key.revoked_at is None and (key.expires_at is None or key.expires_at > now)
