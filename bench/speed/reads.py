"""Reading: hot, as browsers do, cold, and while the newsroom decides."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench.speed import client
from bench.speed.figures import Figures, Goal, Reading, median, spread
from bench.speed.hot import Round, percentile, request, round_of
from bench.speed.machine import pss_mib, tree
from bench.speed.peers import Peer, nginx
from bench.speed.requests import approvals, posts
from bench.speed.seeding import COLD_ARTICLES
from bench.speed.stage import Stage, service

NEWS = "/v1/sites/news"
BROWSER = {"Accept-Encoding": "gzip, deflate, br, zstd", "Accept": "*/*", "Accept-Language": "en"}
PART = "Reads"
REBUILT = 60
"""Of the cold threads: those that are built several times; their comments fit into the cache."""
RATE = 20
"""Decisions a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A hot read."""

    name: str
    target: str
    most: float | None
    """Times nginx' time on the processor."""
    headers: Mapping[str, str]
    peer: str | None = None
    """What Isso is asked for the same."""


HOT = (
    Target(
        name="20 comments",
        target=f"{NEWS}/articles/twenty/comments",
        most=1.3,
        headers={},
        peer="/?uri=%2Ftwenty%2F&limit=20",
    ),
    Target(
        name="200 comments",
        target=f"{NEWS}/articles/two-hundred/comments?limit=100",
        most=1.5,
        headers={},
        peer="/?uri=%2Ftwo-hundred%2F&limit=200",
    ),
    Target(
        name="counts of 50 articles",
        target=f"{NEWS}/counts?" + "&".join(f"article=story-{at}" for at in range(50)),
        most=1.5,
        headers={},
    ),
    Target(
        name="200 comments, a browser",
        # A path of its own, so that nginx can have the compressed bytes beside the plain ones.
        target=f"{NEWS}/articles/busy/comments?limit=100",
        most=None,
        headers=BROWSER,
    ),
)


@contextmanager
def same_bytes(stage: Stage, folder: Path) -> Iterator[Peer | None]:
    """Give nginx what the service answers."""
    bodies = {}
    for each in HOT:
        accepted = each.headers.get("Accept-Encoding", "identity")
        deadline = time.monotonic() + 10
        found = stage.encoding_of(each.target, accepted)
        while accepted != "identity" and found[1] is None and time.monotonic() < deadline:
            time.sleep(0.1)
            found = stage.encoding_of(each.target, accepted)
        bodies[each.target] = found
    with nginx(folder, bodies) as peer:
        yield peer


def hot(stage: Stage, figures: Figures, *, rounds: int, seconds: int) -> None:
    """Measure hot reads beside nginx and Isso, in turns."""
    servers = [("Postbag", stage.service.port, stage.service.pid)]
    if stage.nginx is not None:
        servers.append(("nginx", stage.nginx.port, stage.nginx.pid))
    if stage.isso is not None:
        servers.append(("Isso", stage.isso.port, stage.isso.pid))
    found: dict[tuple[str, str], list[Round]] = defaultdict(list)
    task = stage.progress.add_task("Hot reads", total=rounds * len(HOT) * len(servers))
    for turn in range(rounds):
        for each in HOT:
            # Whoever comes first finds the machine in another state: take turns in that, too.
            for name, port, pid in servers if turn % 2 else servers[::-1]:
                target = each.peer if name == "Isso" else each.target
                if target is not None:
                    one = round_of(
                        *(stage.clients, port, target, each.headers),
                        pid=pid,
                        seconds=seconds if name != "Isso" else max(seconds, 2),
                        connections=4 if name == "Isso" else 16,
                    )
                    found[each.name, name].append(one)
                stage.progress.advance(task)
    stage.progress.remove_task(task)
    for each in HOT:
        for name, _, _ in servers:
            if (each.name, name) in found:
                beside = found.get((each.name, "nginx"), [])
                figures.readings.append(_reading(each.name, name, found[each.name, name], beside))
        _judge(figures, each, found)


