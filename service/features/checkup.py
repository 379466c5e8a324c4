"""What an operator should know: eight checks, each with a sentence of what to do."""

from __future__ import annotations

import asyncio
import ipaddress
import shutil
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from service.features.forwarders import PUBLIC
from service.settings import Network, Settings
from service.storage.durability import Demand
from service.storage.migrations import SchemaState
from service.storage.probes import (
    Clock,
    Down,
    PostgresSeen,
    RedisSeen,
    look_at_postgres,
    look_at_redis,
)

CLOCK_MAX_SECONDS = 2.0
"""Leases last 90 s and tokens have 60 s of leeway; well-kept clocks differ by milliseconds."""
MIB = 1024 * 1024

CHECKS = ("stores", "durability", "memory", "schema", "clock", "disk", "secret", "proxies")
"""In the order in which they are worth mending."""


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that is wrong."""

    check: str
    """One of `CHECKS`."""
    what: str
    """A sentence."""
    advice: str
    """What to do, a sentence."""
    minor: bool = False
    """True for what works, and would be better otherwise."""


class Observed(Struct, frozen=True, kw_only=True):
    """Everything that was looked at."""

    postgres: PostgresSeen | Down
    redis: RedisSeen | Down
    disk_free_bytes: int
    disk_free_min_bytes: int
    folder: Path
    """Whose disk that is."""
    secret: Finding | None
    trusted_proxies: tuple[Network, ...]


async def look(
    settings: Settings,
    *,
    database_url: str | Down,
    redis_url: str | Down,
    secret: Finding | None,
    clock: Clock,
) -> Observed:
    """Look at both stores, the disk, and what the service noted; a few seconds at most.

    `secret` is what `look_at_secret` said before embedded stores were started. A store that
    could not even be started is given as `Down`.
    """
    demand = demand_of(settings)
    postgres, redis = await asyncio.gather(
        _postgres(database_url, demand, clock), _redis_of(redis_url, demand, clock)
    )
    return Observed(
        postgres=postgres,
        redis=redis,
        disk_free_bytes=disk_free(settings.data_dir),
        disk_free_min_bytes=settings.disk_free_min_mb * MIB,
        folder=settings.data_dir,
        secret=secret,
        trusted_proxies=settings.trusted_proxies,
    )


def examine(observed: Observed) -> list[Finding]:
    """Return what is wrong, in the order of `CHECKS`; empty when all is well."""
    found = [
        *_stores(observed),
        *_durability(observed),
        *_memory(observed.redis),
        *_schema(observed.postgres),
        *_clocks(observed),
        *_disk(observed),
        *([observed.secret] if observed.secret else []),
        *_proxies(observed),
    ]
    return sorted(found, key=lambda finding: CHECKS.index(finding.check))


def demand_of(settings: Settings) -> Demand:
    """Return what the operator has acknowledgements mean."""
    return Demand(
        level=settings.durability,
        replicas=settings.replicas,
        assume_durable=settings.assume_durable,
    )


def look_at_secret(settings: Settings) -> Finding | None:
    """Tell whether the secret key is there and closed; look before stores are started."""
    if settings.secret_key is not None:
        return None
    if not settings.embedded:
        return Finding(
            check="secret",
            what="POSTBAG_SECRET_KEY is not set, and the stores are not embedded ones.",
            advice="Set it to at least 32 random bytes, the same for every process"
            " (openssl rand -hex 32).",
        )
    file = settings.secret_file
    if file.exists():
        return _open_to_others(file)
    if never_started(settings):
        return None
    return Finding(
        check="secret",
        what=f"{file} is missing, though {settings.data_dir} was in use.",
        advice="Restore it from the backup before the next start, which would make a new one: then"
        " readers' receipts and sealed secrets are void.",
    )


def never_started(settings: Settings) -> bool:
    """Tell whether the embedded stores of these settings are still to be made."""
    return settings.embedded and not (settings.data_dir / "run.lock").exists()


def disk_free(folder: Path) -> int:
    """Return the free bytes of the disk a folder is or will be on."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


async def _postgres(url: str | Down, demand: Demand, clock: Clock) -> PostgresSeen | Down:
    if isinstance(url, Down):
        return url
    return await look_at_postgres(url, demand=demand, clock=clock)


