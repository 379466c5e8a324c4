from __future__ import annotations

import asyncio
from collections import Counter

from service.features.pressure import Level
from service.web.pulse import Pulse
from tests.web.conftest import Serve
from tests.web.raw import ask, until

NOTES = "/v1/sites/demo/articles/story-1/notes"


async def test_more_writes_than_can_be_worked_on_are_refused(serve: Serve) -> None:
    async with serve(admission={"in_flight_max": 2, "waiting_seconds": 0.05}) as house:
        working = [asyncio.create_task(ask(house.port, "POST", "/v1/work")) for _ in range(2)]
        await until(lambda: house.toys.working == 2)
        refused = await ask(house.port, "POST", "/v1/work")
        assert (refused.status, refused.code) == (503, "overloaded")
        assert 1 <= int(refused.headers["retry-after"]) <= 5
        assert (await ask(house.port, "GET", NOTES)).status == 200
        house.toys.let_go.set()
        assert [answer.status for answer in await asyncio.gather(*working)] == [200, 200]
        assert (await ask(house.port, "POST", "/v1/work")).status == 200


async def test_a_write_waits_for_its_turn(serve: Serve) -> None:
    async with serve(admission={"in_flight_max": 1, "waiting_seconds": 5}) as house:
        working = [asyncio.create_task(ask(house.port, "POST", "/v1/work")) for _ in range(3)]
        await until(lambda: house.gate.admission.waiting == 2)
        house.toys.let_go.set()
        assert [answer.status for answer in await asyncio.gather(*working)] == [200] * 3


async def test_only_so_many_wait(serve: Serve) -> None:
    narrow = {"in_flight_max": 1, "waiting_max": 1, "waiting_seconds": 5}
    async with serve(admission=narrow) as house:
        working = [asyncio.create_task(ask(house.port, "POST", "/v1/work")) for _ in range(2)]
        await until(lambda: house.gate.admission.waiting == 1 and house.toys.working == 1)
        assert (await ask(house.port, "POST", "/v1/work")).status == 503
        house.toys.let_go.set()
        assert [answer.status for answer in await asyncio.gather(*working)] == [200, 200]


async def test_bodies_are_held_up_to_a_bound(serve: Serve) -> None:
    async with serve(admission={"held_max_bytes": 1_000}) as house:
        large = await ask(house.port, "POST", NOTES, json={"text": "x" * 2_000})
        assert (large.status, large.code) == (503, "overloaded")
        assert (await ask(house.port, "POST", NOTES, json={"text": "x"})).status == 201
        assert house.gate.admission.held_bytes == 0


def test_a_loop_that_is_late_for_long_leaves_more_and_more_undone() -> None:
    pulse = Pulse()
    levels = []
    for second in range(6):
        pulse.note(0.2, at=second)
        levels.append(pulse.pressure.level)
    assert levels == [
        *(Level.CALM, Level.CALM),
        *(Level.NO_WRITES, Level.NO_WRITES),
        *(Level.NO_BUILDS, Level.NO_BUILDS),
    ]
    pulse.note(0.01, at=6)
    assert pulse.pressure.level is Level.CALM


async def test_writes_are_refused_first_then_what_is_not_ready_and_health_never(
    serve: Serve,
) -> None:
    async with serve() as house:
        pulse, reasons = house.gate.admission.pulse, Counter[str]()
        pulse.pressure.heard = lambda reason: reasons.update([reason])

        async def statuses(late_seconds: float) -> list[int]:
            """Of a write, a read that is never ready, a public read, and of health."""
            pulse.lag_max_seconds = -1  # from now on every beat of the server's own is late
            pulse.note(0, at=asyncio.get_running_loop().time() - late_seconds)
            pulse.note(0, at=asyncio.get_running_loop().time())
            asked = (
                ("POST", "/v1/form"),
                ("GET", "/v1/stream"),
                ("GET", NOTES),
                ("GET", "/healthz"),
            )
            return [(await ask(house.port, *each)).status for each in asked]

        assert 503 not in (calm := await statuses(0))
        pulse.lag_max_seconds = 60
        pulse.note(0, at=0)
        assert await statuses(2.0) == [503, *calm[1:]]
        pulse.lag_max_seconds = 60
        pulse.note(0, at=0)
        assert await statuses(30.0) == [503, 503, *calm[2:]]
        assert reasons == {"lag_writes": 2, "lag_reads": 1}
