"""Votes, as the widget sends them."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from service.model import Site
from tests.api.calls import Caller
from tests.api.conftest import Api
from tests.api.people import Person, a_guest, a_reader, trust_tokens

OLD_SECONDS = 5.0
"""How old a page's votes may be (api.md)."""


@pytest.fixture(scope="module")
def site(api: Api) -> Site:
    """A site of these tests' own that mints tokens."""
    made = api.new_site()
    trust_tokens(api, made)
    return made


@pytest.fixture(scope="module")
def key(api: Api, site: Site) -> str:
    return api.new_key(site, name="Sam")


def public(api: Api, site: Site, key: str, article: str | None = None) -> dict[str, Any]:
    comment = a_guest(api, site).posts(article or api.article())
    api.decide("approve", comment["id"], key=key)
    return comment


def test_a_vote_is_answered_with_the_sums_and_told_its_voter_alone(
    api: Api, site: Site, key: str
) -> None:
    comment = public(api, site, key)
    guest, reader = a_guest(api, site), a_reader(api, site)
    assert guest.votes(comment["id"]).json == {"votes": {"up": 1, "down": 0}, "mine": 1}
    assert reader.votes(comment["id"], -1).json == {"votes": {"up": 1, "down": 1}, "mine": -1}
    assert guest.me(comment["article"])["votes"] == {comment["id"]: 1}
    assert reader.me(comment["article"])["votes"] == {comment["id"]: -1}
    assert guest.votes(comment["id"], 0).json == {"votes": {"up": 0, "down": 1}, "mine": 0}
    assert guest.me(comment["article"])["votes"] == {}
    assert a_guest(api, site).me(comment["article"])["votes"] == {}


def test_who_may_not_vote_is_told_why(api: Api, site: Site, key: str) -> None:
    leila, article = a_guest(api, site), api.article()
    comment = leila.posts(article)
    voter = a_guest(api, site)
    assert voter.votes(comment["id"]).code == "unknown_comment"
    api.decide("approve", comment["id"], key=key)
    assert leila.votes(comment["id"]).code == "own_comment"
    assert Person(api, site, key).votes(comment["id"]).status == 403
    assert a_guest(api).votes(comment["id"]).code == "unknown_comment"
    where = f"/v1/sites/{site.slug}/comments/{comment['id']}/vote"
    assert api.ask("PUT", where, json={"value": 1}).status == 401
    for value in (2, -2, 0.5, "1", True, None):
        assert voter.votes(comment["id"], value).status == 422
    assert voter.votes(comment["id"]).json["votes"] == {"up": 1, "down": 0}


def test_guests_of_one_address_count_three_times_and_readers_always(
    limited: Api, api: Api, site: Site, key: str
) -> None:
    comment = public(api, site, key)
    here = "203.0.113.80"
    ups = [
        a_guest(limited, site, sender=here).votes(comment["id"]).json["votes"]["up"]
        for _ in range(5)
    ]
    assert ups == [1, 2, 3, 3, 3]
    elsewhere = a_guest(limited, site, sender="203.0.113.81")
    assert elsewhere.votes(comment["id"]).json["votes"]["up"] == 4
    ups = [
        a_reader(limited, site, sender=here).votes(comment["id"]).json["votes"]["up"]
        for _ in range(3)
    ]
    assert ups == [5, 6, 7]


def test_fifty_readers_on_their_own_connections_are_counted_exactly(
    api: Api, site: Site, key: str
) -> None:
    comment = public(api, site, key)
    once = a_reader(api, site)
    voters = [a_reader(api, site) for _ in range(50)] + 10 * [once]

    def vote(voter: Person) -> int:
        caller = Caller(port=api.caller.port, operations=api.caller.operations)
        where = f"/v1/sites/{site.slug}/comments/{comment['id']}/vote"
        answer = caller.ask("PUT", where, json={"value": 1}, bearer=voter.bearer)
        caller.close()
        return answer.status

    with ThreadPoolExecutor(20) as crowd:
        assert set(crowd.map(vote, voters)) == {200}
    assert once.votes(comment["id"]).json == {"votes": {"up": 51, "down": 0}, "mine": 1}


@pytest.mark.long
def test_the_best_order_and_the_numbers_of_a_page_follow_within_five_seconds(
    api: Api, site: Site, key: str
) -> None:
    article = api.article()
    better, other = public(api, site, key, article), public(api, site, key, article)
    thread = api.thread_of(article, site=site, sort="best")

    def page() -> list[tuple[str, int]]:
        comments = api.ask("GET", thread).json["comments"]
        return [(each["id"], each["votes"]["up"]) for each in comments]

    assert page() == [(other["id"], 0), (better["id"], 0)], "the newer stands first"
    for _ in range(3):
        assert a_reader(api, site).votes(better["id"]).status == 200
    deadline = time.monotonic() + OLD_SECONDS
    while page() != [(better["id"], 3), (other["id"], 0)]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
