"""What an acknowledgement demands of the stores, and whether they meet it as they are set up."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, cast

import asyncpg
from msgspec import Struct
from redis.asyncio.client import Redis
from redis.exceptions import ResponseError

from service.storage.postgres import connected
from service.storage.redis import speaks_of_the_server, unavailable_when_down

Level = Literal["local", "replica", "journal"]

EVERYWHERE = MappingProxyType(
    {"maxmemory-policy": ("noeviction", "waiting comments are thrown away when memory is full")}
)
"""Setting of Redis, the value every level needs, and what happens otherwise."""

WANTED = MappingProxyType(
    {
        "appendonly": ("yes", "comments are kept in memory only"),
        "appendfsync": (
            "always",
            "the last acknowledged comments are lost when Redis is killed or power fails",
        ),
        "no-appendfsync-on-rewrite": (
            "no",
            "comments accepted while the append-only file is rewritten can be lost",
        ),
        **EVERYWHERE,
    }
)
"""The same for levels whose promise rests on Redis (protocol.md 2.2, F1, F2)."""

GUARD = "min-replicas-to-write"
"""With it Redis refuses by itself what too few replicas would hear of."""

OLDEST_VERSION = (7, 0)
"""The first with script flags and multi-part append-only files; WAIT is far older."""

OF_POSTGRES = MappingProxyType(
    {
        "fsync": "what was committed is lost when power fails",
        "full_page_writes": "a power cut can leave a page half written",
    }
)
"""Setting of Postgres that level `journal` needs to be on, and what happens otherwise."""


class Demand(Struct, frozen=True, kw_only=True):
    """What has to have happened to a comment before it is acknowledged."""

    level: Level = "local"
    replicas: int = 1
    """How many replicas of Redis must have it; level `replica` alone asks."""
    assume_durable: bool = False
    """The operator's word for a server that hides its configuration."""


class Figures(Struct, frozen=True, kw_only=True):
    """What a Redis says of its memory, its file and its replicas."""

    memory_ratio: float
    """Of `maxmemory`; 0 where there is no bound."""
    aof_ok: bool
    replicas: int
    """How many follow it."""


class Durability(Struct, frozen=True, kw_only=True):
    """Whether an acknowledged comment survives what its level promises."""

    findings: tuple[str, ...] = ()
    """What is missing, in sentences for the operator; nothing is accepted meanwhile."""
    warnings: tuple[str, ...] = ()
    """What would be better otherwise, in sentences."""
    figures: Figures | None = None
    """Of Redis alone."""

    @property
    def ok(self) -> bool:
        """True when the level is met."""
        return not self.findings


async def durability(redis: Redis, demand: Demand) -> Durability:
    """Check that this Redis keeps what is acknowledged, as far as the level rests on it.

    Raises:
        QueueUnavailable: Redis is away.
    """
    with unavailable_when_down():
        state = await redis.info()
        findings = state_findings(state)
        try:
            found = cast("dict[str, str] | None", await redis.config_get(*WANTED, GUARD))
        except ResponseError as error:
            if speaks_of_the_server(error):
                raise
            found = None
    findings += _settings_findings(found, demand)
    warnings: list[str] = []
    if demand.level == "replica":
        findings += replica_findings(state, demand.replicas)
        warnings += _guard_warnings(found, demand.replicas)
    return Durability(findings=tuple(findings), warnings=tuple(warnings), figures=_figures(state))


async def database_durability(pool: asyncpg.Pool[asyncpg.Record], demand: Demand) -> Durability:
    """Check that this Postgres keeps what it has committed, where the level rests on it.

    Raises:
        DatabaseUnavailable: Postgres is away.
    """
    if demand.level != "journal":
        return Durability()
    async with connected(pool) as connection:
        found = {name: await connection.fetchval(f"SHOW {name}") for name in OF_POSTGRES}
        standby = await connection.fetchval("SELECT pg_is_in_recovery()")
    findings = database_findings(found)
    if standby:
        findings.append("This Postgres is a standby: it cannot take comments.")
    return Durability(findings=tuple(findings))


def database_findings(found: Mapping[str, str]) -> list[str]:
    """Say which settings of Postgres keep it from keeping what it has committed."""
    return [
        f"Set {name} of Postgres to on (it is {found[name]}): else {consequence}."
        for name, consequence in OF_POSTGRES.items()
        if found[name] != "on"
    ]


def state_findings(state: dict[str, Any]) -> list[str]:
    """Say what the state of a Redis, as INFO gives it, makes impossible at every level."""
    findings = []
    version = str(state.get("valkey_version") or state.get("redis_version", "0.0"))
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_VERSION:
        findings.append(f"Redis {version} is too old: 7.0 or Valkey 7.2 is the oldest that works.")
    if state.get("role") == "slave":
        findings.append("This Redis is a replica: it cannot take comments.")
    for name, what in (
        ("aof_last_write_status", "write to"),
        ("aof_last_bgrewrite_status", "rewrite"),
    ):
        if state.get(name, "ok") != "ok":
            findings.append(f"Redis could not {what} its append-only file: look at its disk.")
    return findings


def _figures(state: dict[str, Any]) -> Figures:
    most = int(state.get("maxmemory", 0))
    return Figures(
        memory_ratio=int(state.get("used_memory", 0)) / most if most else 0.0,
        aof_ok=all(
            state.get(name, "ok") == "ok"
            for name in ("aof_last_write_status", "aof_last_bgrewrite_status")
        ),
        replicas=_online(state),
    )


def _online(state: dict[str, Any]) -> int:
    told = (state.get(f"slave{number}") for number in range(int(state.get("connected_slaves", 0))))
    return sum(each is not None and each.get("state") == "online" for each in told)


def replica_findings(state: dict[str, Any], wanted: int) -> list[str]:
    """Say whether fewer replicas follow, as INFO gives it, than have to acknowledge."""
    online = _online(state)
    if online >= wanted:
        return []
    advice = (
        f"Connect {'a replica' if wanted == 1 else f'{wanted} replicas'} to this Redis ({online}"
        f" {'follows' if online == 1 else 'follow'} it now), or set POSTBAG_REPLICAS or"
        " POSTBAG_DURABILITY lower: level replica acknowledges only what replicas have."
    )
    return [advice]


def _settings_findings(found: dict[str, str] | None, demand: Demand) -> list[str]:
    wanted = EVERYWHERE if demand.level == "journal" else WANTED
    if found is None:
        return [] if demand.assume_durable else [_hidden(demand)]
    return [
        f"Set {name} to {value} (it is {found.get(name, 'unknown')}): else {consequence}."
        for name, (value, consequence) in wanted.items()
        if found.get(name) != value
    ]


def _hidden(demand: Demand) -> str:
    settings = "maxmemory-policy is noeviction"
    if demand.level != "journal":
        settings = f"appendonly is yes, appendfsync always and {settings}"
    return (
        "Redis does not let the service read its configuration (CONFIG GET): make sure that"
        f" {settings}, then set POSTBAG_ASSUME_DURABLE=on."
    )


def _guard_warnings(found: dict[str, str] | None, replicas: int) -> list[str]:
    if found is None or int(found.get(GUARD, 0)) >= replicas:
        return []
    advice = (
        f"Set {GUARD} to {replicas} (it is {found.get(GUARD, 'unknown')}): else Redis goes on"
        " taking what too few replicas hear of, and readers wait for a 503."
    )
    return [advice]
