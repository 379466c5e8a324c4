"""An author: how they stand, what they wrote, what was decided, and what can be done about them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from service.features.audit import AuditLog, Filters, Sought
from service.features.dossiers import Dossiers
from service.features.records import Ban, Person, Records
from service.features.search.find import Search
from service.features.sites import SiteDirectory
from service.features.sweeps import Sweep, Sweeps, UnknownSweep
from service.features.wishes import Wishes
from service.model import Role, Site
from service.web.dashboard.frame import page, page_operation
from service.web.dashboard.log import rows_of
from service.web.dashboard.search import hit_rows, told
from service.web.dashboard.sited import SiteAsked, reasons_of, rights, slug_of, spoken
from service.web.dashboard.view import View
from service.web.operation import Call, Operation, Reply
from service.web.wire.records import sweep_json

TABS: Final = ("comments", "decisions", "reports", "notes", "alike", "log")
COMMENTS = 50
UNDONE_WITHIN = timedelta(hours=24)
"""How long a page offers to undo a sweep."""


class AuthorAsked(SiteAsked):
    """The address of an author."""

    tab: str = ""


class AuthorPages(Struct, frozen=True, kw_only=True):
    """The page of an author."""

    records: Records
    dossiers: Dossiers
    sweeps: Sweeps
    search: Search
    audit: AuditLog
    wishes: Wishes
    sites: SiteDirectory

    def operations(self) -> list[Operation]:
        """Return the page."""
        whole = page_operation("author_page", "/moderate/authors/{ref}", self.show)
        return [replace(whole, query=AuthorAsked)]

    async def show(self, call: Call) -> Reply:
        """Show an author, one tab of what is known of them."""
        asked = call.query_as(AuthorAsked)
        site = await self.sites.get(slug_of(call.member, asked.site))
        person = await self.records.person(
            site,
            call.path["ref"],
            sees_escalated=call.sees_escalated(site),
            now=call.now,
        )
        tab = asked.tab if asked.tab in TABS else TABS[0]
        lang = View.of(call).lang
        sweep = await self._last_sweep(call, site, person)
        return page(
            call,
            "author.html",
            title="author_title",
            parts=["queue", "people"],
            site=site,
            person=person,
            share=_share(person),
            forever=person.ban is not None and person.ban.until is None,
            tab=tab,
            tabs=TABS,
            counts={
                "notes": len(person.notes) + len(person.warnings),
                "reports": person.reports.made + person.reports.received,
            },
            **await self._tab(call, site, person, tab, lang),
            reasons=reasons_of(site),
            spoken=spoken(lang),
            may=rights(call.member, site),
            told={
                "place": {**told(site, call), "author": _author(person, _elsewhere(call, site))},
                "sweep": sweep_json(sweep) if sweep else None,
            },
        )

    async def _tab(
        self, call: Call, site: Site, person: Person, tab: str, lang: str
    ) -> dict[str, Any]:
        """Return what one tab shows; all others are empty."""
        shown: dict[str, Any] = {"rows": [], "entries": [], "reports": [], "alike": []}
        if tab == "comments":
            hits = await self.search.page(
                site,
                f"author:{person.author_id}",
                sort="newest",
                limit=COMMENTS,
                cursor=None,
                sees_escalated=call.sees_escalated(site),
                now=call.now,
            )
            wish = await self.wishes.of(call.member.member_id)
            shown["rows"] = hit_rows(hits, masks=wish.mask)
        elif tab in {"decisions", "log"}:
            filters = Filters(
                kind="decision" if tab == "decisions" else "act", author_id=person.author_id
            )
            found = await self.audit.page(
                site,
                Sought(filters=filters),
                cursor=None,
                limit=100,
                everything=False,
                sees_escalated=call.sees_escalated(site),
            )
            shown["entries"] = rows_of(found.entries, found.names, lang)
        elif tab == "reports":
            shown["reports"] = await self.dossiers.reports(site, person.author_id)
        elif tab == "alike":
            others = await self.dossiers.alike(site, person.author_id)
            shown["alike"] = [
                {"who": each, "banned": each.banned_until and each.banned_until > call.now}
                for each in others
            ]
        return shown

    async def _last_sweep(self, call: Call, site: Site, person: Person) -> Sweep | None:
        """Return the latest sweep, while it is of today: its progress, and its undoing."""
        for act in person.acts:
            if act.act == "reader.swept" and act.at > call.now - UNDONE_WITHIN:
                return await self._sweep(site, act.details)
        return None

    async def _sweep(self, site: Site, details: Mapping[str, Any]) -> Sweep | None:
        try:
            return await self.sweeps.find(site, UUID(details["operation_id"]))
        except UnknownSweep:
            return None


def _share(person: Person) -> float | None:
    """Return the share of their comments that were rejected; None while there are none."""
    standing = person.standing
    decided = standing.approved + standing.rejected
    return standing.rejected / decided if decided else None


def _elsewhere(call: Call, site: Site) -> int:
    """Return on how many other sites whoever looks may ban."""
    return sum(
        each.role.includes(Role.SENIOR) and each.site_id != site.site_id
        for each in call.member.memberships
    )


def _author(person: Person, elsewhere: int) -> dict[str, Any]:
    return {
        "elsewhere": elsewhere if person.kind == "reader" else 0,
        "ref": str(person.author_id),
        "name": person.name,
        "waiting": person.waiting,
        "approved": person.standing.approved,
        "ban": _ban(person.ban),
    }


def _ban(ban: Ban | None) -> dict[str, Any] | None:
    if ban is None:
        return None
    return {"until": ban.until.isoformat() if ban.until else None, "reason": ban.reason}
