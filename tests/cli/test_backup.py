"""`postbag backup` and `postbag restore`: what was promised before comes back, once."""

from __future__ import annotations

import asyncio
import copy
import os
import random
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import asyncpg
import pytest
from redis.asyncio import Redis

from service.embedded import EmbeddedStores
from service.embedded.layout import take_lock
from service.embedded.manifest import FORMAT, Manifest, backups, sum_up
from service.storage.migrations import migrations
from tests.cli.conftest import CommandLine
from tests.journeys.api import Paper, Posted, within
from tests.journeys.command import run, served, surroundings
from tests.journeys.invariants import Ledger, Stores, read_stores, unsettled, violations
from tests.journeys.storm import Storm

READERS = 3
POSTS_MIN = 30
"""Before the backup begins, so that there is something to lose."""
QUIET_SECONDS = 15.0


@pytest.fixture
def folder(stores_folder: Path) -> Iterator[Path]:
    """A data folder, in memory where there is enough: a database is a thousand files to sync."""
    with tempfile.TemporaryDirectory(dir=stores_folder) as made:
        if os.geteuid() == 0:
            Path(made).chmod(0o711)  # the servers run as another user than root
        yield Path(made) / "data"


@pytest.fixture
def postbag(folder: Path) -> CommandLine:
    """`postbag` with embedded stores, which are not there yet."""
    return CommandLine(environment={"POSTBAG_DATA_DIR": str(folder)})


def a_backup(place: Path, *, schema: str | None = None) -> Path:
    """Make what looks like a backup, of very small servers."""
    (place / "postgres" / "pg_notify").mkdir(parents=True)
    (place / "postgres" / "PG_VERSION").write_text("18\n")
    (place / "redis").mkdir()
    (place / "redis" / "FLAVOR").write_text("valkey 9.1.2\n")
    folders, files = sum_up(place, lambda _: None)
    Manifest(
        format=FORMAT,
        release="0.1.0",
        schema=schema or migrations()[-1].name,
        postgres="18.6",
        redis="valkey 9.1.2",
        secret="00",
        secret_key_inside=True,
        began_at="2026-11-25T10:00:00+00:00",
        redis_at="2026-11-25T10:00:01+00:00",
        ended_at="2026-11-25T10:00:02+00:00",
        folders=folders,
        files=files,
    ).write(place)
    return place


def fill(folder: Path, *names: str) -> None:
    """Make a data folder with files in it."""
    folder.mkdir()
    for name in names:
        (folder / name).touch()


async def refused(postbag: CommandLine, *words: str | Path, status: int = 1) -> str:
    """Ask for a restore that has to be refused, and change nothing; return what is said."""
    folder = Path(postbag.environment["POSTBAG_DATA_DIR"])
    before = sorted(folder.parent.rglob("*"))
    result = await postbag("restore", *map(str, words), status=status)
    assert sorted(folder.parent.rglob("*")) == before
    return result.stderr


async def test_a_backup_that_was_cut_short_is_refused(postbag: CommandLine, tmp_path: Path) -> None:
    place = a_backup(tmp_path / "20261125T100000Z")
    (place / "manifest.json").unlink()
    assert "cut short" in await refused(postbag, place)


async def test_a_backup_that_lacks_a_file_is_refused(postbag: CommandLine, tmp_path: Path) -> None:
    place = a_backup(tmp_path / "20261125T100000Z")
    (place / "redis" / "FLAVOR").unlink()
    assert "lacks redis/FLAVOR" in await refused(postbag, place)


async def test_a_file_that_has_another_length_is_refused(
    postbag: CommandLine, tmp_path: Path
) -> None:
    place = a_backup(tmp_path / "20261125T100000Z")
    (place / "redis" / "FLAVOR").write_text("valkey\n")
    assert "had 13 when it was made" in await refused(postbag, place)


