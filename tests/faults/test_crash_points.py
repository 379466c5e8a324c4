"""A process that dies between any two steps of any operation leaves nothing lost or doubled."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from service.crash import EXIT_CODE, Point
from tests.faults.operations import OPERATIONS
from tests.faults.stage import Stage
from tests.journeys.invariants import violations

IN_EVERY_CHECK = ("post", "approve", "edit")

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.long if name in IN_EVERY_CHECK else pytest.mark.faults)
        for name in OPERATIONS
    ],
)
async def test_a_crash_at_any_point_loses_and_doubles_nothing(
    stage: Stage, tell: Callable[[str], None], name: str
) -> None:
    operation, service, died = OPERATIONS[name], stage.service, set()
    for point in Point:
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
    tell(f"{name}: died at {len(died)} of {len(Point)} points: {', '.join(sorted(died))}.")
    assert died >= operation.passes
