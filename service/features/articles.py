"""Articles: what a back end says of them, when they close, and which keys lead to them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypedDict
from urllib.parse import urlsplit

from msgspec import Struct, field
from msgspec.structs import replace

from service.errors import Conflict, FieldError, Invalid, Unavailable
from service.features import text
from service.features.administration import Act, with_details
from service.features.recall import Recall
from service.model import Article, ArticleState, Mode, Site, article_id
from service.storage.articles import ArticleStore, CircularMerge

KEY_MAX_CHARS = 200
"""Code points of an article's key (api.md)."""

ALIASES_MAX = 50
"""Keys that may lead to one article: every read of it gathers all of them."""

CLOSED_AT_ONCE = 1_000
"""Articles closed in one transaction: nobody who publishes waits for it longer than a moment."""

COUNTED_MAX = 100_000
"""What is counted before many are closed; beyond it the number makes no difference."""

TITLE_MAX_CHARS = 300
TAGS_MAX = 50
NAME_MAX_CHARS = 100
"""Of a section or a tag: rules name them as they are."""
URL_MAX_CHARS = 2_048

VIEWS_MAX = 1e9
"""Views an hour: more than there are readers."""

_LANG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}\Z")
"""A language tag as BCP 47 writes it, with what sites use of it."""

_NOT_PRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
_NONCHARACTERS = re.compile("[\ufdd0-\ufdef\ufffe\uffff]")

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
    section: str | None
    tags: Sequence[str] | None
    published_at: datetime | None
    aliases: Sequence[str] | None
    """All other keys that lead to it from now on."""


class OwnAlias(Conflict):
    """An article cannot be an alias of itself."""

    code = "circular_merge"
    title = "That key leads to this article already."


class ArticleDirectory(Struct, frozen=True, kw_only=True):
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
            article = await self.known.get_along((site.site_id, key), self._find_each)
        except Unavailable:
            return None
        return _at(article, now)

    def last(self, site: Site, key: str) -> Article | None:
        """Return the article a key led to when this process last met it, if it has."""
        return self.known.last((site.site_id, key))

    async def describe(self, site: Site, key: str, *, now: datetime) -> Article:
        """Return the article a key leads to, as `get`, with its count of this moment.

        Raises:
            Unavailable: it cannot be looked up now.
        """
        return _at(await self._find(site, key), now)

    async def aliases(self, site: Site, article: Article) -> list[str]:
        """Return the other keys of an article, sorted.

        Raises:
            Unavailable: Postgres is away.
        """
        return await self.articles.aliases(site.site_id, article.article_id)

    async def put(
        self,
        site: Site,
        key: str,
        changes: ArticleChanges,
        now: datetime,
        *,
        act: Act | None = None,
    ) -> Article:
        """Describe the article a key leads to, whether or not anybody has seen it yet.

        `act`, where there is one, goes into the log of administration with what was changed.

        Raises:
            Invalid: a key or a value cannot be one, or there are too many aliases.
            OwnAlias: the article would be an alias of itself.
            Unavailable: Postgres is away; the change may have been made.
        """
        _check_key(key, "/article")
        aliases = _aliases(changes)
        told = _cleaned(changes)
        try:
            await self.articles.put(
                site.site_id, key, told, aliases=aliases, act=act and _noted(act, key, told)
            )
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

    async def count_older(self, site: Site, days: int, *, now: datetime) -> int:
        """Return how many articles first met so many days ago still take comments.

        At most `COUNTED_MAX`.

        Raises:
            Unavailable: Postgres is away.
        """
        before = now - timedelta(days=days)
        return await self.articles.count_older(
            site.site_id, before=before, now=now, limit=COUNTED_MAX
        )

    async def close_older(self, site: Site, days: int, *, now: datetime, act: Act) -> int:
        """Close articles first met so many days ago, `CLOSED_AT_ONCE` at most; return how many.

        None is left when it returns fewer.

        Raises:
            Unavailable: Postgres is away; some may have been closed.
        """
        keys = await self.articles.close_older(
            site.site_id,
            before=now - timedelta(days=days),
            now=now,
            limit=CLOSED_AT_ONCE,
            noted=lambda many: with_details(act, older_than_days=days, closed=many),
        )
        for key in keys:
            self.known.forget((site.site_id, key))
        return len(keys)

    async def _find(self, site: Site, key: str) -> Article:
        return await self.articles.find(site.site_id, key) or _unseen(site.site_id, key)

    async def _find_each(self, places: Sequence[tuple[int, str]]) -> dict[tuple[int, str], Article]:
        found = await self.articles.find_each(places)
        return {place: found.get(place) or _unseen(*place) for place in places}

    async def _read_again(self, site: Site, keys: list[str], now: datetime) -> Article:
        """Let this process see the change at once, and answer with what became of it."""
        for key in keys:
            self.known.forget((site.site_id, key))
        article = await self._find(site, keys[0])
        self.known.put((site.site_id, keys[0]), article)
        return _at(article, now)


