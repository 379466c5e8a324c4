"""The way from the first start to a team, as an operator walks it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.journeys.command import Running, data_folder, served

LINK = re.compile(r"(http://\S+)/moderate/#invitation=(pbi_[\w-]{43})")
PASSWORD = "plaid otter under nine clouds"

pytestmark = pytest.mark.long


@pytest.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    """Keeps cookies, and says like a browser that our own page asks."""
    headers = {"Sec-Fetch-Site": "same-origin"}
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(headers=headers, cookie_jar=jar) as session:
        yield session


async def test_the_owner_comes_in_by_the_printed_link_and_invites_nobody_twice(
    browser: aiohttp.ClientSession,
) -> None:
    with data_folder() as folder:
        async with served(folder) as running:
            base, token = _link(running.said)
            assert base.startswith("http://localhost:"), "browsers know passkeys by name alone"
            await running.run("site", "create", "daily", "--origin", "https://daily.example")
            wish = {"token": token, "name": "Nadia", "password": PASSWORD}
            wish["email"] = "owner@daily.example"
            async with browser.post(f"{running.base_url}/v1/invitations", json=wish) as answer:
                assert answer.status == 201
            async with browser.get(f"{running.base_url}/v1/session") as answer:
                member = (await answer.json())["member"]
            assert member["owner"]
            assert member["roles"] == [{"site": "daily", "role": "admin"}]
            async with browser.get(f"{running.base_url}/v1/moderation/queue?site=daily") as answer:
                assert (await answer.json())["total"] == 0
            await _colleague(running)
            await running.stop()
        log = folder.with_suffix(".log").read_text(encoding="utf-8")
        for secret in (token, PASSWORD, "owner@daily.example"):
            assert secret not in log
        async with served(folder) as again:
            assert not LINK.search(again.said), "somebody is in"


async def _colleague(running: Running) -> None:
    """Let somebody in by the command line's link, and back in after they lost their password."""
    adding = ("member", "add", "kim@daily.example", "--role", "moderator", "--site", "daily")
    headers = {"Sec-Fetch-Site": "same-origin"}
    for password in (PASSWORD, "another otter and seven clouds"):
        _, token = _link(await running.run(*adding))
        async with aiohttp.ClientSession(
            headers=headers, cookie_jar=aiohttp.CookieJar(unsafe=True)
        ) as browser:
            wish = {"token": token, "name": "Kim", "password": password}
            async with browser.post(f"{running.base_url}/v1/invitations", json=wish) as answer:
                assert answer.status == 201
            queue = f"{running.base_url}/v1/moderation/queue"
            async with browser.get(queue) as answer:
                assert answer.status == 200
            async with browser.get(f"{running.base_url}/v1/members?site=daily") as answer:
                assert answer.status == 403


def _link(said: str) -> tuple[str, str]:
    found = LINK.search(said)
    assert found is not None, said
    return found[1], found[2]
