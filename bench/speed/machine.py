"""What the machine says of programs: their time on the processor, their memory, their versions."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

SERVER_CPUS, CLIENT_CPUS = (
    ({0}, {1}) if len(os.sched_getaffinity(0)) > 1 else (os.sched_getaffinity(0),) * 2
)
"""What is measured has a processor of its own; stores and clients share the other."""


@contextmanager
def started_on(cpus: set[int]) -> Iterator[None]:
    """Let what is started meanwhile run on these processors only, where the system lets us."""
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, cpus)
    except OSError:
        yield
        return
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def tree(pid: int) -> set[int]:
    """Return a process with all below it."""
    try:
        top = psutil.Process(pid)
        return {pid, *(each.pid for each in top.children(recursive=True))}
    except psutil.NoSuchProcess:
        return set()


def cpu_seconds(pid: int) -> float:
    """Return the time a process has spent on a processor, user and system, all its threads.

    Nanoseconds are counted, not ticks (clock_getcpuclockid(3)); 0 for one that has ended.
    """
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0


def pss_mib(pids: Iterable[int]) -> float:
    """Return the memory of processes in MiB, shared pages in parts (proc(5), PSS)."""
    total = 0
    for pid in pids:
        rolled = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
        found = re.search(r"^Pss:\s+(\d+) kB", rolled, re.MULTILINE)
        total += int(found[1]) if found else 0
    return total / 1024


@dataclass(slots=True)
class Meter:
    """Time on the processor of some programs since it was begun."""

    roots: dict[str, int]
    """Name -> process; what is below it counts, too."""
    _before: dict[str, dict[int, float]] = field(default_factory=dict)

    def begin(self) -> None:
        """Begin to count."""
        self._before = {name: self._now(pid) for name, pid in self.roots.items()}

    def spent(self) -> dict[str, float]:
        """Return seconds by name since it was begun."""
        return {
            name: sum(
                seconds - self._before[name].get(each, 0.0)
                for each, seconds in self._now(pid).items()
            )
            for name, pid in self.roots.items()
        }

    def _now(self, pid: int) -> dict[int, float]:
        return {each: cpu_seconds(each) for each in tree(pid)}


def described() -> str:
    """Return what the machine is, in a line."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{os.cpu_count()} × {model}, {memory:.0f} GiB, Linux {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def version_of(*command: str) -> str:
    """Return the first line a program says of itself; empty when there is none."""
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except OSError:
        return ""
    return ((said.stdout or said.stderr).strip().splitlines() or [""])[0]
