"""`postbag audit verify`, as an operator calls it."""

from __future__ import annotations

import asyncpg

from service.features.audit_chain import BEGINNING, hash_of
from service.storage.audit_chain import ChainStore
from service.storage.postgres import open_pool
from tests.cli.conftest import CommandLine


async def _sealed(command: CommandLine, database_url: str) -> None:
    """Make a site whose log has two entries, and seal them as the leader does."""
    await command("site", "create", "daily", "--origin", "https://daily.example")
    for scope in ("read", "write"):
        await command("key", "create", "--site", "daily", "--scope", scope)
    async with open_pool(database_url, min_size=1, max_size=1) as pool:
        while await ChainStore(pool=pool).seal(hash_of, beginning=BEGINNING, limit=100):
            pass


async def test_chains_that_hold_are_listed_with_their_heads(
    command: CommandLine, database_url: str
) -> None:
    await _sealed(command, database_url)
    result = await command("audit", "verify")
    header, *lines = [line.split("\t") for line in result.stdout.splitlines()]
    assert header == ["site", "entries", "head", "not sealed yet", "state"]
    rows = {line[0]: line for line in lines}
    assert set(rows) == {"-", "daily"}
    assert rows["daily"][4] == "good"
    assert int(rows["daily"][1]) >= 2
    head = rows["daily"][2]
    assert await command("audit", "verify", "--site", "daily", "--head", head)


async def test_a_log_that_was_changed_ends_with_1_and_says_where(
    command: CommandLine, database_url: str
) -> None:
    await _sealed(command, database_url)
    root = await asyncpg.connect(database_url)
    await root.execute("UPDATE administrative_acts SET actor_id = 'me' WHERE site_id IS NOT NULL")
    await root.close()
    result = await command("audit", "verify", status=1)
    assert "daily: entry 1 does not say what was sealed." in result.stderr
    assert "\tchanged" in result.stdout


async def test_a_head_that_the_chain_does_not_go_through_ends_with_1(
    command: CommandLine, database_url: str
) -> None:
    await _sealed(command, database_url)
    for head, why in ((f"daily:1:{'0' * 64}", "not the one that was noted"),
                      (f"weekly:1:{'0' * 64}", "no such chain")):  # fmt: skip
        result = await command("audit", "verify", "--head", head, status=1)
        assert why in result.stderr


async def test_what_is_no_head_is_wrong_usage() -> None:
    for head in ("daily", "daily:1:zz", "daily:x:" + "0" * 64, "daily:1:00"):
        assert (await CommandLine()("audit", "verify", "--head", head, status=2)).stderr
