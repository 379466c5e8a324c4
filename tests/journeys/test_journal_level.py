"""Level `journal` without a store: nothing is promised that Postgres has not committed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from uuid import uuid4

import pytest

from tests.journeys.api import Paper, within
from tests.journeys.command import data_folder
from tests.journeys.theatre import How, Store, Theatre, open_theatre

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

BACK_SECONDS = 25.0
"""When everything works again after a store has (protocol.md Ruling 14; 5 s is the aim)."""
TRIES = 5
REFUSED = {
    "postgres": {"database_unavailable", "not_durable", "timed_out"},
    "redis": {"queue_unavailable", "timed_out"},
}


@pytest.fixture(scope="module")
async def theatre() -> AsyncIterator[Theatre]:
    with data_folder() as folder:
        async with open_theatre(folder, durability="journal") as opened:
            yield opened


@pytest.mark.parametrize("how", ["killed", "frozen"])
@pytest.mark.parametrize("store", ["postgres", "redis"])
async def test_no_comment_is_promised_without_both_stores(
    theatre: Theatre, tell: Callable[[str], None], store: Store, how: How
) -> None:
    paper = await theatre.house.found(f"daily-{uuid4().hex[:8]}")
    before = await paper.post("Before.")
    keys = [str(uuid4()) for _ in range(TRIES)]

    async with theatre.without(store, how=how):
        for key in keys:
            answer = await paper.send("Meanwhile.", key=key)
            assert answer.refused(503) in REFUSED[store]
            assert int(answer.headers["Retry-After"]) >= 1

    async def is_taken() -> bool:
        return (await paper.send("After.", key="after-all")).status == 202

    seconds = await within(BACK_SECONDS, is_taken, pause=0.05)
    tell(f"journal, {store} {how}: comments are taken again after {seconds:.1f} s")
    await is_once(paper, before.id, keys)


async def is_once(paper: Paper, before: str, keys: list[str]) -> None:
    """What was refused is taken when it is sent again, and once however often that is."""
    ids: dict[str, set[str]] = {key: set() for key in keys}
    for key in (*keys, *keys):

        async def is_taken(key: str = key) -> bool:
            answer = await paper.send("Meanwhile.", key=key)
            if answer.status == 202:
                ids[key].add(answer.json["comment"]["id"])
            return answer.status == 202

        await within(BACK_SECONDS, is_taken, pause=0.05)
    taken = {each for told in ids.values() for each in told}
    assert {len(told) for told in ids.values()} == {1}

    async def all_wait() -> bool:
        path = f"/v1/moderation/queue?site={paper.slug}&limit=50"
        answer = await paper.api("GET", path, token=paper.keys["moderate"])
        if answer.status == 503:
            return False
        shown = [item["comment"]["id"] for item in answer.expect(200)["items"]]
        assert len(shown) == len({*shown})
        return {*shown} >= {before, *taken} and len(shown) == len(taken) + 2

    await within(BACK_SECONDS, all_wait, pause=0.1)
