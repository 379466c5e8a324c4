"""`postbag rules`: documents checked, tried and applied from a terminal."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import CommandLine

GOOD = """version: 1
rules:
  - id: link-spam
    title: Links by newcomers
    state: {state}
    when: {{all: [{{links: {{min: 2}}}}, {{author: {{approved_max: 3}}}}]}}
    then: {{action: hold, severity: 1, reason: spam}}
lists:
  our-own: [grunzel]
"""
BAD = """version: 1
rules:
  - id: bad-pattern
    title: Bad
    when: {any: [{text: {regex: 'a(?=b)'}}]}
    then: {action: hold}
"""


def document(folder: Path, text: str, name: str = "rules.yaml") -> str:
    file = folder / name
    file.write_text(text, "utf-8")
    return str(file)


async def site_of(command: CommandLine) -> None:
    await command("site", "create", "daily", "--origin", "https://daily.example")


async def test_a_good_document_is_said_to_be_one_without_any_store(tmp_path: Path) -> None:
    result = await CommandLine()("rules", "check", document(tmp_path, GOOD.format(state="draft")))

    assert result.stderr == "1 rule can be used.\n"


async def test_what_is_wrong_is_told_with_file_line_and_column(tmp_path: Path) -> None:
    file = document(tmp_path, BAD)

    result = await CommandLine()("rules", "check", file, status=1)

    assert result.stdout.startswith(f"{file}:5:26: Character 2, `(?=`: Look-ahead")


async def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_bytes(b"\xff\xfe\x00")

    result = await CommandLine()("rules", "check", str(file), status=1)

    assert "not UTF-8" in result.stderr


async def test_a_dry_run_prints_a_line_a_rule_and_changes_nothing(
    command: CommandLine, tmp_path: Path
) -> None:
    await site_of(command)
    file = document(tmp_path, GOOD.format(state="live"))

    result = await command("rules", "dry-run", file, "--site", "daily")

    heading, line = result.stdout.splitlines()
    assert heading.startswith("rule\tlooked at\thits")
    assert line.startswith("link-spam\t0\t0\t")


async def test_a_document_is_applied_and_again_there_is_nothing_to_do(
    command: CommandLine, tmp_path: Path
) -> None:
    await site_of(command)
    file = document(tmp_path, GOOD.format(state="live"))

    silent = await command("rules", "apply", file, "--site", "daily", status=2)
    first = await command("rules", "apply", file, "--site", "daily", "--comment", "Spam.")
    again = await command("rules", "apply", file, "--site", "daily", "--comment", "Spam.")

    assert "Say why" in silent.stderr
    assert first.stdout.splitlines()[1] == "link-spam\t1\tlive\tlive after a dry run with 0 hits"
    assert again.stdout.splitlines()[1] == "link-spam\t1\tlive\tnothing"
    off = document(tmp_path, GOOD.format(state="draft"))
    switched = await command("rules", "apply", off, "--site", "daily")
    assert switched.stdout.splitlines()[1] == "link-spam\t1\tdraft\tswitched off"