def _reading(what: str, server: str, rounds: list[Round], beside: list[Round]) -> Reading:
    ratios = [one.cpu_us / other.cpu_us for one, other in zip(rounds, beside, strict=False)]
    return Reading(
        what=what,
        server=server,
        cpu_us=median([each.cpu_us for each in rounds]),
        ratio=median(ratios) if ratios else None,
        per_second=median([each.per_second for each in rounds]),
        p50_ms=median([each.p50_ms for each in rounds]),
        p99_ms=median([each.p99_ms for each in rounds]),
        bytes=median([each.bytes for each in rounds]),
    )


def _judge(figures: Figures, each: Target, found: Mapping[tuple[str, str], list[Round]]) -> None:
    ours, theirs = found[each.name, "Postbag"], found.get((each.name, "nginx"), [])
    cpu = median([one.cpu_us for one in ours])
    ratios = [one.cpu_us / other.cpu_us for one, other in zip(ours, theirs, strict=False)]
    if each.most is None:
        plain = median([one.cpu_us for one in found["20 comments", "Postbag"]])
        figures.add(
            Goal(
                part=PART,
                what=f"hot read, {each.name} (gzip, br, zstd offered)",
                measured=f"{cpu:.1f} µs, {cpu / plain:.2f} × that of 20 comments",
                target="as 20 comments",
                met=cpu <= 1.15 * plain,
                note="met within 15 %",
                brief=True,
            )
        )
        return
    ratio = median(ratios)
    figures.add(
        Goal(
            part=PART,
            what=f"hot read, {each.name}",
            measured=f"{cpu:.1f} µs of CPU" + (f", {ratio:.2f} × nginx" if ratios else ""),
            target=f"<= {each.most} × nginx",
            met=ratio <= each.most if ratios else None,
            note=f"rounds {spread(ratios)}" if ratios else "no nginx here",
            brief=True,
        )
    )


def cold(stage: Stage, figures: Figures, *, rounds: int) -> None:
    """Read threads of 200 comments that are in no cache: every page is built."""
    fresh = (COLD_ARTICLES - REBUILT) // rounds
    first, again = _Cold(), _Cold()
    _cold_round(stage, range(COLD_ARTICLES - REBUILT, COLD_ARTICLES), "best")
    for turn in range(rounds):
        first.add(_cold_round(stage, range(turn * fresh, (turn + 1) * fresh), "newest"))
    for turn in range(rounds):
        order = ("newest", "oldest", "best")[turn % 3]
        again.add(_cold_round(stage, range(COLD_ARTICLES - REBUILT, COLD_ARTICLES), order))
    for kind, found, note in (
        ("built anew", again, "in another order of roots than before"),
        ("for the first time", first, "nobody has read it since the start"),
    ):
        cpu, p50 = median(found.cpu_ms), median(found.p50_ms)
        figures.add(
            Goal(
                part=PART,
                what=f"cold read, 200 comments, {kind}",
                measured=f"{cpu:.2f} ms of CPU, p50 {p50:.2f} ms",
                target="<= 0.6 ms, p50 <= 2 ms",
                met=cpu <= 0.6 and p50 <= 2,
                note=f"with Postgres {median(found.whole_ms):.2f} ms of CPU; {note}",
                brief=True,
            )
        )


@dataclass(slots=True)
class _Cold:
    """Rounds of cold reads, in milliseconds."""

    cpu_ms: list[float] = field(default_factory=list)
    whole_ms: list[float] = field(default_factory=list)
    p50_ms: list[float] = field(default_factory=list)

    def add(self, one: tuple[float, float, float]) -> None:
        """Keep a round."""
        for kept, value in zip((self.cpu_ms, self.whole_ms, self.p50_ms), one, strict=True):
            kept.append(value)


def _cold_round(stage: Stage, articles: range, sort: str) -> tuple[float, float, float]:
    """Read each once; return CPU of the service, of all programs, and p50, all in ms."""
    requests = [
        request(f"{NEWS}/articles/cold-{at}/comments?limit=100&sort={sort}", {}) for at in articles
    ]
    meter = stage.meter()
    meter.begin()
    run = stage.ask(requests)
    spent = meter.spent()
    return (
        spent["service"] / run.requests * 1e3,
        sum(spent.values()) / run.requests * 1e3,
        percentile(run.latencies, 0.5) * 1e3,
    )


