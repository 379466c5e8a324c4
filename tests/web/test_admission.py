from __future__ import annotations

import asyncio

import pytest

from service.web.admission import Admission
from service.web.problems import Overloaded
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


async def test_a_loop_that_is_late_for_two_seconds_refuses_writes_first() -> None:
    pulse = Pulse()
    admission = Admission(pulse=pulse)
    now = asyncio.get_running_loop().time()
    pulse.note(0.2, at=now - 1)
    async with admission.turn():
        assert not pulse.is_overloaded(at=now)
    pulse.note(0.2, at=now)
    assert pulse.is_overloaded(at=now + 1)
    pulse.note(0.01, at=now)
    assert not pulse.is_overloaded(at=now + 1)
    pulse.note(0.2, at=now - 3)
    with pytest.raises(Overloaded):
        async with admission.turn():
            pass
