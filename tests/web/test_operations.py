from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from msgspec.structs import replace

from service.telemetry import Metrics
from service.web.assembly import metrics_gate
from service.web.draining import Draining
from service.web.operations import Health, ReadyState
from service.web.pulse import Pulse
from service.web.server import serving
from tests.web.conftest import ALL_WELL, House, Serve, Stores
from tests.web.raw import ask, connected, request


async def test_a_process_whose_loop_turns_is_alive(house: House) -> None:
    answer = await ask(house.port, "GET", "/healthz")
    assert answer.status == 200
    assert answer.json["status"] == "ok"


async def test_a_process_whose_loop_stood_still_is_not() -> None:
    health = Health(pulse=Pulse(), draining=Draining(), readiness=Stores(ALL_WELL))
    alive = next(each for each in health.operations() if each.operation_id == "healthz")
    reply = await alive.handler(None)  # type: ignore[arg-type]  # it looks at nothing of the call
    assert reply.status == 503
    assert reply.headers["Retry-After"] == "1"


async def test_a_process_is_ready_even_when_postgres_is_down(serve: Serve) -> None:
    async with serve() as house:
        ready = await ask(house.port, "GET", "/readyz")
        assert ready.status == 200
        assert ready.json["dependencies"] == {"postgres": "up", "redis": "up"}
        house.stores.now = replace(
            ALL_WELL,
            dependencies={"postgres": False, "redis": True},
            breakers={"redis": "closed", "postgres_read": "half_open", "postgres_write": "open"},
        )
        ready = await ask(house.port, "GET", "/readyz")
        assert ready.status == 200
        assert ready.json["dependencies"] == {"postgres": "down", "redis": "up"}
        assert ready.json["breakers"] == house.stores.now.breakers


async def test_a_process_is_not_ready_without_schema_or_durability(serve: Serve) -> None:
    async with serve() as house:
        for state, check in [
            (replace(ALL_WELL, schema_ok=False), "schema_ok"),
            (replace(ALL_WELL, durable=False), "durable"),
        ]:
            house.stores.now = state
            answer = await ask(house.port, "GET", "/readyz")
            assert answer.status == 503
            assert answer.json["status"] == "not_ready"
            assert [name for name, well in answer.json["checks"].items() if not well] == [check]
            assert answer.headers["retry-after"] == "1"


async def test_a_draining_process_is_not_ready_and_closes_connections(serve: Serve) -> None:
    async with serve() as house:
        house.draining.begun = True
        async with connected(house.port) as line:
            await line.send(request("GET", "/readyz"))
            answer = await line.receive()
            assert answer.status == 503
            assert answer.json["checks"]["not_draining"] is False
            assert answer.headers["connection"] == "close"
            assert await line.is_closed()
        assert (await ask(house.port, "GET", "/healthz")).status == 200


async def test_readiness_may_have_to_be_asked_for() -> None:
    class Slow:
        async def state(self) -> ReadyState:
            await asyncio.sleep(0)
            return ALL_WELL

    health = Health(pulse=Pulse(), draining=Draining(), readiness=Slow())
    ready = next(each for each in health.operations() if each.operation_id == "readyz")
    assert (await ready.handler(None)).status == 200  # type: ignore[arg-type]  # as above


async def test_metrics_are_on_their_own_port_only(house: House) -> None:
    assert (await ask(house.port, "GET", "/metrics")).status == 404
    metrics = Metrics()
    metrics.untrusted_forwarders.inc()
    gate = metrics_gate(metrics, now=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    async with serving(gate, host="127.0.0.1", port=0) as running:
        answer = await ask(running.port, "GET", "/metrics")
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("text/plain; version=")
        assert b"postbag_untrusted_forwarded_total 1.0" in answer.body
        assert (await ask(running.port, "GET", "/v1/fail")).status == 404
