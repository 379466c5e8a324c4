"""The page of a site's articles: what is busy, what waits, what still takes comments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from msgspec import Struct
from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict

from service.features.article_lists import ArticleLists, ArticleListView, Choice, Outline
from service.features.sites import SiteDirectory
from service.model import ArticleState, Mode, Role, Site
from service.web.dashboard.choice import chosen_site
from service.web.dashboard.frame import page, page_operation
from service.web.operation import Call, Operation, Reply
from service.web.wire.base import optional_stamp

PATH: Final = "/moderate/articles"
PAGE = 50
HOT_MAX = 5
"""Articles that stand above the newest ones because they are busy now."""
PHRASE_MAX = 200


class ArticlesAsked(BaseModel):
    """The address of the page: anything that means nothing is as if it were not there."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    site: str = ""
    view: str = ""
    state: str = ""
    q: str = ""
    cursor: str = ""


class Wish(Struct, frozen=True, kw_only=True):
    """Which list is shown."""

    site: Site
    view: ArticleListView
    state: ArticleState | None
    phrase: str
    cursor: str | None

    @property
    def choice(self) -> Choice:
        """What of the site's articles is wanted."""
        states = None if self.state is None else [self.state]
        return Choice(states=states, phrase=self.phrase or None)

    @property
    def is_front(self) -> bool:
        """Whether it is what somebody sees who asked for nothing."""
        plain = self.view is ArticleListView.NEWEST and self.state is None
        return plain and not self.phrase and self.cursor is None

    def address(self, **other: str) -> str:
        """Return where this list is, or one that differs in something."""
        said = {
            "site": self.site.slug,
            "view": "" if self.view is ArticleListView.NEWEST else self.view.value,
            "state": self.state or "",
            "q": self.phrase,
            **other,
        }
        return f"{PATH}?{urlencode({name: each for name, each in said.items() if each})}"


class ArticlePages(Struct, frozen=True, kw_only=True):
    """The page of articles."""

    lists: ArticleLists
    sites: SiteDirectory

    def operations(self) -> list[Operation]:
        """Return the page."""
        whole = page_operation("articles_page", PATH, self.show, role=Role.VIEWER)
        return [replace(whole, query=ArticlesAsked)]

    async def show(self, call: Call) -> Reply:
        """Show a list; what is busy now stands above the newest ones."""
        asked = call.query_as(ArticlesAsked)
        choice = chosen_site(call.member, asked.site, Role.VIEWER)
        wish = _wish(await self.sites.get(choice.slug), asked)
        shown = await self.lists.page(
            wish.site,
            view=wish.view,
            choice=wish.choice,
            cursor=wish.cursor,
            limit=PAGE,
            now=call.now,
        )
        hot: tuple[Outline, ...] = ()
        if wish.is_front:
            busy = await self.lists.page(
                wish.site,
                view=ArticleListView.HOT,
                choice=wish.choice,
                cursor=None,
                limit=HOT_MAX,
                now=call.now,
            )
            hot = busy.outlines
        edits = choice.may(Role.EDITOR)
        return page(
            call,
            "articles.html",
            title="nav_articles",
            section="articles",
            parts=["asking", "articles"],
            wish=wish,
            slugs=choice.slugs,
            views=tuple(ArticleListView),
            states=tuple(ArticleState),
            hot=hot,
            outlines=shown.outlines,
            following=wish.address(cursor=shown.next) if shown.next else None,
            edits=edits,
            site_mode=wish.site.settings.mode,
            told={
                "articles": {
                    "site": wish.site.slug,
                    "modes": [each.value for each in Mode],
                    "known": [_told(each) for each in (*hot, *shown.outlines)] if edits else [],
                }
            },
        )


def _wish(site: Site, asked: ArticlesAsked) -> Wish:
    return Wish(
        site=site,
        view=next((each for each in ArticleListView if each == asked.view), ArticleListView.NEWEST),
        state=next((each for each in ArticleState if each == asked.state), None),
        phrase=" ".join(asked.q[:PHRASE_MAX].split()),
        cursor=asked.cursor or None,
    )


def _told(outline: Outline) -> Mapping[str, Any]:
    """Return what the page's modules need to know of an article."""
    return {
        "key": outline.key,
        "title": outline.title or outline.key,
        "state": outline.state,
        "mode": outline.mode,
        "close_at": optional_stamp(outline.close_at),
    }
