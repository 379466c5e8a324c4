"""Named statements from `sql/queries/<store>.sql`.

A file is a list of blocks:

    -- name: count_by_article
    -- Approved comments per article, for at most 200 articles.
    --   $1 articles text[]
    -- Index: comments_by_article.
    SELECT article, approved FROM counts WHERE article = ANY($1);

A later block says `{count_by_article}` for the same text. One that begins with `-- part:` is only
there for that; those of `parts.sql` are for all files.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

SQL_FOLDER = Path(__file__).resolve().parents[2] / "sql"
"""Beside the package, in a checkout as in the container."""
SHARED = SQL_FOLDER / "queries" / "parts.sql"
"""Parts for statements of all files."""

_NAME = re.compile(r"-- (?:name|part): ([a-z][a-z0-9_]*)\Z")
_INCLUDED = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_PARAMETER = re.compile(r"\$([1-9][0-9]*)")
_DOCUMENTED = re.compile(r"\$([1-9][0-9]*) [^\s$]+ [^\s$]")
"""A number, a name, a type; several may share a line."""
_QUOTED = re.compile(r"--[^\n]*|'(?:[^']|'')*'|\"[^\"]*\"")


class BrokenQueryFile(Exception):  # noqa: N818 - it is said to a developer
    """A file of named statements does not keep to the form."""


class Query(Struct, frozen=True, kw_only=True):
    """One named statement with what its comment says."""

    name: str
    purpose: str
    documented: frozenset[int]
    """Numbers of the `$n` the comment describes."""
    index: str | None
    """What the `Index:` line says."""
    sql: str
    is_part: bool = False
    """It only stands in others."""

    @property
    def parameters(self) -> frozenset[int]:
        """Return the numbers of the `$n` the statement uses."""
        return frozenset(map(int, _PARAMETER.findall(_QUOTED.sub("", self.sql))))


@cache
def load_queries(file: str | Path) -> dict[str, str]:
    """Return name -> statement of one file; `file` is a store's name or a path.

    Raises:
        BrokenQueryFile: the file does not keep to the form.
    """
    path = file if isinstance(file, Path) else SQL_FOLDER / "queries" / f"{file}.sql"
    return {query.name: query.sql for query in parse_queries(path.read_text("utf-8"), path.name)}


def parse_queries(text: str, file: str) -> list[Query]:
    """Split a file into its named statements, in their order, with all that stands in them.

    Raises:
        BrokenQueryFile: a statement without a name, a purpose or its end; two with one name; one
            with a part that does not stand before it, or in `parts.sql`.
    """
    shared = {} if file == SHARED.name else _shared_parts()
    return [each for each in _read_blocks(text, file, shared).values() if not each.is_part]


@cache
def _shared_parts() -> dict[str, Query]:
    return _read_blocks(SHARED.read_text("utf-8"), SHARED.name, {})


def _read_blocks(text: str, file: str, shared: dict[str, Query]) -> dict[str, Query]:
    queries: dict[str, Query] = {}
    for number, block in _blocks(text, file):
        query = _query(block, f"{file}:{number}")
        if query.name in queries:
            raise BrokenQueryFile(f"{file}:{number}: two statements are named {query.name}.")
        try:
            sql = _filled(query.sql, ChainMap(queries, shared))
        except KeyError as unknown:
            raise BrokenQueryFile(f"{file}:{number}: no {unknown} stands before it.") from None
        queries[query.name] = replace(query, sql=sql)
    return queries


def _filled(sql: str, before: Mapping[str, Query]) -> str:
    return _INCLUDED.sub(lambda included: before[included[1]].sql, sql)


def _blocks(text: str, file: str) -> list[tuple[int, list[str]]]:
    """Cut at each name; only comments may stand before the first."""
    blocks: list[tuple[int, list[str]]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith(("-- name:", "-- part:")):
            blocks.append((number, [line]))
        elif blocks:
            blocks[-1][1].append(line)
        elif line.strip() and not line.startswith("--"):
            raise BrokenQueryFile(f"{file}:{number}: a statement has no name.")
    return blocks


def _query(lines: list[str], where: str) -> Query:
    name = _NAME.match(lines[0].rstrip())
    if name is None:
        raise BrokenQueryFile(f"{where}: a name is lower case words joined by underscores.")
    head = 1
    while head < len(lines) and lines[head].startswith("--"):
        head += 1
    comments = [line.rstrip() for line in lines[1:head]]
    sql = "\n".join(lines[head:]).strip()
    _check_statement(sql, where)
    purpose, documented, index = _read_comment(comments)
    if not purpose:
        raise BrokenQueryFile(f"{where}: {name[1]} does not say what it is for.")
    return Query(
        name=name[1],
        purpose=purpose,
        documented=documented,
        index=index,
        sql=sql.removesuffix(";"),
        is_part=lines[0].startswith("-- part:"),
    )


def _check_statement(sql: str, where: str) -> None:
    bare = _QUOTED.sub("", sql).rstrip()
    if not bare.endswith(";") or not sql.endswith(";"):
        raise BrokenQueryFile(f"{where}: the statement does not end with a semicolon.")
    if ";" in bare[:-1]:
        raise BrokenQueryFile(f"{where}: two statements under one name.")


def _read_comment(comments: list[str]) -> tuple[str, frozenset[int], str | None]:
    purpose: list[str] = []
    documented: set[int] = set()
    index: list[str] = []
    for line in comments:
        parameters = _DOCUMENTED.findall(line)
        if parameters:
            documented.update(map(int, parameters))
        elif line.startswith("-- Index:"):
            index.append(line.removeprefix("-- Index:").strip())
        elif not index and not documented:
            purpose.append(line.removeprefix("--").strip())
    return " ".join(filter(None, purpose)), frozenset(documented), " ".join(index) or None
