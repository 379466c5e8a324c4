"""`/demo/`: a small newspaper in three languages, with comments under its articles."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime
from typing import Final
from urllib.parse import quote
from uuid import UUID

from markupsafe import Markup
from msgspec import Struct

from service.errors import NotFound
from service.features.cache import Built, Cache, Entry
from service.features.counts import Counts
from service.features.sites import SiteDirectory
from service.features.threads import Sort, Threads
from service.features.waits import Waits
from service.model import Site, article_id
from service.web.operation import HTML, Call, Operation, Reply
from service.web.operation import Cache as Keep
from service.web.pages import fragment
from service.web.pages.asked import Patient, notice_of
from service.web.pages.files import DEMO_FILES, TAG
from service.web.pages.newspaper import Issue, Paper, Story
from service.web.pages.places import Places
from service.web.pages.policy import as_pages
from service.web.pages.shown import Moment
from service.web.pages.templates import render
from service.web.pages.words import LANGUAGES, tongue_of

SITE = "demo"

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'; trusted-types 'none'"
)
"""What `docs/embedding.md` asks of a site, and nothing more."""

HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
}


class DemoQuery(Patient):
    """How an article's page is wanted."""

    embed: str | None = None
    """`fragment`: with the thread in the page itself, as a site that includes it does."""
    postbag: str | None = None
    """What became of the form that led here."""


class DemoPages(Struct, frozen=True, kw_only=True):
    """The demo's front pages and articles."""

    paper: Callable[[], Paper]
    sites: SiteDirectory
    counts: Counts
    threads: Threads
    cache: Cache
    waits: Waits
    first_heard: Callable[[int, UUID], Awaitable[datetime | None]]
    """Tells when an article of a site was first heard of."""

    def operations(self) -> list[Operation]:
        """Return the table of the demo's pages."""
        return [
            _page("demo", "/demo/", "The demo newspaper", as_pages(self.front)),
            _page("demo_front", "/demo/{lang}/", "Its front page", as_pages(self.front)),
            _page("demo_article", "/demo/{lang}/{slug}", "An article", as_pages(self.article)),
            _page(
                "demo_dated_article",
                "/demo/{lang}/{year}/{slug}",
                "An article whose address has its year",
                as_pages(self.article),
            ),
            _page("demo_without_slash", "/demo", "Leads to the demo", _to_front),
            _page("demo_front_without_slash", "/demo/{lang}", "Leads there", _to_front),
        ]

    async def front(self, call: Call) -> Reply:
        """Answer with a front page; without a language it is the English one."""
        lang = call.path.get("lang", LANGUAGES[0])
        paper, site = self.paper(), await self._site()
        if lang not in dict(paper.editions):
            raise NotFound
        today = call.now.date()

        async def build() -> Built:
            issue = await self._issue(site, paper)
            day = Moment(words=tongue_of(lang).day(call.now), stamp=today.isoformat())
            written = render("demo/front.html", **_frame(issue, lang), today=day)
            return _built(written, issue)

        entry = await self.cache.get(("demo", site.site_id, lang, today), build)
        return _reply(entry)

    async def article(self, call: Call) -> Reply:
        """Answer with an article's page."""
        lang = call.path["lang"]
        address = "/".join(("/demo", *call.path.values()))
        paper, site = self.paper(), await self._site()
        story = next((each for each in paper.stories if each.url == address), None)
        if story is None:
            raise NotFound
        query = call.query_as(DemoQuery)
        is_fragment = query.embed == "fragment"
        notice = notice_of(query.postbag, tongue_of(lang))

        async def build() -> Built:
            issue = await self._issue(site, paper)
            embedded, ids = None, set[UUID]()
            if is_fragment:
                embedded, ids = await self._fragment(site, story, query.postbag, call.now)
            places = Places(site=SITE, article=story.key, lang=lang)
            written = render(
                "demo/article.html",
                **_frame(issue, lang),
                story=story,
                teaser=issue.teaser(story),
                notice=notice,
                embedded=embedded,
                comments_href=places.thread(),
                feed=places.feed(),
            )
            return _built(written, issue, ids)

        key = ("demo", site.site_id, site.settings_version, story.key, is_fragment, notice)
        entry = await self.cache.get(key, build)
        return _reply(entry)

    async def _site(self) -> Site:
        return await self.sites.get(SITE)

    async def _issue(self, site: Site, paper: Paper) -> Issue:
        first = paper.stories[0]  # it was described first
        return Issue(
            paper=paper,
            tallies=await self.counts.many(site, [story.key for story in paper.stories]),
            began=await self.first_heard(site.site_id, article_id(site.site_id, first.key)),
        )

    async def _fragment(
        self, site: Site, story: Story, notice: str | None, now: datetime
    ) -> tuple[Markup, set[UUID]]:
        page = await self.threads.page(site, story.key)
        wish = fragment.Wish(
            lang=story.lang,
            sort=Sort.BEST,
            cursor=None,
            theme="auto",
            url=f"{quote(story.url)}?embed=fragment",
            notice=notice,
            base="",
            own=frozenset(),
        )
        usual = await self.waits.usual_minutes(site, now=now)
        written = fragment.fragment_of(site, page, wish, usual_minutes=usual, now=now).decode()
        return Markup(written), set(page.article_ids)  # noqa: S704 - made by our own template


def _page(
    name: str, path: str, summary: str, handler: Callable[[Call], Awaitable[Reply]]
) -> Operation:
    return Operation(
        operation_id=name,
        method="GET",
        path=path,
        summary=summary,
        tag=TAG,
        query=DemoQuery,
        answers={200: HTML},
        public=True,
        hidden=True,
        handler=handler,
    )


async def _to_front(call: Call) -> Reply:
    lang = call.path.get("lang")
    if lang is not None and lang not in LANGUAGES:
        raise NotFound
    there = f"/demo/{lang}/" if lang else "/demo/"
    return Reply(status=308, ready=b"", media_type=HTML, headers={**HEADERS, "Location": there})


def _reply(entry: Entry) -> Reply:
    """Answer with a page that is asked about each time: a newcomer looks for what just changed."""
    return Reply(
        ready=entry.body,
        etag=entry.etag,
        media_type=HTML,
        headers=HEADERS,
        cache=Keep.REVALIDATE,
    )


def _frame(issue: Issue, lang: str) -> dict[str, object]:
    """Return what every page of an edition shows around its own."""
    return {
        "edition": issue.edition(lang),
        "editions": issue.editions(lang),
        "tongue": tongue_of(lang),
        "style": DEMO_FILES["paper.css"].address,
        "icon": DEMO_FILES["icon.svg"].address,
        "script": DEMO_FILES["paper.js"].address,
        "site": SITE,
    }


def _built(written: bytes, issue: Issue, ids: Collection[UUID] = ()) -> Built:
    told = {each for tally in issue.tallies.values() for each in tally.article_ids}
    return Built(body=written, article_ids=tuple(sorted(told.union(ids))))
