"""Commands run in this process, in a thread of their own, against the test's own stores."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner, Result

from service.cli.root import postbag

SECRET_KEY = "a secret of the tests, long enough"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLine:
    """`postbag` with the environment of one test."""

    environment: dict[str, str] = field(default_factory=dict)

    async def __call__(self, *words: str, status: int = 0, **variables: str) -> Result:
        """Run a command, expect its exit code, and return what it said."""
        runner = CliRunner()
        environment = self.environment | {
            f"POSTBAG_{name.upper()}": value for name, value in variables.items()
        }
        result = await asyncio.to_thread(
            runner.invoke, postbag, words, env=environment, prog_name="postbag"
        )
        assert result.exit_code == status, (result.output, result.exc_info)
        return result


@pytest.fixture(autouse=True)
def _own_surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No settings of this machine, and the logging of the other tests back in the end."""
    for name in list(os.environ):
        if name.startswith("POSTBAG_"):
            monkeypatch.delenv(name)
    before, lines, level = structlog.get_config(), logging.root.handlers, logging.root.level
    yield
    structlog.configure(**before)
    logging.root.handlers = lines
    logging.root.setLevel(level)


@pytest.fixture
def command(database_url: str, redis_url: str, tmp_path: Path) -> CommandLine:
    """`postbag` with stores of its own, as an operator would name them."""
    return CommandLine(
        environment={
            "POSTBAG_DATABASE_URL": database_url,
            "POSTBAG_REDIS_URL": redis_url,
            "POSTBAG_SECRET_KEY": SECRET_KEY,
            "POSTBAG_DATA_DIR": str(tmp_path / "data"),
        }
    )
