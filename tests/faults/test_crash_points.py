"""A process that dies between any two steps of any operation leaves nothing lost or doubled."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from service.crash import EXIT_CODE, Point
from tests.faults.operations import OPERATIONS
from tests.faults.stage import Stage
from tests.journeys.invariants import violations

IN_EVERY_CHECK = ("post", "approve", "edit")

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("name", IN_EVERY_CHECK)
@pytest.mark.long
async def test_a_crash_at_any_point_on_its_way_loses_and_doubles_nothing(
    stage: Stage, name: str
) -> None:
    points = [point for point in Point if point in OPERATIONS[name].passes]

    assert await _die_at_each(stage, name, points) == set(points)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.faults
async def test_a_crash_anywhere_loses_and_doubles_nothing(
    stage: Stage, tell: Callable[[str], None], name: str
) -> None:
    died = await _die_at_each(stage, name, list(Point))

    tell(f"{name}: died at {len(died)} of {len(Point)} points: {', '.join(sorted(died))}.")
    assert died >= OPERATIONS[name].passes


async def _die_at_each(stage: Stage, name: str, points: Sequence[Point]) -> set[Point]:
    """Do it once a point, hold the invariants each time; return where the process did die."""
    operation, service, died = OPERATIONS[name], stage.service, set()
    for point in points:
        prepared = await operation.prepare(stage)
        await stage.at_rest()
        lives = len(service.deaths)
        if operation.first_dies_at is None:
            await service.arm(point)
        else:
            service.next_crash_at = point
            await service.arm(operation.first_dies_at)
        await operation.act(stage, prepared)
        stores = await stage.at_rest()
        await service.arm("")
        deaths = service.deaths[lives:]
        assert deaths == [EXIT_CODE] * len(deaths)
        if len(deaths) > (operation.first_dies_at is not None):
            died.add(point)

        assert violations(stage.ledger, stores) == [], (name, point)
    return died
