"""How the stores are: looked at now and then, so that nobody has to wait to be told."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog
from msgspec import Struct, field

from service.errors import Unavailable
from service.storage.durability import Durability
from service.storage.migrations import SchemaState
from service.storage.probes import StoreProbe
from service.telemetry import Metrics

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
"""Between two looks at whether the stores answer."""
DURABILITY_SECONDS = 5.0
"""Between two looks at whether the stores keep what is acknowledged (protocol.md 2.2: 30 s)."""


class Vitals(Struct, kw_only=True):
    """What was seen of both stores when they were last looked at."""

    probe: StoreProbe
    metrics: Metrics
    folder: Path | None = None
    """On the disk whose room is measured."""
    redis_lost: Callable[[], None]
    """Told once, when Redis ceases to answer."""
    schema_ok: bool = False
    queue_durable: bool = False
    """Redis was seen to keep what is acknowledged."""
    database_durable: bool = False
    """Postgres was, where that rests on it."""
    dependencies: dict[str, bool] = field(
        default_factory=lambda: {"postgres": False, "redis": False}
    )
    _findings: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def durable(self) -> bool:
        """False until both stores were verified: nothing is accepted before."""
        return self.queue_durable and self.database_durable

    async def run(self) -> None:
        """Look without end. Every process does."""
        looks = 0
        every = round(DURABILITY_SECONDS / LOOK_SECONDS)
        while True:
            await self.look(thoroughly=looks % every == 0 or not self.durable)
            looks += 1
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self, *, thoroughly: bool = True) -> None:
        """Look once; thoroughly also at the schema and at the settings of Redis.

        A store that is away leaves what was known of its schema or settings.
        """
        postgres, redis = await asyncio.gather(
            self._postgres(thoroughly=thoroughly), self._redis(thoroughly=thoroughly)
        )
        self.dependencies = {"postgres": postgres, "redis": redis}
        if thoroughly and self.folder is not None:
            disk = await asyncio.to_thread(shutil.disk_usage, self.folder)
            self.metrics.stores.disk_free_ratio.set(disk.free / disk.total)
        for store, up in self.dependencies.items():
            self.metrics.store_up.labels(store).set(int(up))
        self.metrics.durability_ok.set(int(self.durable))

    async def _postgres(self, *, thoroughly: bool) -> bool:
        try:
            if thoroughly:
                self.schema_ok = await self.probe.schema() is not SchemaState.BEHIND
                found = await self.probe.database_durability()
                self.database_durable = self._heard("postgres", found)
            else:
                await self.probe.postgres()
        except Unavailable:
            return False
        with suppress(Unavailable):  # it answers all the same: the breaker says that it is full
            await self.probe.may_write()
        return True

    async def _redis(self, *, thoroughly: bool) -> bool:
        try:
            if not thoroughly:
                await self.probe.redis_answers()
                return True
            found = await self.probe.durability()
        except Unavailable:
            if self.dependencies["redis"]:
                self.redis_lost()  # now: Postgres may be silent, too, and be waited for longer
            return False
        self.queue_durable = self._heard("redis", found)
        if found.figures is not None:
            stores = self.metrics.stores
            stores.redis_memory_ratio.set(found.figures.memory_ratio)
            stores.redis_aof_ok.set(int(found.figures.aof_ok))
            stores.redis_replicas.set(found.figures.replicas)
        return True

    def _heard(self, store: str, found: Durability) -> bool:
        """Log what is new, and tell whether the store keeps what it should."""
        said = (*found.findings, *found.warnings)
        if said != self._findings.get(store, ()):
            if found.findings:
                log.error("not_durable", store=store, findings=found.findings)
            if found.warnings:
                log.warning("less_durable", store=store, warnings=found.warnings)
        self._findings[store] = said
        return found.ok
