"""`/t/{site}/{article}`: a thread as a page of its own, where links to comments lead."""

from __future__ import annotations

from typing import get_args
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from service.features.cache import Built, Cache
from service.features.threads import (
    OneComment,
    Sort,
    Threaded,
    ThreadPage,
    Threads,
    UnknownParent,
)
from service.model import Article, Site
from service.web import cors
from service.web.operation import HTML, Call, Operation, Reply
from service.web.pages.asked import Notice, PageQuery, id_of, language_of, notice_of, sort_of
from service.web.pages.files import PAGE_STYLE, TAG
from service.web.pages.places import Places, own_url
from service.web.pages.policy import PAGE_HEADERS, as_pages
from service.web.pages.shown import Composer, Link, Showing, ThreadShown
from service.web.pages.templates import render
from service.web.pages.words import LANGUAGES, Tongue, tongue_of


class LanguageLink(Struct, frozen=True, kw_only=True):
    """The same page in a language."""

    href: str
    tongue: Tongue
    current: bool


class Wish(Struct, frozen=True, kw_only=True):
    """What a link to a thread asks for, as far as it can be understood."""

    lang: str | None
    sort: Sort
    cursor: str | None
    comment: UUID | None
    parent: UUID | None
    reply: UUID | None
    notice: str | None
    comment_asked: bool
    """A comment was named, whether or not it can be one."""

    @classmethod
    def of(cls, query: PageQuery) -> Wish:
        """Read a query."""
        return cls(
            lang=language_of(query.lang),
            sort=sort_of(query.sort),
            cursor=query.cursor,
            comment=id_of(query.comment),
            parent=id_of(query.parent),
            reply=id_of(query.reply),
            notice=query.postbag if query.postbag in get_args(Notice) else None,
            comment_asked=bool(query.comment),
        )


class Found(Struct, frozen=True, kw_only=True):
    """What was read for a page."""

    page: ThreadPage
    parent: OneComment | None = None
    """The comment whose replies the page lists."""
    reply: OneComment | None = None
    """The comment that is to be answered."""


class ThreadPages(Struct, frozen=True, kw_only=True):
    """Threads as pages."""

    threads: Threads
    cache: Cache
    public_url: str | None

    def operations(self) -> list[Operation]:
        """Return the table of threads as pages."""
        return [
            Operation(
                operation_id="thread_page",
                method="GET",
                path="/t/{site}/{article}",
                summary="A thread as a page of its own",
                tag=TAG,
                query=PageQuery,
                answers={200: HTML},
                public=True,
                hidden=True,
                handler=as_pages(self.show),
            )
        ]

    async def show(self, call: Call) -> Reply:
        """Answer with ready bytes; whoever asks first builds them for all."""
        wish = Wish.of(call.query_as(PageQuery))
        site, key = call.site, call.article
        own = cors.own_origins(self.public_url, call.headers.get("Host", ""))

        async def build() -> Built:
            found = await self._find(site, key, wish)
            written = page_of(site, found, wish, own=own)
            return Built(
                body=written, article_ids=found.page.article_ids, version=found.page.version
            )

        about = (site.site_id, site.settings_version, key, own)
        entry = await self.cache.get(("page", about, wish), build)
        return Reply(ready=entry.body, etag=entry.etag, media_type=HTML, headers=PAGE_HEADERS)

    async def _find(self, site: Site, key: str, wish: Wish) -> Found:
        if wish.parent is not None:
            page = await self.threads.page(site, key, parent=wish.parent, cursor=wish.cursor)
            parent = await self.threads.one(site, wish.parent)
            if parent is None:  # it went away between the two
                raise UnknownParent
            return Found(page=page, parent=parent)
        page = await self.threads.page(
            site, key, sort=wish.sort, cursor=wish.cursor, focus=wish.comment or wish.reply
        )
        reply = None
        if wish.reply is not None and page.focus is not None:
            reply = await self.threads.one(site, wish.reply)
        return Found(page=page, reply=reply)


def page_of(site: Site, found: Found, wish: Wish, *, own: frozenset[str]) -> bytes:
    """Write a page of a thread."""
    article = found.page.article
    tongue = tongue_of(wish.lang, article.lang, site.settings.languages[0])
    places = Places(site=site.slug, article=article.key, lang=tongue.code)
    showing = Showing(tongue=tongue, places=places, site=site, sort=wish.sort)
    url = own_url(article, site, own=own)
    return written_page(showing, article, _shown(showing, found, wish, url))


def written_page(showing: Showing, article: Article, thread: ThreadShown) -> bytes:
    """Write a page around what is shown of a thread."""
    tongue, places = showing.tongue, showing.places
    page_title = tongue.say("comments")
    if article.title:
        page_title = tongue.say("comments_of", title=article.title)
    return render(
        "page.html",
        tongue=tongue,
        thread=thread,
        page_title=page_title,
        site_name=showing.site.name,
        feed=places.feed(),
        style=PAGE_STYLE.address,
        languages=[
            LanguageLink(
                href=replace(places, lang=code).thread(sort=showing.sort),
                tongue=tongue_of(code),
                current=code == tongue.code,
            )
            for code in LANGUAGES
        ],
    )


def _shown(showing: Showing, found: Found, wish: Wish, url: str | None) -> ThreadShown:
    page = found.page
    article = page.article
    tongue = showing.tongue
    closed = showing.closed(article.state)
    listed = page
    if found.parent is not None:
        listed = replace(page, comments=(_with_replies(found.parent, page),))
    comments = showing.comments(listed, focus=page.focus)
    return ThreadShown(
        title=showing.title(article.count),
        headline=article.title,
        url=url,
        count=article.count,
        sorts=showing.sorts(article.count),
        notice=_notice(tongue, found, wish),
        closed=closed,
        composer=None if closed else _composer(showing, found),
        comments=comments,
        empty=not comments,
        more=showing.more(page, parent=wish.parent),
        other=_other(showing, wish),
    )


def _with_replies(parent: OneComment, page: ThreadPage) -> Threaded:
    return Threaded(parent.comment.comment, page.comments)


def _composer(showing: Showing, found: Found) -> Composer | None:
    """Return the form; none on a page of replies, where nobody could say what it answers."""
    if found.parent is not None:
        return None
    back = showing.places.thread(sort=showing.sort)
    one = found.reply
    if one is None or one.comment.comment.text is None:
        return showing.composer(back=back)
    return showing.composer(back=back, parent=showing.parent(one.comment.comment))


def _notice(tongue: Tongue, found: Found, wish: Wish) -> str | None:
    told = notice_of(wish.notice, tongue)
    if told is not None:
        return told
    if wish.comment_asked and found.page.focus is None and found.parent is None:
        return tongue.say("not_available")
    answers_nothing = found.reply is None or found.reply.comment.comment.text is None
    if wish.reply is not None and answers_nothing:
        return tongue.say("reply_not_possible")
    return None


def _other(showing: Showing, wish: Wish) -> Link | None:
    if wish.parent is not None:
        return Link(
            href=showing.places.thread(at="title"), label=showing.tongue.say("all_comments")
        )
    if wish.cursor is not None:
        href = showing.places.thread(sort=showing.sort, at="title")
        return Link(href=href, label=showing.tongue.say("first_page"))
    return None
