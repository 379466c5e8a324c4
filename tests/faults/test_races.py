"""Two moderators on one comment, and one submission sent eight times at once, thousands of times.

POSTBAG_TEST_RACES says how many of each.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from redis.asyncio import Redis

from tests.faults.sizes import LITTLE_AND_MUCH, size
from tests.faults.stage import AGAIN_SECONDS, APPLIED, REST_SECONDS
from tests.journeys.api import Paper, Posted, wish, within
from tests.journeys.house import open_house
from tests.journeys.invariants import Ledger, Told, read_stores, unsettled, violations

pytestmark = [
    pytest.mark.timeout(3_600),
    pytest.mark.parametrize("amount", LITTLE_AND_MUCH),
]

TOGETHER, SUBMITTED_TOGETHER = 20, 5
"""Races run at once: what the service lets in of one kind."""
ARTICLES = 10
WAYS = 8
TELL_EVERY = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A site to race on, and everything that was promised."""

    paper: Paper
    postgres: asyncpg.Connection
    redis: Redis
    ledger: Ledger = field(default_factory=Ledger)

    async def broken(self) -> list[str]:
        """Let everything come to rest and return what is not as it was promised."""

        async def is_quiet() -> bool:
            return unsettled(await read_stores("daily", self.postgres, self.redis)) == []

        await within(REST_SECONDS, is_quiet, pause=0.1)
        return violations(self.ledger, await read_stores("daily", self.postgres, self.redis))

    async def post(self, number: int, key: str, text: str) -> Posted:
        """Post on one of the articles, and write down what is promised."""
        self.ledger.sent[key] = text
        posted = await self.paper.post(text, key=key, article=f"story-{number % ARTICLES}")
        self.ledger.posts[key].add(posted.id)
        return posted

    async def decide(self, said: Mapping[str, Any], by: str) -> dict[str, Any]:
        """Decide, again while there are too many who do."""
        while (answer := await self.paper.send_decisions([said], by=by)).status == 503:  # noqa: ASYNC110 - nobody tells a client
            await asyncio.sleep(AGAIN_SECONDS)
        result: dict[str, Any] = answer.expect(200)["results"][0]
        return result


@pytest.fixture
async def course(database_url: str, redis_url: str) -> AsyncIterator[Course]:
    async with (
        open_house(database_url, redis_url) as house,
        Redis.from_url(redis_url, decode_responses=True) as redis,
    ):
        postgres = await asyncpg.connect(database_url)
        yield Course(paper=await house.found("daily"), postgres=postgres, redis=redis)
        await postgres.close()


async def test_of_two_moderators_one_decides_and_the_other_is_told(
    course: Course, tell: Callable[[str], None], amount: str
) -> None:
    races, begun = size("RACES", amount, little=50, much=10_000), monotonic()
    wins = {"moderate": 0, "second": 0}

    async def race(number: int) -> None:
        posted = await course.post(number, str(uuid4()), f"Number {number}, {uuid4()}.")
        wishes = {
            "moderate": wish("approve", posted.id),
            "second": wish("reject", posted.id),
        }
        results = await asyncio.gather(*(course.decide(said, by) for by, said in wishes.items()))
        won = [result["outcome"] in APPLIED for result in results]
        assert sorted(won) == [False, True], results
        assert results[won.index(False)]["outcome"] == "conflict"
        winner = [*wishes][won.index(True)]
        wins[winner] += 1
        said = wishes[winner]
        course.ledger.decisions.append(Told(*(said[name] for name in Told._fields)))

    for first in range(0, races, TOGETHER):
        await asyncio.gather(*map(race, range(first, min(first + TOGETHER, races))))
        if (first + TOGETHER) % TELL_EVERY == 0:
            tell(f"{first + TOGETHER} races, {monotonic() - begun:.0f} s: {wins}")

    assert await course.broken() == []
    assert sum(wins.values()) == len(course.ledger.decisions) == races
    logged = await course.postgres.fetchval("SELECT count(*) FROM decisions")
    assert logged == races, "one decision a comment"
    tell(f"{races} races of two moderators in {monotonic() - begun:.1f} s: won by {wins}.")


async def test_one_submission_sent_eight_times_at_once_is_one_comment(
    course: Course, tell: Callable[[str], None], amount: str
) -> None:
    submissions, begun = size("RACES", amount, little=25, much=10_000), monotonic()

    async def submit(number: int) -> None:
        key, text = str(uuid4()), f"Number {number}, {uuid4()}."
        await asyncio.gather(*(course.post(number, key, text) for _ in range(WAYS)))

    together = SUBMITTED_TOGETHER
    for first in range(0, submissions, together):
        await asyncio.gather(*map(submit, range(first, min(first + together, submissions))))
        if first // TELL_EVERY < (first + together) // TELL_EVERY:
            tell(f"{first + together} submissions, {monotonic() - begun:.0f} s")

    assert await course.broken() == []
    assert {len(ids) for ids in course.ledger.posts.values()} == {1}
    assert len(course.ledger.accepted) == submissions
    tell(f"{submissions} submissions sent {WAYS} times at once in {monotonic() - begun:.1f} s.")
