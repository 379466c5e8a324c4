from __future__ import annotations

import pytest

from tests.web.conftest import ORIGIN, House, Newsroom, Serve
from tests.web.raw import ask
from tests.web.toys import NOTE

NOTES = "/v1/sites/demo/articles/story-1/notes"
FOREIGN = [
    "https://evil.example",
    "null",
    "https://daily.example.evil.example",
    "https://evil-daily.example",
    "https://DAILY.example",
    "https://daily.example:8443",
    "https://daily.example:443",
    "http://daily.example",
    "https://daily.example/",
    "https://daily.example.",
    "https://d\u0430ily.example".encode().decode("latin-1"),
    "https://daily.example, https://evil.example",
    "",
    "*",
]


@pytest.mark.parametrize("origin", [ORIGIN, "http://postbag.test", "https://postbag.test"])
async def test_pages_of_the_site_and_our_own_may_write(house: House, origin: str) -> None:
    answer = await ask(house.port, "POST", NOTES, json={"text": "x"}, headers={"Origin": origin})
    assert answer.status == 201
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["access-control-expose-headers"] == (
        "ETag, Location, Retry-After, Idempotency-Replayed, X-Request-Id"
    )
    assert "access-control-allow-credentials" not in answer.headers
    assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize("origin", FOREIGN)
async def test_pages_of_anybody_else_may_not_write(house: House, origin: str) -> None:
    answer = await ask(house.port, "POST", NOTES, json={"text": "x"}, headers={"Origin": origin})
    assert (answer.status, answer.code) == (403, "origin_not_allowed")
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origin", FOREIGN)
async def test_pages_of_anybody_else_read_what_they_cannot_see(house: House, origin: str) -> None:
    answer = await ask(house.port, "GET", NOTES, headers={"Origin": origin})
    assert answer.status == 200
    assert "access-control-allow-origin" not in answer.headers
    assert "Origin" in answer.headers["vary"]


async def test_whoever_says_no_origin_may_write(house: House) -> None:
    answer = await ask(house.port, "POST", NOTES, json={"text": "x"})
    assert answer.status == 201
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", NOTES, 415),
        ("PUT", NOTES, 405),
        ("DELETE", NOTE, 401),
        ("GET", f"{NOTES}?limit=0", 422),
        ("GET", f"{NOTES}?limit=1", 200),
    ],
)
async def test_the_sites_pages_can_read_every_refusal(
    house: House, method: str, path: str, status: int
) -> None:
    answer = await ask(house.port, method, path, body=b"x", headers={"Origin": ORIGIN})
    assert answer.status == status
    assert answer.headers["access-control-allow-origin"] == ORIGIN


async def test_the_origin_is_checked_before_the_body_and_after_the_site(house: House) -> None:
    evil = {"Origin": "https://evil.example", "Content-Type": "application/json"}
    answer = await ask(house.port, "POST", NOTES, body=b"{", headers=evil)
    assert answer.code == "origin_not_allowed"
    nowhere = NOTES.replace("demo", "nosuch")
    answer = await ask(house.port, "POST", nowhere, body=b"{", headers=evil)
    assert answer.code == "unknown_site"


def preflight(origin: str) -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type, idempotency-key",
    }


async def test_a_preflight_of_the_sites_page_is_allowed(house: House) -> None:
    answer = await ask(house.port, "OPTIONS", NOTES, headers=preflight(ORIGIN))
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-allow-methods"] == "GET, POST, PUT, PATCH, DELETE"
    assert answer.headers["access-control-allow-headers"] == (
        "Authorization, Content-Type, Idempotency-Key, Last-Event-ID"
    )
    assert int(answer.headers["access-control-max-age"]) > 0
    assert answer.headers["vary"] == "Accept-Encoding, Origin"


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_preflight_of_anybody_else_is_not(house: House, origin: str) -> None:
    answer = await ask(house.port, "OPTIONS", NOTES, headers=preflight(origin))
    assert (answer.status, answer.code) == (403, "origin_not_allowed")
    assert "access-control-allow-origin" not in answer.headers


async def test_a_preflight_for_an_unknown_site_is_404(house: House) -> None:
    nowhere = NOTES.replace("demo", "nosuch")
    answer = await ask(house.port, "OPTIONS", nowhere, headers=preflight(ORIGIN))
    assert (answer.status, answer.code) == (404, "unknown_site")


async def test_what_is_not_for_pages_allows_none(house: House, newsroom: Newsroom) -> None:
    path = "/v1/moderation/queue"
    asked = await ask(house.port, "OPTIONS", path, headers=preflight(ORIGIN))
    assert asked.status == 204
    answer = await ask(
        house.port,
        "GET",
        path,
        headers={"Origin": ORIGIN, "Authorization": newsroom.keys["moderate"]},
    )
    assert answer.status == 200
    for each in (asked, answer):
        assert not [name for name in each.headers if name.startswith("access-control-")]


async def test_with_a_public_url_only_that_is_our_own(serve: Serve) -> None:
    host = {"Host": "comments.example"}
    async with serve(public_url="https://comments.example") as house:
        for origin, status in [("https://comments.example", 201), ("http://comments.example", 403)]:
            answer = await ask(
                house.port, "POST", NOTES, json={"text": "x"}, headers={**host, "Origin": origin}
            )
            assert answer.status == status
