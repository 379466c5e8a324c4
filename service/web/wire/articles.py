"""The newsroom's lists of articles, as they are asked for and told."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from service.features.article_lists import ArticlePage, Choice, Outline
from service.model import ArticleState
from service.web.wire.base import Timestamp, Wire, optional_stamp
from service.web.wire.management import ModeName, StateName

DAYS_MAX = 36_500
"""A hundred years: older than any article that has comments."""


class ArticleListQuery(Wire):
    """Which list of articles."""

    view: Literal["newest", "hot", "waiting"] = "newest"
    """`hot`: those with comments in the last hour, `waiting`: with waiting ones; most first."""
    state: list[StateName] = Field(default_factory=list, max_length=4)
    q: Annotated[str, StringConstraints(max_length=200)] = ""
    """Part of a title or of a key."""
    limit: Annotated[int, Field(ge=1, le=100)] = 50
    cursor: str | None = None

    @property
    def choice(self) -> Choice:
        """Which articles are wanted."""
        states = [ArticleState(each) for each in self.state] if self.state else None
        return Choice(states=states, phrase=self.q.strip() or None)


class ArticleLineOut(Wire):
    """An article in a list."""

    key: str
    url: str | None
    title: str | None
    lang: str | None
    state: StateName
    mode: ModeName | None
    close_at: Timestamp | None
    views_per_hour: float | None
    first_seen_at: Timestamp | None
    """Null while nothing of it was decided or described."""
    count: int
    """Approved comments."""
    waiting: int
    last_hour: int
    """Comments that came in the last hour, whatever became of them."""


class ArticleLinesOut(Wire):
    """A page of a list."""

    items: list[ArticleLineOut]
    next: str | None


class CloseIn(Wire):
    """Which articles to close."""

    older_than_days: Annotated[int, Field(ge=0, le=DAYS_MAX)]
    """First met so many days ago, or before."""
    dry_run: bool = False
    """Only say how many there are."""


class ClosedOut(Wire):
    """What became of them."""

    closed: int
    """At most 1,000 in one call."""
    remaining: int
    """Those that still take comments; 100,000 may be more."""


def article_lines_json(page: ArticlePage) -> dict[str, Any]:
    """Write a page of a list."""
    return {"items": [_line_json(each) for each in page.outlines], "next": page.next}


def _line_json(outline: Outline) -> dict[str, Any]:
    return {
        "key": outline.key,
        "url": outline.url,
        "title": outline.title,
        "lang": outline.lang,
        "state": outline.state,
        "mode": outline.mode,
        "close_at": optional_stamp(outline.close_at),
        "views_per_hour": outline.views_per_hour,
        "first_seen_at": optional_stamp(outline.created_at),
        "count": outline.count,
        "waiting": outline.waiting,
        "last_hour": outline.lately,
    }
