"""Workers that are restarted one after the other while people write, decide and listen."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import orjson
import psutil
import pytest

from tests.journeys.api import Paper, wish, within
from tests.journeys.command import Running, data_folder, free_ports, lives, served

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

DRAIN_SECONDS = 2.0
"""Longer than anybody here leaves a connection idle, on a slow machine too: what is idle when it
ends is closed, perhaps as the next request sets out on it."""
BACK_SECONDS = 60.0
HEARD_SECONDS = 15.0
RESTARTS = 20
WRITERS = 4
LISTENERS = 3
ARTICLE = "story-1"


@dataclass(slots=True, kw_only=True)
class Newsday:
    """People who go on whatever is restarted, and ask nothing twice."""

    paper: Paper
    over: bool = False
    posts: int = 0
    approved: set[str] = field(default_factory=set)
    failed: list[str] = field(default_factory=list)
    """What was refused or cut off of all that may not simply be repeated."""

    async def write(self) -> None:
        """Post one comment after the other, without any key, and approve each."""
        while not self.over:
            text = f"Something new, {uuid4()}."
            sent = await self._once("post", self.paper.send(text, article=ARTICLE), 202)
            if sent is None:
                continue
            self.posts += 1
            comment_id = sent["comment"]["id"]
            decision = self.paper.send_decisions([wish("approve", comment_id)])
            decided = await self._once("decide", decision, 200)
            if decided is not None:
                assert decided["results"][0]["outcome"] == "applied"
                self.approved.add(comment_id)

    async def _once(self, what: str, asked: Any, status: int) -> Any:
        try:
            answer = await asked
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self.failed.append(f"{what}: {type(error).__name__}: {error}")
            return None
        if answer.status != status:
            self.failed.append(f"{what}: {answer.status} {answer.raw[:200]!r}")
            return None
        return answer.json


@dataclass(slots=True, kw_only=True)
class Ear:
    """A reader with a page open, who comes back where they were cut off."""

    paper: Paper
    heard: list[str] = field(default_factory=list)
    """Ids of comments, in the order they were told."""
    last: str | None = None
    """Of the events."""
    byes: int = 0
    resyncs: int = 0
    streams: int = 0
    over: bool = False

    async def listen(self) -> None:
        """Listen until told to stop."""
        while not self.over:
            headers = {"Last-Event-ID": self.last} if self.last is not None else {}
            url = f"{self.paper.api.base_url}{self.paper.article(ARTICLE)}/events"
            try:
                async with self.paper.api.session.get(
                    url, headers=headers, timeout=aiohttp.ClientTimeout(total=None)
                ) as response:
                    if response.status == 200:
                        self.streams += 1
                        await self._hear(response.content)
            except (aiohttp.ClientError, OSError):
                await asyncio.sleep(0.02)

    async def _hear(self, content: aiohttp.StreamReader) -> None:
        kind, event_id = "", None
        async for raw in content:
            name, _, value = raw.decode().rstrip("\n").partition(": ")
            if name == "id":
                event_id = value
            elif name == "event":
                kind = value
                self.byes += kind == "bye"
                self.resyncs += kind == "resync"
            elif name == "data" and kind == "comment":
                self.heard.append(orjson.loads(value)["id"])
            elif not name and event_id is not None:
                self.last, event_id = event_id, None


async def test_twenty_rolling_restarts_fail_nobody(tell: Callable[[str], None]) -> None:
    with data_folder() as folder:
        async with newsday(folder) as (running, day, ears):
            for number in range(RESTARTS):
                pids = running.worker_pids
                assert len(pids) == 2
                victim = pids[number % 2]
                posts = day.posts
                os.kill(victim, signal.SIGTERM)

                async def is_replaced(old: int = victim, posts: int = posts) -> bool:
                    return not lives(old) and len(running.worker_pids) == 2 and day.posts > posts

                await within(BACK_SECONDS, is_replaced, pause=0.05)
                await within(BACK_SECONDS, lambda: both_serve(running), pause=0.05)
            day.over = True

        tell(
            f"{RESTARTS} restarts, {day.posts} comments without a key and as many decisions:"
            f" {len(day.failed)} failed; {sum(ear.byes for ear in ears)} byes to"
            f" {sum(ear.streams for ear in ears)} streams,"
            f" {sum(ear.resyncs for ear in ears)} times told to look again."
        )
        assert day.failed == []
        assert day.posts > RESTARTS
        for ear in ears:
            # What a leader told in its last moment may be told again; nothing may be missing.
            assert set(ear.heard) == day.approved
            assert ear.byes


async def both_serve(running: Running) -> bool:
    """Look whether two workers serve: one that answers says nothing of the other.

    Each has the common door from its birth on, and opens that of its metrics when it serves.
    """
    port = int(running.base_url.rpartition(":")[2])
    pids = running.worker_pids
    try:
        return len(pids) == 2 and all(
            any(each.status == psutil.CONN_LISTEN and each.laddr.port != port for each in of_pid)
            for of_pid in [psutil.Process(pid).net_connections("tcp") for pid in pids]
        )
    except psutil.NoSuchProcess:
        return False


@asynccontextmanager
async def newsday(folder: Path) -> AsyncIterator[tuple[Running, Newsday, list[Ear]]]:
    """Run two workers, with people at work and readers listening, until the block ends."""
    words = ("--workers", "2")
    drain = {"drain_seconds": str(DRAIN_SECONDS), "port": str(free_ports())}
    async with served(folder, *words, **drain) as running:
        paper = await running.found(f"daily-{uuid4().hex[:8]}")

        async def all_run() -> bool:
            return await both_serve(running)

        await within(BACK_SECONDS, all_run, pause=0.1)
        day = Newsday(paper=paper)
        ears = [Ear(paper=paper) for _ in range(LISTENERS)]
        listening = [asyncio.create_task(ear.listen()) for ear in ears]

        async def all_listen() -> bool:
            return all(ear.streams for ear in ears)

        await within(BACK_SECONDS, all_listen)
        writing = [asyncio.create_task(day.write()) for _ in range(WRITERS)]
        yield running, day, ears
        day.over = True
        await asyncio.gather(*writing)

        async def all_heard() -> bool:
            return all(set(ear.heard) >= day.approved for ear in ears)

        try:
            await within(HEARD_SECONDS, all_heard, pause=0.05)
        except TimeoutError:
            missed = [len(day.approved - set(ear.heard)) for ear in ears]
            pytest.fail(f"never told: {missed}")
        finally:
            for ear, task in zip(ears, listening, strict=True):
                ear.over = True
                task.cancel()
            await asyncio.gather(*listening, return_exceptions=True)
