"""How soon there is an answer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.progress import Progress

from bench.speed import stage
from bench.speed.figures import Figures, Goal, median, spread
from bench.speed.machine import cpu_seconds
from bench.speed.peers import end, free_port
from service.embedded import Endpoints

PART = "Starts"


def alone(where: Endpoints, folder: Path, figures: Figures, *, times: int) -> None:
    """Start the service over stores that run."""
    took, cpu = [], []
    for _ in range(times):
        with stage.service(where, folder) as running:
            cpu.append(cpu_seconds(running.pid))
            took.append(running.seconds)
    figures.add(
        Goal(
            part=PART,
            what="the service alone, its stores running",
            measured=f"{median(took):.2f} s to its first 200",
            target="<= 1 s",
            met=median(took) <= 1,
            note=f"starts {spread(took)} s, on one processor; {median(cpu):.2f} s of CPU",
            brief=True,
        )
    )


def whole(figures: Figures, progress: Progress, *, times: int) -> None:
    """`make run` on a machine that has run it before: stores, demo and service."""
    folder = Path(tempfile.mkdtemp(prefix="postbag-bench-run-"))
    folder.chmod(0o711)
    task = progress.add_task("Starting as `make run` does", total=times + 1)
    took = []
    try:
        for _ in range(times + 1):
            took.append(_run_once(folder))
            progress.advance(task)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        progress.remove_task(task)
    figures.add(
        Goal(
            part=PART,
            what="`make run`, not the first time",
            measured=f"{median(took[1:]):.2f} s to its first 200",
            target="<= 3 s",
            met=median(took[1:]) <= 3,
            note=f"starts {spread(took[1:])} s; the first one, with the demo, {took[0]:.1f} s",
            brief=True,
        )
    )


def _run_once(folder: Path) -> float:
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("POSTBAG_")},
        "POSTBAG_DATA_DIR": str(folder / "data"),
        "POSTBAG_PORT": str(port),
        "POSTBAG_METRICS_PORT": str(free_port()),
    }
    begun = time.perf_counter()
    running = subprocess.Popen(
        [sys.executable, str(stage.ROOT / "run.py"), "run"],
        env=environment,
        cwd=stage.ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        return stage.first_answer(port, running, begun)
    finally:
        end(running, 30)
