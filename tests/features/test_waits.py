"""How long comments usually wait."""

from __future__ import annotations

from datetime import timedelta

from service.features.waits import FEWEST, FRESH_SECONDS, HOUR, WEEK, Waits
from service.model import Action, Actor
from service.storage.waits import WaitStore
from tests.newsroom import Newsroom, without_postgres

LATER = timedelta(seconds=FRESH_SECONDS)
RULE = Actor(kind="rule", actor_id="links", name="links")


def waits(newsroom: Newsroom) -> Waits:
    return Waits(store=WaitStore(pool=newsroom.pool))


async def test_nothing_is_promised_before_twenty_decisions(newsroom: Newsroom) -> None:
    asked = waits(newsroom)
    comments = [await newsroom.post(f"Comment {n}.") for n in range(FEWEST)]
    await newsroom.decide(Action.APPROVE, *comments[:-1])
    assert await asked.usual_minutes(newsroom.site, now=newsroom.now) is None
    await newsroom.decide(Action.REJECT, comments[-1])
    assert await asked.usual_minutes(newsroom.site, now=newsroom.now) is None  # as it was known
    usual = await asked.usual_minutes(newsroom.site, now=newsroom.now + LATER)
    # They were posted a minute apart and decided together, the first one after a day.
    middle = newsroom.now - comments[FEWEST // 2].created_at
    assert usual == middle / timedelta(minutes=1) + 1
    assert await asked.usual_minutes(newsroom.site, now=newsroom.now + WEEK + LATER) is None


async def test_what_rules_decide_says_nothing_about_people(newsroom: Newsroom) -> None:
    comments = [await newsroom.post(f"Comment {n}.") for n in range(FEWEST)]
    await newsroom.decide(Action.APPROVE, *comments, by=RULE)
    assert await waits(newsroom).usual_minutes(newsroom.site, now=newsroom.now) is None


async def test_without_postgres_nothing_is_promised(newsroom: Newsroom) -> None:
    async with without_postgres(newsroom) as away:
        assert await waits(away).usual_minutes(newsroom.site, now=newsroom.now) is None


async def test_what_people_decided_in_the_last_hour_is_told(newsroom: Newsroom) -> None:
    asked = waits(newsroom)
    none = await asked.last_hour(newsroom.site, now=newsroom.now)
    assert (none.decided, none.median_minutes) == (0, None)
    comments = [await newsroom.post(f"Comment {n}.") for n in range(4)]
    await newsroom.decide(Action.APPROVE, *comments[:2])
    await newsroom.decide(Action.REJECT, comments[2])
    await newsroom.decide(Action.APPROVE, comments[3], by=RULE)
    pace = await asked.last_hour(newsroom.site, now=newsroom.now)
    assert pace.decided == 3
    assert pace.median_minutes is not None
    later = await asked.last_hour(newsroom.site, now=newsroom.now + HOUR + timedelta(seconds=1))
    assert later.decided == 0
