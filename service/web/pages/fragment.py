"""`…/comments.html`: a thread for a site to include in its own page; works without JavaScript."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import orjson
from markupsafe import Markup
from msgspec import Struct

from service.cursors import BadCursor
from service.features.cache import Built, Cache
from service.features.threads import Sort, ThreadPage, Threads
from service.features.waits import Waits
from service.model import ArticleState, Site
from service.web import cors
from service.web.operation import HTML, Call, Operation, Reply
from service.web.pages.asked import Notice, language_of, notice_of
from service.web.pages.files import TAG
from service.web.pages.places import Places, base_of, own_url, return_address
from service.web.pages.shown import Link, Showing, ThreadShown
from service.web.pages.templates import render
from service.web.pages.words import tongue_of
from service.web.wire.base import Wire
from service.web.wire.comments import thread_json
from service.web.wire.submissions import HttpAddress, Language

Theme = Literal["light", "dark", "auto"]


class FragmentQuery(Wire):
    """How the fragment is to be."""

    lang: Language | None = None
    """English, French or Arabic; else the article's language, or the site's first."""
    sort: Sort = Sort.BEST
    cursor: str | None = None
    theme: Theme = "light"
    """As the element's attribute: `auto` follows the reader's system."""
    url: HttpAddress | None = None
    """The including page, where its form leads back to: one of the site's origins."""
    postbag: Notice | None = None
    """What the form's answer added to the including page's address, passed on."""


class Wish(Struct, frozen=True, kw_only=True):
    """What is asked for, with what the answer depends on beside it."""

    lang: str | None
    sort: Sort
    cursor: str | None
    theme: Theme
    url: str | None
    notice: str | None
    base: str
    own: frozenset[str]


class Fragments(Struct, frozen=True, kw_only=True):
    """Threads to be included."""

    threads: Threads
    cache: Cache
    waits: Waits
    public_url: str | None

    def operations(self) -> list[Operation]:
        """Return the table of fragments."""
        return [
            Operation(
                operation_id="read_fragment",
                method="GET",
                path="/v1/sites/{site}/articles/{article}/comments.html",
                summary="Read a page of a thread as HTML to include",
                description="A custom element with a declarative shadow root: read by browsers"
                " without JavaScript, taken over by the widget with it.",
                tag=TAG,
                query=FragmentQuery,
                answers={200: HTML},
                problems=(BadCursor,),
                public=True,
                cors=True,
                handler=self.show,
            )
        ]

    async def show(self, call: Call) -> Reply:
        """Answer with ready bytes; whoever asks first builds them for all."""
        query = call.query_as(FragmentQuery)
        site, key = call.site, call.article
        own = cors.own_origins(self.public_url, call.headers.get("Host", ""))
        wish = Wish(
            lang=language_of(query.lang),
            sort=query.sort,
            cursor=query.cursor,
            theme=query.theme,
            url=return_address(query.url, site, own=own) if query.url else None,
            notice=query.postbag,
            base=base_of(self.public_url, call.headers),
            own=own,
        )
        about = (site.site_id, site.settings_version, self.waits.turn(call.now), key)
        entry = await self.cache.get(
            ("fragment", about, wish), lambda: self._build(site, key, wish, now=call.now)
        )
        return Reply(ready=entry.body, etag=entry.etag, media_type=HTML)

    async def _build(self, site: Site, key: str, wish: Wish, *, now: datetime) -> Built:
        page = await self.threads.page(site, key, sort=wish.sort, cursor=wish.cursor)
        usual = await self.waits.usual_minutes(site, now=now)
        return Built(
            body=fragment_of(site, page, wish, usual_minutes=usual, now=now),
            article_ids=page.article_ids,
            version=page.version,
        )


def fragment_of(
    site: Site, page: ThreadPage, wish: Wish, *, usual_minutes: int | None, now: datetime
) -> bytes:
    """Write a page of a thread as the widget's element."""
    article = page.article
    tongue = tongue_of(wish.lang, article.lang, site.settings.languages[0])
    places = Places(site=site.slug, article=article.key, lang=tongue.code, base=wish.base)
    showing = Showing(tongue=tongue, places=places, site=site, sort=wish.sort)
    url = own_url(article, site, own=wish.own)
    return render(
        "fragment.html",
        tongue=tongue,
        thread=_shown(showing, page, wish, url),
        site=site.slug,
        article=article.key,
        sort=wish.sort.value,
        theme=wish.theme,
        base=wish.base,
        payload=script_safe(thread_json(page, site, usual_minutes=usual_minutes, now=now)),
    )


def script_safe(content: object) -> Markup:
    """Write JSON that nothing in it can end the script element around it."""
    written = orjson.dumps(content).decode().replace("<", "\\u003c")
    return Markup(written)  # noqa: S704 - JSON without any "<"


def _shown(showing: Showing, page: ThreadPage, wish: Wish, url: str | None) -> ThreadShown:
    article = page.article
    closed = showing.closed(article.state)
    is_off = article.state is ArticleState.OFF
    comments = () if is_off else showing.comments(page)
    back = wish.url or (return_address(url, showing.site, own=wish.own) if url else None)
    composer = showing.composer(back=back or showing.places.thread(sort=wish.sort))
    first = None
    if wish.cursor is not None:
        href = showing.places.thread(sort=wish.sort, at="title")
        first = Link(href=href, label=showing.tongue.say("first_page"))
    return ThreadShown(
        title=showing.title(article.count),
        headline=None,
        url=url,
        count=article.count,
        sorts=() if is_off else showing.sorts(article.count),
        notice=notice_of(wish.notice, showing.tongue),
        closed=closed,
        composer=None if closed else composer,
        comments=comments,
        empty=not comments,
        more=None if is_off else showing.more(page),
        other=first,
    )
