from __future__ import annotations

import importlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.cli import later

SOURCE = """
import {name}
LOADED = 1
def read() -> int:
    return {name}.LOADED
"""


@pytest.fixture(name="waiting")
def _waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Write a module that is to be loaded later, and return its name."""
    name = f"waiting_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(SOURCE.format(name=name))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    later.install(frozenset({name}))
    yield name
    sys.modules.pop(name, None)


def test_a_module_is_loaded_when_a_name_in_it_is_asked_for(waiting: str) -> None:
    module = importlib.import_module(waiting)
    assert "LOADED" not in vars(module)
    assert module.read() == 1
    assert type(module) is type(sys)
    with pytest.raises(AttributeError, match="nothing"):
        _ = module.nothing


def test_threads_that_ask_at_once_wait_for_one_that_loads(waiting: str) -> None:
    module = importlib.import_module(waiting)
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(module.read())) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == [1] * 8


def test_a_module_that_fails_says_so_each_time(waiting: str, tmp_path: Path) -> None:
    (tmp_path / f"{waiting}.py").write_text("raise ImportError('broken')")
    module = importlib.import_module(waiting)
    for _ in range(2):
        with pytest.raises(ImportError, match="broken"):
            _ = module.read


def test_a_package_is_loaded_before_what_is_in_it(waiting: str, tmp_path: Path) -> None:
    (tmp_path / waiting).mkdir()
    (tmp_path / waiting / "__init__.py").write_text("FIRST = 1")
    (tmp_path / waiting / "inner.py").write_text(f"from {waiting} import FIRST")
    later.install(frozenset({waiting, f"{waiting}.inner"}))
    inner = importlib.import_module(f"{waiting}.inner")
    assert "FIRST" not in vars(sys.modules[waiting])
    assert inner.FIRST == 1
    assert type(sys.modules[waiting]) is type(sys)


@pytest.mark.long
def test_a_process_that_serves_starts_without_them() -> None:
    said = subprocess.run(  # noqa: S603 - this Python
        [sys.executable, "-c", SERVE.replace("# here", NO_CIPHERS)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    ).stdout
    assert said.split() == []


@pytest.mark.long
def test_what_waits_can_be_loaded_at_once_but_what_starts_threads() -> None:
    said = subprocess.run(  # noqa: S603 - this Python
        [sys.executable, "-c", SERVE.replace("# here", "later.load()")],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    ).stdout
    assert set(said.split()) == later.LATER - later.WITH_THREADS


NO_CIPHERS = 'assert "cryptography.hazmat.bindings._rust" not in sys.modules'

SERVE = """
import os, sys
from service.cli import later
later.install()
later.load_plain_log()
later.load_redis()
later.load_web()
import service.cli.serve
# here
assert len(os.listdir("/proc/self/task")) == 1
assert "rich" not in sys.modules
for name in later.LATER:
    if type(sys.modules.get(name)) is type(sys):
        print(name)
"""
