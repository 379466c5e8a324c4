"""Two workers on one port: each knows what the other did, and one may die alone."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import re
import signal
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import psutil
import pytest

from tests.journeys.api import Api, Failed, Paper, within
from tests.journeys.command import Running, data_folder, free_ports, served

pytestmark = pytest.mark.long

FRESH_SECONDS = 1.0
"""How soon every worker knows of a decision, a setting, a key."""
IDLE = "PYTEST_XDIST_WORKER" not in os.environ and os.getloadavg()[0] < (os.cpu_count() or 1)
BACK_SECONDS = 2.0 if IDLE else 10.0
"""When a killed worker serves again, and when one leads for it: in two seconds, where
nothing else keeps the machine busy."""
SHARED_KIB = 30 * 1024
"""What a worker has of the nursery's memory at least; it is about 60 MiB."""
TRIES = 200
"""Connections, each of which the kernel gives to either worker."""


@dataclass(slots=True)
class Line:
    """A client that keeps to one connection, and so to one worker."""

    session: aiohttp.ClientSession
    paper: Paper
    worker: int
    """Its process."""


@pytest.fixture(scope="module")
async def running(outside_stores: dict[str, str]) -> AsyncIterator[Running]:
    """A service of two workers, whose metrics are on ports known beforehand."""
    with data_folder() as folder:
        port = str(free_ports(2))
        words = ("--workers", "2")
        async with served(folder, *words, metrics_port=port, **outside_stores) as started:
            yield started


@pytest.fixture(scope="module")
async def daily(running: Running) -> Paper:
    return await running.found("daily")


@pytest.fixture
async def lines(running: Running, daily: Paper) -> AsyncIterator[tuple[Line, Line]]:
    """A connection to each worker."""
    async with AsyncExitStack() as opened:
        yield await _lines(running, daily, opened)


async def test_what_one_worker_approves_the_other_shows_within_a_second(
    lines: tuple[Line, Line],
) -> None:
    for here, there in (lines, lines[::-1]) * 3:
        article = f"story-{uuid4()}"
        posted = await here.paper.post("Seen by all.", article=article)
        assert await there.paper.ids_in_thread(article) == set()
        assert await there.paper.count(article) == 0

        await here.paper.approve(posted)

        async def is_shown(paper: Paper = there.paper, key: str = article) -> bool:
            return len(await paper.ids_in_thread(key)) == 1 and await paper.count(key) == 1

        assert await within(FRESH_SECONDS, is_shown) < FRESH_SECONDS
        await there.paper.decide("remove", posted)

        async def is_gone(paper: Paper = here.paper, key: str = article) -> bool:
            return await paper.ids_in_thread(key) == set() and await paper.count(key) == 0

        assert await within(FRESH_SECONDS, is_gone) < FRESH_SECONDS


async def test_the_same_post_sent_to_both_at_once_is_one_comment(
    lines: tuple[Line, Line],
) -> None:
    for _ in range(10):
        key = str(uuid4())
        answers = await asyncio.gather(*(line.paper.send("Only once.", key=key) for line in lines))
        assert len({answer.expect(202)["comment"]["id"] for answer in answers}) == 1
        assert len({answer.json["receipt"] for answer in answers}) == 1


async def test_a_comment_held_at_one_worker_is_not_handed_out_by_the_other(
    lines: tuple[Line, Line],
) -> None:
    here, there = lines
    for number in range(10):
        await here.paper.post(f"Number {number}.")

    hands = await asyncio.gather(
        *(line.paper.claim(3, by=by) for line, by in ((here, "moderate"), (there, "second")))
    )

    first, second = ({item["comment"]["id"] for item in items} for items in hands)
    assert first
    assert second
    assert not first & second


async def test_a_key_ended_and_a_setting_changed_at_one_worker_hold_at_the_other(
    lines: tuple[Line, Line],
) -> None:
    here, there = lines
    made = (await here.paper.manage("POST", "/keys", {"scopes": ["moderate"]})).expect(201)
    path = "/v1/moderation/queue?site=daily"
    (await there.paper.api("GET", path, token=made["key"])).expect(200)

    await here.paper.manage("DELETE", f"/keys/{made['key_id']}")

    async def is_refused() -> bool:
        return (await there.paper.api("GET", path, token=made["key"])).status == 401

    assert await within(FRESH_SECONDS, is_refused) < FRESH_SECONDS
    (await here.paper.manage("PUT", "/settings", {"body_max_chars": 10})).expect(200)

    async def is_too_long() -> bool:
        return (await there.paper.send(f"Long: {uuid4()}")).status == 422

    assert await within(FRESH_SECONDS, is_too_long) < FRESH_SECONDS
    (await here.paper.manage("PUT", "/settings", {"body_max_chars": 5_000})).expect(200)

    async def is_short_enough() -> bool:
        return not await is_too_long()

    assert await within(FRESH_SECONDS, is_short_enough) < FRESH_SECONDS


