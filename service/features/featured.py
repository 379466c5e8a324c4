"""Staff picks: the newsroom puts a public comment forward, and readers see that it did."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from service.errors import Conflict
from service.features.administration import Acts
from service.features.invalidation import Invalidations
from service.features.lookup import Found, Lookup
from service.model import Actor, Site, Status
from service.storage.featured import FeaturedStore


class NotPublic(Conflict):
    """Only what readers can see is put forward."""

    code = "not_public"
    title = "Only a public comment can be a staff pick."


class Featured(Struct, frozen=True, kw_only=True):
    """Put comments forward."""

    store: FeaturedStore
    lookup: Lookup
    invalidations: Invalidations
    acts: Acts

    async def feature(
        self, site: Site, found: Found, *, featured: bool, actor: Actor, now: datetime
    ) -> None:
        """Make a comment a staff pick, or one no longer. Repeating changes nothing.

        Raises:
            NotPublic.
            Unavailable: Postgres cannot commit; repeating is safe.
        """
        if found.status is not Status.APPROVED:
            raise NotPublic
        act = self.acts.by(
            actor,
            "comment.featured" if featured else "comment.feature_ended",
            site=site,
            now=now,
            details={"comment_id": str(found.comment_id)},
        )
        article_id = await self.store.feature(
            site.site_id, found.comment_id, featured=featured, act=act
        )
        if article_id is not None:
            await self.invalidations.tell(site, [article_id], drop=False)
