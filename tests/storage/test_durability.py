"""What an acknowledgement demands, and whether real servers meet it."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from service.storage.durability import (
    GUARD,
    WANTED,
    Demand,
    database_durability,
    database_findings,
    durability,
    replica_findings,
    state_findings,
)
from service.storage.pending import PendingStore
from service.storage.postgres import open_pool
from service.storage.redis import Keys, NotReplicated, QueueUnavailable, Scripts, connect
from tests.storage.queues import EPOCH, OwnServer, make_item, own_server
from tests.storage.replicas import CAREFUL, Replicated, replicated

CARELESS = ("--appendonly", "no", "--maxmemory-policy", "allkeys-lru")
SCRIPTS = Scripts.load()
ONE_REPLICA = Demand(level="replica", replicas=1)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with connect(redis_url) as client:
        yield client


@pytest.fixture
async def careless() -> AsyncIterator[OwnServer]:
    """A server that loses what it acknowledges."""
    async with own_server(*CARELESS) as server:
        await server.start()
        yield server


async def test_the_servers_of_a_fresh_installation_are_durable(redis: Redis) -> None:
    found = await durability(redis, Demand())
    assert found.ok
    assert found.findings == ()


async def test_each_careless_setting_is_found_with_its_remedy_and_its_price(
    careless: OwnServer,
) -> None:
    async with connect(careless.url) as redis:
        await redis.config_set("no-appendfsync-on-rewrite", "yes")
        found = await durability(redis, Demand())
    assert not found.ok
    assert list(found.findings) == [
        f"Set {name} to {wanted} (it is {value}): else {WANTED[name][1]}."
        for name, wanted, value in (
            ("appendonly", "yes", "no"),
            ("appendfsync", "always", "everysec"),
            ("no-appendfsync-on-rewrite", "no", "yes"),
            ("maxmemory-policy", "noeviction", "allkeys-lru"),
        )
    ]


async def test_a_server_that_hides_its_settings_is_believed_only_on_the_operators_word() -> None:
    async with own_server(*CAREFUL) as server:
        await server.start()
        async with connect(server.url) as redis:
            rules = ("on", "nopass", "~*", "&*", "+@all", "-config")
            await redis.execute_command("ACL", "SETUSER", "default", *rules)  # type: ignore[no-untyped-call]
            doubted = await durability(redis, Demand())
            assumed = await durability(redis, Demand(assume_durable=True))
    assert not doubted.ok
    assert "POSTBAG_ASSUME_DURABLE" in doubted.findings[0]
    assert assumed.ok


async def test_durability_of_a_server_that_is_away_is_unknown() -> None:
    async with connect("redis://127.0.0.1:1") as nowhere:
        with pytest.raises(QueueUnavailable):
            await durability(nowhere, Demand())


# Level `replica`


async def accept(store: PendingStore, **item: Any) -> str:
    stored = await store.accept(make_item(**item), auto=False, pending_max=100, dk_ttl_ms=60_000)
    return stored.outcome


async def frozen(pair: Replicated) -> None:
    """Let the replica read nothing any more, without its connection ending."""
    running = pair.replicas[0].running
    assert running is not None
    running.send_signal(signal.SIGSTOP)


async def test_a_replica_that_follows_makes_level_replica_and_a_missing_one_unmakes_it() -> None:
    async with replicated() as pair, connect(pair.first.url) as redis:
        met = await durability(redis, ONE_REPLICA)
        unmet = await durability(redis, Demand(level="replica", replicas=2))
        await redis.config_set(GUARD, "1")
        guarded = await durability(redis, ONE_REPLICA)
        local = await durability(redis, Demand(replicas=2))
    assert met.ok
    assert [GUARD in warning for warning in met.warnings] == [True]
    assert guarded.warnings == ()
    assert local.ok
    assert not unmet.ok
    assert unmet.findings[0].startswith("Connect 2 replicas to this Redis (1 follows it now)")


@pytest.mark.long
async def test_what_a_replica_has_is_accepted_and_what_it_has_not_is_not() -> None:
    async with replicated() as pair, connect(pair.first.url) as redis:
        store = PendingStore(redis=redis, scripts=SCRIPTS, replicas=1)
        await store.begin_epoch("daily", epoch=EPOCH, seq=0)
        first = make_item(1, dk="a" * 64)
        assert await accept(store) == "OK"
        assert (await store.accept(first, auto=False, pending_max=9, dk_ttl_ms=60_000)).seq == 2
        async with connect(pair.replicas[0].url) as replica:
            assert await replica.exists(Keys("daily").item(first.comment_id))

        await frozen(pair)
        with pytest.raises(NotReplicated) as refusal:
            await accept(store)
        assert refusal.value.outcome_unknown
        # What was accepted before is not said again either, on no connection, until it is certain.
        with pytest.raises(NotReplicated):
            await accept(store, dk="a" * 64)
        async with connect(pair.first.url) as another:
            with pytest.raises(NotReplicated):
                await PendingStore(redis=another, scripts=SCRIPTS, replicas=1).confirm("daily")
        assert await accept(PendingStore(redis=redis, scripts=SCRIPTS)) == "OK", "at level local"


async def test_a_script_that_no_server_knows_yet_goes_to_replicas_as_well() -> None:
    async with replicated() as pair, connect(pair.first.url) as redis:
        await redis.script_flush()
        keys = [Keys("daily").meta]
        held = await SCRIPTS.run_on_replicas(redis, "begin_epoch", keys, ["one", 7], replicas=1)
        assert held == b"one"
        async with connect(pair.replicas[0].url) as replica:
            assert await replica.hget(keys[0], "seq") == b"7"


async def test_a_queue_without_an_epoch_confirms_nothing() -> None:
    async with replicated() as pair, connect(pair.first.url) as redis:
        with pytest.raises(QueueUnavailable):
            await PendingStore(redis=redis, scripts=SCRIPTS, replicas=1).confirm("daily")
        assert not await redis.exists(Keys("daily").meta)


@pytest.mark.parametrize(
    ("state", "wanted", "met"),
    [
        ({"connected_slaves": 0}, 1, False),
        ({"connected_slaves": 1, "slave0": {"state": "online"}}, 1, True),
        ({"connected_slaves": 1, "slave0": {"state": "send_bulk"}}, 1, False),
        ({"connected_slaves": 1, "slave0": {"state": "online"}}, 2, False),
        ({}, 1, False),
    ],
)
def test_only_replicas_that_follow_count(state: dict[str, Any], wanted: int, *, met: bool) -> None:
    assert (not replica_findings(state, wanted)) is met


# Level `journal`


async def test_level_journal_needs_no_disk_of_redis_but_its_whole_memory(
    careless: OwnServer,
) -> None:
    async with connect(careless.url) as redis:
        evicting = await durability(redis, Demand(level="journal"))
        await redis.config_set("maxmemory-policy", "noeviction")
        met = await durability(redis, Demand(level="journal"))
    assert [finding.split()[1] for finding in evicting.findings] == ["maxmemory-policy"]
    assert met.ok


@pytest.mark.parametrize("level", ["local", "journal"])
async def test_postgres_as_it_comes_is_durable(level: Any, database_url: str) -> None:
    async with open_pool(database_url) as pool:
        assert (await database_durability(pool, Demand(level=level))).ok


def test_a_postgres_that_spares_its_disk_is_found() -> None:
    settings = {"fsync": "off", "full_page_writes": "on"}
    (finding,) = database_findings(settings)
    assert finding.startswith("Set fsync of Postgres to on (it is off): else ")


# The version matrix


@pytest.mark.parametrize(
    ("state", "works"),
    [
        ({"redis_version": "6.2.14"}, False),
        ({"redis_version": "7.0.15"}, True),
        ({"redis_version": "8.2.1"}, True),
        ({"redis_version": "7.2.4", "valkey_version": "7.2.11"}, True),
        ({"redis_version": "7.2.4", "valkey_version": "9.1.2"}, True),
        ({}, False),
    ],
)
def test_a_version_that_lacks_what_scripts_need_is_found(
    state: dict[str, Any], *, works: bool
) -> None:
    assert (not state_findings(state)) is works
