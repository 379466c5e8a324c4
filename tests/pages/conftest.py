"""One service for all of these tests, asked over HTTP as browsers and feed readers do."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
import pytest
from multidict import CIMultiDictProxy
from yarl import URL

from service.embedded import EmbeddedStores
from service.model import SiteSettings
from tests import conftest
from tests.conftest import FreshDatabase, redis_numbered
from tests.journeys.api import Paper
from tests.journeys.house import House, open_house
from tests.pages.parsed import Parsed

ORIGIN = "https://daily.example"
BROWSER = {"Accept": "text/html,application/xhtml+xml"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """An answer, read to its end."""

    status: int
    headers: CIMultiDictProxy[str]
    text: str

    @property
    def page(self) -> Parsed:
        """The answer as the page it has to be."""
        assert self.headers["Content-Type"] == "text/html; charset=utf-8", self.text[:300]
        return Parsed.page(self.text)

    @property
    def fragment(self) -> Parsed:
        """The answer as the piece of a page it has to be."""
        assert self.headers["Content-Type"] == "text/html; charset=utf-8", self.text[:300]
        return Parsed.piece(self.text)


@dataclass(slots=True, kw_only=True)
class Press:
    """A running service, with the site `daily`."""

    house: House
    daily: Paper
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def own(self) -> str:
        """The service's own origin."""
        return self.house.api.base_url

    def article(self) -> str:
        """Return a key that nobody has used yet."""
        return f"story-{next(self.numbers)}"

    async def get(self, path: str, **headers: str) -> Got:
        """Ask for a page; `path` is percent-encoded already."""
        return await self._ask("GET", path, headers={**BROWSER, **headers})

    async def send(
        self, article: str, form: Mapping[str, str], *, site: str = "daily", **headers: str
    ) -> Got:
        """Send a form, and do not follow where it leads."""
        return await self._ask(
            "POST",
            f"{self.path(article, site)}/comments.html",
            data=urlencode(form),
            headers={"Content-Type": "application/x-www-form-urlencoded", **headers},
        )

    def path(self, article: str, site: str = "daily") -> str:
        """Return where the API has an article."""
        return f"/v1/sites/{site}/articles/{quote(article, safe='')}"

    async def describe(self, article: str, **about: Any) -> None:
        """Say as the newsroom what an article is."""
        answer = await self.house.api(
            "PUT", self.path(article), about, token=self.daily.keys["manage"]
        )
        answer.expect(200)

    async def published(self, article: str, text: str = "A comment.", **said: Any) -> str:
        """Post a comment and approve it; return its id."""
        posted = await self.daily.post(text, article=article, **said)
        await self.daily.approve(posted)
        return posted.id

    async def all_published(
        self, article: str, texts: Iterable[str], *, parent: str | None = None
    ) -> list[str]:
        """Post comments one after the other and approve them in one request; return their ids."""
        posted = [await self.daily.post(text, article=article, parent=parent) for text in texts]
        await self.daily.approve(*posted)
        return [each.id for each in posted]

    async def first(self, article: str, url: str) -> str:
        """Post the first comment as a page that says where the article is; approve it."""
        body = {"body": "First.", "author": {"name": "Leila"}, "article": {"url": url}}
        answer = await self.house.api("POST", f"{self.path(article)}/comments", body)
        comment: str = answer.expect(202)["comment"]["id"]
        await self.daily.approve(comment)
        return comment

    async def _ask(self, method: str, path: str, **more: Any) -> Got:
        async with self.house.api.session.request(
            method,
            URL(f"{self.own}{path}", encoded=True),
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=10),
            **more,
        ) as answer:
            return Got(
                status=answer.status, headers=answer.headers, text=(await answer.read()).decode()
            )


@pytest.fixture(scope="session")
async def press(
    fresh_database: FreshDatabase, template_database: str, stores: EmbeddedStores
) -> AsyncIterator[Press]:
    """A service whose site `daily` looks at every comment first; its pages are `ORIGIN`'s."""
    number = conftest._free_numbers.pop()  # noqa: SLF001 - for a session, not for a test
    redis_url = conftest.emptied(redis_numbered(number, beside=stores.endpoints.redis_url))
    async with open_house(await fresh_database(template_database), redis_url) as house:
        daily = await house.found("daily", SiteSettings(origins=(ORIGIN,)))
        yield Press(house=house, daily=daily)
    conftest._free_numbers.append(number)  # noqa: SLF001 - the same
