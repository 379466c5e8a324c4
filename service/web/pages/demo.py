"""`/demo/`: a small newspaper in three languages, with comments under its articles."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from urllib.parse import quote
from uuid import UUID

from markupsafe import Markup

from service.errors import NotFound
from service.features.cache import Built, Cache, Entry, Tally
from service.features.counts import Counts
from service.features.sites import SiteDirectory
from service.features.threads import Sort, Threads
from service.model import Site, article_id
from service.web.operation import HTML, Call, Operation, Reply
from service.web.operation import Cache as Keep
from service.web.pages import fragment
from service.web.pages.asked import Patient, notice_of
from service.web.pages.files import DEMO_FILES, TAG
from service.web.pages.places import Places
from service.web.pages.policy import as_pages
from service.web.pages.shown import Moment
from service.web.pages.templates import render
from service.web.pages.words import LANGUAGES, Tongue, tongue_of
from service.web.wire.base import stamp

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

OPENING_PARAGRAPHS = 2
"""Of the front page's first story."""

LABELS: Final[Mapping[str, str]] = {
    "en": "Comments ({n})",
    "fr": "Commentaires ({n})",
    "ar": "التعليقات ({n})",
}
"""What a counter says; `count.js` gets the same words. No language needs plural forms for it."""


class Story(Protocol):
    """An article of the demo, as its content has it."""

    @property
    def key(self) -> str:
        """Its key."""

    @property
    def lang(self) -> str:
        """Its language."""

    @property
    def url(self) -> str:
        """Its path on this server, `/demo/<lang>/<slug>`."""

    @property
    def section(self) -> str:
        """The newspaper's section."""

    @property
    def published_minutes_ago(self) -> int:
        """Before the demo was filled."""

    @property
    def title(self) -> str:
        """The headline."""

    @property
    def standfirst(self) -> str:
        """The sentence below it."""

    @property
    def dateline(self) -> str:
        """Where it was written."""

    @property
    def byline(self) -> str:
        """Who wrote it."""

    @property
    def paragraphs(self) -> Sequence[str]:
        """Its text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """What the demo is made of."""

    editions: Sequence[tuple[str, str]]
    """Language and name of the newspaper in it, in their order."""
    stories: Sequence[Story]
    """In the order of the front page."""


class DemoQuery(Patient):
    """How an article's page is wanted."""

    embed: str | None = None
    """`fragment`: with the thread in the page itself, as a site that includes it does."""
    postbag: str | None = None
    """What became of the form that led here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Teaser:
    """An article as front pages and lists show it."""

    key: str
    slug: str
    """Its own part of its address: names it within the page."""
    lang: str
    direction: str
    href: str
    section: str
    title: str
    standfirst: str
    opening: tuple[str, ...]
    """The first paragraphs."""
    byline: str
    published: Moment | None
    counter: str
    label: str
    """The counter's words, `{n}` where the number stands."""
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """One language's newspaper."""

    tongue: Tongue
    name: str
    href: str
    teasers: tuple[Teaser, ...]
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPages:
    """The demo's front pages and articles."""

    paper: Callable[[], Paper]
    sites: SiteDirectory
    counts: Counts
    threads: Threads
    cache: Cache
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
            tallies = await self._tallies(site, paper)
            written = render(
                "demo/front.html",
                **await self._frame(site, paper, lang, tallies),
                today=Moment(words=tongue_of(lang).day(call.now), stamp=today.isoformat()),
            )
            return _built(written, tallies)

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
            tallies = await self._tallies(site, paper)
            embedded, ids = None, set[UUID]()
            if is_fragment:
                embedded, ids = await self._fragment(site, story, query.postbag)
            frame = await self._frame(site, paper, lang, tallies)
            places = Places(site=SITE, article=story.key, lang=lang)
            written = render(
                "demo/article.html",
                **frame,
                story=story,
                teaser=await self._teaser(site, story, tallies[story.key]),
                notice=notice,
                embedded=embedded,
                comments_href=places.thread(),
                feed=places.feed(),
            )
            return _built(written, tallies, ids)

        key = ("demo", site.site_id, site.settings_version, story.key, is_fragment, notice)
        entry = await self.cache.get(key, build)
        return _reply(entry)

    async def _site(self) -> Site:
        return await self.sites.get(SITE)

    async def _tallies(self, site: Site, paper: Paper) -> Mapping[str, Tally]:
        return await self.counts.many(site, [story.key for story in paper.stories])

    async def _frame(
        self, site: Site, paper: Paper, lang: str, tallies: Mapping[str, Tally]
    ) -> dict[str, object]:
        """Return what every page of an edition shows around its own."""
        editions = [
            await self._edition(site, paper, code, name, tallies, current=code == lang)
            for code, name in paper.editions
        ]
        return {
            "edition": next(each for each in editions if each.current),
            "editions": editions,
            "tongue": tongue_of(lang),
            "style": DEMO_FILES["paper.css"].address,
            "icon": DEMO_FILES["icon.svg"].address,
            "script": DEMO_FILES["paper.js"].address,
            "site": SITE,
        }

    async def _edition(
        self,
        site: Site,
        paper: Paper,
        code: str,
        name: str,
        tallies: Mapping[str, Tally],
        *,
        current: bool,
    ) -> Edition:
        teasers = [
            await self._teaser(site, story, tallies[story.key])
            for story in paper.stories
            if story.lang == code
        ]
        return Edition(
            tongue=tongue_of(code),
            name=name,
            href=f"/demo/{code}/",
            teasers=tuple(teasers),
            current=current,
        )

    async def _teaser(self, site: Site, story: Story, tally: Tally) -> Teaser:
        tongue, label = tongue_of(story.lang), LABELS[story.lang]
        began = await self._began(site)
        published = None
        if began is not None:
            at = began - timedelta(minutes=story.published_minutes_ago)
            published = Moment(words=tongue.day(at), stamp=stamp(at))
        return Teaser(
            key=story.key,
            slug=story.url.rpartition("/")[2],
            lang=story.lang,
            direction=tongue.direction,
            href=quote(story.url),
            section=story.section,
            title=story.title,
            standfirst=story.standfirst,
            opening=tuple(story.paragraphs[:OPENING_PARAGRAPHS]),
            byline=story.byline,
            published=published,
            counter=label.format(n=tongue.number(tally.approved)),
            label=label,
            count=tally.approved,
        )

    async def _began(self, site: Site) -> datetime | None:
        """When the demo was filled: the first article was described first."""
        first = self.paper().stories[0]
        return await self.first_heard(site.site_id, article_id(site.site_id, first.key))

    async def _fragment(
        self, site: Site, story: Story, notice: str | None
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
        written = fragment.fragment_of(site, page, wish).decode()
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


def _built(
    written: bytes, tallies: Mapping[str, Tally], ids: frozenset[UUID] | set[UUID] = frozenset()
) -> Built:
    told = {each for tally in tallies.values() for each in tally.article_ids} | ids
    return Built(body=written, article_ids=tuple(sorted(told)))
