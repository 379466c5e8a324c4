"""Lines of tables that people open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

RISKY = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""A spreadsheet takes a cell that begins so for a formula, or for the end of one; some take the
wide forms of East Asian writing for the same."""
MARK = b"\xef\xbb\xbf"
"""Before the first line: this is UTF-8."""


def lines_of(rows: Iterable[Sequence[str | None]], *, first: bool = False) -> bytes:
    """Write lines, no cell of which is a formula; with the mark before the first of a table."""
    written = io.StringIO()
    table = csv.writer(written, quoting=csv.QUOTE_MINIMAL)
    table.writerows([_harmless(cell) for cell in row] for row in rows)
    return (MARK if first else b"") + written.getvalue().encode()


def _harmless(cell: str | None) -> str:
    """Keep a cell from being taken for a formula."""
    if cell is None:
        return ""
    return f"'{cell}" if cell.lstrip(" ").startswith(RISKY) else cell
