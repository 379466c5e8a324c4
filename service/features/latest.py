"""What was published last, on a site or under an article, for feeds."""

from __future__ import annotations

from uuid import UUID

from msgspec import Struct

from service.model import Article, Site, article_id
from service.storage.comments import CommentStore
from service.storage.latest import LatestStore, Published

__all__ = ["LATEST_MAX", "Latest", "LatestOfArticle", "Published"]

LATEST_MAX = 50
"""Comments of one feed: readers of feeds come by every hour or so."""


class LatestOfArticle(Struct, frozen=True, kw_only=True):
    """An article and the comments published last under it."""

    article: Article
    comments: tuple[Published, ...]
    """Newest first."""
    article_ids: tuple[UUID, ...]
    """Every article whose change makes this untrue."""
    version: int


class Latest(Struct, frozen=True, kw_only=True):
    """Read what was published last. Every method raises Unavailable while Postgres is away."""

    store: LatestStore
    comments: CommentStore

    async def of_article(self, site: Site, key: str) -> LatestOfArticle:
        """Return an article's latest; one that nobody has commented on has none."""
        asked = article_id(site.site_id, key)
        async with self.comments.reading(site.site_id) as reader:
            thread = await reader.find_thread(asked)
        if thread is None:
            unseen = Article(site_id=site.site_id, article_id=asked, key=key)
            return LatestOfArticle(article=unseen, comments=(), article_ids=(asked,), version=0)
        return LatestOfArticle(
            article=thread.article,
            comments=await self.store.of_article(
                site.site_id, thread.article_ids, limit=LATEST_MAX
            ),
            article_ids=thread.article_ids,
            version=thread.version,
        )

    async def of_site(self, site: Site) -> tuple[Published, ...]:
        """Return a site's latest, newest first."""
        return await self.store.of_site(site.site_id, limit=LATEST_MAX)
