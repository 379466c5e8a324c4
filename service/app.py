"""A process of the service: its parts over two open stores, answering, and at work behind that."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Self

import structlog
from msgspec import Struct

from service.features.leader import Leader
from service.features.vitals import Vitals
from service.outgoing import GuardedClient
from service.secrets import Secrets
from service.settings import VERSION, Settings
from service.storage.breakers import Breakers
from service.storage.postgres import fill, open_pool, pool_figures
from service.storage.redis import Scripts, connect, connection_figures
from service.telemetry import Metrics
from service.web import server
from service.web.assembly import api_gate, metrics_gate
from service.web.draining import Draining
from service.web.operation import Operation
from service.web.operations import ReadyState
from service.web.pulse import LAG_MAX_SECONDS
from service.web.server import Bounds
from service.wiring import dashboard, newsroom
from service.wiring.bridges import Bridges
from service.wiring.core import Core
from service.wiring.editors import Editors
from service.wiring.figures import Figures
from service.wiring.ground import Ground, Loop, clock
from service.wiring.learning import Learning
from service.wiring.live import Live
from service.wiring.log import Log
from service.wiring.members import Members
from service.wiring.moderators import Moderators
from service.wiring.office import Office
from service.wiring.readers import Readers
from service.wiring.upkeep import Upkeep
from service.wiring.webhooks import Postroom

log = structlog.get_logger(__name__)

AGAIN_SECONDS = 1.0
"""Before a loop that failed unexpectedly is begun again."""


class Urls(Struct, frozen=True, kw_only=True):
    """Where a process answers; no slash at their ends."""

    base: str
    metrics: str


class Service(Struct, frozen=True, kw_only=True):
    """Everything one process is made of."""

    ground: Ground
    core: Core
    live: Live
    readers: Readers
    moderators: Moderators
    members: Members
    office: Office
    editors: Editors
    upkeep: Upkeep
    log: Log
    figures: Figures
    learning: Learning
    bridges: Bridges
    postroom: Postroom

    @classmethod
    def build(cls, ground: Ground) -> Self:
        """Wire every part; nothing runs yet."""
        core = Core.build(ground)
        live = Live.build(ground, core)
        readers = Readers.build(ground, core, live)
        return cls(
            ground=ground,
            core=core,
            live=live,
            readers=readers,
            moderators=Moderators.build(ground, core, live, readers),
            members=Members.build(ground, core),
            office=Office.build(ground, core, readers),
            editors=Editors.build(ground, core),
            upkeep=Upkeep.build(ground, core, live),
            log=Log.build(ground, core),
            figures=Figures.build(ground),
            learning=Learning.build(core),
            bridges=Bridges.build(core),
            postroom=Postroom.build(ground, core),
        )

    def operations(self) -> list[Operation]:
        """Return the table of everything the service answers."""
        return [*self.public(), *self.newsroom(), *self.dashboard()]

    def public(self) -> list[Operation]:
        """Return what readers ask for."""
        ground, core, access = self.ground, self.core, self.members.access
        return [
            *self.readers.operations(ground, core, access=access, records=self.moderators.records),
            *self.live.operations(),
        ]

    def newsroom(self) -> list[Operation]:
        """Return what newsrooms and their programs ask for."""
        core, members, log = self.core, self.members, self.log
        return [
            *newsroom.of_moderators(core, self.live, self.moderators, members),
            *newsroom.of_editors(core, self.editors, log, self.figures, self.learning),
            *newsroom.of_admins(self.ground, core, members, self.office),
            *newsroom.of_other_systems(core, self.bridges, self.postroom),
        ]

    def dashboard(self) -> list[Operation]:
        """Return the newsroom's pages."""
        core, members = self.core, self.members
        return [
            *dashboard.of_moderators(core, self.moderators, self.log),
            *dashboard.of_editors(core, self.editors, self.figures, self.learning, self.office),
            *dashboard.of_admins(self.ground, core, members, self.postroom.webhooks),
        ]

    def loops(self) -> Sequence[Loop]:
        """Return what goes on behind the requests, in every process."""
        leader = Leader(
            leadership=self.upkeep.leadership,
            # Each by itself: one that fails over and over must not keep the journal from its work.
            loops=[
                partial(_keep_going, loop)
                for loop in (
                    *self.upkeep.leader_loops(),
                    *self.core.leader_loops(),
                    *self.readers.leader_loops(),
                    *self.moderators.leader_loops(),
                    *self.editors.leader_loops(),
                    *self.log.leader_loops(),
                    *self.learning.leader_loops(),
                    *self.postroom.leader_loops(),
                )
            ],
            leads=self.ground.metrics.leads.set,
        )
        return (
            leader.run,
            *self.upkeep.loops(),
            *self.core.loops(),
            *self.live.loops(),
            *self.readers.loops(),
        )


