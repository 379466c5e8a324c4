"""Writing: posts that are durable when they are answered, decisions, and claims."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Sequence

import orjson

from bench.speed import client
from bench.speed.figures import Figures, Goal, median, spread
from bench.speed.hot import percentile
from bench.speed.machine import Meter
from bench.speed.peers import ISSO
from bench.speed.requests import approvals, asked, post_requests, posts
from bench.speed.stage import Stage

POSTS = "Posts"
DECISIONS = "Decisions"
CONNECTIONS = (1, 16, 64)
LEAST = {16: 2_200, 64: 6_500}
"""Posts a second."""
SITES = {"plain": "rules only", "news": "all signals"}
BULK = 200
"""Decisions of one request: the most there may be."""


def post(stage: Stage, figures: Figures, *, rounds: int, seconds: float) -> None:
    """Post from more and more connections; every answer comes after Redis' fsync."""
    task = stage.progress.add_task("Posts", total=rounds * len(CONNECTIONS) * len(SITES))
    for site, kind in SITES.items():
        posts(stage, site, 200)  # the first ones compile rules and open connections
        stage.settle(1)
        cpu: dict[int, list[float]] = {each: [] for each in CONNECTIONS}
        whole: dict[int, list[float]] = {each: [] for each in CONNECTIONS}
        rate: dict[int, list[float]] = {each: [] for each in CONNECTIONS}
        p50: dict[int, list[float]] = {each: [] for each in CONNECTIONS}
        p99: dict[int, list[float]] = {each: [] for each in CONNECTIONS}
        refused = 0
        for _ in range(rounds):
            for connections in CONNECTIONS:
                requests = post_requests(
                    stage, site, int(seconds * (9_000 if site == "plain" else 3_000))
                )
                meter = stage.meter()
                meter.begin()
                run = stage.clients.now(
                    client.each, stage.service.port, requests, connections, seconds
                )
                spent = meter.spent()
                good = run.statuses[202]
                if good < 0.9 * run.requests:
                    raise RuntimeError(f"posts were answered with {run.statuses}: {run.wrong}")
                refused += run.refused
                cpu[connections].append(spent["service"] / good * 1e6)
                whole[connections].append(sum(spent.values()) / good * 1e6)
                rate[connections].append(good / run.seconds)
                p50[connections].append(percentile(run.latencies, 0.5) * 1e3)
                p99[connections].append(percentile(run.latencies, 0.99) * 1e3)
                stage.progress.advance(task)
        for connections in CONNECTIONS:
            _judge_posts(
                figures,
                kind,
                connections,
                rate=rate[connections],
                p50=median(p50[connections]),
                p99=median(p99[connections]),
            )
        least = min(median(cpu[each]) for each in CONNECTIONS)
        most = 200 if site == "plain" else 900
        figures.add(
            Goal(
                part=POSTS,
                what=f"CPU of the service a post, {kind}",
                measured=" / ".join(f"{median(cpu[each]):.0f}" for each in CONNECTIONS)
                + " µs at 1 / 16 / 64 connections",
                target=f"<= {most} µs",
                met=least <= most,
                note="with both stores and the journal "
                + " / ".join(f"{median(whole[each]):.0f}" for each in CONNECTIONS)
                + " µs; judged by the lowest"
                + (f"; {refused} refused as overload" if refused else ""),
                brief=True,
            )
        )
        if site == "news":
            core = 1e6 / least
            figures.add(
                Goal(
                    part=POSTS,
                    what="posts a second a core, all signals",
                    measured=f"{core:,.0f}",
                    target=">= 1,000",
                    met=core >= 1_000,
                )
            )
    stage.progress.remove_task(task)
    _isso_posts(stage, figures, rounds=rounds, seconds=seconds)


def _judge_posts(
    figures: Figures, kind: str, connections: int, *, rate: Sequence[float], p50: float, p99: float
) -> None:
    reached = median(rate)
    told = f"{reached:,.0f} a second, p50 {p50:.2f} ms, p99 {p99:.1f} ms"
    target, met = "", None
    if kind == "rules only":
        least = LEAST.get(connections)
        target = f">= {least:,} a second" if least else "p50 <= 1 ms"
        met = reached >= least if least else p50 <= 1
    figures.add(
        Goal(
            part=POSTS,
            what=f"durable post, {kind}, {connections} connection" + "s" * (connections > 1),
            measured=told,
            target=target,
            met=met,
            note=f"rounds {spread(rate)} a second",
            brief=kind == "rules only",
        )
    )


