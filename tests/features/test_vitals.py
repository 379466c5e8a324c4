"""Whether comments may be accepted, as the stores are set up at the moment."""

from __future__ import annotations

from service.features.vitals import Vitals
from service.storage.durability import Demand
from service.storage.probes import StoreProbe
from service.storage.redis import connect
from service.telemetry import Metrics
from tests.features.conftest import SharedStores
from tests.storage.queues import own_server
from tests.storage.replicas import replicated


def promised(vitals: Vitals) -> bool:
    """Tell what is promised now; it changes behind a type checker's back."""
    return vitals.durable


def vitals_of(stores: SharedStores, redis: object, demand: Demand) -> Vitals:
    probe = StoreProbe(pool=stores.pool, redis=redis, demand=demand)  # type: ignore[arg-type]
    return Vitals(probe=probe, metrics=Metrics(), redis_lost=lambda: None)


async def test_nothing_is_promised_before_both_stores_were_looked_at(
    shared_stores: SharedStores,
) -> None:
    vitals = vitals_of(shared_stores, shared_stores.redis, Demand())
    assert not promised(vitals)
    await vitals.look()
    assert promised(vitals)


async def test_a_setting_that_changes_while_the_service_runs_ends_and_begins_the_promise(
    shared_stores: SharedStores,
) -> None:
    async with own_server("--appendonly", "yes", "--appendfsync", "always") as server:
        await server.start()
        async with connect(server.url) as redis:
            vitals = vitals_of(shared_stores, redis, Demand())
            await vitals.look()
            assert promised(vitals)
            await redis.config_set("appendfsync", "everysec")
            await vitals.look(thoroughly=False)
            assert promised(vitals), "not every look is a thorough one"
            await vitals.look()
            assert not promised(vitals)
            journaled = vitals_of(shared_stores, redis, Demand(level="journal"))
            await journaled.look()
            assert journaled.durable
            await redis.config_set("appendfsync", "always")
            await vitals.look()
            assert promised(vitals)


async def test_a_replica_that_goes_ends_the_promise_of_level_replica(
    shared_stores: SharedStores,
) -> None:
    async with replicated() as pair, connect(pair.first.url) as redis:
        vitals = vitals_of(shared_stores, redis, Demand(level="replica"))
        await vitals.look()
        assert promised(vitals)
        await pair.replicas[0].kill()
        await redis.client_kill_filter(_type="replica")
        await vitals.look()
        assert not promised(vitals)


async def test_a_store_that_is_away_leaves_what_was_known_of_it(
    shared_stores: SharedStores,
) -> None:
    async with own_server("--appendonly", "yes", "--appendfsync", "always") as server:
        await server.start()
        async with connect(server.url) as redis:
            vitals = vitals_of(shared_stores, redis, Demand())
            await vitals.look()
            await server.kill()
            await vitals.look()
    assert promised(vitals)
    assert vitals.dependencies == {"postgres": True, "redis": False}