@asynccontextmanager
async def open_service(
    settings: Settings, secrets: Secrets, *, database_url: str, redis_url: str, worker: int = 0
) -> AsyncIterator[Service]:
    """Open both stores and wire everything to them; no loop runs yet.

    Raises:
        DatabaseUnavailable: Postgres is away.
    """
    async with AsyncExitStack() as opened:
        metrics = Metrics(version=VERSION, worker=worker)
        breakers = Breakers.told(metrics.note_breaker)
        waits = metrics.stores.pool_wait_seconds.labels("postgres")
        ground = Ground(
            settings=settings,
            secrets=secrets,
            pool=await opened.enter_async_context(
                open_pool(
                    database_url,
                    max_size=settings.database_pool,
                    breakers=breakers,
                    heard_wait=waits.observe,
                )
            ),
            redis=await opened.enter_async_context(
                connect(redis_url, pool_size=settings.redis_pool, breaker=breakers.redis)
            ),
            scripts=Scripts.load(),
            metrics=metrics,
            breakers=breakers,
            outgoing=GuardedClient(networks=settings.outgoing_networks),
        )
        opened.push_async_callback(ground.outgoing.close)
        wanted = settings.replicas if settings.durability == "replica" else 0
        metrics.stores.redis_replicas_wanted.set(wanted)
        metrics.stores.watch_pool("postgres", **pool_figures(ground.pool))
        metrics.stores.watch_pool("redis", **connection_figures(ground.redis))
        service = Service.build(ground)
        opened.push_async_callback(service.core.cache.close)
        opened.push_async_callback(service.core.decisions.cleanups.ended)
        yield service


class _Ready(Struct, frozen=True):
    """What was last seen of the stores, as the probe of a balancer is told."""

    vitals: Vitals
    breakers: Breakers

    def state(self) -> ReadyState:
        return ReadyState(
            schema_ok=self.vitals.schema_ok,
            durable=self.vitals.durable,
            dependencies=self.vitals.dependencies,
            breakers=self.breakers.states(),
        )


@asynccontextmanager
async def serving(
    service: Service,
    settings: Settings,
    *,
    worker: int = 0,
    door: socket.socket | None = None,
    lag_max_seconds: float = LAG_MAX_SECONDS,
) -> AsyncIterator[Urls]:
    """Answer over HTTP until the block ends; then drain, and finish what is in work.

    A bound socket, the `door`, is listened on if there is one; processes may share it.

    Raises:
        OSError: a port is taken.
    """
    await service.live.vitals.look()
    draining = Draining()
    gate = api_gate(
        service.public(),
        newsroom=service.newsroom,
        dashboard=service.dashboard,
        access=service.members.access,
        sites=service.core.sites,
        sessions=service.members.sessions,
        readiness=_Ready(service.live.vitals, service.ground.breakers),
        draining=draining,
        metrics=service.ground.metrics,
        now=clock,
        forwarders=service.upkeep.forwarders,
        trusted_proxies=settings.trusted_proxies,
        public_url=settings.public_url,
        lag_max_seconds=lag_max_seconds,
        pressure=service.core.pressure,
    )
    bounds = Bounds() if settings.rate_limits else Bounds(per_address=None)
    metrics_port = settings.metrics_port and settings.metrics_port + worker
    async with (
        server.serving(
            metrics_gate(service.ground.metrics, now=clock),
            host=settings.metrics_host,
            port=metrics_port,
        ) as metrics,
        server.serving(
            gate,
            host=settings.host,
            port=settings.port,
            door=door,
            bounds=bounds,
            farewell=service.live.say_bye,
        ) as api,
    ):
        # Who only reads need not wait for it.
        warming = asyncio.create_task(service.core.rulebook.warm())
        base = settings.model_copy(update={"port": api.port}).base_url
        try:
            yield Urls(base=base, metrics=f"http://{settings.metrics_host}:{metrics.port}/metrics")
        finally:
            draining.begun = True
            await asyncio.sleep(settings.drain_seconds)
            await warming


@asynccontextmanager
async def running_loops(service: Service) -> AsyncIterator[None]:
    """Run what goes on behind the requests for as long as the block lasts."""
    await fill(service.ground.pool)  # all loops ask at once, and requests with them
    tasks = [asyncio.create_task(_keep_going(loop)) for loop in service.loops()]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _keep_going(loop: Loop) -> None:
    """Begin a loop again when it failed in a way nobody expected; its traceback is logged."""
    while True:
        try:
            await loop()
        except Exception:
            log.exception("loop_failed", loop=getattr(loop, "__qualname__", str(loop)))
        await asyncio.sleep(AGAIN_SECONDS)
