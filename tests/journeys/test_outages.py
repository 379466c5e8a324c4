"""What still works while a store is away, and that the rest says so."""

from __future__ import annotations

import dataclasses
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import asyncpg
import psutil
import pytest

from tests.journeys.api import Paper, Posted, wish, within
from tests.journeys.command import Running, data_folder, free_ports, served
from tests.journeys.house import open_house

pytestmark = pytest.mark.long

JOURNAL_SECONDS = 3.0
MENDED_SECONDS = 10.0
"""When everything that was decided without the queue has left it."""


async def test_what_is_journaled_is_decided_while_the_queue_is_away(
    outside_stores: dict[str, str], daily: Paper
) -> None:
    public = await _journaled(daily, "story-new")
    rejected = await _journaled(daily, "story-newer")
    nobody = f"redis://127.0.0.1:{free_ports()}"
    async with open_house(outside_stores["database_url"], nobody) as house:
        there = dataclasses.replace(daily, api=house.api)

        assert (await there.send("Not now.")).status == 503
        results = (
            await there.send_decisions([wish("approve", public.id), wish("reject", rejected.id)])
        ).expect(200)["results"]
        (again,) = await there.decide("approve", rejected)

        assert [each["outcome"] for each in results] == ["applied", "applied"]
        assert [each["status"] for each in results] == ["approved", "rejected"]
        assert (again["outcome"], again["decision"]) == ("conflict", results[1]["decision"])
        assert await there.ids_in_thread("story-new") == {public.id}

    async def is_mended() -> bool:
        return bool((await daily.queue())["total"] == 0)

    await within(MENDED_SECONDS, is_mended, pause=0.1)
    assert (await daily.thread("story-new"))["article"]["key"] == "story-new"
    assert await daily.count("story-new") == 1
    assert await daily.count("story-newer") == 0


@pytest.mark.faults
async def test_comments_are_taken_and_threads_are_read_while_postgres_hangs() -> None:
    with data_folder() as folder:
        async with served(folder) as running:
            daily = await running.found()
            public = await daily.post("Before.")
            await daily.approve(public)
            await _all_told(running)  # else what is read now might be overtaken, and not kept
            assert await daily.count() == 1
            assert await daily.ids_in_thread() == {public.id}
            postmaster = psutil.Process(running.postgres_pid)
            key = str(uuid4())

            with _frozen(postmaster.pid, *(child.pid for child in postmaster.children())):
                taken = (await daily.send("Meanwhile.", key=key)).expect(202)["comment"]
                assert await daily.count() == 1
                assert await daily.ids_in_thread() == {public.id}
                decision = wish("approve", taken["id"])
                unknown = await daily.send_decisions([decision])
                assert unknown.status == 503
                assert int(unknown.headers["Retry-After"]) >= 1
                again = (await daily.send("Meanwhile.", key=key)).expect(202)["comment"]
                assert again["id"] == taken["id"]

            async def is_decided() -> bool:
                answer = await daily.send_decisions([decision])
                if answer.status == 503:
                    return False
                (result,) = answer.expect(200)["results"]
                return result["outcome"] in {"applied", "replayed"}

            async def is_counted() -> bool:
                return await daily.count() == 2

            await within(MENDED_SECONDS, is_decided, pause=0.1)
            await within(MENDED_SECONDS, is_counted, pause=0.1)  # stale bytes rest for a moment


async def _all_told(running: Running) -> None:
    """Wait until every process has been told what was decided."""
    connection = await asyncpg.connect(running.endpoints[0])

    async def is_told() -> bool:
        untold = "SELECT count(*) FROM outbox WHERE relayed_at IS NULL"
        return bool(await connection.fetchval(untold) == 0)

    await within(MENDED_SECONDS, is_told, pause=0.05)
    await connection.close()


@contextmanager
def _frozen(*pids: int) -> Iterator[None]:
    """Stop processes until the block ends: connections to them stay, and say nothing."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def _journaled(paper: Paper, article: str) -> Posted:
    """Post, and wait until Postgres knows of it: then it can be searched for."""
    word = str(uuid4())
    posted = await paper.post(f"Waiting: {word}", article=article)

    async def is_found() -> bool:
        return bool((await paper.queue(f"&q={word}"))["items"])

    await within(JOURNAL_SECONDS, is_found)
    return posted
