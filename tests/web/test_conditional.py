from __future__ import annotations

import re

import pytest

from service.web.conditional import is_known
from tests.web.conftest import ORIGIN, House, Newsroom
from tests.web.raw import ask
from tests.web.toys import NOTE

NOTES = "/v1/sites/demo/articles/story-1/notes"
LIVE = "public, max-age=2, stale-while-revalidate=10, stale-if-error=60"


async def test_a_public_read_has_a_strong_tag_and_may_be_kept(house: House) -> None:
    answer = await ask(house.port, "GET", NOTES)
    assert re.fullmatch(r'"[\w-]{22}"', answer.headers["etag"])
    assert answer.headers["cache-control"] == LIVE
    assert answer.headers["vary"] == "Accept-Encoding, Origin"
    again = await ask(house.port, "GET", NOTES)
    assert again.headers["etag"] == answer.headers["etag"]
    other = await ask(house.port, "GET", f"{NOTES}?limit=3")
    assert other.headers["etag"] != answer.headers["etag"]


@pytest.mark.parametrize("form", ["{}", "W/{}", '"x", {}', '"x",W/{} , "y"', "*"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_what_the_client_has_is_not_sent_again(house: House, method: str, form: str) -> None:
    etag = (await ask(house.port, "GET", NOTES)).headers["etag"]
    headers = {"If-None-Match": form.format(etag), "Origin": ORIGIN}
    answer = await ask(house.port, method, NOTES, headers=headers)
    assert answer.status == 304
    assert answer.body == b""
    assert answer.headers["etag"] == etag
    assert answer.headers["cache-control"] == LIVE
    assert answer.headers["vary"] == "Accept-Encoding, Origin"
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["x-request-id"]
    assert "content-type" not in answer.headers
    assert "content-length" not in answer.headers


@pytest.mark.parametrize("said", ['"other"', "nonsense", "", '""', 'W/"other"'])
async def test_another_tag_brings_the_answer(house: House, said: str) -> None:
    answer = await ask(house.port, "GET", NOTES, headers={"If-None-Match": said})
    assert answer.status == 200
    assert answer.body


async def test_a_refusal_is_never_kept_nor_compared(house: House) -> None:
    answer = await ask(house.port, "GET", f"{NOTES}?limit=0", headers={"If-None-Match": "*"})
    assert answer.status == 422
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers


async def test_a_write_is_never_kept(house: House) -> None:
    answer = await ask(house.port, "POST", NOTES, json={"text": "x"})
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers


async def test_what_may_be_somebodys_own_varies_by_credential(
    house: House, newsroom: Newsroom
) -> None:
    anybody = await ask(house.port, "GET", NOTE)
    assert anybody.headers["cache-control"] == LIVE
    assert anybody.headers["vary"] == "Accept-Encoding, Origin, Authorization"
    mine = await ask(house.port, "GET", NOTE, headers={"Authorization": newsroom.receipt})
    assert mine.json == {"text": "guest"}
    assert mine.headers["cache-control"] == "private, no-store"
    assert mine.headers["vary"] == "Accept-Encoding, Origin, Authorization"
    assert "etag" not in mine.headers


def test_a_tag_inside_another_is_not_that_tag() -> None:
    assert not is_known('"a"', ['"ba"', '"a'])
    assert is_known('"a"', ['"b"', '"a"'])
