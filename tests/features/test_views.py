from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from service.features.lanes import Lane
from service.features.views import ARTICLES_MAX, Views
from service.model import article_id
from service.storage.redis import Keys, connect
from service.storage.views import ViewStore
from tests.newsroom import NOON, SAM, Newsroom

MINUTE = timedelta(minutes=1)


@dataclass(slots=True)
class Day:
    """A clock that a test turns."""

    now: datetime = NOON + timedelta(minutes=30)

    def __call__(self) -> datetime:
        return self.now


@dataclass(slots=True)
class Desk:
    """Processes that count views of one site, one of them the leader."""

    newsroom: Newsroom
    day: Day = field(default_factory=Day)

    def hire(self) -> Views:
        """Begin another process."""
        store = ViewStore(redis=self.newsroom.redis)
        return Views(store=store, sites=self.newsroom.sites, clock=self.day)

    async def rate(self, key: str = "story-1") -> float | None:
        """Return what moderators are told of an article."""
        views = self.hire()
        article = article_id(self.newsroom.site.site_id, key)
        return (await views.per_hour(self.newsroom.site, [article])).get(article)


@pytest.fixture
def desk(newsroom: Newsroom) -> Desk:
    return Desk(newsroom)


async def see(views: Views, newsroom: Newsroom, times: int, key: str = "story-1") -> None:
    for _ in range(times):
        views.note(newsroom.site, key)
    await views.flush()


async def test_views_of_all_processes_are_one_rate(newsroom: Newsroom, desk: Desk) -> None:
    leader, other = desk.hire(), desk.hire()
    assert await desk.rate() is None
    await see(leader, newsroom, 30)
    await see(other, newsroom, 20)
    await see(other, newsroom, 5, "story-2")
    await leader.update(newsroom.site)
    # Fifty views within a mean age of half an hour are a hundred in an hour.
    assert await desk.rate() == pytest.approx(100)
    assert await desk.rate("story-2") == pytest.approx(10)
    assert await desk.rate("story-3") is None
    await leader.update(newsroom.site)
    assert await desk.rate() == pytest.approx(100), "nothing is counted twice"


async def test_a_steady_rate_is_told_as_it_is_also_over_the_full_hour(
    newsroom: Newsroom, desk: Desk
) -> None:
    leader = desk.hire()
    for _ in range(150):
        await see(leader, newsroom, 6)
        await leader.update(newsroom.site)
        desk.day.now += MINUTE
    assert await desk.rate() == pytest.approx(360, rel=0.05)


async def test_what_is_long_ago_is_forgotten(newsroom: Newsroom, desk: Desk) -> None:
    leader = desk.hire()
    await see(leader, newsroom, 50)
    await leader.update(newsroom.site)
    desk.day.now += timedelta(minutes=30)
    await leader.update(newsroom.site)
    assert await desk.rate() == pytest.approx(36.79, rel=0.01)
    desk.day.now += timedelta(hours=3)
    await leader.update(newsroom.site)
    assert await desk.rate() is None


async def test_another_leader_goes_on_where_the_first_ended(newsroom: Newsroom, desk: Desk) -> None:
    first, second = desk.hire(), desk.hire()
    await see(first, newsroom, 50)
    await first.update(newsroom.site)
    await second.update(newsroom.site)
    assert await desk.rate() == pytest.approx(100)
    await see(first, newsroom, 10)
    await second.update(newsroom.site)
    assert await desk.rate() == pytest.approx(120)


async def test_a_first_leader_takes_in_what_was_counted_before_it(
    newsroom: Newsroom, desk: Desk
) -> None:
    await see(desk.hire(), newsroom, 50)
    desk.day.now += 5 * MINUTE
    await desk.hire().update(newsroom.site)
    assert await desk.rate() == pytest.approx(100)


async def test_everything_kept_is_an_article_and_a_number_and_expires(
    newsroom: Newsroom, desk: Desk
) -> None:
    leader = desk.hire()
    await see(leader, newsroom, 3)
    await leader.update(newsroom.site)
    keys = Keys(newsroom.site.slug)
    article = str(article_id(newsroom.site.site_id, "story-1")).encode()
    counts, rates = keys.views(NOON), keys.view_rates
    assert await newsroom.redis.hgetall(counts) == {article: b"3"}
    assert await newsroom.redis.hgetall(rates) == {article: b"6.000"}
    for key, bound in ((counts, 3 * 3_600), (rates, 600)):
        assert 0 < await newsroom.redis.ttl(key) <= bound


async def test_invented_articles_fill_no_memory(newsroom: Newsroom, desk: Desk) -> None:
    views = desk.hire()
    for number in range(ARTICLES_MAX + 100):
        views.note(newsroom.site, f"invented-{number}")
    views.note(newsroom.site, "invented-0")
    await views.flush()
    hour = Keys(newsroom.site.slug).views(NOON)
    assert await newsroom.redis.hlen(hour) == ARTICLES_MAX
    first = str(article_id(newsroom.site.site_id, "invented-0"))
    assert await newsroom.redis.hget(hour, first) == b"2"


async def test_while_redis_is_away_views_are_not_counted_and_nothing_else_suffers(
    newsroom: Newsroom, desk: Desk
) -> None:
    views = desk.hire()
    async with connect("redis://127.0.0.1:1") as nowhere:
        stranded = replace(views, store=ViewStore(redis=nowhere))
        await see(stranded, newsroom, 3)
        assert await stranded.per_hour(newsroom.site, [article_id(1, "story-1")]) == {}
    await see(views, newsroom, 1)
    await views.update(newsroom.site)
    assert await desk.rate() == pytest.approx(2)


async def test_moderators_see_the_rate_unless_the_back_end_has_said_one(
    newsroom: Newsroom, desk: Desk
) -> None:
    leader = desk.hire()
    for key in ("story-1", "story-2", "story-3"):
        await newsroom.post(article=key)
    await newsroom.articles.put(newsroom.site, "story-2", {"views_per_hour": 7_000.0}, newsroom.now)
    for key in ("story-1", "story-2"):
        await see(leader, newsroom, 50, key)
    await leader.update(newsroom.site)
    claimed = await newsroom.queue.claim(
        newsroom.site, lane=Lane.HELD, limit=3, actor=SAM, now=newsroom.now
    )
    told = {each.article.key: each.article.views_per_hour for each in claimed}
    assert told == {"story-1": pytest.approx(100), "story-2": 7_000.0, "story-3": None}
