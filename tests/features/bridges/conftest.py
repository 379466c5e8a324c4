"""A site with the rules that ship, for tests that only read."""

from __future__ import annotations

import pytest

from service.features.rulebook import Rulebook
from service.model import Site
from tests.features.conftest import SharedStores
from tests.newsroom import open_site


@pytest.fixture(scope="session")
async def shared_site(shared_stores: SharedStores) -> tuple[Site, Rulebook]:
    """One for all of them."""
    newsroom = await open_site(shared_stores.pool, shared_stores.redis)
    return newsroom.site, newsroom.rulebook
