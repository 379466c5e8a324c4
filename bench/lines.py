"""A line of a table of measurements."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table."""

    goal: str
    measured: str
    target: str
    met: bool | None
    """None for what is told and has no target."""
    note: str = ""

    def __str__(self) -> str:
        """Write it as the table has it."""
        met = {True: "met", False: "NOT MET", None: ""}[self.met]
        return (
            f"{self.goal:<54} {self.measured:>44}  {self.target:<24} {met:<8} {self.note}".rstrip()
        )
