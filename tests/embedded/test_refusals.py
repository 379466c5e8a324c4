"""What cannot be used is refused in one line that names the place, and left as it was."""

# ruff: noqa: ASYNC240 - these files are on a local disk, and nobody else waits for this loop

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from service.embedded import EmbeddedStores, EmbeddedUnavailable
from service.embedded.binaries import find_postgres, find_redis
from service.embedded.root import reachable, run_as
from service.embedded.spawn import try_out

pytestmark = pytest.mark.long

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes who it is")


async def refusal_of(stores: EmbeddedStores) -> str:
    """The one line a start is refused with."""
    with pytest.raises(EmbeddedUnavailable) as refusal:
        await stores.__aenter__()
    said = str(refusal.value)
    assert said
    assert "\n" not in said
    return said


async def test_a_data_folder_that_is_a_file_is_refused(folder: Path) -> None:
    folder.write_text("a diary")
    said = await refusal_of(EmbeddedStores(folder))
    assert str(folder) in said
    assert "POSTBAG_DATA_DIR" in said
    assert folder.read_text() == "a diary"


async def test_a_data_folder_below_a_file_is_refused(folder: Path) -> None:
    folder.write_text("a diary")
    assert str(folder / "data") in await refusal_of(EmbeddedStores(folder / "data"))


async def test_the_database_of_another_major_version_is_left_alone(folder: Path) -> None:
    foreign = folder / "pg-9"
    foreign.mkdir(parents=True)
    (foreign / "PG_VERSION").write_text("9\n")
    folder.chmod(0o711)
    said = await refusal_of(EmbeddedStores(folder, redis=False))
    assert "PostgreSQL 9" in said
    assert "POSTBAG_POSTGRES_BIN" in said
    assert [path.name for path in foreign.iterdir()] == ["PG_VERSION"]
    assert [path.name for path in folder.glob("pg-*")] == ["pg-9"]


@pytest.mark.parametrize("flavor", ["redis 99.0.1", "valkey 99.0.1"])
async def test_the_files_of_a_newer_queue_are_left_alone(folder: Path, flavor: str) -> None:
    written = folder / "redis" / "appendonlydir" / "queue.aof"
    written.parent.mkdir(parents=True)
    written.write_bytes(b"*1\r\n")
    folder.chmod(0o711)
    (folder / "redis" / "FLAVOR").write_text(flavor + "\n")
    said = await refusal_of(EmbeddedStores(folder, postgres=False))
    assert flavor in said
    assert "POSTBAG_REDIS_BIN" in said
    assert written.read_bytes() == b"*1\r\n"
    assert (folder / "redis" / "FLAVOR").read_text() == flavor + "\n"


async def test_a_broken_database_is_refused_with_the_reason_from_its_log(folder: Path) -> None:
    major = find_postgres(os.environ).major
    broken = folder / f"pg-{major}"
    broken.mkdir(parents=True, mode=0o700)
    folder.chmod(0o711)
    (broken / "PG_VERSION").write_text(f"{major}\n")
    said = await refusal_of(EmbeddedStores(folder, redis=False))
    assert said.startswith("PostgreSQL did not start: ")
    assert "FATAL" in said or "postgresql.conf" in said
    assert str(folder / "log" / "postgres.log") in said


async def test_sockets_are_not_put_behind_a_link(folder: Path) -> None:
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir()
    folder.mkdir(mode=0o711)
    (folder / "run").symlink_to(elsewhere)
    assert str(folder / "run") in await refusal_of(EmbeddedStores(folder, postgres=False))
    assert list(elsewhere.iterdir()) == []


async def test_a_refused_start_keeps_no_lock(folder: Path) -> None:
    folder.mkdir(mode=0o711)
    (folder / "run").symlink_to("/nowhere")
    await refusal_of(EmbeddedStores(folder, postgres=False))
    (folder / "run").unlink()
    async with EmbeddedStores(folder, postgres=False) as stores:
        assert stores.endpoints.redis_url


def test_an_override_that_is_no_server_is_refused_by_its_name(tmp_path: Path) -> None:
    environ = {name: str(tmp_path) for name in ("POSTBAG_POSTGRES_BIN", "POSTBAG_REDIS_BIN")}
    with pytest.raises(EmbeddedUnavailable, match=f"POSTBAG_POSTGRES_BIN={tmp_path}"):
        find_postgres(environ)
    with pytest.raises(EmbeddedUnavailable, match=f"POSTBAG_REDIS_BIN={tmp_path}"):
        find_redis(environ)


@needs_root
def test_root_becomes_another_user_where_that_user_reaches_the_files(folder: Path) -> None:
    folder.mkdir(mode=0o711)
    chosen = run_as(state=folder, binaries=[Path("/bin/sh")])
    assert chosen.switch == "setuid"
    assert 0 not in {chosen.uid, chosen.gid}
    assert reachable(folder, uid=chosen.uid, gid=chosen.gid)


@needs_root
async def test_root_opens_no_closed_folder_to_others(folder: Path) -> None:
    closed = folder.parent / "closed"
    closed.mkdir(mode=0o700)
    data = closed / "data"
    data.mkdir(mode=0o711)
    chosen = run_as(state=data, binaries=[Path("/bin/sh")])
    assert chosen.switch == "namespace" or chosen.relocate
    if not try_out(chosen) or chosen.relocate:
        pytest.skip("no user namespaces here: the files would go to /var/lib/postbag")
    async with EmbeddedStores(data) as stores:
        assert stores.endpoints.database_url
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert {path.stat().st_uid for path in data.iterdir()} == {0}
