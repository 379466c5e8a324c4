"""What the template is given: figures already in the words of a language."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup
from msgspec import Struct

from service.features.statistics.tables import Table
from service.web.dashboard.plots.svg import Caption, Source, raw
from service.web.dashboard.statistics.written import Written


class Picture(Struct, frozen=True, kw_only=True):
    """One plot, and what stands above it."""

    svg: Markup
    label: str = ""
    note: str = ""


class ShownCell(Struct, frozen=True, kw_only=True):
    """A cell of a table."""

    said: str
    raw: str
    """As the marks of the plot have it."""
    heads: bool


class ShownTable(Struct, frozen=True, kw_only=True):
    """A table below a plot."""

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[ShownCell]]

    @classmethod
    def of(cls, table: Table, written: Written) -> ShownTable:
        """Write a table."""
        say = written.tongue.say
        return cls(
            name=table.name,
            title=say(f"stats_table_{table.name}"),
            columns=[say(f"stats_column_{each.name}") for each in table.columns],
            rows=[
                [
                    ShownCell(
                        said=written.cell(column.kind, cell),
                        raw="" if column.heads or not isinstance(cell, int | float) else raw(cell),
                        heads=column.heads,
                    )
                    for column, cell in zip(table.columns, row, strict=True)
                ]
                for row in table.rows
            ],
        )

    def source(self, row: int) -> Source:
        """Return what a mark says that stands for a row."""
        cells = self.rows[row]
        about = " · ".join(each.said for each in cells if each.heads)
        figures = [
            f"{column}: {cell.said}"
            for column, cell in zip(self.columns, cells, strict=True)
            if not cell.heads
        ]
        return Source(
            row=row,
            values=[each.raw for each in cells if not each.heads],
            label=f"{about} — {', '.join(figures)}",
        )


class Shown(Struct, frozen=True, kw_only=True):
    """One figure of the page."""

    key: str
    title: str
    finding: str
    pictures: Sequence[Picture]
    tables: Sequence[ShownTable]
    notes: Sequence[str] = ()
    timed: bool = False
    """Whether time runs along it: in Arabic that is said."""

    @property
    def caption(self) -> Caption:
        """What is said of its plot."""
        return Caption(key=f"plot-{self.key}", title=self.title, description=self.finding)


class Tile(Struct, frozen=True, kw_only=True):
    """One figure above the plots."""

    key: str
    label: str
    value: str
    before: str = ""
    """What it was in the range before."""
    alarming: bool = False
