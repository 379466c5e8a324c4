"""`postbag reconcile`, as an operator calls it after a disaster."""

from __future__ import annotations

from typing import Any

from service.model import Action
from service.storage.leadership import Leadership
from service.storage.redis import Keys
from tests.cli.conftest import CommandLine
from tests.newsroom import Newsroom, open_newsroom


async def put_right(command: CommandLine, *words: str) -> dict[str, str]:
    """Run the command; return what it says of each rule that put something right."""
    result = await command("reconcile", *words)
    header, *lines = [line.split("\t") for line in result.stdout.splitlines()]
    assert header == ["rule", "put right", "what"]
    assert len(lines) == 11
    return {rule: count for rule, count, _ in lines if count not in ("", "0")}


async def waits(room: Newsroom) -> int:
    return await room.pending.total(room.site.slug, include_escalated=True)


async def test_everything_is_put_right_and_named_once(
    command: CommandLine, database_url: str, redis_url: str
) -> None:
    async with open_newsroom(database_url, redis_url) as room:
        at = Keys(room.site.slug)
        decided, lost, unlisted = [await room.post(f"Number {number}.") for number in range(3)]
        while await room.journal_all():
            pass
        await room.approve(decided)
        await room.pending.requeue(decided, journaled=True, guarded=True)
        await room.redis.delete(at.item(lost.comment_id))
        await room.redis.zrem(at.queue, str(unlisted.comment_id))
        await room.pool.execute("UPDATE article_counts SET approved = 5")
        await room.pool.execute(
            "UPDATE intake_journal SET journaled_at = now() - interval '1 minute'"
        )
        assert await put_right(command) == {
            "finish": "1",
            "structure": "2",
            "missing": "1",
            "counts": "1",
            "events": "1",
        }
        assert await put_right(command, "--site", "daily") == {}
        assert (await room.count(), await waits(room)) == (1, 2)


async def test_a_redis_that_was_emptied_is_filled_without_a_service(
    command: CommandLine, database_url: str, redis_url: str
) -> None:
    async with open_newsroom(database_url, redis_url) as room:
        accepted = [await room.submit(f"Number {number}.") for number in range(3)]
        while await room.journal_all():
            pass
        await room.decide(Action.ESCALATE, accepted[0].found.comment_id)
        await room.redis.flushdb()
        assert (await put_right(command))["refill"] == "3"
        assert await waits(room) == 3
        assert (await room.submit("The next one.")).found.waiting is not None


async def test_a_redis_that_is_older_is_filled_up_before_anybody_looks(
    command: CommandLine, database_url: str, redis_url: str
) -> None:
    async with open_newsroom(database_url, redis_url) as room:
        at = Keys(room.site.slug)
        rejected, decided_since = [await room.post(f"Number {number}.") for number in range(2)]
        await room.decide(Action.REJECT, rejected.comment_id)
        while await room.journal_all():
            pass
        keys = [key async for key in room.redis.scan_iter(f"pb:{{{room.site.slug}}}:*")]
        kept = {key: await room.redis.dump(key) or b"" for key in keys}
        await room.approve(decided_since)
        since = await room.submit("Since then.", key="since")
        while await room.journal_all():
            pass
        await room.redis.flushdb()
        for key, dumped in kept.items():
            await room.redis.restore(key, 0, dumped)
        assert await room.redis.xlen(at.redo) == 1
        result = await command("reconcile", "--redis-is-older")
        found = dict(line.split("\t")[:2] for line in result.stdout.splitlines())
        assert (found["refill"], found["finish"], found["redo"]) == ("1", "1", "0")
        told: Any = await room.redis.xrange(at.redo)
        assert [fields[b"id"].decode() for _, fields in told] == [str(decided_since.comment_id)]
        again = await room.submit("Since then.", key="since")
        assert again.found.comment_id == since.found.comment_id
        later = await room.submit("The next one.")
        assert later.seq > since.seq
        assert (await room.count(), await waits(room)) == (1, 2)


async def test_only_who_is_alone_says_that_redis_is_older(
    command: CommandLine, database_url: str, redis_url: str
) -> None:
    async with (
        open_newsroom(database_url, redis_url) as room,
        Leadership(pool=room.pool).sought() as lock,
    ):
        assert lock is not None
        result = await command("reconcile", "--redis-is-older", status=1)
        assert "stop it first" in result.stderr


async def test_it_may_run_beside_a_service_that_leads(
    command: CommandLine, database_url: str, redis_url: str
) -> None:
    async with (
        open_newsroom(database_url, redis_url) as room,
        Leadership(pool=room.pool).sought() as lock,
    ):
        assert lock is not None
        result = await command("reconcile")
        assert "A running service leads" in result.stderr


async def test_a_site_that_is_not_there_is_named(command: CommandLine) -> None:
    result = await command("reconcile", "--site", "nowhere", status=1)
    assert "There is no such site." in result.stderr


async def test_a_redis_that_is_away_ends_it_with_1(command: CommandLine) -> None:
    await command("site", "create", "daily", "--origin", "https://daily.example")
    result = await command("reconcile", redis_url="redis://127.0.0.1:1", status=1)
    assert "Traceback" not in result.output
