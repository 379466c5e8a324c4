"""The whole service over real stores, asked over HTTP."""

from __future__ import annotations

import io
import itertools
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from service.app import Service, open_service, running_loops, serving
from service.embedded import EmbeddedStores
from service.model import Scope, Site, SiteSettings
from service.secrets import Secrets
from service.settings import Settings
from service.telemetry import set_up_logging
from service.wiring.ground import clock
from tests.api.aside import PATIENCE_SECONDS, Aside, aside
from tests.api.calls import Answer, Caller, query, segment
from tests.conftest import FreshDatabase, emptied, log_plainly, redis_of
from tests.written import look_at_written

SECRET_KEY = "a secret of the tests, long enough for the service"
ORIGIN = "https://daily.example"
PROXIES = ip_network("127.0.0.0/8")
GUEST = UUID("0199f1f0-0000-7000-8000-00000000000b")
"""Has a receipt of every site and never wrote."""
EVERY_SCOPE = frozenset(Scope)


@dataclass(slots=True, kw_only=True)
class Api:
    """A running service with a site of its own for whoever needs one."""

    aside: Aside
    service: Service
    caller: Caller
    settings: Settings
    site: Site = field(init=False)
    other: Site = field(init=False)
    keys: dict[str, str] = field(default_factory=dict)
    """By scope those of `site`, which can do nothing else; `all` can do everything; `foreign`
    is `other`'s and can do everything there; `expired` and `revoked` could."""
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def ask(self, method: str, target: str, **said: Any) -> Answer:
        """Ask once."""
        return self.caller.ask(method, target, **said)

    def new_site(self, **settings: Any) -> Site:
        """Make a site that takes comments of guests, and of pages of `ORIGIN`."""
        chosen = SiteSettings(**{"origins": (ORIGIN,), **settings})
        slug = f"daily-{next(self.numbers)}"
        return self.aside.run(self.service.core.sites.create(slug, "The Daily", chosen))

    def new_key(
        self,
        site: Site,
        scopes: frozenset[Scope] = EVERY_SCOPE,
        *,
        now: datetime | None = None,
        lifetime: timedelta | None = None,
        name: str = "",
    ) -> str:
        """Make a key of a site."""
        made = now or clock()
        work = self.service.members.keyring.create(
            site,
            name=name,
            scopes=scopes,
            expires_at=made + lifetime if lifetime else None,
            now=made,
        )
        return self.aside.run(work)[1]

    @property
    def receipt(self) -> str:
        """A guest's who never wrote."""
        return self.receipt_of(self.site)

    def receipt_of(self, site: Site, guest: UUID = GUEST) -> str:
        """Return what a guest of a site was given."""
        return self.service.members.access.receipt(site, guest, 0)

    def article(self) -> str:
        """Return a key that nobody has used yet."""
        return f"story-{next(self.numbers)}"

    def eventually(self, is_so: Callable[[], bool]) -> None:
        """Ask again and again until something is so."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_so():
            assert time.monotonic() < deadline, "It never came."
            time.sleep(0.02)

    def thread_of(self, article: str, *, site: Site | None = None, **asked: Any) -> str:
        """Return where an article's comments are."""
        slug = (site or self.site).slug
        return f"/v1/sites/{slug}/articles/{segment(article)}/comments{query(**asked)}"

    def post(
        self,
        article: str,
        body: str = "A comment.",
        /,
        *,
        site: Site | None = None,
        key: str | None = None,
        bearer: str | None = None,
        sender: str | None = None,
        name: str = "Leila",
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> Answer:
        """Post a comment; nobody else sends the same text under the same article."""
        said = dict(headers or {})
        if key is not None:
            said["Idempotency-Key"] = key
        if sender is not None:
            said["X-Forwarded-For"] = sender
        return self.ask(
            "POST",
            self.thread_of(article, site=site),
            json={"body": body, "author": {"name": name}, **more},
            bearer=bearer,
            headers=said,
        )

    def posted(self, article: str, body: str = "A comment.", /, **said: Any) -> dict[str, Any]:
        """Post a comment that must be held, and return it."""
        answer = self.post(article, body, **said)
        assert answer.status == 202, answer.raw
        comment: dict[str, Any] = answer.json["comment"]
        return comment

    def decide(
        self, action: str, *ids: str, key: str | None = None, reason: str | None = None
    ) -> list[dict[str, Any]]:
        """Decide comments that nobody edited; every decision must be applied."""
        answer = self.ask(
            "POST",
            "/v1/moderation/decisions",
            json={
                "decisions": [
                    {"comment_id": each, "revision": 1, "action": action, "reason": reason}
                    for each in ids
                ]
            },
            bearer=key or self.keys["all"],
        )
        assert answer.status == 200, answer.raw
        results: list[dict[str, Any]] = answer.json["results"]
        assert {result["outcome"] for result in results} == {"applied"}, results
        return results

    def approved(self, article: str, body: str = "A comment.", /, **said: Any) -> dict[str, Any]:
        """Post a comment, approve it, and return it as it was answered."""
        comment = self.posted(article, body, **said)
        self.decide("approve", comment["id"])
        return comment


@pytest.fixture(scope="package")
def apart() -> Iterator[Aside]:
    """Where the services of these tests run."""
    with aside() as other:
        yield other


@pytest.fixture(scope="package")
async def database(fresh_database: FreshDatabase, template_database: str) -> str:
    """One database for all of these tests."""
    return await fresh_database(template_database)


@pytest.fixture(scope="package")
def api(apart: Aside, stores: EmbeddedStores, database: str) -> Iterator[Api]:
    """The service with its request limits off."""
    redis_url = emptied(redis_of("api", beside=stores.endpoints.redis_url))
    with opened(apart, database, redis_url, rate_limits=False, loops=True) as running:
        running.site = site = running.new_site()
        running.other = running.new_site()
        for scope in Scope:
            running.keys[scope] = running.new_key(site, frozenset({scope}), name=scope.title())
        running.keys["all"] = running.new_key(site, name="Everything")
        running.keys["foreign"] = running.new_key(running.other)
        yesterday = clock() - timedelta(days=1)
        hour = timedelta(hours=1)
        running.keys["expired"] = running.new_key(site, now=yesterday, lifetime=hour)
        running.keys["revoked"] = running.new_key(site)
        key_id = running.keys["revoked"].removeprefix("pbk_")[:8]
        apart.run(running.service.members.keyring.revoke(site, key_id, clock()))
        yield running
        apart.run(_look_at_written(database))


async def _look_at_written(database: str) -> None:
    connection = await asyncpg.connect(database)
    await look_at_written(connection)
    await connection.close()


@pytest.fixture(scope="package")
def limited(apart: Aside, stores: EmbeddedStores, database: str, api: Api) -> Iterator[Api]:
    """Another process over the same stores, with its request limits on."""
    redis_url = redis_of("api", beside=stores.endpoints.redis_url)
    with opened(apart, database, redis_url, rate_limits=True, loops=False) as running:
        running.site, running.other, running.keys = api.site, api.other, api.keys
        running.numbers = api.numbers
        yield running


@pytest.fixture(autouse=True, scope="package")
def log_lines() -> Iterator[io.StringIO]:
    """Everything the service wrote to its log while these tests ran."""
    with log_to(io.StringIO()) as lines:
        yield lines


@contextmanager
def log_to(stream: io.StringIO) -> Iterator[io.StringIO]:
    """Write the log to a stream until the block ends."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    set_up_logging(level="debug", stream=stream)
    try:
        yield stream
    finally:
        log_plainly()
        root.handlers, root.level = handlers, level


@contextmanager
def opened(
    apart: Aside, database_url: str, redis_url: str, *, rate_limits: bool, loops: bool
) -> Iterator[Api]:
    """Run a service over two stores until the block ends."""
    settings = Settings(
        database_url=database_url,
        redis_url=redis_url,
        secret_key=SECRET_KEY,
        port=0,
        metrics_port=0,
        trusted_proxies=(PROXIES,),
        outgoing_networks=(PROXIES,),
        rate_limits=rate_limits,
        database_pool=8,
    )
    opening = open_service(
        settings, Secrets.derive(SECRET_KEY), database_url=database_url, redis_url=redis_url
    )
    with (
        apart.inside(opening) as service,
        apart.inside(serving(service, settings, lag_max_seconds=60)) as urls,
    ):
        port = int(urls.base.rpartition(":")[2])
        caller = Caller(port=port, operations=service.operations())
        running = Api(aside=apart, service=service, caller=caller, settings=settings)
        try:
            if loops:
                with apart.inside(running_loops(service)):
                    yield running
            else:
                yield running
        finally:
            caller.close()