def while_decided(stage: Stage, figures: Figures, *, rounds: int, seconds: int) -> None:
    """Read an article, quiet and while it gets twenty decisions a second."""
    target = HOT[3].target.partition("?")[0] + "?limit=20"
    count = RATE * (seconds + 1)
    more: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        ids = posts(stage, "news", count, articles=["busy"])
        said = (stage.clients, stage.service.port, target, {})
        stage.settle(1)
        quiet = round_of(*said, pid=stage.service.pid, seconds=seconds)
        deciding = stage.clients.begin(
            client.paced, stage.service.port, approvals(stage, "news", ids, at_once=1), RATE
        )
        stage.settle(0.3)
        busy = round_of(*said, pid=stage.service.pid, seconds=seconds)
        deciding()
        for name in ("cpu_us", "p50_ms", "p99_ms"):
            more[name].append(getattr(busy, name) / getattr(quiet, name) - 1)
        more["rate"].append(busy.per_second / quiet.per_second - 1)
    cpu = median(more["cpu_us"])
    figures.add(
        Goal(
            part=PART,
            what=f"20 comments read while {RATE} decisions a second hit the article",
            measured=f"CPU a read {cpu:+.0%}, p50 {median(more['p50_ms']):+.0%}",
            target="within 10 %",
            met=cpu <= 0.1,
            note="the decisions' and rebuilds' own work counted as the reads'; reads a second"
            f" {median(more['rate']):+.0%}",
            brief=True,
        )
    )


def idle(stage: Stage, figures: Figures) -> float:
    """Return the memory of a worker with nothing to do, in MiB; its time goes to the figures."""
    stage.settle(2)
    meter = stage.meter()
    meter.begin()
    stage.settle(3)
    spent = meter.spent()
    sites = len(stage.room.sites)
    figures.add(
        Goal(
            part="Memory",
            what=f"CPU with nothing to do, {sites} sites",
            measured=f"{spent['service'] / 3 * 1e3:.0f} ms a second,"
            f" both stores {(spent['postgres'] + spent['redis']) / 3 * 1e3:.0f} ms",
        )
    )
    return pss_mib(tree(stage.service.pid))


def _of_workers(stage: Stage) -> tuple[float, float]:
    """Return the memory of the larger of two workers in MiB, idle and after hot reads."""
    with service(stage.where, stage.folder, POSTBAG_WORKERS="2") as running:
        stage.settle(3)
        nursery = psutil.Process(running.pid).children()[0]
        workers = [each.pid for each in nursery.children()]
        before = max(pss_mib([each]) for each in workers)
        for each in HOT:
            round_of(
                *(stage.clients, running.port, each.target, each.headers),
                pid=running.pid,
                seconds=1,
            )
        return before, max(pss_mib([each]) for each in workers)


def _held(what: str, mib: float, *, most: int, note: str = "") -> Goal:
    """Judge the memory of a process."""
    return Goal(
        part="Memory",
        what=what,
        measured=f"{mib:.0f} MiB PSS",
        target=f"<= {most} MiB",
        met=mib <= most,
        note=note,
        brief=True,
    )


def memory(stage: Stage, figures: Figures, idle: float) -> None:
    """Tell the memory of the only process before and after the reads."""
    after = pss_mib(tree(stage.service.pid))
    before, later = _of_workers(stage)
    figures.add(
        _held("one process that is all, idle", idle, most=70),
        _held(
            *("the same after the hot reads", after),
            most=80,
            note="its cache holds at most 64 MiB of answers and 16 MiB of written comments",
        ),
        _held(
            *("each of two workers, idle", before),
            most=70,
            note="they share what is loaded with the process that makes them; the larger one",
        ),
        _held("the same after hot reads", later, most=80),
    )
    if stage.isso is not None:
        theirs = pss_mib(tree(stage.isso.pid))
        figures.add(
            Goal(part="Memory", what="Isso after the same", measured=f"{theirs:.0f} MiB PSS")
        )