async def test_a_file_with_another_sum_is_refused(postbag: CommandLine, tmp_path: Path) -> None:
    place = a_backup(tmp_path / "20261125T100000Z")
    (place / "postgres" / "PG_VERSION").write_text("17\n")
    assert "PG_VERSION has changed since" in await refused(postbag, place)


async def test_a_list_that_leads_out_of_the_backup_is_refused(
    postbag: CommandLine, tmp_path: Path
) -> None:
    place = a_backup(tmp_path / "20261125T100000Z")
    listed = place / "manifest.json"
    listed.write_text(listed.read_text().replace("redis/FLAVOR", "redis/../../FLAVOR"))
    assert "no list of a backup" in await refused(postbag, place)


async def test_a_backup_of_a_newer_release_is_refused(postbag: CommandLine, tmp_path: Path) -> None:
    place = a_backup(tmp_path / "20261125T100000Z", schema="9999_of_tomorrow.sql")
    assert "newer than this one" in await refused(postbag, place)


async def test_a_folder_of_backups_names_its_newest(postbag: CommandLine, tmp_path: Path) -> None:
    a_backup(tmp_path / "20261124T100000Z")
    newest = a_backup(tmp_path / "20261125T100000Z")
    (tmp_path / "20261126T100000Z").mkdir()
    assert f"the newest is {newest}:" in await refused(postbag, tmp_path)
    assert backups(tmp_path)[-1] == newest


async def test_a_data_folder_that_is_not_empty_is_not_touched(
    postbag: CommandLine, folder: Path, tmp_path: Path
) -> None:
    place = a_backup(tmp_path / "20261125T100000Z")
    fill(folder, "secret.key")
    assert "is not empty" in await refused(postbag, place)


async def test_a_service_that_runs_is_not_restored_under_its_feet(
    postbag: CommandLine, folder: Path, tmp_path: Path
) -> None:
    place = a_backup(tmp_path / "20261125T100000Z")
    fill(folder)
    assert take_lock(folder / "run.lock") is not None
    said = await refused(postbag, "--force", place, status=3)
    assert "are run by" in said


async def test_stores_of_ones_own_are_sent_to_the_manual(
    command: CommandLine, tmp_path: Path
) -> None:
    place = a_backup(tmp_path / "20261125T100000Z")
    for words in (("backup", str(tmp_path / "there")), ("restore", str(place))):
        assert "docs/operating.md" in (await command(*words, status=1)).stderr


async def test_there_is_nothing_to_back_up_before_the_first_start(
    postbag: CommandLine, folder: Path, tmp_path: Path
) -> None:
    result = await postbag("backup", str(tmp_path / "there"), status=1)
    assert "no service has run there" in result.stderr
    assert list(folder.parent.iterdir()) == []