def _noted(act: Act, key: str, told: Mapping[str, Any]) -> Act:
    """Say in the log which article was changed, and to what; its title is no business of it."""
    values = {
        name: told[name].isoformat() if isinstance(told[name], datetime) else told[name]
        for name in ("state", "mode", "close_at")
        if name in told
    }
    return with_details(act, article=key, changed=sorted(told), **values)


def _unseen(site_id: int, key: str) -> Article:
    """Return an article nobody has described or commented on."""
    return Article(site_id=site_id, article_id=article_id(site_id, key), key=key)


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


def _cleaned(changes: ArticleChanges) -> dict[str, Any]:
    """Return what to store of a description, without its aliases.

    Raises:
        Invalid: at the first value that cannot be one.
    """
    told: dict[str, Any] = {name: told for name, told in changes.items() if name != "aliases"}
    if told.get("title") is not None:
        told["title"] = text.clean_line(told["title"], max_chars=TITLE_MAX_CHARS, pointer="/title")
    if told.get("url") is not None:
        _check_url(told["url"])
    if told.get("lang") is not None and not _LANG.match(told["lang"]):
        raise _refusal("/lang", "bad_language", "A language tag, e.g. `fr` or `pt-BR`.")
    if told.get("section") is not None:
        told["section"] = _named(told["section"], "/section")
    if "tags" in told:
        tags = told["tags"] or ()
        if len(tags) > TAGS_MAX:
            raise _refusal("/tags", "too_many", f"At most {TAGS_MAX} tags.")
        names = (_named(tag, f"/tags/{at}") for at, tag in enumerate(tags))
        told["tags"] = list(dict.fromkeys(names))
    views = told.get("views_per_hour")
    if views is not None and not 0 <= views <= VIEWS_MAX:  # false for NaN too
        raise _refusal("/views_per_hour", "out_of_range", f"0 to {VIEWS_MAX:.0f}.")
    return told


def _named(name: str, pointer: str) -> str:
    clean = text.clean_line(name, max_chars=NAME_MAX_CHARS, pointer=pointer)
    if not clean:
        raise _refusal(pointer, "missing", "A name.")
    return clean


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise _refusal("/url", "bad_url", "An address that begins with https:// or http://.")
    if len(url) > URL_MAX_CHARS or not url.isprintable() or " " in url:
        detail = f"At most {URL_MAX_CHARS} characters, without spaces."
        raise _refusal("/url", "bad_url", detail)


def is_printable(text: str) -> bool:
    """Tell whether a text has no control characters, line ends, surrogates or noncharacters."""
    if text.isprintable():
        return not _NONCHARACTERS.search(text)
    return not any(unicodedata.category(char) in _NOT_PRINTABLE for char in text) and not (
        _NONCHARACTERS.search(text)
    )


def _check_key(key: str, pointer: str) -> None:
    if not key or len(key) > KEY_MAX_CHARS or not is_printable(key):
        detail = f"1 to {KEY_MAX_CHARS} printable characters."
        raise _refusal(pointer, "bad_key", detail)


def _refusal(pointer: str, code: str, detail: str) -> Invalid:
    return Invalid(detail, errors=(FieldError(pointer=pointer, code=code, detail=detail),))
