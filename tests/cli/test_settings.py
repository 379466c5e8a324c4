from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from service.cli.root import COMMANDS, Commands
from service.embedded import AlreadyRunning, EmbeddedUnavailable
from service.errors import Conflict, Invalid
from service.settings import BadSettings, Settings, meta, option
from service.storage.postgres import MigrationFailed
from tests.cli.conftest import CommandLine

ROOT = Path(__file__).parents[2]


async def test_every_setting_is_printed_with_value_unit_bound_and_source(tmp_path: Path) -> None:
    result = await CommandLine()(
        "--workers", "2", "settings", "--data-dir", str(tmp_path), port="9000"
    )
    rows = {line.split("\t")[0]: line.split("\t")[1:] for line in result.stdout.splitlines()}
    assert rows.pop("variable") == ["value", "unit", "bound", "source"]
    assert set(rows) == {f"POSTBAG_{name.upper()}" for name in Settings.model_fields}
    assert rows["POSTBAG_PORT"] == ["9000", "port", "0 to 65,535", "environment"]
    assert rows["POSTBAG_WORKERS"] == ["2", "processes", "1 to 64", "option"]
    assert rows["POSTBAG_DATA_DIR"] == [str(tmp_path), "path", "any", "option"]
    assert result.stderr == ""


async def test_secrets_are_masked() -> None:
    result = await CommandLine()(
        "settings",
        secret_key="geheim" * 6,
        database_url="postgresql://postbag:geheim@db.example/postbag",
    )
    assert "geheim" not in result.output
    assert "db.example" in result.stdout


async def test_an_option_is_taken_before_and_after_the_command_and_the_later_wins() -> None:
    result = await CommandLine()("--port", "1", "settings", "--port", "2", port="3")
    assert "POSTBAG_PORT\t2\t" in result.stdout


async def test_a_bad_setting_is_one_line_and_exit_code_2() -> None:
    by_variable = await CommandLine()("settings", port="70000", status=2)
    assert by_variable.stderr.startswith("POSTBAG_PORT=70000")
    by_option = await CommandLine()("settings", "--port", "70000", status=2)
    assert by_option.stderr.startswith("--port=70000")
    for result in (by_variable, by_option):
        assert result.stdout == ""
        assert len(result.stderr.splitlines()) == 1


async def test_every_setting_that_is_no_secret_is_an_option_of_the_command_line() -> None:
    help_of_postbag = (await CommandLine()("settings", "--help")).output
    assert "--markdown" in help_of_postbag
    for name, field in Settings.model_fields.items():
        known = meta(field)["option"]
        result = await CommandLine()(option(name), "x", "no-such-command", status=2)
        assert ("No such option" in result.stderr) == (not known), name


async def test_the_manual_is_printed() -> None:
    result = await CommandLine()("settings", "--markdown")
    assert result.stdout == (ROOT / "docs" / "settings.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (Conflict("It is so already."), 1),
        (MigrationFailed("It is so already."), 1),
        (EmbeddedUnavailable("It is so already."), 1),
        (Invalid("It is so already."), 2),
        (BadSettings("It is so already."), 2),
        (AlreadyRunning(pid=7, urls=()), 3),
    ],
)
def test_an_expected_failure_is_one_line_with_its_exit_code(
    failure: Exception, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    class Failing(Commands):
        def get_command(self, _: click.Context, cmd_name: str) -> click.Command:
            def fail() -> None:
                raise failure

            return click.Command(cmd_name, callback=fail)

    with pytest.raises(SystemExit) as ended:
        Failing("postbag")(["anything"])
    assert ended.value.code == status
    said = capsys.readouterr()
    assert said.err == f"{failure}\n"
    assert said.out == ""


async def test_a_wrong_word_is_exit_code_2_and_says_what_there_is() -> None:
    assert "No such command" in (await CommandLine()("moderate", status=2)).stderr
    assert "Usage:" in (await CommandLine()("site", "create", status=2)).stderr


def test_the_documented_commands_are_there() -> None:
    documented = {"serve", "migrate", "settings", "site", "key", "member", "doctor"}
    assert documented <= set(COMMANDS)


def test_the_program_starts_as_a_module_and_prints_results_on_standard_output_only() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "service", "settings", "--port", "81"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        check=True,
        text=True,
    )
    assert "POSTBAG_PORT\t81\t" in done.stdout
    assert done.stderr == ""
