"""A thousand open pages that are told of a comment."""

from __future__ import annotations

from bench.speed import client
from bench.speed.figures import Figures, Goal
from bench.speed.hot import percentile, request
from bench.speed.requests import approvals, posts
from bench.speed.stage import Stage

STREAMS = 1_000


def streams(stage: Stage, figures: Figures, *, decisions: int) -> None:
    """Approve comments one after the other while a thousand streams are open."""
    article = "twenty"
    ids = posts(stage, "news", decisions, articles=[article])
    stage.settle(1)
    ask = request(f"/v1/sites/news/articles/{article}/events", {"Accept": "text/event-stream"})
    meter = stage.meter()
    meter.begin()
    opened, took, heard = stage.clients.now(
        client.streams,
        stage.service.port,
        ask,
        STREAMS,
        approvals(stage, "news", ids, at_once=1),
        0.2,
    )
    spent = meter.spent()["service"]
    missed = sum(opened - each for each in heard)
    p99 = percentile(took, 0.99)
    figures.add(
        Goal(
            part="Streams",
            what=f"an approved comment is in every widget, {opened:,} open streams",
            measured=f"p99 {p99:.2f} s, p50 {percentile(took, 0.5):.2f} s",
            target="p99 <= 1 s",
            met=p99 <= 1 and not missed and opened == STREAMS,
            note=f"from sending the decision; {missed} of {opened * len(heard):,} not told;"
            f" {spent / max(len(took), 1) * 1e6:.0f} µs of CPU a telling, opening included",
            brief=True,
        )
    )
