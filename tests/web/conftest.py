"""A real server over the table of toys, with real sites, keys and receipts in Postgres."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any
from uuid import UUID

import pytest
import structlog
from msgspec.structs import replace

from service.features.access import Access, Keyring
from service.features.sites import SiteDirectory
from service.features.token_keys import TokenKeys
from service.model import Scope, Site, SiteSettings
from service.secrets import Secrets
from service.storage.accounts import AccountStore
from service.storage.postgres import open_pool
from service.storage.readers import ReaderStore
from service.storage.sites import SiteStore
from service.storage.token_keys import TokenKeyStore
from service.telemetry import Metrics
from service.web.assembly import api_gate
from service.web.draining import Draining
from service.web.gate import Gate
from service.web.operations import ReadyState
from service.web.server import Bounds, Deadlines, HttpServer, serving, without_a_word
from tests.conftest import FreshDatabase
from tests.web.toys import Toys

NOW = datetime(2026, 11, 23, 15, 29, 57, 113_000, tzinfo=UTC)
ORIGIN = "https://daily.example"
GUEST = UUID("0199f1f0-0000-7000-8000-00000000000a")

ALL_WELL = ReadyState(schema_ok=True, durable=True, dependencies={"postgres": True, "redis": True})

Serve = Callable[..., AbstractAsyncContextManager["House"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Newsroom:
    """Sites `demo` and `other` with whoever may call them."""

    access: Access
    sites: SiteDirectory
    demo: Site
    keys: dict[str, str]
    """By name: those of `demo` are called after their only scope; `foreign` is `other`'s."""
    receipt: str


@dataclass(slots=True)
class Stores:
    """Readiness that a test can change."""

    now: ReadyState

    def state(self) -> ReadyState:
        return self.now


@dataclass(slots=True)
class Seen:
    """Remembers who forwarded without being trusted."""

    addresses: list[str] = field(default_factory=list)

    def note(self, address: str, *, now: datetime) -> None:
        assert now == NOW
        self.addresses.append(address)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A server that runs, with everything a test may turn."""

    port: int
    server: HttpServer
    gate: Gate
    toys: Toys
    draining: Draining
    stores: Stores
    seen: Seen
    metrics: Metrics


@pytest.fixture(scope="session", autouse=True)
def plain_log() -> Iterator[None]:
    """Lines of JSON: tracebacks in colours take half a minute."""
    before = structlog.get_config()
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session")
async def newsroom(
    fresh_database: FreshDatabase, template_database: str
) -> AsyncIterator[Newsroom]:
    secrets = Secrets.derive("k" * 32)
    async with open_pool(await fresh_database(template_database)) as pool:
        accounts = AccountStore(pool=pool)
        sites = SiteDirectory(sites=SiteStore(pool=pool), pending=None)
        access = Access(
            accounts=accounts,
            readers=ReaderStore(pool=pool),
            token_keys=TokenKeys(token_keys=TokenKeyStore(pool=pool), secrets=secrets),
            receipt_keys=secrets.keys("receipt"),
        )
        demo = await sites.create("demo", "Demo", SiteSettings(origins=(ORIGIN,)))
        other = await sites.create("other", "Other")
        keyring = Keyring(accounts=accounts)
        keys = {}
        for name, site, scope in [
            *((scope.value, demo, scope) for scope in Scope),
            ("foreign", other, Scope.MANAGE),
            ("foreign-moderate", other, Scope.MODERATE),
        ]:
            _, token = await keyring.create(
                site, name=name, scopes={scope}, expires_at=None, now=NOW
            )
            keys[name] = f"Bearer {token}"
        yield Newsroom(
            access=access,
            sites=sites,
            demo=demo,
            keys=keys,
            receipt=f"Bearer {access.receipt(demo, GUEST, 0)}",
        )


@pytest.fixture(scope="session")
def serve(newsroom: Newsroom) -> Serve:
    """A function that runs a server of one's own, with other deadlines or settings."""

    @asynccontextmanager
    async def run(
        *,
        deadlines: Deadlines | None = None,
        bounds: Bounds | None = None,
        admission: dict[str, Any] | None = None,
        trusted: str | None = None,
        public_url: str | None = None,
        body_seconds: float = 10.0,
        farewell: Callable[[], Awaitable[None]] | None = None,
        door: socket.socket | None = None,
    ) -> AsyncIterator[House]:
        toys, draining, stores, seen = Toys(), Draining(), Stores(ALL_WELL), Seen()
        metrics = Metrics()
        gate = api_gate(
            toys.operations(),
            access=newsroom.access,
            sites=newsroom.sites,
            readiness=stores,
            draining=draining,
            metrics=metrics,
            now=lambda: NOW,
            forwarders=seen,
            trusted_proxies=(ip_network(trusted),) if trusted else (),
            public_url=public_url,
            body_seconds=body_seconds,
            lag_max_seconds=60,  # between two tests the session's loop stands still
        )
        if admission is not None:
            narrow = dataclasses.replace(gate.admission, **admission)
            gate = replace(gate, admission=narrow, bodies=replace(gate.bodies, admission=narrow))
        async with serving(
            gate,
            host="127.0.0.1",
            port=0,
            deadlines=deadlines,
            bounds=bounds,
            farewell=farewell or without_a_word,
            door=door,
        ) as running:
            yield House(
                port=running.port,
                server=running.server,
                gate=gate,
                toys=toys,
                draining=draining,
                stores=stores,
                seen=seen,
                metrics=metrics,
            )

    return run


@pytest.fixture(scope="session")
async def house(serve: Serve) -> AsyncIterator[House]:
    """One server for all tests that change nothing of it."""
    async with serve(bounds=Bounds(per_address=None)) as running:
        yield running
