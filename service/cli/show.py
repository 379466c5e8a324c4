"""What people see: tables on a terminal, lines with tabs for programs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a result: a table for a person, else a heading and one line a row, tabs between."""
    if not sys.stdout.isatty():
        for row in (columns, *rows):
            click.echo("\t".join(_one_cell(cell) for cell in row))
        return
    drawn = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        # Text, since rich reads [words] as markup.
        drawn.add_row(*(Text(_one_cell(cell)) for cell in row))
    Console().print(drawn)


def said(line: str) -> None:
    """Tell a person something that is not the result."""
    click.echo(line, err=True)


@contextmanager
def progress(line: str) -> Iterator[None]:
    """Show on a terminal that something takes a while."""
    with Console(stderr=True).status(line) if sys.stderr.isatty() else nullcontext():
        yield


def day(when: datetime | None) -> str:
    """Return a date and time to the minute, UTC, or nothing."""
    return when.strftime("%Y-%m-%d %H:%M") if when else ""


def _one_cell(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
