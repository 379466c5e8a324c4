"""Streams of events over real connections, and views."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from service.embedded import EmbeddedStores
from service.model import Site
from tests.api.aside import Aside
from tests.api.conftest import Api, opened
from tests.api.people import ISSUER, SOON_SECONDS, a_guest, open_page
from tests.conftest import redis_of

LEAVES_SECONDS = 2.0
"""Within which whoever has left makes room."""


@pytest.fixture
def listening(api: Api, apart: Aside, stores: EmbeddedStores, database: str) -> Iterator[Api]:
    """Another process over the same stores, with its limits on, that does not lead."""
    redis_url = redis_of("api", beside=stores.endpoints.redis_url)
    with opened(apart, database, redis_url, rate_limits=True, loops=True) as running:
        running.site, running.keys, running.numbers = api.site, api.keys, api.numbers
        yield running


def test_an_open_page_hears_of_everything_within_three_seconds(api: Api) -> None:
    leila, article = a_guest(api), api.article()
    comment = leila.posts(article, "Spoken softly.")
    with open_page(api, article) as page:
        head = page.answer.headers
        assert head["Content-Type"] == "text/event-stream"
        assert (head["Cache-Control"], head["Access-Control-Allow-Origin"]) == ("no-store", ISSUER)
        assert "Last-Event-ID" not in head["Vary"]
        assert page.line().startswith("retry: ")
        heard = []
        for action, reason in (("approve", None), ("remove", "spam"), ("restore", None)):
            begun = time.monotonic()
            api.decide(action, comment["id"], reason=reason)
            heard += [page.hear(), page.hear()]
            assert time.monotonic() - begun < SOON_SECONDS
        assert leila.deletes(comment["id"]).status == 204
        heard += [page.hear(), page.hear()]
    assert [each.kind for each in heard[::2]] == ["comment", "gone", "comment", "gone"]
    assert [each.data["count"] for each in heard] == [1, 1, 0, 0, 1, 1, 0, 0]
    assert {each.kind for each in heard[1::2]} == {"count"}
    assert heard[0].data == {
        "id": comment["id"],
        "article": article,
        "parent_id": None,
        "count": 1,
    }
    assert "Spoken" not in str(heard)


def test_nobody_hears_of_a_rejection_or_of_what_waits(api: Api) -> None:
    leila, article = a_guest(api), api.article()
    rejected, withdrawn, shown = [leila.posts(article, f"Number {place}.") for place in range(3)]
    with open_page(api, article) as page:
        api.decide("reject", rejected["id"], reason="spam")
        assert leila.deletes(withdrawn["id"]).status == 204
        assert leila.deletes(rejected["id"]).status == 204
        api.decide("approve", shown["id"])
        assert page.hear().data["id"] == shown["id"]


def test_a_page_that_comes_back_hears_what_it_missed_in_another_process_too(
    api: Api, listening: Api
) -> None:
    article = api.article()
    with open_page(api, article) as page:
        first = api.approved(article, "First.")
        known = page.hear_of(first["id"]).event_id
    missed = [api.approved(article, f"Number {place}.") for place in range(2)]
    with open_page(listening, article, after=known) as back, open_page(api, article) as page:
        assert [back.hear().kind, *(back.hear_of(each["id"]).kind for each in missed)] == [
            "count",
            "comment",
            "comment",
        ]
        assert back.hear().data == {"article": article, "count": 3}
        live = api.approved(article, "Live.")
        assert back.hear_of(live["id"]) == page.hear_of(live["id"])
    with open_page(api, article, after="1-1") as lost:
        assert lost.hear().kind == "resync"


def test_a_ninth_page_of_one_address_waits_until_one_is_left(listening: Api) -> None:
    article, here = listening.article(), "203.0.113.90"
    with ExitStack() as pages:
        opened_first = [
            pages.enter_context(open_page(listening, article, sender=here)) for _ in range(8)
        ]
        with open_page(listening, article, sender=here, status=429) as refused:
            assert int(refused.answer.headers["Retry-After"]) >= 1
        with open_page(listening, article, sender="203.0.113.91"):
            pass
        head = {"X-Forwarded-For": "203.0.113.92"}
        for _ in range(12):
            target = f"/v1/sites/{listening.site.slug}/articles/{article}/events"
            assert listening.ask("HEAD", target, headers=head).status == 200
        opened_first[0].answer.close()
    begun = time.monotonic()
    while True:
        with ExitStack() as pages:
            try:
                for _ in range(8):
                    pages.enter_context(open_page(listening, article, sender=here))
                break
            except AssertionError:
                assert time.monotonic() - begun < LEAVES_SECONDS
                time.sleep(0.02)


def test_a_process_that_stops_says_bye(
    api: Api, apart: Aside, stores: EmbeddedStores, database: str
) -> None:
    redis_url = redis_of("api", beside=stores.endpoints.redis_url)
    with ExitStack() as pages:
        with opened(apart, database, redis_url, rate_limits=True, loops=True) as stopping:
            stopping.site = api.site
            page = pages.enter_context(open_page(stopping, api.article()))
            assert page.line().startswith("retry: ")
        kinds = [page.hear().kind, page.hear().kind]
        if kinds[0] == "resync":  # it was opened before its process listened to Redis
            kinds = [kinds[1], page.hear().kind]
        assert kinds == ["bye", "end"]


# Views


@pytest.fixture
def fresh(api: Api) -> Site:
    return api.new_site()


def test_views_are_counted_and_told_to_moderators_but_kept_by_nobody(api: Api, fresh: Site) -> None:
    article = "a/story ü"
    for key in (article, "set by the back end"):
        a_guest(api, fresh).posts(key)
    target = api.thread_of(article, site=fresh).replace("/comments", "/view")
    before = time.monotonic()
    for _ in range(10):
        answer = api.ask("GET", target, headers={"Origin": ISSUER})
        assert (answer.status, answer.raw) == (204, b"")
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Access-Control-Allow-Origin"] == ISSUER
        assert answer.headers["Set-Cookie"] is None
    key = api.new_key(fresh)
    stated = api.thread_of("set by the back end", site=fresh).removesuffix("/comments")
    assert api.ask("PUT", stated, json={"views_per_hour": 12.5}, bearer=key).status == 200

    async def let_it_be_told() -> None:
        await api.service.readers.views.flush()
        await api.service.readers.views.update(fresh)

    api.aside.run(let_it_be_told())
    target = f"/v1/moderation/queue?site={fresh.slug}"

    told = {}

    def both_are_told() -> bool:
        queue = api.ask("GET", target, bearer=key).json["items"]
        told.update({each["article"]["key"]: each for each in queue})
        return len(told) == 2

    api.eventually(both_are_told)
    rate = told[article]["article"]["views_per_hour"]
    assert rate == pytest.approx(20, rel=0.02 + (time.monotonic() - before) / 1_800)
    # Of what is held only those who saw it before: a twentieth (screening.md D).
    assert told[article]["priority"]["reach"] == pytest.approx(rate / 20, abs=0.1)
    assert told["set by the back end"]["article"]["views_per_hour"] == 12.5
    assert told["set by the back end"]["priority"]["reach"] == pytest.approx(12.5 / 20, abs=0.1)


def test_a_view_of_an_unknown_site_is_none(api: Api) -> None:
    answer = api.ask("GET", "/v1/sites/nowhere/articles/story/view")
    assert (answer.status, answer.code) == (404, "unknown_site")


def test_views_collected_by_a_process_that_stops_are_added(
    api: Api, apart: Aside, stores: EmbeddedStores, database: str, fresh: Site
) -> None:
    redis_url = redis_of("api", beside=stores.endpoints.redis_url)
    with opened(apart, database, redis_url, rate_limits=True, loops=True) as stopping:
        target = f"/v1/sites/{fresh.slug}/articles/story/view"
        for _ in range(5):
            assert stopping.ask("GET", target).status == 204

    async def counted() -> int:

        keys = [key async for key in api.service.ground.redis.scan_iter(f"pb:{{{fresh.slug}}}:v:*")]
        values = [value for key in keys for value in await api.service.ground.redis.hvals(key)]
        return sum(map(int, values))

    assert api.aside.run(counted()) == 5
