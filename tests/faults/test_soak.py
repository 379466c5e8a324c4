"""A service at work for a long time takes no more memory and no more descriptors than at first.

POSTBAG_TEST_SOAK_SECONDS says for how long; the published figure is of ten minutes.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from time import monotonic
from typing import NamedTuple
from uuid import uuid4

import aiohttp
import psutil
import pytest

from tests.faults.sizes import size
from tests.journeys.api import Failed, Paper, wish
from tests.journeys.command import Running, data_folder, served
from tests.journeys.house import SECRET_KEY

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3_600)]

MIB = 1 << 20
ARTICLES = 20
WARM_UP = 0.1
"""Share of the time that is not looked at."""
LOOK_SECONDS = 0.5
TELL_EVERY = 100
"""Looks."""
MEMORY_GROWTH, MEMORY_BYTES = 1.15, 24 * MIB
"""What the last third may take more than the first: a share, and what caches still fill with."""
DESCRIPTORS = 16
"""The same; streams and connections come and go."""
STREAMS, STREAM_SECONDS = 8, 5.0
HANDED_OUT = 20


class Look(NamedTuple):
    """What the service takes at one moment."""

    pss: int
    """Bytes."""
    descriptors: int


@dataclass(slots=True, kw_only=True)
class Soak:
    """People at a steady pace."""

    paper: Paper
    until: float
    dice: random.Random = field(default_factory=lambda: random.Random(6))  # noqa: S311 - a pace
    answers: Counter[str] = field(default_factory=Counter)
    """What was done, or why it was not."""
    looks: list[Look] = field(default_factory=list)

    async def run(self, pids: Sequence[int], tell: Callable[[str], None]) -> None:
        """Let everybody work until the time is over; a line now and then tells how it goes."""
        async with asyncio.TaskGroup() as people:
            people.create_task(self._every(0.05, self._post))
            people.create_task(self._every(0.02, self._read))
            people.create_task(self._every(0.5, self._decide))
            for _ in range(STREAMS):
                people.create_task(self._every(0.0, self._listen))
            people.create_task(self._look(pids, tell))

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while monotonic() < self.until:
            try:
                await work()
            except Failed as failure:
                self.answers[type(failure).__name__] += 1
            await asyncio.sleep(seconds)

    async def _post(self) -> None:
        text, key = f"Of many things, {uuid4()}.", str(uuid4())
        answer = await self.paper.send(text, key=key, article=self._article())
        self.answers["post" if answer.status == 202 else f"post {answer.status}"] += 1

    async def _read(self) -> None:
        what = self.dice.choice(("comments", "count"))
        answer = await self.paper.api("GET", f"{self.paper.article(self._article())}/{what}")
        self.answers["read" if answer.status in {200, 404} else f"read {answer.status}"] += 1

    async def _decide(self) -> None:
        wishes = [
            wish(self.dice.choice(("approve", "reject")), each["comment"]["id"])
            for each in await self.paper.claim(HANDED_OUT)
        ]
        if wishes:
            answer = await self.paper.send_decisions(wishes)
            self.answers[f"decide {answer.status}"] += len(wishes)

    async def _listen(self) -> None:
        address = f"{self.paper.api.base_url}{self.paper.article(self._article())}/events"
        async with self.paper.api.session.get(address) as stream:
            self.answers[f"stream {stream.status}"] += 1
            async for _ in _for(STREAM_SECONDS, stream):
                self.answers["line of a stream"] += 1

    async def _look(self, pids: Sequence[int], tell: Callable[[str], None]) -> None:
        family = [psutil.Process(pid) for pid in pids]
        while monotonic() < self.until:
            self.looks.append(
                Look(
                    sum(each.memory_full_info().pss for each in family),
                    sum(each.num_fds() for each in family),
                )
            )
            if len(self.looks) % TELL_EVERY == 0:
                pss, descriptors = self.looks[-1]
                left = self.until - monotonic()
                tell(f"{left:.0f} s to go: {pss / MIB:.1f} MiB, {descriptors} descriptors")
            await asyncio.sleep(LOOK_SECONDS)

    def _article(self) -> str:
        return f"story-{self.dice.randrange(ARTICLES)}"


async def _for(seconds: float, stream: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Hand out what comes in some time, and then go away without a word."""
    try:
        async with asyncio.timeout(seconds):
            async for line in stream.content:
                yield line
    except TimeoutError:
        stream.close()


def service_pids(running: Running) -> list[int]:
    """Return the command and its workers."""
    return list({running.pid, *running.worker_pids})


async def test_memory_and_descriptors_stay_flat(
    database_url: str, redis_url: str, tell: Callable[[str], None]
) -> None:
    seconds = size("SOAK_SECONDS", "much", little=20, much=600)
    stores = {"database_url": database_url, "redis_url": redis_url, "secret_key": SECRET_KEY}
    with data_folder() as folder:
        async with served(folder, **stores) as running:
            soak = Soak(paper=await running.found(), until=monotonic() + seconds)
            await soak.run(service_pids(running), tell)

    looks = soak.looks[int(len(soak.looks) * WARM_UP) :]
    third = len(looks) // 3
    first, last = looks[:third], looks[-third:]
    memory = [median(each.pss for each in part) for part in (first, last)]
    descriptors = [median(each.descriptors for each in part) for part in (first, last)]
    tell(
        f"{seconds} s: PSS {memory[0] / MIB:.1f} -> {memory[1] / MIB:.1f} MiB, descriptors"
        f" {descriptors[0]:.0f} -> {descriptors[1]:.0f}; {dict(sorted(soak.answers.items()))}"
    )
    assert soak.answers["post"]
    assert soak.answers["decide 200"]
    assert soak.answers["stream 200"]
    assert memory[1] <= memory[0] * MEMORY_GROWTH + MEMORY_BYTES
    assert descriptors[1] <= descriptors[0] + DESCRIPTORS
