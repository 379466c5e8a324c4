"""`postbag serve` as an operator meets it: it starts, stops, starts again."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from tests.journeys.api import Paper, within
from tests.journeys.command import Running, data_folder, lives, run, served, surroundings

pytestmark = pytest.mark.long

EXIT_SECONDS = 5.0
"""A stop without a drain: both servers flush and end."""
SOON_SECONDS = 1.0
START_SECONDS = 15.0


@pytest.fixture(scope="module")
async def running() -> AsyncIterator[Running]:
    """One service for all tests here that leave it as it is."""
    with data_folder() as folder:
        async with served(folder) as started:
            yield started


@pytest.fixture(scope="module")
async def daily(running: Running) -> Paper:
    return await running.found_by_hand("daily")


async def test_what_the_command_line_makes_works_when_it_returns(
    running: Running, daily: Paper
) -> None:
    posted = await daily.post("From the outside.")
    await daily.approve(posted)

    assert await daily.count() == 1
    ready = (await running.api("GET", "/readyz")).expect(200)
    assert ready["dependencies"] == {"postgres": "up", "redis": "up"}
    assert (await running.api("GET", "/healthz")).expect(200)["status"] == "ok"


async def test_a_key_revoked_by_the_command_line_is_refused_within_a_second(
    running: Running, daily: Paper
) -> None:
    made = await running.run("key", "create", "--site", "daily", "--scope", "moderate")
    token = made.strip()
    assert made == f"{token}\n"
    path = "/v1/moderation/queue?site=daily"
    (await daily.api("GET", path, token=token)).expect(200)
    key_id = next(
        key["key_id"]
        for key in (await daily.manage("GET", "/keys")).expect(200)["items"]
        if key["key_id"] in token and key["scopes"] == ["moderate"]
    )

    await running.run("key", "revoke", key_id, "--site", "daily")

    async def is_refused() -> bool:
        return (await daily.api("GET", path, token=token)).status == 401

    assert await within(SOON_SECONDS, is_refused) < SOON_SECONDS


async def test_a_second_start_on_the_same_folder_says_who_is_first_and_disturbs_nobody(
    running: Running, daily: Paper
) -> None:
    before = running.family
    second = await run("serve", environment=surroundings(running.folder))

    assert second.status == 3
    assert second.out == ""
    assert str(running.pid) in second.err
    assert "Traceback" not in second.err
    assert running.family == before
    assert (await daily.send("Undisturbed.")).status == 202


async def test_a_taken_port_is_said_in_one_line_before_a_server_is_started() -> None:
    with data_folder() as folder, socket.create_server(("127.0.0.1", 0)) as held:
        port = str(held.getsockname()[1])
        ran = await run("serve", environment=surroundings(folder, port=port))

        assert ran.status == 1
        assert ran.out == ""
        (line,) = ran.err.splitlines()
        assert port in line
        assert "POSTBAG_PORT" in line
        assert not list(folder.glob("pg-*")), "No server was started for nothing."


async def test_after_a_stop_all_is_as_it_was_and_ctrl_c_leaves_nobody_behind() -> None:
    with data_folder() as folder:
        async with served(folder) as first:
            daily = await first.found("daily")
            key = str(uuid4())
            kept = await daily.post("Sent with a key.", key=key)
            root = await daily.post("A root.")
            await daily.approve(root)
            reply = await daily.post("A reply.", parent=root.id)
            await daily.approve(reply)
            rejected = await daily.post("Rejected.")
            await daily.decide("reject", rejected, reason="off_topic")
            for number in range(8):
                await daily.post(f"Waiting {number}.", article=f"story-{number % 3}")
            before = await _seen(daily)
            family = first.family
            assert await first.stop() == 0

        assert not any(map(lives, family))
        async with served(folder) as second:
            daily = Paper(api=second.api, slug="daily", keys=daily.keys)
            assert await _seen(daily) == before
            again = await daily.send("Sent with a key.", key=key)
            assert again.headers["Idempotency-Replayed"] == "true"
            assert again.expect(202)["comment"]["id"] == kept.id
            assert again.json["receipt"] == kept.receipt
            own = (await daily.comment(rejected.id, token=rejected.receipt)).expect(200)["comment"]
            assert own["reason"]["code"] == "off_topic"
            claimed = await daily.claim(50)
            assert len(claimed) == len(before["queue"])
            await _is_ended_by_ctrl_c(second, at_least=3)
        assert "Traceback" not in folder.with_suffix(".log").read_text(encoding="utf-8")


async def test_ctrl_c_ends_all_workers_in_time(outside_stores: dict[str, str]) -> None:
    with data_folder() as folder:
        async with served(folder, "--workers", "2", **outside_stores) as started:
            assert len(started.worker_pids) == 2
            await _is_ended_by_ctrl_c(started, at_least=3)
        assert "Traceback" not in folder.with_suffix(".log").read_text(encoding="utf-8")


async def test_a_service_killed_while_its_workers_start_leaves_nobody_behind(
    outside_stores: dict[str, str],
) -> None:
    with data_folder() as folder:
        async with served(folder, "--workers", "2", **outside_stores) as started:
            first, second = started.worker_pids
            os.kill(first, signal.SIGKILL)

            async def is_replaced() -> bool:
                return len(set(started.worker_pids) - {first, second}) == 1

            await within(EXIT_SECONDS, is_replaced)
            family = started.family

            await started.kill()

            async def all_are_gone() -> bool:
                return not any(map(lives, family))

            await within(EXIT_SECONDS, all_are_gone)


async def test_a_service_whose_nursery_is_killed_ends_and_says_so(
    outside_stores: dict[str, str],
) -> None:
    with data_folder() as folder:
        async with served(folder, "--workers", "2", **outside_stores) as started:
            family = started.family
            os.kill(started.nursery_pid, signal.SIGKILL)

            async def all_are_gone() -> bool:
                return not any(map(lives, family))

            await within(EXIT_SECONDS, all_are_gone)
            assert await started.process.wait() == 1
        said = folder.with_suffix(".log").read_text(encoding="utf-8")
        assert "which makes workers, has ended" in said.splitlines()[-1]
        assert "Traceback" not in said


async def test_a_service_that_begins_before_its_database_waits_for_it(
    outside_stores: dict[str, str],
) -> None:
    """As after a power cut: Postgres is still reading its log."""
    url, later = outside_stores["database_url"], f"later_{uuid4().hex}"
    name = urlsplit(url).path.removeprefix("/")
    stores = {**outside_stores, "database_url": url.replace(name, later, 1)}
    with data_folder() as folder:

        async def begin() -> None:
            async with served(folder, **stores) as started:
                assert (await started.api("GET", "/readyz")).status == 200

        log = folder.with_suffix(".log")

        async def is_waiting() -> bool:
            return log.exists() and "database_awaited" in log.read_text(encoding="utf-8")

        async with asyncio.TaskGroup() as both:
            both.create_task(begin())
            await within(START_SECONDS, is_waiting)
            connection = await asyncpg.connect(url.replace(name, "postgres", 1))
            await connection.execute(f"CREATE DATABASE {later}")
            await connection.close()


async def _is_ended_by_ctrl_c(started: Running, *, at_least: int) -> None:
    family = started.family
    assert len(family) >= at_least
    loop = asyncio.get_running_loop()
    begun = loop.time()

    assert await started.stop(signal.SIGINT) == 0

    assert loop.time() - begun < EXIT_SECONDS
    assert not any(map(lives, family))


async def _seen(paper: Paper) -> dict[str, Any]:
    """Everything the outside can see of a site, but what the clock changes."""
    articles = [f"story-{number}" for number in range(4)]
    queue = await paper.queue("&sort=priority&limit=100")
    return {
        "queue": [(item["comment"], item["article"], item["parent"]) for item in queue["items"]],
        "total": queue["total"],
        "threads": [await paper.thread(article) for article in articles],
        "counts": [await paper.count(article) for article in articles],
    }
