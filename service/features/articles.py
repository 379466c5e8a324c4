"""Articles: what a back end says of them, when they close, and which keys lead to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import TypedDict

from service.errors import Conflict, FieldError, Invalid, Unavailable
from service.features.recall import Recall
from service.model import Article, ArticleState, Mode, Site, article_id
from service.storage.articles import ArticleStore, CircularMerge

KEY_MAX_CHARS = 200
"""Code points of an article's key (api.md)."""

ALIASES_MAX = 50
"""Keys that may lead to one article: every read of it gathers all of them."""

TAKES_COMMENTS = (ArticleState.OPEN, ArticleState.PREMODERATED)


class ArticleChanges(TypedDict, total=False):
    """What to change of an article: what is absent stays, None clears."""

    url: str | None
    title: str | None
    lang: str | None
    state: ArticleState | None
    mode: Mode | None
    close_at: datetime | None
    views_per_hour: float | None
    aliases: Sequence[str] | None
    """All other keys that lead to it from now on."""


class OwnAlias(Conflict):
    """An article cannot be an alias of itself."""

    code = "circular_merge"
    title = "That key leads to this article already."


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleDirectory:
    """Look articles up by the site's own keys, and change them.

    A change is seen by every process within a second.
    """

    articles: ArticleStore
    known: Recall[tuple[int, str], Article] = field(default_factory=Recall)

    async def get(self, site: Site, key: str, *, now: datetime) -> Article | None:
        """Return the article a key leads to, with its state at `now`.

        None says that it cannot be looked up: Postgres is away and this process has not met
        it. An article that nobody has described or commented on has the defaults.
        """
        try:
            article = await self.known.get((site.site_id, key), partial(self._find, site, key))
        except Unavailable:
            return None
        return _at(article, now)

    async def aliases(self, site: Site, article: Article) -> list[str]:
        """Return the other keys of an article, sorted.

        Raises:
            Unavailable: Postgres is away.
        """
        return await self.articles.aliases(site.site_id, article.article_id)

    async def put(self, site: Site, key: str, changes: ArticleChanges, now: datetime) -> Article:
        """Describe the article a key leads to, whether or not anybody has seen it yet.

        Raises:
            Invalid: a key cannot be one, or there are too many aliases.
            OwnAlias: the article would be an alias of itself.
            Unavailable: Postgres is away; the change may have been made.
        """
        _check_key(key, "/article")
        aliases = _aliases(changes)
        told = {name: value for name, value in changes.items() if name != "aliases"}
        try:
            await self.articles.put(site.site_id, key, told, aliases=aliases)
        except CircularMerge as circular:
            raise OwnAlias from circular
        return await self._read_again(site, [key, *(aliases or ())], now)

    async def merge(self, site: Site, key: str, into: str, now: datetime) -> Article:
        """Make a key, and whatever leads to it, an alias of the article another key leads to.

        Repeating it changes nothing.

        Raises:
            Invalid: a key cannot be one.
            OwnAlias: both keys lead to the first one's article.
            Unavailable: Postgres is away; the change may have been made.
        """
        _check_key(key, "/article")
        _check_key(into, "/into")
        try:
            await self.articles.merge(site.site_id, key, into=into)
        except CircularMerge as circular:
            raise OwnAlias from circular
        return await self._read_again(site, [into, key], now)

    async def _find(self, site: Site, key: str) -> Article:
        found = await self.articles.find(site.site_id, key)
        own = article_id(site.site_id, key)
        return found or Article(site_id=site.site_id, article_id=own, key=key)

    async def _read_again(self, site: Site, keys: list[str], now: datetime) -> Article:
        """Let this process see the change at once, and answer with what became of it."""
        for key in keys:
            self.known.forget((site.site_id, key))
        article = await self._find(site, keys[0])
        self.known.put((site.site_id, keys[0]), article)
        return _at(article, now)


def _at(article: Article, now: datetime) -> Article:
    closed = article.close_at is not None and article.close_at <= now
    if closed and article.state in TAKES_COMMENTS:
        return replace(article, state=ArticleState.CLOSED)
    return article


def _aliases(changes: ArticleChanges) -> list[str] | None:
    """Return the aliases once each; None when nothing was said of them."""
    if "aliases" not in changes:
        return None
    aliases = list(dict.fromkeys(changes["aliases"] or ()))
    if len(aliases) > ALIASES_MAX:
        raise _refusal("/aliases", "too_many", f"At most {ALIASES_MAX} aliases.")
    for place, alias in enumerate(aliases):
        _check_key(alias, f"/aliases/{place}")
    return aliases


def _check_key(key: str, pointer: str) -> None:
    if not key or len(key) > KEY_MAX_CHARS or not key.isprintable():
        detail = f"1 to {KEY_MAX_CHARS} printable characters."
        raise _refusal(pointer, "bad_key", detail)


def _refusal(pointer: str, code: str, detail: str) -> Invalid:
    return Invalid(detail, errors=(FieldError(pointer=pointer, code=code, detail=detail),))
