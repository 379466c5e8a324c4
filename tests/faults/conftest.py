"""Services that die, and what tells of them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.faults.stage import Stage, staged
from tests.journeys.conftest import tell

__all__ = ["stage", "tell"]


@pytest.fixture
async def stage(database_url: str, redis_url: str) -> AsyncIterator[Stage]:
    """A site over stores of its own, for this test alone."""
    async with staged(database_url, redis_url) as made:
        yield made
