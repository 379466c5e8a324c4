"""The fixtures every other test leans on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import redis.asyncio

if TYPE_CHECKING:
    from tests.conftest import FreshDatabase


async def test_a_copy_of_a_database_holds_its_rows_and_is_apart_from_it(
    fresh_database: FreshDatabase,
) -> None:
    original_url = await fresh_database()
    original = await asyncpg.connect(original_url)
    await original.execute("CREATE TABLE notes AS SELECT 'kept' AS text")
    await original.close()

    copy = await asyncpg.connect(await fresh_database(original_url.split("/")[3].split("?")[0]))
    await copy.execute("INSERT INTO notes VALUES ('only in the copy')")

    original = await asyncpg.connect(original_url)
    assert await original.fetch("TABLE notes") == [("kept",)]
    await original.close()
    await copy.close()


async def test_a_redis_database_is_handed_out_empty(redis_url: str) -> None:
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        assert await client.dbsize() == 0
        await client.set("left", "behind")


async def test_a_redis_database_is_handed_out_empty_after_another_test(redis_url: str) -> None:
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        assert await client.dbsize() == 0
