"""All pages, fragments and feeds in one table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from service.features.articles import ArticleDirectory
from service.features.cache import Cache
from service.features.counts import Counts
from service.features.intake import Intake
from service.features.latest import Latest
from service.features.lookup import Lookup
from service.features.sites import SiteDirectory
from service.features.threads import Threads
from service.features.waits import Waits
from service.web.operation import Operation
from service.web.pages import files
from service.web.pages.demo import DemoPages
from service.web.pages.feeds import Feeds
from service.web.pages.form import Forms
from service.web.pages.fragment import Fragments
from service.web.pages.linked import LinkedThreads
from service.web.pages.newspaper import Paper
from service.web.pages.thread import ThreadPages


class Pages(Struct, frozen=True, kw_only=True):
    """What works without JavaScript."""

    threads: Threads
    counts: Counts
    cache: Cache
    waits: Waits
    latest: Latest
    intake: Intake
    lookup: Lookup
    articles: ArticleDirectory
    sites: SiteDirectory
    hash_address: Callable[[str], str]
    public_url: str | None
    paper: Callable[[], Paper]
    first_heard: Callable[[int, UUID], Awaitable[datetime | None]]

    def operations(self) -> list[Operation]:
        """Return the table of them all."""
        return [
            *Fragments(
                threads=self.threads,
                cache=self.cache,
                waits=self.waits,
                public_url=self.public_url,
            ).operations(),
            *Forms(
                intake=self.intake,
                articles=self.articles,
                lookup=self.lookup,
                hash_address=self.hash_address,
                public_url=self.public_url,
            ).operations(),
            *LinkedThreads(
                threads=self.threads, cache=self.cache, public_url=self.public_url
            ).operations(),
            *Feeds(latest=self.latest, cache=self.cache, public_url=self.public_url).operations(),
            *ThreadPages(
                threads=self.threads, cache=self.cache, public_url=self.public_url
            ).operations(),
            *DemoPages(
                paper=self.paper,
                sites=self.sites,
                counts=self.counts,
                threads=self.threads,
                cache=self.cache,
                waits=self.waits,
                first_heard=self.first_heard,
            ).operations(),
            *files.operations(),
        ]
