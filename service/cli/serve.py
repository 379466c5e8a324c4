"""`postbag serve`: the service, with its stores if it has its own, in one process or several."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from time import monotonic
from typing import Any

import aiohttp
import click
import structlog
import uvloop

from service import workers
from service.app import open_service, running_loops, serving
from service.cli import later
from service.cli.clock import now
from service.cli.options import with_settings
from service.cli.ports import PortTaken, reserved
from service.cli.welcome import invitation_link, welcome
from service.demo.seed import DEMO_SITE, seed
from service.embedded import AlreadyRunning, EmbeddedStores, Endpoints
from service.errors import Unavailable
from service.secrets import Secrets, open_secrets
from service.settings import Settings
from service.storage.demo import DemoVotes
from service.storage.postgres import MigrationFailed, SchemaState, migrate, open_pool, schema_state
from service.telemetry import set_up_logging

log = structlog.get_logger(__name__)

BUSY_TRIES = 20
BUSY_PAUSE_SECONDS = 0.25
"""A pair of servers that is being started or stopped by a command is gone in a moment."""
BUSY_TRIES_RUNNING = 4
"""One that runs may be a command's, for a second; or another service's, for good."""
STORE_PAUSE_SECONDS = 0.5
"""Between attempts to reach a store that is away when we begin."""
DATABASE_SECONDS = 20.0
"""How long a command waits for Postgres: a wrong address is to be told before long."""
TURN_SECONDS = 0.001
"""How long a thread that reads a long text or compiles rules keeps the loop waiting for its turn;
Python's own is five times that."""
GARBAGE_AFTER = 5_000
"""Objects that have stayed before what is no longer needed is looked for among them. What a request
makes goes by itself; with Python's own 700 the looking took 2 % of a post."""
READY_SECONDS = 60.0
READY_PAUSE_SECONDS = 0.05


@click.command()
@click.option("--demo", is_flag=True, help="With the demo site, filled on the first start.")
@with_settings("host", "port", "workers", "data_dir", "database_url", "redis_url")
def serve(settings: Settings, *, demo: bool) -> None:
    """Run the service until Ctrl-C or SIGTERM.

    Without a database and a Redis of your own it runs both itself, under the data folder.
    """
    set_up_logging(level=settings.log_level, form=settings.log_format, for_good=True)
    secrets = open_secrets(settings)
    with ExitStack() as opened:
        try:
            door = opened.enter_context(reserved(settings.host, settings.port))
        except PortTaken as taken:
            raise click.ClickException(str(taken)) from taken
        settings = settings.model_copy(update={"port": door.getsockname()[1]})
        nursery = None
        if settings.workers > 1:
            nursery = opened.enter_context(_nursery(settings, secrets, door))
        try:
            _run(_serve(settings, secrets, door, nursery, demo=demo))
        except workers.NurseryLost as lost:
            raise click.ClickException(str(lost)) from lost


