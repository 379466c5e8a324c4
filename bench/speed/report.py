"""What was measured, as a page and as the README's short table."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bench.speed.figures import Curve, Figures, Goal
from bench.speed.plots import draw
from bench.speed.stage import ROOT

RESULTS = ROOT / "bench" / "RESULTS.md"
PLOTS = ROOT / "bench" / "plots"
README = ROOT / "README.md"
BEGIN, END = "<!-- speed: written by make bench -->", "<!-- /speed -->"
WRITTEN = (
    "Written by `make bench`; what it means, and where the time goes, is in"
    " [docs/performance.md](../docs/performance.md)."
)
HOW = (
    "- CPU is user and system time of the server's processes, counted in nanoseconds, over the"
    " requests. The service (one worker) and its peers have one processor, clients and stores"
    " the other; wrk shares the server's. Ratios are of rounds next to each other."
)
MORE = "`make bench` ([all figures](bench/RESULTS.md), [what limits them](docs/performance.md))"
SAID = {True: "met", False: "**not met**", None: ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """Where and when it was measured."""

    machine: str
    versions: Mapping[str, str]
    seed: int
    at: datetime
    load: float
    """Of the machine before anything was begun: others' work."""
    seconds: float
    rounds: int


def write(figures: Figures, circumstances: Circumstances) -> None:
    """Write the page with its pictures, and the short table."""
    PLOTS.mkdir(exist_ok=True)
    for curve in figures.curves:
        draw(curve, PLOTS)
    RESULTS.write_text(page(figures, circumstances), encoding="utf-8")
    readme = README.read_text(encoding="utf-8")
    if BEGIN in readme:
        before, _, rest = readme.partition(BEGIN)
        after = rest.partition(END)[2]
        README.write_text(
            f"{before}{BEGIN}\n{brief(figures, circumstances)}\n{END}{after}", encoding="utf-8"
        )


def page(figures: Figures, circumstances: Circumstances) -> str:
    """Return bench/RESULTS.md."""
    met = sum(goal.met is True for goal in figures.goals)
    judged = sum(goal.met is not None for goal in figures.goals)
    parts = [
        "# Speed, measured",
        "",
        WRITTEN,
        "",
        f"- Machine: {circumstances.machine}; load before it began {circumstances.load:.1f}",
        f"- Versions: {', '.join(f'{k} {v}' for k, v in circumstances.versions.items() if v)}",
        f"- Date: {circumstances.at:%Y-%m-%d %H:%M} UTC; seed {circumstances.seed}",
        f"- Medians of {circumstances.rounds} rounds; {circumstances.seconds:.0f} s in all",
        HOW,
        f"- {met} of {judged} goals are met.",
        *(f"- Skipped: {each}" for each in figures.skipped),
        "",
        *_goals(figures.goals),
        *_readings(figures),
        "## Growth curves",
        "",
    ]
    for curve in figures.curves:
        parts += _curve(curve)
    return "\n".join(parts).rstrip() + "\n"


def brief(figures: Figures, circumstances: Circumstances) -> str:
    """Return the README's short table."""
    lines = [
        f"{circumstances.machine}; {circumstances.at:%d %B %Y}; {MORE}:",
        "",
        "| | measured | goal | |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {goal.what} | {goal.measured} | {goal.target} | {SAID[goal.met]} |"
        for goal in figures.goals
        if goal.brief
    ]
    return "\n".join(lines)


def _goals(goals: Sequence[Goal]) -> list[str]:
    lines: list[str] = []
    for part in dict.fromkeys(goal.part for goal in goals):
        lines += [
            f"## {part}",
            "",
            "| | measured | goal | | |",
            "|---|---|---|---|---|",
            *(
                f"| {goal.what} | {goal.measured} | {goal.target} | {SAID[goal.met]} |"
                f" {goal.note} |"
                for goal in goals
                if goal.part == part
            ),
            "",
        ]
    return lines


def _readings(figures: Figures) -> list[str]:
    if not figures.readings:
        return []
    return [
        "## Hot reads, all of them",
        "",
        "| | server | CPU µs | × nginx | requests/s | p50 ms | p99 ms | bytes |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
        *(
            f"| {each.what} | {each.server} | {each.cpu_us:,.1f} |"
            f" {f'{each.ratio:,.2f}' if each.ratio else ''} | {each.per_second:,.0f} |"
            f" {each.p50_ms:.2f} | {each.p99_ms:.2f} | {each.bytes:,.0f} |"
            for each in figures.readings
        ),
        "",
    ]


def _curve(curve: Curve) -> list[str]:
    names = list(curve.series)
    return [
        f"### {curve.title} ({curve.unit})",
        "",
        f"![{curve.title}](plots/{curve.key}.svg)",
        "",
        f"| {curve.along} | {' | '.join(names)} |",
        "|--:|" + "--:|" * len(names),
        *(
            f"| {step:,} | " + " | ".join(f"{curve.series[name][at]:.2f}" for name in names) + " |"
            for at, step in enumerate(curve.steps)
        ),
        "",
    ]


def printed(goal: Goal) -> str:
    """Return a figure as a line for the terminal."""
    said = re.sub(r"\*", "", SAID[goal.met])
    return f"{goal.what:<66} {goal.measured:<58} {goal.target:<22} {said}".rstrip()
