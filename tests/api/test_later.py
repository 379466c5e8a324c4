"""What newsrooms ask is put together later, and found as if it had always been there."""

from __future__ import annotations

from itertools import chain, product

import pytest

from service.web.assembly import API, DASHBOARD
from tests.api.table import SERVICE

LATER = {API: SERVICE.newsroom(), DASHBOARD: SERVICE.dashboard()}


@pytest.mark.parametrize("segment", LATER)
def test_what_comes_later_lies_below_its_segment(segment: str) -> None:
    assert {each.path.split("/")[1] for each in LATER[segment]} == {segment}


def test_no_path_can_mean_what_is_there_and_what_comes_later() -> None:
    """Else the first would answer, and the other never be looked for."""
    paths = {each.path for each in SERVICE.public()}
    later = {each.path for each in chain(*LATER.values())}
    assert paths
    assert [pair for pair in product(paths, later) if _may_be_one(*pair)] == []


def _may_be_one(path: str, other: str) -> bool:
    ones, others = path.split("/"), other.split("/")
    return len(ones) == len(others) and all(
        one == another or "{" in one + another for one, another in zip(ones, others, strict=True)
    )
