"""A running service whose Redis is emptied: everything is back within ten seconds."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from tests.journeys.api import within
from tests.journeys.command import data_folder, served

pytestmark = pytest.mark.long

BACK_SECONDS = 10.0


async def test_a_queue_is_back_without_a_restart_and_no_retry_is_a_second_comment(
    tell: Callable[[str], None],
) -> None:
    with data_folder() as folder:
        async with served(folder) as running:
            daily = await running.found()
            word = str(uuid4())
            keys = [str(uuid4()) for _ in range(20)]
            sent = {
                key: (await daily.send(f"{word} {key}", key=key)).expect(202)["comment"]["id"]
                for key in keys
            }

            async def is_journaled() -> bool:
                found = await daily.queue(f"&q={word}&limit=50")
                return len(found["items"]) == len(sent)

            await within(BACK_SECONDS, is_journaled, pause=0.1)
            before = await daily.queue("&limit=50")

            url = json.loads((folder / "endpoints.json").read_text())["redis_url"]
            async with Redis.from_url(url) as redis:
                await redis.flushall()
            emptied = time.monotonic()

            async def is_taken() -> bool:
                return (await daily.send("Taken again.", key=str(uuid4()))).status == 202

            await within(BACK_SECONDS, is_taken, pause=0.05)
            tell(f"accepted again {time.monotonic() - emptied:.2f} s after FLUSHALL")
            again = {
                key: (await daily.send(f"{word} {key}", key=key)).expect(202)["comment"]["id"]
                for key in keys
            }
            assert again == sent
            after = await daily.queue("&limit=50")
            ids = [item["comment"]["id"] for item in after["items"]]
            assert len(ids) == len(set(ids))
            assert {item["comment"]["id"] for item in before["items"]} < set(ids)
            assert after["total"] == before["total"] + 1
