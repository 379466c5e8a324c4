"""The newsroom's lists of articles: newest, hot now, and those with comments that wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from service.cursors import Cursors
from service.features.articles import TAKES_COMMENTS
from service.features.views import Views
from service.model import ArticleState, Site
from service.storage.article_lists import ArticleListStore, Choice, Listed, Outline

__all__ = ["ArticleListView", "ArticleLists", "ArticlePage", "Choice", "Outline"]

LATELY = timedelta(hours=1)
"""How far back comments count for what is hot now."""

LAST_ID = UUID(int=2**128 - 1)
LAST_TIME = datetime(9999, 12, 31, tzinfo=UTC)
MOST = 2**31 - 1


class ArticleListView(StrEnum):
    """Which list, and in which order."""

    NEWEST = "newest"
    HOT = "hot"
    """Those with comments in the last hour, most first."""
    WAITING = "waiting"
    """Those with waiting comments, most first."""


class ArticlePage(Struct, frozen=True, kw_only=True):
    """A page of a list."""

    outlines: tuple[Outline, ...]
    next: str | None


class ArticleLists(Struct, frozen=True, kw_only=True):
    """List a site's articles."""

    store: ArticleListStore
    views: Views
    cursors: Cursors

    async def page(
        self,
        site: Site,
        *,
        view: ArticleListView,
        choice: Choice,
        cursor: str | None,
        limit: int,
        now: datetime,
    ) -> ArticlePage:
        """Return a page; each article with its state at `now`.

        Raises:
            Invalid: the cursor is not one of this list's (`bad_cursor`).
            Unavailable: Postgres is away.
        """
        states = "".join(sorted(choice.states)) if choice.states is not None else "*"
        purpose = f"articles:{site.site_id}:{view}:{states}:{choice.phrase}"
        position = None if cursor is None else self.cursors.open(purpose, cursor)
        since_id = _least_id(now - LATELY)
        listed = await self._listed(
            site, view, choice, position, since_id=since_id, limit=limit + 1, now=now
        )
        shown = listed[:limit]
        found = await self._outlines(site, [each.article_id for each in shown], since_id, now=now)
        following = None
        if len(listed) > limit:
            following = self.cursors.sign(purpose, _position(view, shown[-1]))
        return ArticlePage(outlines=tuple(found), next=following)

    async def _listed(
        self,
        site: Site,
        view: ArticleListView,
        choice: Choice,
        position: Any,
        *,
        since_id: UUID,
        limit: int,
        now: datetime,
    ) -> list[Listed]:
        if view is ArticleListView.NEWEST:
            before = (LAST_TIME, LAST_ID)
            if position is not None:
                before = (datetime.fromisoformat(position[0]), UUID(position[1]))
            return await self.store.newest(
                site.site_id, choice, before=before, now=now, limit=limit
            )
        below = (MOST, LAST_ID) if position is None else (position[0], UUID(position[1]))
        if view is ArticleListView.HOT:
            return await self.store.hottest(
                site.site_id, choice, since_id=since_id, below=below, now=now, limit=limit
            )
        return await self.store.fullest(site.site_id, choice, below=below, now=now, limit=limit)

    async def _outlines(
        self, site: Site, article_ids: list[UUID], since_id: UUID, *, now: datetime
    ) -> list[Outline]:
        """Return what is told of articles, in their order; the views are the widget's own count."""
        if not article_ids:
            return []
        found = await self.store.outlines(site.site_id, article_ids, since_id=since_id)
        rates = await self.views.per_hour(site, article_ids)
        return [
            replace(
                outline,
                state=_state(outline, now),
                views_per_hour=rates.get(article_id, outline.views_per_hour),
            )
            for article_id in article_ids
            if (outline := found.get(article_id)) is not None
        ]


def _state(outline: Outline, now: datetime) -> ArticleState:
    closed = outline.close_at is not None and outline.close_at <= now
    return ArticleState.CLOSED if closed and outline.state in TAKES_COMMENTS else outline.state


def _position(view: ArticleListView, listed: Listed) -> list[Any]:
    if view is ArticleListView.NEWEST and listed.created_at is not None:
        return [listed.created_at.isoformat(), str(listed.article_id)]
    return [listed.weight, str(listed.article_id)]


def _least_id(at: datetime) -> UUID:
    """Return the UUIDv7 below which every id is older than a moment."""
    milliseconds = int(at.timestamp() * 1_000)
    return UUID(int=milliseconds << 80)