async def test_only_the_requests_of_a_killed_worker_fail_and_it_is_back_in_two_seconds(
    running: Running, daily: Paper, lines: tuple[Line, Line]
) -> None:
    dies, lives_on = lines
    ids = []
    over = asyncio.Event()

    async def go_on_posting() -> None:
        while not over.is_set():
            ids.append((await lives_on.paper.post(f"Number {uuid4()}.")).id)
            await asyncio.sleep(0.02)  # the machine is for the worker that starts

    async with asyncio.TaskGroup() as others:
        others.create_task(go_on_posting())
        os.kill(dies.worker, signal.SIGKILL)
        with pytest.raises(Failed):
            await dies.paper.send("Nobody is there any more.")

        async def serves_again() -> bool:
            # Whoever comes anew is served meanwhile.
            async with AsyncExitStack() as opened:
                line = await _line(daily, running.worker_pids, opened)
                return line.worker not in {dies.worker, lives_on.worker}

        seconds = await within(BACK_SECONDS, serves_again)
        over.set()

    assert seconds < BACK_SECONDS
    assert ids
    assert len(running.worker_pids) == 2


async def test_workers_share_the_memory_of_what_is_loaded_and_nothing_that_runs(
    running: Running, lines: tuple[Line, Line]
) -> None:
    nursery = psutil.Process(running.nursery_pid)
    assert nursery.num_threads() == 1
    port = int(running.base_url.rpartition(":")[2])
    assert {each.laddr.port for each in nursery.net_connections()} <= {port}
    for line in lines:
        worker = psutil.Process(line.worker)
        assert worker.ppid() == nursery.pid
        assert _shared_kib(line.worker) > SHARED_KIB
    ids = [
        (await line.paper.api("GET", "/healthz")).headers["X-Request-Id"]
        for _ in range(20)
        for line in lines
    ]
    assert len(set(ids)) == len(ids)


async def test_when_the_worker_that_leads_is_killed_one_leads_again(
    running: Running, daily: Paper
) -> None:
    async with AsyncExitStack() as opened:
        await _lines(running, daily, opened)  # both are there
    leaders = [number for number in range(2) if await _leads(running, number)]
    assert len(leaders) == 1
    pids = await _pids_by_number(running)
    killed = pids[leaders[0]]
    os.kill(killed, signal.SIGKILL)

    async def one_leads() -> bool:
        """The other, or the one that is made in its place."""
        if killed in running.worker_pids:
            return False
        return any([await _leads(running, number) for number in range(2)])

    assert await within(BACK_SECONDS, one_leads) < BACK_SECONDS
    words = str(uuid4())
    posted = await daily.post(f"Journaled: {words}")

    async def is_journaled() -> bool:
        items = (await daily.queue(f"&q={words}"))["items"]
        return [item["comment"]["id"] for item in items] == [posted.id]

    await within(BACK_SECONDS, is_journaled)


async def _lines(running: Running, paper: Paper, opened: AsyncExitStack) -> tuple[Line, Line]:
    """Connect until each of two workers has answered."""
    found: dict[int, Line] = {}
    for _ in range(TRIES):
        line = await _line(paper, running.worker_pids, opened)
        found.setdefault(line.worker, line)
        if len(found) == 2:
            first, second = found.values()
            return first, second
        await asyncio.sleep(0.02)
    raise AssertionError("One of the workers is never reached.")


async def _line(paper: Paper, workers: Sequence[int], opened: AsyncExitStack) -> Line:
    """Open one connection and find out which worker has its other end."""
    sockets: list[socket.socket] = []

    def make(address: Any) -> socket.socket:
        sockets.append(socket.socket(address[0], address[1], address[2]))
        return sockets[-1]

    connector = aiohttp.TCPConnector(limit=1, socket_factory=make)
    session = await opened.enter_async_context(aiohttp.ClientSession(connector=connector))
    api = Api(session=session, base_url=paper.api.base_url)
    (await api("GET", "/healthz")).expect(200)
    port = sockets[0].getsockname()[1]
    worker = next(pid for pid in workers if port in _peers(pid))
    return Line(session=session, paper=dataclasses.replace(paper, api=api), worker=worker)


def _shared_kib(pid: int) -> int:
    """Return how much memory a process has written, or another before it, and shares."""
    rolled = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    found = re.search(r"^Shared_Dirty: +(\d+) kB$", rolled, re.MULTILINE)
    assert found is not None
    return int(found[1])


def _peers(pid: int) -> set[int]:
    """Return the ports of the clients that a process is connected with."""
    try:
        connections = psutil.Process(pid).net_connections("tcp")
    except psutil.NoSuchProcess:
        return set()
    return {each.raddr.port for each in connections if each.raddr}


async def _leads(running: Running, number: int) -> bool:
    try:
        metrics = await _metrics(running, number)
    except Failed:
        return False
    found = re.search(r"^postbag_leads (\S+)$", metrics, re.MULTILINE)
    return found is not None and float(found[1]) == 1


async def _metrics(running: Running, number: int) -> str:
    port = int(running.environment["POSTBAG_METRICS_PORT"]) + number
    async with running.api.session.get(f"http://127.0.0.1:{port}/metrics") as answer:
        return await answer.text()


async def _pids_by_number(running: Running) -> list[int]:
    """Return the workers' processes in the order of their metrics' ports."""
    first = int(running.environment["POSTBAG_METRICS_PORT"])
    listening = {
        each.laddr.port: pid
        for pid in running.worker_pids
        for each in psutil.Process(pid).net_connections("tcp")
        if each.status == psutil.CONN_LISTEN
    }
    return [listening[first], listening[first + 1]]