async def _redis_of(url: str | Down, demand: Demand, clock: Clock) -> RedisSeen | Down:
    if isinstance(url, Down):
        return url
    return await look_at_redis(url, demand=demand, clock=clock)


def _open_to_others(file: Path) -> Finding | None:
    mode = file.stat().st_mode & 0o777
    if not mode & 0o077:
        return None
    return Finding(
        check="secret",
        what=f"{file} can be read by others (mode {mode:o}).",
        advice=f"Run: chmod 600 {file}",
    )


def _stores(observed: Observed) -> Iterator[Finding]:
    for name, seen, setting in (
        ("Postgres", observed.postgres, "POSTBAG_DATABASE_URL"),
        ("Redis", observed.redis, "POSTBAG_REDIS_URL"),
    ):
        if isinstance(seen, Down):
            yield Finding(
                check="stores",
                what=f"{name} cannot be used: {seen.reason}.",
                advice=f"Start it, or correct {setting}.",
            )


def _durability(observed: Observed) -> Iterator[Finding]:
    for name, seen in (("Redis", observed.redis), ("Postgres", observed.postgres)):
        if isinstance(seen, Down):
            continue
        for advice in seen.durability.findings:
            yield Finding(
                check="durability",
                what=f"{name} does not keep everything it acknowledges.",
                advice=advice,
            )
        for advice in seen.durability.warnings:
            yield Finding(
                check="durability",
                what=f"{name} keeps what it acknowledges, but could be more certain of it.",
                advice=advice,
                minor=True,
            )


def _memory(redis: RedisSeen | Down) -> Iterator[Finding]:
    if isinstance(redis, Down):
        return
    for advice in redis.memory:
        yield Finding(
            check="memory", what="The memory of Redis is not safe for a queue.", advice=advice
        )


def _schema(postgres: PostgresSeen | Down) -> Iterator[Finding]:
    if isinstance(postgres, PostgresSeen) and postgres.schema is SchemaState.BEHIND:
        yield Finding(
            check="schema",
            what="The database's schema is older than this release.",
            advice="Run `postbag migrate` of this release; serving needs it.",
        )


def _clocks(observed: Observed) -> Iterator[Finding]:
    for name, seen in (("Postgres", observed.postgres), ("Redis", observed.redis)):
        if isinstance(seen, Down) or abs(seen.clock_offset_seconds) <= CLOCK_MAX_SECONDS:
            continue
        way = "ahead of" if seen.clock_offset_seconds > 0 else "behind"
        yield Finding(
            check="clock",
            what=f"The clock of {name} is {abs(seen.clock_offset_seconds):.0f} s {way} this"
            " machine's.",
            advice="Let every machine keep its time by NTP (timedatectl set-ntp true).",
        )


def _disk(observed: Observed) -> Iterator[Finding]:
    if observed.disk_free_bytes < observed.disk_free_min_bytes:
        yield Finding(
            check="disk",
            what=f"The disk of {observed.folder} has {observed.disk_free_bytes // MIB} MiB left,"
            f" less than {observed.disk_free_min_bytes // MIB}.",
            advice="Make room: a full disk stops Redis, and with it posting.",
        )


def _proxies(observed: Observed) -> Iterator[Finding]:
    if isinstance(observed.redis, Down):
        return
    for network in observed.redis.forwarders:
        if network == PUBLIC:
            yield Finding(
                check="proxies",
                what="Public addresses sent X-Forwarded-For in the last hour and were not"
                " believed.",
                advice="If a CDN stands in front, add its networks to POSTBAG_TRUSTED_PROXIES;"
                " else somebody tries to hide.",
            )
        elif not _trusted(network, observed.trusted_proxies):
            yield Finding(
                check="proxies",
                what=f"A proxy in {network} sends X-Forwarded-For and is not believed: all its"
                " readers count as one.",
                advice=f"If it is yours, add its address in {network} to POSTBAG_TRUSTED_PROXIES.",
            )


def _trusted(network: str, trusted: tuple[Network, ...]) -> bool:
    """Tell whether some of a noted network is trusted by now: it was noted with its neighbours."""
    noted = ipaddress.ip_network(network)
    return any(noted.version == each.version and noted.overlaps(each) for each in trusted)