def _nursery(
    settings: Settings, secrets: Secrets, door: socket.socket
) -> workers.Nursery[Endpoints]:
    """Load what workers share, and make who makes them, while nothing runs yet."""
    gc.disable()
    later.load()
    gc.freeze()  # nobody looks through it again, so that it stays shared
    gc.enable()

    def work(number: int, where: Endpoints) -> None:
        _run(_work(settings, secrets, where, door, number))

    return workers.Nursery(
        count=settings.workers, work=work, door=door, drain_seconds=settings.drain_seconds
    )


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Run until it ends or a signal asks it to; then let it put everything in order."""

    async def until_told() -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(work)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
        with suppress(asyncio.CancelledError):
            await task

    sys.setswitchinterval(TURN_SECONDS)
    gc.set_threshold(GARBAGE_AFTER)
    uvloop.run(until_told())


async def _serve(
    settings: Settings,
    secrets: Secrets,
    door: socket.socket,
    nursery: workers.Nursery[Endpoints] | None,
    *,
    demo: bool,
) -> None:
    async with AsyncExitStack() as running:
        where = await running.enter_async_context(_stores(settings))
        await _prepare_in_time(settings, where)
        if demo:
            await _seed(settings, secrets, where)
        metrics_url = await running.enter_async_context(
            _one_process(settings, secrets, where, door, worker=0)
            if nursery is None
            else _several(settings, where, door, nursery)
        )
        if demo:
            await _welcome(settings, secrets, where, metrics_url)
        else:
            await _introduce(settings, secrets, where)
        if nursery is not None:
            await nursery.watch()
        await asyncio.Event().wait()


@asynccontextmanager
async def _stores(settings: Settings) -> AsyncIterator[Endpoints]:
    """Yield where both stores answer; the embedded ones run, and are restarted, meanwhile."""
    if settings.database_url is not None and settings.redis_url is not None:
        yield Endpoints(database_url=settings.database_url, redis_url=settings.redis_url)
        return
    async with AsyncExitStack() as started:
        pair = await _start(settings, started)
        watching = asyncio.create_task(pair.watch())
        try:
            yield Endpoints(
                database_url=settings.database_url or pair.endpoints.database_url,
                redis_url=settings.redis_url or pair.endpoints.redis_url,
            )
        finally:
            watching.cancel()
            await asyncio.wait([watching])


async def _start(settings: Settings, started: AsyncExitStack) -> EmbeddedStores:
    """Start the embedded stores; wait a moment for a command that holds the data folder.

    Raises:
        AlreadyRunning: somebody else goes on holding it.
    """
    tries = 0
    while True:
        pair = EmbeddedStores(
            settings.data_dir,
            postgres=settings.database_url is None,
            redis=settings.redis_url is None,
        )
        try:
            return await started.enter_async_context(pair)
        except AlreadyRunning as busy:
            tries += 1
            if tries >= (BUSY_TRIES_RUNNING if busy.urls else BUSY_TRIES):
                raise
        await asyncio.sleep(BUSY_PAUSE_SECONDS)


async def _prepare_in_time(settings: Settings, where: Endpoints) -> None:
    """Prepare the schema when Postgres answers: after a fall of both it is back later than we.

    Raises:
        Unavailable: it does not within `DATABASE_SECONDS`.
    """
    begun = monotonic()
    while True:
        try:
            return await _prepare(settings, where)
        except Unavailable as failure:
            if monotonic() - begun > DATABASE_SECONDS:
                raise
            log.warning("database_awaited", code=failure.stable_code)
        await asyncio.sleep(STORE_PAUSE_SECONDS)


async def _prepare(settings: Settings, where: Endpoints) -> None:
    """Bring the schema up to date, or make sure that somebody else did."""
    if settings.migrate:
        await migrate(where.database_url)
        return
    async with open_pool(where.database_url, min_size=1, max_size=1) as pool:
        if await schema_state(pool) is SchemaState.BEHIND:
            raise MigrationFailed("The schema is older than this release. Run: postbag migrate")


async def _seed(settings: Settings, secrets: Secrets, where: Endpoints) -> None:
    async with open_service(
        settings, secrets, database_url=where.database_url, redis_url=where.redis_url
    ) as service:
        await seed(
            sites=service.core.sites,
            articles=service.core.articles,
            pending=service.core.pending,
            decisions=service.core.decisions,
            votes=DemoVotes(pool=service.ground.pool),
            now=now(),
            base_url=settings.base_url,
        )


@asynccontextmanager
async def _one_process(
    settings: Settings, secrets: Secrets, where: Endpoints, door: socket.socket, *, worker: int
) -> AsyncIterator[str]:
    """Serve in this process; yield where its metrics are."""
    async with (
        open_service(
            settings,
            secrets,
            database_url=where.database_url,
            redis_url=where.redis_url,
            worker=worker,
        ) as service,
        running_loops(service),
        serving(service, settings, worker=worker, door=door) as urls,
    ):
        yield urls.metrics


@asynccontextmanager
async def _several(
    settings: Settings, where: Endpoints, door: socket.socket, nursery: workers.Nursery[Endpoints]
) -> AsyncIterator[str]:
    """Keep several processes serving; yield when the first is ready."""
    nursery.begin(where)
    try:
        await _until_ready(settings.base_url, nursery)
        yield f"http://{settings.metrics_host}:{settings.metrics_port}/metrics"
    finally:
        door.close()  # open until the last worker has closed it, and no longer
        await nursery.stop()


async def _work(
    settings: Settings, secrets: Secrets, where: Endpoints, door: socket.socket, number: int
) -> None:
    """Serve until told to stop; a store that is away at the start is waited for."""
    while True:
        try:
            async with _one_process(settings, secrets, where, door, worker=number):
                await asyncio.Event().wait()
        except Unavailable as failure:
            log.warning("worker_waits", worker=number, code=failure.stable_code)
        await asyncio.sleep(STORE_PAUSE_SECONDS)


async def _until_ready(base_url: str, nursery: workers.Nursery[Endpoints]) -> None:
    async with aiohttp.ClientSession() as client, asyncio.timeout(READY_SECONDS):
        while nursery.is_at_work:
            with suppress(aiohttp.ClientError, OSError):
                async with client.get(f"{base_url}/readyz") as answer:
                    if answer.status == 200:  # noqa: PLR2004 - OK
                        return
            await asyncio.sleep(READY_PAUSE_SECONDS)
    await nursery.watch()


async def _welcome(
    settings: Settings, secrets: Secrets, where: Endpoints, metrics_url: str
) -> None:
    async with open_service(
        settings, secrets, database_url=where.database_url, redis_url=where.redis_url
    ) as service:
        # As the leader is about to: whoever claims then gets the comment that is named here.
        await service.readers.order.renew(await service.core.sites.get(DEMO_SITE))
        ids, _ = await service.core.pending.peek(
            DEMO_SITE, order="priority", limit=1, after=None, include_escalated=True
        )
        waiting = await service.core.pending.items(DEMO_SITE, ids)
        owner = await service.members.team.owner_link(now())
    click.echo(
        welcome(
            settings,
            base_url=settings.base_url,
            metrics_url=metrics_url,
            following=next(iter(waiting.values()), None),
            owner=owner,
        )
    )


async def _introduce(settings: Settings, secrets: Secrets, where: Endpoints) -> None:
    """Say where it runs; while nobody is in the newsroom also how to get in."""
    async with open_service(
        settings, secrets, database_url=where.database_url, redis_url=where.redis_url
    ) as service:
        owner = await service.members.team.owner_link(now())
    if owner is not None:
        click.echo(f"Sign in for the first time: {invitation_link(settings, owner)}")
    click.echo(f"Postbag is running on {settings.base_url}")
