"""Who did what to accounts, keys and sites: entries are made here, and read page by page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from service.cursors import Cursors
from service.model import Actor, Site
from service.storage.administration import Act, ActorKind, AdministrationStore, NotedAct

__all__ = ["Act", "Acts", "ActsPage", "Administration", "NotedAct", "with_details"]

NEWEST = UUID(int=2**128 - 1)
NOTHING: Mapping[str, Any] = {}


class Acts(Struct, frozen=True, kw_only=True):
    """Make entries of the log."""

    new_id: Callable[[datetime], UUID]

    def own(self, act: str, member_id: UUID, *, now: datetime) -> Act:
        """Note what somebody did to their own account."""
        return Act(
            entry_id=self.new_id(now),
            at=now,
            actor_kind="member",
            actor_id=str(member_id),
            act=act,
            member_id=member_id,
        )

    def by(
        self,
        actor: Actor | None,
        act: str,
        *,
        site: Site,
        now: datetime,
        member_id: UUID | None = None,
        details: Mapping[str, Any] = NOTHING,
    ) -> Act:
        """Note what somebody did on a site; without an actor it is the command line's user."""
        kind: ActorKind = "operator"
        if actor is not None:
            kind = "member" if actor.kind == "member" else "key"
        return Act(
            entry_id=self.new_id(now),
            at=now,
            actor_kind=kind,
            actor_id=actor.actor_id if actor else "",
            act=act,
            site_id=site.site_id,
            member_id=member_id,
            details=details,
        )


def with_details(act: Act, **details: Any) -> Act:
    """Return an entry with what became known while it was done."""
    return replace(act, details={**act.details, **details})


class ActsPage(Struct, frozen=True, kw_only=True):
    """A page of the log, latest first."""

    entries: tuple[NotedAct, ...]
    next: str | None


class Administration(Struct, frozen=True, kw_only=True):
    """Read the log."""

    store: AdministrationStore
    cursors: Cursors

    async def of_site(self, site: Site, *, cursor: str | None, limit: int) -> ActsPage:
        """Return what was done on a site, latest first.

        Raises:
            Invalid: the cursor is not one of this list's (`bad_cursor`).
            Unavailable: Postgres is away.
        """
        purpose = f"acts:{site.site_id}"
        before = NEWEST if cursor is None else UUID(self.cursors.open(purpose, cursor)[0])
        rows = await self.store.of_site(site.site_id, before=before, limit=limit + 1)
        page = rows[:limit]
        following = None
        if len(rows) > limit:
            following = self.cursors.sign(purpose, [str(page[-1].act.entry_id)])
        return ActsPage(entries=tuple(page), next=following)