def _isso_posts(stage: Stage, figures: Figures, *, rounds: int, seconds: float) -> None:
    if stage.isso is None:
        return
    rates, cpu = [], []
    for turn in range(rounds):
        requests = []
        for number in range(int(seconds * 400)):
            body = orjson.dumps(
                {"text": f"{stage.room.texts[number % 2_000]} {turn}-{number}", "author": "Reader"}
            )
            head = (
                "POST /new?uri=%2Ftwenty%2F HTTP/1.1\r\nHost: localhost\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            requests.append(head.encode() + body)
        meter = Meter({"isso": stage.isso.pid})
        meter.begin()
        run = stage.clients.now(client.each, stage.isso.port, requests, 16, seconds)
        good = run.statuses[201] + run.statuses[202]
        if not good:
            stage.skipped.append(f"Isso's posts: it answered {dict(run.statuses)}")
            return
        rates.append(good / run.seconds)
        cpu.append(meter.spent()["isso"] / good * 1e6)
    figures.add(
        Goal(
            part=POSTS,
            what="Isso, 16 connections, moderation on",
            measured=f"{median(rates):,.0f} a second, {median(cpu):,.0f} µs of CPU",
            note="SQLite, synchronous as it comes",
        )
    )


def decide(stage: Stage, figures: Figures, *, rounds: int, bulk: int, single: int) -> None:
    """Approve what waits: many in a request, then one at a time."""
    rates, p50, cpu, whole = [], [], [], []
    task = stage.progress.add_task("Decisions", total=rounds * 2)
    for _ in range(rounds):
        ids = posts(stage, "news", bulk + single)
        stage.settle(1.5)  # the journal copies them, and clusters are looked for
        requests = approvals(stage, "news", ids[:bulk], at_once=BULK)
        meter = stage.meter()
        meter.begin()
        run = stage.ask(requests, connections=4, keep=True)
        spent = meter.spent()
        _all_applied(run)
        rates.append(bulk / run.seconds)
        cpu.append(spent["service"] / bulk * 1e6)
        whole.append(sum(spent.values()) / bulk * 1e6)
        stage.progress.advance(task)
        stage.settle(1)
        run = stage.ask(approvals(stage, "news", ids[bulk:], at_once=1), keep=True)
        _all_applied(run)
        p50.append(percentile(run.latencies, 0.5) * 1e3)
        stage.progress.advance(task)
    stage.progress.remove_task(task)
    figures.add(
        Goal(
            part=DECISIONS,
            what=f"in bulk, {BULK} a request from 4 connections",
            measured=f"{median(rates):,.0f} comments a second, committed",
            target=">= 10,000 a second",
            met=median(rates) >= 10_000,
            note=f"rounds {spread(rates)}; CPU a comment {median(cpu):.0f} µs,"
            f" with both stores {median(whole):.0f} µs; over 50 articles",
            brief=True,
        ),
        Goal(
            part=DECISIONS,
            what="one decision",
            measured=f"p50 {median(p50):.2f} ms",
            target="p50 <= 4 ms",
            met=median(p50) <= 4,
            note=f"rounds {spread(p50)} ms",
            brief=True,
        ),
    )
    _isso_decisions(stage, figures, single)


def _all_applied(run: client.Run) -> None:
    if set(run.statuses) != {200}:
        raise RuntimeError(f"decisions were answered with {run.statuses}: {run.wrong}")
    outcomes = {
        result["outcome"] for body in run.bodies for result in orjson.loads(body)["results"]
    }
    if outcomes != {"applied"}:
        raise RuntimeError(f"decisions had the outcomes {outcomes}")


def _isso_decisions(stage: Stage, figures: Figures, count: int) -> None:
    """Approve what waits in Isso by the links that it sends to moderators."""
    if stage.isso is None:
        return
    database = stage.folder / "isso" / "comments.db"
    with sqlite3.connect(database, timeout=10) as base:
        ids = [
            row[0]
            for row in base.execute("SELECT id FROM comments WHERE mode = 2 LIMIT ?", (count,))
        ]
        found = base.execute("SELECT value FROM preferences WHERE key = 'session-key'").fetchone()
    if not ids or found is None:
        return
    sign = (
        "import sys, itsdangerous as d\n"
        "key, *ids = sys.argv[1:]\n"
        "print(*(d.URLSafeTimedSerializer(key).dumps(int(i)) for i in ids), sep='\\n')"
    )
    signed = subprocess.run(
        [str(ISSO / "bin/python"), "-c", sign, found[0], *map(str, ids)],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split()
    requests = [
        f"POST /id/{each}/activate/{key} HTTP/1.1\r\nHost: localhost\r\n"
        "Content-Length: 0\r\n\r\n".encode()
        for each, key in zip(ids, signed, strict=False)
    ]
    run = stage.clients.now(client.each, stage.isso.port, requests, 1, 5.0)
    if set(run.statuses) != {200}:
        stage.skipped.append(f"Isso's decisions: it answered {dict(run.statuses)}")
        return
    figures.add(
        Goal(
            part=DECISIONS,
            what="Isso, one after the other",
            measured=f"{run.requests / run.seconds:,.0f} a second,"
            f" p50 {percentile(run.latencies, 0.5) * 1e3:.1f} ms",
        )
    )


def claim(stage: Stage, site: str, times: int) -> list[float]:
    """Claim ten and give them back, again and again; return the seconds each claim took."""
    took: list[float] = []
    for _ in range(times):
        run = stage.ask(
            [asked(stage, site, "/v1/moderation/claims", {"site": site, "limit": 10})], keep=True
        )
        items = orjson.loads(run.bodies[0])["items"]
        if len(items) != 10:
            raise RuntimeError(f"{site}: ten were to be claimed, {len(items)} were")
        took += run.latencies
        ids = [item["comment"]["id"] for item in items]
        stage.ask([asked(stage, site, "/v1/moderation/claims/release", {"comment_ids": ids})])
    return took
