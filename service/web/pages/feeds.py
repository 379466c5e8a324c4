"""Atom feeds: the newest comments of an article, and of a site."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from msgspec import Struct

from service.features.body import parse, to_html
from service.features.cache import Built, Cache
from service.features.latest import Latest, LatestOfArticle, Published
from service.model import Article, Site
from service.web import cors
from service.web.operation import Cache as Keep
from service.web.operation import Call, Operation, Reply
from service.web.pages.files import TAG
from service.web.pages.places import Places, base_of, own_url, permalink
from service.web.pages.templates import render
from service.web.pages.words import tongue_of
from service.web.wire.base import stamp

ATOM = "application/atom+xml"

NEVER: Final = "1970-01-01T00:00:00.000Z"
"""When an empty feed was changed last: Atom asks for a time."""

_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that no XML may hold, not even escaped."""


class Entry(Struct, frozen=True, kw_only=True):
    """A comment in a feed."""

    comment_id: UUID
    parent_id: UUID | None
    title: str
    name: str
    published: str
    updated: str
    lang: str | None
    href: str
    html: str


class Whence(Struct, frozen=True, kw_only=True):
    """What a feed's addresses depend on."""

    base: str
    own: frozenset[str]

    @classmethod
    def of(cls, call: Call, public_url: str | None) -> Whence:
        """Read it from a request."""
        return cls(
            base=base_of(public_url, call.headers),
            own=cors.own_origins(public_url, call.headers.get("Host", "")),
        )

    def tag(self, *parts: str) -> str:
        """Return a name for a feed that stays the same (RFC 4151)."""
        host = (urlsplit(self.base).hostname or "localhost").replace(":", ".")  # of IPv6
        return f"tag:{host},2026:{':'.join(parts)}"


class Feeds(Struct, frozen=True, kw_only=True):
    """Comments for feed readers."""

    latest: Latest
    cache: Cache
    public_url: str | None

    def operations(self) -> list[Operation]:
        """Return the table of feeds."""
        return [
            Operation(
                operation_id="read_feed",
                method="GET",
                path="/v1/sites/{site}/articles/{article}/comments.atom",
                summary="Read an article's newest comments as an Atom feed",
                tag=TAG,
                answers={200: ATOM},
                public=True,
                cors=True,
                handler=self.of_article,
            ),
            Operation(
                operation_id="read_site_feed",
                method="GET",
                path="/v1/sites/{site}/comments.atom",
                summary="Read a site's newest comments as an Atom feed",
                tag=TAG,
                answers={200: ATOM},
                public=True,
                cors=True,
                handler=self.of_site,
            ),
        ]

    async def of_article(self, call: Call) -> Reply:
        """Answer with ready bytes; whoever asks first builds them for all."""
        site, key, whence = call.site, call.article, Whence.of(call, self.public_url)

        async def build() -> Built:
            found = await self.latest.of_article(site, key)
            written = article_feed(site, found, whence)
            return Built(body=written, article_ids=found.article_ids, version=found.version)

        entry = await self.cache.get(("feed", site.site_id, key, whence), build)
        return Reply(ready=entry.body, etag=entry.etag, media_type=ATOM)

    async def of_site(self, call: Call) -> Reply:
        """Answer with ready bytes. New comments appear when they are built again."""
        site, whence = call.site, Whence.of(call, self.public_url)

        async def build() -> Built:
            comments = await self.latest.of_site(site)
            gone_with = tuple(dict.fromkeys(each.article_id for each in comments))
            return Built(body=site_feed(site, comments, whence), article_ids=gone_with)

        entry = await self.cache.get(("site_feed", site.site_id, site.name, whence), build)
        return Reply(ready=entry.body, etag=entry.etag, media_type=ATOM, cache=Keep.COUNTS)


def article_feed(site: Site, found: LatestOfArticle, whence: Whence) -> bytes:
    """Write an article's feed."""
    article = found.article
    tongue = tongue_of(article.lang, site.settings.languages[0])
    places = Places(site=site.slug, article=article.key, lang=tongue.code, base=whence.base)
    title = tongue.say("feed_of_site", site=site.name)
    if article.title is not None:
        title = tongue.say("feed_of_article", title=article.title)
    return _feed(
        lang=tongue.code,
        feed_id=whence.tag(site.slug, str(article.article_id)),
        title=title,
        updated=_updated(found.comments),
        address=places.feed(),
        alternate=own_url(article, site, own=whence.own) or places.thread(),
        entries=[_entry(site, each, whence) for each in found.comments],
    )


def site_feed(site: Site, comments: Iterable[Published], whence: Whence) -> bytes:
    """Write a site's feed."""
    shown = list(comments)
    tongue = tongue_of(site.settings.languages[0])
    return _feed(
        lang=tongue.code,
        feed_id=whence.tag(site.slug),
        title=tongue.say("feed_of_site", site=site.name),
        updated=_updated(shown),
        address=f"{whence.base}/v1/sites/{site.slug}/comments.atom",
        alternate=None,
        entries=[_entry(site, each, whence) for each in shown],
    )


def _feed(**values: object) -> bytes:
    return _NO_XML.sub("", render("feed.xml", **values).decode()).encode()


def _entry(site: Site, comment: Published, whence: Whence) -> Entry:
    tongue = tongue_of(comment.lang, site.settings.languages[0])
    places = Places(site=site.slug, article=comment.article_key, lang=tongue.code, base=whence.base)
    article = Article(
        site_id=site.site_id,
        article_id=comment.article_id,
        key=comment.article_key,
        url=comment.article_url,
        managed=comment.article_managed,
    )
    url = own_url(article, site, own=whence.own)
    about = comment.article_title or comment.article_key
    return Entry(
        comment_id=comment.comment_id,
        parent_id=comment.parent_id,
        title=tongue.say("entry", name=comment.author_name, title=about),
        name=comment.author_name,
        published=stamp(comment.published_at),
        updated=stamp(_changed(comment)),
        lang=comment.lang,
        href=permalink(comment.comment_id, places, url),
        html=to_html(parse(comment.text)),
    )


def _changed(comment: Published) -> datetime:
    return max(comment.published_at, comment.edited_at or comment.published_at)


def _updated(comments: Iterable[Published]) -> str:
    return max((stamp(_changed(each)) for each in comments), default=NEVER)
