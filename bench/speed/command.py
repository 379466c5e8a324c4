"""`python -m bench`: builds everything, measures everything, writes the results."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

import asyncpg
from redis.asyncio import Redis
from rich.console import Console
from rich.progress import Progress

from bench.speed import growth, hot, live, reads, starts, writes
from bench.speed.client import clients
from bench.speed.figures import Figures
from bench.speed.machine import described, version_of
from bench.speed.peers import begin_isso_install, isso
from bench.speed.report import Circumstances, printed, write
from bench.speed.seeding import SEED
from bench.speed.stage import OutOfTimeError, Stage, seeded, service, stores
from service.errors import Unavailable
from service.settings import VERSION
from service.telemetry import set_up_logging

SECTIONS = ("starts", "reads", "posts", "decisions", "streams", "growth")


def main() -> None:
    """Measure, print and write."""
    said = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    said.add_argument("--rounds", type=int, default=3, help="rounds of everything (3)")
    said.add_argument("--seconds", type=int, default=2, help="of a round of hot reads (2)")
    said.add_argument("--only", nargs="*", choices=SECTIONS, default=SECTIONS, help="these alone")
    said.add_argument("--minutes", type=float, default=7.0, help="what is left then is skipped (7)")
    said.add_argument("--dry", action="store_true", help="print, and write no file")
    options = said.parse_args()
    set_up_logging(level="error", form="text")
    signal.signal(signal.SIGTERM, _stop)
    warnings.simplefilter("ignore")
    begun = time.monotonic()
    load = os.getloadavg()[0]
    figures = Figures()
    with Progress(console=Console(stderr=True), transient=True) as progress:
        versions = _measure(figures, options, progress, begun + options.minutes * 60)
    circumstances = Circumstances(
        machine=described(),
        versions=versions,
        seed=SEED,
        at=datetime.now(UTC),  # noqa: TID251 - it says when it was measured
        load=load,
        seconds=time.monotonic() - begun,
        rounds=options.rounds,
    )
    for goal in figures.goals:
        print(printed(goal))
    for each in figures.skipped:
        print(f"skipped: {each}")
    if options.dry or set(options.only) != set(SECTIONS):
        print("Nothing is written: only all of it is a result.")
        return
    write(figures, circumstances)
    print(f"Written: bench/RESULTS.md, {circumstances.seconds:.0f} s")


def _stop(_number: int, _frame: object) -> NoReturn:
    """End in order: what was started is stopped."""
    raise KeyboardInterrupt


def _measure(
    figures: Figures, options: argparse.Namespace, progress: Progress, deadline: float
) -> dict[str, str]:
    installing = (
        begin_isso_install() if {"reads", "posts", "decisions"} & set(options.only) else None
    )
    versions = {"postbag": VERSION, "aiohttp": version("aiohttp"), "uvloop": version("uvloop")}
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="postbag-bench-")))
        runner = opened.enter_context(asyncio.Runner())
        with _working(progress, "Starting the stores"):
            pair = opened.enter_context(stores(folder, runner))
        room = seeded(pair, runner, progress)
        asking = opened.enter_context(clients())
        if "starts" in options.only:
            _tried(
                partial(starts.alone, pair.endpoints, folder, figures, times=options.rounds),
                *(figures, "the service's start", deadline),
            )
            again = partial(starts.whole, figures, progress, times=options.rounds)
            _tried(again, figures, "make run", deadline)
        running = opened.enter_context(service(pair.endpoints, folder))
        stage = Stage(
            folder=folder,
            progress=progress,
            clients=asking,
            runner=runner,
            stores=pair,
            room=room,
            service=running,
            skipped=figures.skipped,
            deadline=deadline,
        )
        if installing is not None or "reads" in options.only:
            _invite(opened, stage, versions, installing)
        idle = reads.idle(stage, figures)
        for name, measure in _sections(stage, figures, options, idle):
            if name in options.only:
                _tried(measure, figures, name, deadline)
        versions |= _store_versions(stage)
    return versions


def _sections(
    stage: Stage, figures: Figures, options: argparse.Namespace, idle: float
) -> Iterator[tuple[str, Callable[[], None]]]:
    rounds, seconds = options.rounds, options.seconds
    yield "reads", lambda: reads.hot(stage, figures, rounds=rounds, seconds=seconds)
    yield "reads", lambda: reads.memory(stage, figures, idle)
    yield "reads", lambda: reads.cold(stage, figures, rounds=rounds)
    yield "reads", lambda: reads.while_decided(stage, figures, rounds=rounds, seconds=seconds)
    yield "posts", lambda: writes.post(stage, figures, rounds=rounds, seconds=1.5)
    yield "decisions", lambda: writes.decide(stage, figures, rounds=rounds, bulk=4_000, single=100)
    yield "streams", lambda: live.streams(stage, figures, decisions=20)
    yield "growth", lambda: growth.grow(stage, figures, times=100)


def _tried(measure: Callable[[], None], figures: Figures, name: str, deadline: float) -> None:
    """Let one part fail without the others; the results say so."""
    if time.monotonic() >= deadline:
        figures.skipped.append(f"{name}: there was no time left for it")
        return
    try:
        measure()
    except OutOfTimeError as failure:
        figures.skipped.append(f"{name}: {failure}")
    except (RuntimeError, Unavailable, TimeoutError, OSError, KeyError, ValueError) as failure:
        figures.skipped.append(f"{name}: {type(failure).__name__}: {failure}"[:300])
        print(f"{name} failed", file=sys.stderr)
        traceback.print_exc()


def _invite(opened: ExitStack, stage: Stage, versions: dict[str, str], installing: object) -> None:
    """Start whom the service is measured beside."""
    with _working(stage.progress, "Starting nginx and Isso"):
        stage.nginx = opened.enter_context(reads.same_bytes(stage, stage.folder / "nginx"))
        threads = {
            "/twenty/": [stage.room.texts[at] for at in range(20)],
            "/two-hundred/": [stage.room.texts[at] for at in range(200)],
        }
        stage.isso = opened.enter_context(isso(stage.folder / "isso", installing, threads))
    if stage.nginx is None:
        stage.skipped.append("nginx: not installed, and `.ci/peers` could not install it")
    if stage.isso is None:
        stage.skipped.append(
            "Isso: it could not be installed from the package index, or not started"
        )
    if hot.WRK is None:
        stage.skipped.append("wrk: not installed; our own client asked instead, which takes longer")
    for peer in (stage.nginx, stage.isso):
        if peer is not None:
            versions[peer.name] = peer.version


def _store_versions(stage: Stage) -> dict[str, str]:
    async def asked() -> dict[str, str]:
        connection = await asyncpg.connect(stage.where.database_url)
        postgres = await connection.fetchval("SHOW server_version")
        await connection.close()
        async with Redis.from_url(stage.where.redis_url) as redis:
            told = await redis.info("server")
        return {
            "PostgreSQL": postgres,
            "Valkey": str(told.get("valkey_version") or told["redis_version"]),
        }

    found = stage.runner.run(asked())
    if hot.WRK is not None:
        found["wrk"] = version_of(hot.WRK, "-v").split()[1]
    return found


@contextmanager
def _working(progress: Progress, what: str) -> Iterator[None]:
    task = progress.add_task(what, total=None)
    try:
        yield
    finally:
        progress.remove_task(task)
