from __future__ import annotations

import multiprocessing
import os
import stat
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from service.secrets import SealBroken, Secrets, load_or_make, open_secrets
from service.settings import BadSettings, SecretMissing, Settings

NEW = "n" * 32
OLD = "o" * 32


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("POSTBAG_"):
            monkeypatch.delenv(name)


def test_each_purpose_has_a_key_of_its_own_that_never_changes() -> None:
    secrets = Secrets.derive(NEW)
    keys = {secrets.key(purpose) for purpose in ("receipts", "cursors", "address")}
    assert len(keys) == 3
    assert {len(key) for key in keys} == {32}
    # RFC 5869 with salt "postbag/1"; receipts given out years ago depend on it.
    assert secrets.key("receipts").hex() == (
        "0813f0ca3652b6a2e9cba6e8efd1c998f52b55213693d2ce0e3cc69d99bbafe5"
    )


def test_while_a_secret_is_replaced_the_new_makes_and_both_are_accepted() -> None:
    before, both, after = Secrets.derive(OLD), Secrets.derive(NEW, OLD), Secrets.derive(NEW)
    assert both.key("cursors") == after.key("cursors")
    assert both.keys("cursors") == (after.key("cursors"), before.key("cursors"))
    assert after.keys("cursors") == (after.key("cursors"),)


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(BadSettings):
        Secrets.derive("x" * 31)
    with pytest.raises(BadSettings):
        Secrets.derive(NEW, "x" * 31)


def test_a_secret_is_not_shown_by_its_representation() -> None:
    assert NEW not in repr(Secrets.derive(NEW))


def test_an_address_is_known_by_a_keyed_hash() -> None:
    secrets = Secrets.derive(NEW)
    known = secrets.address_hash("192.0.2.0/24")
    assert len(known) == 32
    assert known == secrets.address_hash("192.0.2.0/24")
    assert known != secrets.address_hash("192.0.3.0/24")
    assert known != Secrets.derive(OLD).address_hash("192.0.2.0/24")


def test_what_was_sealed_opens_for_the_same_row_also_after_the_secret_was_replaced() -> None:
    sealed = Secrets.derive(OLD).seal("token keys", b"shared", bound_to="1/main")
    assert b"shared" not in sealed
    both = Secrets.derive(NEW, OLD)
    assert both.unseal("token keys", sealed, bound_to="1/main") == b"shared"
    for secrets, purpose, row, box in (
        (Secrets.derive(NEW), "token keys", "1/main", sealed),
        (both, "webhooks", "1/main", sealed),
        (both, "token keys", "2/main", sealed),
        (both, "token keys", "1/main", sealed[:-1]),
        (both, "token keys", "1/main", b""),
    ):
        with pytest.raises(SealBroken):
            secrets.unseal(purpose, box, bound_to=row)


def test_the_key_file_is_made_once_and_only_we_may_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    first = load_or_make(folder)
    file = folder / "secret.key"
    assert load_or_make(folder) == first == file.read_text().strip()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [entry.name for entry in folder.iterdir()] == ["secret.key"]
    assert load_or_make(tmp_path / "other") != first


def test_many_processes_that_start_at_once_get_the_same_key(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as processes:
        made = processes.map(load_or_make, [tmp_path / "data"] * 8)
    assert len(set(made)) == 1


def test_rights_that_are_too_wide_are_taken_back(tmp_path: Path) -> None:
    secret = load_or_make(tmp_path)
    file = tmp_path / "secret.key"
    file.chmod(0o644)
    with capture_logs() as lines:
        assert load_or_make(tmp_path) == secret
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [line["event"] for line in lines] == ["secret.mode_tightened"]
    assert secret not in str(lines)


@pytest.mark.parametrize("damaged", [b"", b"short\n", b"\xff" * 64])
def test_a_damaged_key_file_stops_the_start_and_is_left_as_it_is(
    tmp_path: Path, damaged: bytes
) -> None:
    file = tmp_path / "secret.key"
    file.write_bytes(damaged)
    with pytest.raises(BadSettings, match="restore it from a backup"):
        load_or_make(tmp_path)
    assert file.read_bytes() == damaged


def test_a_folder_that_cannot_hold_the_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(BadSettings, match="POSTBAG_SECRET_KEY"):
        load_or_make(tmp_path / "data")


@pytest.mark.parametrize("external", ["database_url", "redis_url"])
def test_with_a_store_of_its_own_the_operator_must_give_the_secret(
    tmp_path: Path, external: str
) -> None:
    url = {"database_url": "postgresql://db/x", "redis_url": "redis://queue"}[external]
    settings = Settings.load({external: url, "data_dir": tmp_path})
    with pytest.raises(SecretMissing, match="POSTBAG_SECRET_KEY"):
        open_secrets(settings)
    assert list(tmp_path.iterdir()) == []


def test_with_embedded_stores_the_file_is_used_and_a_given_secret_wins(tmp_path: Path) -> None:
    made = open_secrets(Settings.load({"data_dir": tmp_path}))
    assert made.key("x") == Secrets.derive(load_or_make(tmp_path)).key("x")
    given = open_secrets(Settings.load({"data_dir": tmp_path, "secret_key": NEW}))
    assert given.key("x") == Secrets.derive(NEW).key("x")
