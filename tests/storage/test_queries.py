"""The named statements: their form, their use, and that they fit the real schema."""

from __future__ import annotations

import re
from pathlib import Path

import asyncpg
import pytest

from service.storage.queries import SQL_FOLDER, BrokenQueryFile, Query, load_queries, parse_queries

FILES = sorted((SQL_FOLDER / "queries").glob("*.sql"))
QUERIES = [
    pytest.param(query, id=f"{file.stem}.{query.name}")
    for file in FILES
    for query in parse_queries(file.read_text("utf-8"), file.name)
]
STORAGE = "\n".join(
    file.read_text("utf-8")
    for file in (Path(__file__).resolve().parents[2] / "service" / "storage").rglob("*.py")
)

ONE = """-- name: one
-- The number one.
--   $1 ignored integer, $2 also_ignored text[]
-- Index: none.
SELECT 1, '$3; -- no comment', $1::integer, $2::text[];
"""


async def test_every_statement_fits_the_schema(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    misfits = {}
    for file in FILES:
        for name, sql in load_queries(file).items():
            try:
                await connection.prepare(sql)
            except asyncpg.PostgresError as error:
                misfits[f"{file.stem}.{name}"] = str(error)
    await connection.close()

    assert FILES
    assert misfits == {}


@pytest.mark.parametrize("query", QUERIES)
def test_every_statement_describes_its_parameters_and_its_index(query: Query) -> None:
    assert query.documented == query.parameters
    assert query.parameters == frozenset(range(1, len(query.parameters) + 1))
    assert query.index or query.sql.startswith("INSERT")


@pytest.mark.parametrize("query", QUERIES)
def test_every_statement_names_its_columns(query: Query) -> None:
    assert not re.search(r"SELECT\s+\*|RETURNING\s+\*|\.\*", query.sql)


@pytest.mark.parametrize("query", QUERIES)
def test_every_statement_is_used_by_a_store(query: Query) -> None:
    assert f'"{query.name}"' in STORAGE


def test_a_statement_is_read_with_what_its_comment_says() -> None:
    assert parse_queries(ONE, "numbers.sql") == [
        Query(
            name="one",
            purpose="The number one.",
            documented=frozenset({1, 2}),
            index="none.",
            sql="SELECT 1, '$3; -- no comment', $1::integer, $2::text[]",
        )
    ]


def test_a_statement_stands_in_a_later_one_under_its_name() -> None:
    part = "-- part: two\n-- The number two.\nSELECT 2;\n"
    both = "-- name: both\n-- One after two.\nWITH a AS ({two}) {one};\n"
    found = parse_queries(part + ONE + both, "x.sql")

    assert [query.name for query in found] == ["one", "both"]
    assert found[1].sql == f"WITH a AS (SELECT 2) {found[0].sql}"


def test_a_dollar_inside_a_string_is_no_parameter() -> None:
    assert parse_queries(ONE, "numbers.sql")[0].parameters == {1, 2}


def test_statements_are_found_by_name(tmp_path: Path) -> None:
    file = tmp_path / "numbers.sql"
    file.write_text("-- Numbers.\n\n" + ONE + "\n" + ONE.replace("one", "two"), "utf-8")

    assert list(load_queries(file)) == ["one", "two"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("SELECT 1;", "x.sql:1: a statement has no name"),
        ("-- name: Bad-Name\n-- Why.\nSELECT 1;", "lower case"),
        ("-- name: one\nSELECT 1;", "what it is for"),
        ("-- name: one\n-- Why.\nSELECT 1", "semicolon"),
        ("-- name: one\n-- Why.\nSELECT 1 -- ;", "semicolon"),
        ("-- name: one\n-- Why.\n", "semicolon"),
        ("-- name: one\n-- Why.\nSELECT 1; SELECT 2;", "two statements under one name"),
        ("-- name: one\n-- Why.\n{two};", "x.sql:1: no 'two' stands before it"),
        (ONE + ONE, "x.sql:6: two statements are named one"),
    ],
)
def test_a_file_that_breaks_the_form_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(BrokenQueryFile, match=complaint):
        parse_queries(text, "x.sql")


def test_parts_of_all_files_stand_in_statements_of_each() -> None:
    [found] = parse_queries("-- name: now\n-- What is.\n{standing};\n", "x.sql")

    assert found.sql.startswith("SELECT w.waits")