async def test_a_backup_inside_the_data_folder_is_refused(
    postbag: CommandLine, folder: Path
) -> None:
    fill(folder, "run.lock", "secret.key")
    result = await postbag("backup", str(folder / "backups"), status=1)
    assert "would be lost with it" in result.stderr


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_what_was_there_comes_back_and_who_was_erased_since_does_not(folder: Path) -> None:
    kept = folder.with_name("backups")
    async with served(folder) as running:
        paper = await running.found("daily")
        waiting, approved, rejected, gone, gone_too = await _life(paper)
        ledger = _ledger(waiting, approved, rejected, gone, gone_too)
        a_backup(kept / "20200101T000000Z")
        place = Path((await running.run("backup", str(kept), "--keep", "1")).strip())
        assert backups(kept) == [place]
        assert _readable_by_others(kept) == []
        later = await paper.post("Written after the backup.")
        await paper.approve(later)
        await _erase(paper, gone)
        await running.kill()
    variables = surroundings(folder)
    ran = await run("restore", "--force", str(place), environment=variables)
    assert ran.status == 0, ran
    assert dict(line.split("\t")[:2] for line in ran.out.splitlines())["erasures"] == "1"
    assert len(list(folder.parent.glob("data.before-*"))) == 1
    async with served(folder) as running:
        paper = Paper(api=running.api, slug="daily", keys=paper.keys)
        ledger.taken_back |= {gone.id, gone_too.id}
        assert violations(ledger, await _at_rest(*running.endpoints)) == []
        assert await paper.ids_in_thread() == {approved.id}
        assert await paper.count() == 1
        assert [each["comment"]["id"] for each in (await paper.queue())["items"]] == [waiting.id]
        assert (await paper.post(waiting.text, key=_key_of(waiting.text))).id == waiting.id
        await paper.approve(waiting)
        assert await paper.count() == 2


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_a_backup_under_load_holds_all_that_was_promised_before(folder: Path) -> None:
    async with served(folder) as running:
        storm = Storm(
            paper=await running.found("daily"),
            dice=random.Random(20261125),  # noqa: S311 - a schedule, no secret
        )
        async with asyncio.TaskGroup() as people:
            for number in range(READERS):
                people.create_task(storm.read(number))
            people.create_task(storm.moderate())
            await within(QUIET_SECONDS, lambda: _has(storm, POSTS_MIN))
            promised = copy.deepcopy(storm.ledger)
            place = (await running.run("backup", str(folder.with_name("backups")))).strip()
            assert storm.posts > len(promised.accepted), "There was no load."
            storm.over = True
    other = folder.with_name("other")
    ran = await run("restore", place, environment=surroundings(other))
    assert ran.status == 0, ran
    # What was on its way when we looked may have come or not.
    promised.sent = {key: promised.sent[key] for key in promised.posts}
    promised.accepted_since = len(storm.ledger.accepted) - len(promised.accepted)
    async with EmbeddedStores(other) as pair:
        stores = await _at_rest(pair.endpoints.database_url, pair.endpoints.redis_url)
    assert violations(promised, stores) == []
    assert stores.items.keys() | stores.decisions.keys() > promised.accepted.keys()


async def _life(paper: Paper) -> tuple[Posted, Posted, Posted, Posted, Posted]:
    """Post comments that wait, are approved, are rejected, and two of one author's."""
    texts = ("It waits.", "It is approved.", "It is rejected.", "Forget me.")
    waiting, approved, rejected, gone = [
        await paper.post(text, key=_key_of(text)) for text in texts
    ]
    text = "Forget this too."
    gone_too = await paper.post(text, key=_key_of(text), token=gone.receipt)
    await paper.approve(approved, gone)
    await paper.decide("reject", rejected)
    return waiting, approved, rejected, gone, gone_too


async def _erase(paper: Paper, comment: Posted) -> None:
    """Forget whoever wrote a comment."""
    path = f"/v1/moderation/comments/{comment.id}"
    whole = (await paper.api("GET", path, token=paper.keys["moderate"])).expect(200)
    (await paper.manage("DELETE", f"/readers/{whole['author']['ref']}")).expect(200)


def _ledger(*posted: Posted) -> Ledger:
    ledger = Ledger()
    for each in posted:
        ledger.sent[_key_of(each.text)] = each.text
        ledger.posts[_key_of(each.text)].add(each.id)
    return ledger


def _key_of(text: str) -> str:
    return str(uuid5(NAMESPACE_URL, text))


def _readable_by_others(folder: Path) -> list[Path]:
    others = stat.S_IRWXG | stat.S_IRWXO
    return [path for path in folder.rglob("*") if path.stat().st_mode & others]


async def _has(storm: Storm, posts: int) -> bool:
    return storm.posts >= posts and storm.decisions > 0


async def _at_rest(database_url: str, redis_url: str) -> Stores:
    """Wait until nothing is left to do behind the requests, and return what is there."""
    connection = await asyncpg.connect(database_url)
    async with Redis.from_url(redis_url, decode_responses=True) as redis:

        async def is_quiet() -> bool:
            return unsettled(await read_stores("daily", connection, redis)) == []

        await within(QUIET_SECONDS, is_quiet, pause=0.1)
        stores = await read_stores("daily", connection, redis)
    await connection.close()
    return stores
