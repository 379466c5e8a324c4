"""Readers and moderators at work while everything below them dies, hangs or is cut off.

    .venv/bin/python -m tests.faults.chaos --faults 500 --acks 100000 --seed 1

goes on, slice by slice, until so many faults were struck and so many comments acknowledged. Each
slice begins with empty stores, ends with a look at every invariant, and is a line of
`docs/reliability-runs.csv`: a command that was stopped is begun again and goes on from there.
"""

from __future__ import annotations

import asyncio
import csv
import sys
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import NamedTuple, Self

import click
import uvloop

from tests.faults.turmoil import play
from tests.journeys.command import ROOT

RUNS = ROOT / "docs" / "reliability-runs.csv"
COLUMNS = (
    "date", "seed", "slice", "release", "postgres", "redis", "seconds", "faults",
    "acknowledged", "decisions", "changes", "lost", "doubled", "violations", "longest_seconds",
    "struck",
)  # fmt: skip
PARTS = 1_000
"""Of the bar."""


class Tally(NamedTuple):
    """What was done, or is to be done."""

    faults: int
    acknowledged: int

    def plus(self, faults: int, acknowledged: int) -> Tally:
        """Add what was done since."""
        return Tally(self.faults + faults, self.acknowledged + acknowledged)

    def reaches(self, wanted: Tally) -> bool:
        """Tell whether it is enough."""
        return self.faults >= wanted.faults and self.acknowledged >= wanted.acknowledged

    def __str__(self) -> str:
        """Say it in words."""
        return f"{self.faults} faults, {self.acknowledged:,} acknowledged comments"


class Progress:
    """A bar of what is left of both, and how long that takes."""

    def __init__(self, *, done: Tally, wanted: Tally) -> None:
        """Begin at what earlier commands have done."""
        self._first, self._wanted, self._begun = done, wanted, monotonic()
        self._bar = click.progressbar(
            length=PARTS, file=sys.stderr, item_show_func=lambda said: said, show_pos=False
        )

    def __enter__(self) -> Self:
        """Show it."""
        self._bar.__enter__()
        return self

    def __exit__(self, *failure: object) -> None:
        """Leave it as it is."""
        self._bar.render_finish()

    def show(self, done: Tally) -> None:
        """Show how far it is by now."""
        rate = (done.acknowledged - self._first.acknowledged) / (monotonic() - self._begun)
        shares = [
            (now - first) / (wanted - first)
            for now, first, wanted in zip(done, self._first, self._wanted, strict=True)
            if wanted > first
        ]
        reached = int(PARTS * min([1.0, *shares]))
        self._bar.current_item = f"{done}, {rate:.0f} a second"
        self._bar.make_step(reached - self._bar.pos)
        self._bar.render_progress()


@dataclass(frozen=True, slots=True)
class Record:
    """The lines of earlier slices."""

    path: Path

    def rows(self, seed: int | None = None) -> list[dict[str, str]]:
        """Return every line, or those of one seed."""
        if not self.path.exists():
            return []
        with self.path.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        return [row for row in rows if seed is None or row["seed"] == str(seed)]

    def tally(self, seed: int) -> Tally:
        """Add up the lines of one seed."""
        rows = self.rows(seed)
        return Tally(
            sum(int(row["faults"]) for row in rows), sum(int(row["acknowledged"]) for row in rows)
        )

    def add(self, row: dict[str, object]) -> None:
        """Append one line."""
        begins = not self.path.exists()
        with self.path.open("a", encoding="utf-8", newline="") as lines:
            writer = csv.DictWriter(lines, COLUMNS, lineterminator="\n")
            if begins:
                writer.writeheader()
            writer.writerow(row)


@click.command()
@click.option("--faults", default=500, show_default=True, help="At least so many, over all slices.")
@click.option("--acks", default=100_000, show_default=True, help="Comments acknowledged, likewise.")
@click.option("--seed", default=1, show_default=True, help="Another seed is another record.")
@click.option("--slice-seconds", default=300.0, show_default=True, help="Length of a slice.")
@click.option("--record", default=RUNS, type=click.Path(path_type=Path), help="Where lines go.")
def chaos(faults: int, acks: int, seed: int, slice_seconds: float, record: Path) -> None:
    """Break everything for a while and see whether anything was lost or doubled."""
    lines, wanted = Record(record), Tally(faults, acks)
    done = lines.tally(seed)
    with Progress(done=done, wanted=wanted) as progress:
        while not done.reaches(wanted):
            number = len(lines.rows(seed)) + 1
            run = play(
                seed * 1_000 + number,
                seconds=slice_seconds,
                tell=lambda struck, kept: progress.show(done.plus(struck, kept)),  # noqa: B023
            )
            try:
                result = uvloop.run(run)
            except (KeyboardInterrupt, asyncio.CancelledError):
                raise click.Abort from None
            lines.add(result.row(seed, number))
            done = done.plus(result.struck.total(), result.acknowledged)
            progress.show(done)
            click.echo(f"\nSlice {number}: {result}")
            if result.broken:
                raise click.ClickException("\n".join(result.broken[:20]))
    click.echo(f"{done}, none lost, none doubled.")


if __name__ == "__main__":
    chaos()
