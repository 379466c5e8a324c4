"""Seeing: public comments that only rules let through are looked at by somebody, once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from service.model import Actor, Site
from service.storage.seen import SeenStore


class Seen(Struct, frozen=True, kw_only=True):
    """Mark comments as seen. Methods raise Unavailable while Postgres is away."""

    store: SeenStore

    async def mark(
        self, sites: Sequence[Site], comment_ids: Sequence[UUID], *, actor: Actor, now: datetime
    ) -> list[UUID]:
        """Note that somebody has seen comments; return those that nobody had, anywhere."""
        changed: list[UUID] = []
        for site in sites:
            changed += await self.store.mark(site.site_id, comment_ids, actor=actor, at=now)
        return changed

    async def unmark(
        self, sites: Sequence[Site], comment_ids: Sequence[UUID], *, actor: Actor
    ) -> list[UUID]:
        """Take back what the same person had seen; return what is unseen again."""
        changed: list[UUID] = []
        for site in sites:
            changed += await self.store.unmark(site.site_id, comment_ids, actor=actor)
        return changed
