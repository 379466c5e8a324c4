"""The page of a site's bridges to other systems."""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from service.features.bridges.desk import Bridges
from service.features.bridges.outside import OutsideCheck
from service.features.sites import SiteDirectory
from service.model import Role
from service.web.dashboard.choice import chosen_site
from service.web.dashboard.frame import page, page_operation
from service.web.dashboard.sited import SiteAsked
from service.web.foreign import CORAL_PATH, PERSPECTIVE_BASE
from service.web.operation import Call, Operation, Reply
from service.web.pages.places import base_of

PATH: Final = "/moderate/sites/bridges"


class BridgePages(Struct, frozen=True, kw_only=True):
    """One page, for admins."""

    bridges: Bridges
    check: OutsideCheck
    sites: SiteDirectory
    public_url: str | None

    def operations(self) -> list[Operation]:
        """Return it."""
        whole = page_operation("bridges_page", PATH, self.show, role=Role.ADMIN)
        return [replace(whole, query=SiteAsked)]

    async def show(self, call: Call) -> Reply:
        """Show what is set up; secrets are never shown."""
        choice = chosen_site(call.member, call.query_as(SiteAsked).site, Role.ADMIN)
        site = await self.sites.get(choice.slug)
        shown = {each.kind: each for each in await self.bridges.of_site(site)}
        base = base_of(self.public_url, call.headers)
        return page(
            call,
            "bridges.html",
            title="bridges_title",
            section="sites",
            parts=["asking", "bridges"],
            site=site,
            slugs=choice.slugs,
            coral=shown["coral"],
            perspective=shown["perspective"],
            check=shown["check"],
            rests=self.check.rests(site),
            coral_url=base + CORAL_PATH.replace("{site}", site.slug),
            perspective_url=base + PERSPECTIVE_BASE.replace("{site}", site.slug),
            told={"bridges": {"site": site.slug}},
        )
