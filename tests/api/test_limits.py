"""Request limits: bursts, who is charged, and that they can be switched off."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from service.model import Site
from tests.api.calls import Answer
from tests.api.conftest import ORIGIN, Api

POSTS_AT_ONCE = 5
"""Of one address, and of one author (protocol.md 3.2)."""
GUESTS_AN_HOUR = 5


class Street:
    """People who post on a site of their own, from different addresses."""

    def __init__(self, api: Api, site: Site) -> None:
        self.api, self.site = api, site

    def post(self, sender: str, *, article: str = "story", **said: Any) -> Answer:
        body = said.pop("body", f"A comment, {uuid4()}.")
        return self.api.post(article, body, site=self.site, sender=sender, **said)

    def become_guest(self, sender: str) -> Answer:
        headers = {"X-Forwarded-For": sender, "Origin": ORIGIN}
        return self.api.ask("POST", f"/v1/sites/{self.site.slug}/guests", headers=headers)


@pytest.fixture
def street(limited: Api) -> Street:
    return Street(limited, limited.new_site())


def is_limited(answer: Answer) -> bool:
    """Whether it was one too many; then it says when to come back."""
    if answer.status != 429:
        assert answer.status in {201, 202}, answer.raw
        return False
    assert answer.code == "rate_limited"
    assert 1 <= int(answer.headers["Retry-After"]) <= 3_600
    return True


def test_one_address_posts_a_few_at_once_and_then_waits(street: Street) -> None:
    answers = [street.post("203.0.113.1") for _ in range(POSTS_AT_ONCE + 2)]
    assert [is_limited(each) for each in answers] == [False] * POSTS_AT_ONCE + [True] * 2
    assert int(answers[-1].headers["Retry-After"]) <= 10
    assert not is_limited(street.post("203.0.113.2")), "another address is not charged"


def test_a_network_of_ipv6_counts_as_one_address(street: Street) -> None:
    for number in range(POSTS_AT_ONCE):
        assert not is_limited(street.post(f"2001:db8:1:2::{number + 1}"))
    assert is_limited(street.post("2001:db8:1:2:ffff::1"))
    assert not is_limited(street.post("2001:db8:1:3::1"))


def test_what_the_client_says_of_its_address_is_not_believed(street: Street) -> None:
    """Only what the last trusted proxy saw counts, not what was said before."""
    for number in range(POSTS_AT_ONCE):
        assert not is_limited(street.post(f"198.51.100.{number}, 203.0.113.9"))
    assert is_limited(street.post("198.51.100.99, 203.0.113.9"))


def test_one_author_is_limited_on_every_address(street: Street) -> None:
    receipt = street.api.receipt_of(street.site)
    for number in range(POSTS_AT_ONCE):
        assert not is_limited(street.post(f"203.0.113.{number}", bearer=receipt))
    assert is_limited(street.post("203.0.113.99", bearer=receipt))


def test_a_repetition_costs_nothing(street: Street) -> None:
    key, body = str(uuid4()), "Once."
    for number in range(3 * POSTS_AT_ONCE):
        answer = street.post("203.0.113.3", body=body, key=key)
        assert answer.status == 202
        assert answer.headers["Idempotency-Replayed"] == ("true" if number else None)
    others = [street.post("203.0.113.3") for _ in range(POSTS_AT_ONCE)]
    assert [is_limited(each) for each in others] == [False] * (POSTS_AT_ONCE - 1) + [True]
    assert street.post("203.0.113.3", body=body, key=key).status == 202, "also when limited"


def test_what_is_refused_costs_nothing(street: Street) -> None:
    for _ in range(2 * POSTS_AT_ONCE):
        assert street.post("203.0.113.4", body="").status == 422
        assert street.post("203.0.113.4", key="short").status == 422
        assert street.post("203.0.113.4", bearer="pbr_wrong").status == 401
    assert not is_limited(street.post("203.0.113.4"))


def test_sites_do_not_share_limits(limited: Api, street: Street) -> None:
    for _ in range(POSTS_AT_ONCE + 1):
        answer = street.post("203.0.113.5")
    assert is_limited(answer)
    other = Street(limited, limited.new_site())
    assert not is_limited(other.post("203.0.113.5"))


def test_new_guests_are_5_an_hour_and_address(street: Street) -> None:
    answers = [street.become_guest("203.0.113.6") for _ in range(GUESTS_AN_HOUR + 1)]
    assert [is_limited(each) for each in answers] == [False] * GUESTS_AN_HOUR + [True]
    assert int(answers[-1].headers["Retry-After"]) > 60
    assert answers[-1].headers["Access-Control-Allow-Origin"] == ORIGIN, "the widget may read it"
    assert not is_limited(street.become_guest("203.0.113.7"))
    assert len({each.json["receipt"] for each in answers[:-1]}) == GUESTS_AN_HOUR


def test_reading_is_not_limited(limited: Api, street: Street) -> None:
    where = limited.thread_of("story", site=street.site)
    for _ in range(100):
        assert limited.ask("GET", where, headers={"X-Forwarded-For": "203.0.113.8"}).status == 200


def test_limits_can_be_switched_off(api: Api) -> None:
    """`POSTBAG_RATE_LIMITS=off`: `api` is the same service without them."""
    street = Street(api, api.new_site())
    receipt = api.receipt_of(street.site)
    for _ in range(4 * POSTS_AT_ONCE):
        assert not is_limited(street.post("203.0.113.1", bearer=receipt))
        assert not is_limited(street.become_guest("203.0.113.1"))
