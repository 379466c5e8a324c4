"""What a post, a decision, a claim and a page cost while threads, articles and queues grow."""

from __future__ import annotations

from bench.speed.figures import Curve, Figures, Goal, median
from bench.speed.hot import percentile, request
from bench.speed.requests import approvals, post_requests, posts
from bench.speed.seeding import SECRET_KEY, SIZES
from bench.speed.stage import OutOfTimeError, Stage
from bench.speed.writes import claim
from service.cursors import Cursors
from service.model import article_id
from service.secrets import Secrets

PART = "Growth"
FLAT = 1.3
"""Times the smallest size that still counts as the same: rounds differ by as much."""
LEAST_FILLED = 2_000
"""Comments a second that a queue is filled with, at least, where there is room to measure."""
DEPTHS = (0, 100, 1_000, 10_000, 50_000, 99_000)
PAGE = 50


def grow(stage: Stage, figures: Figures, *, times: int) -> None:
    """Measure every curve."""
    places = {
        "thread length": [("grown", [f"thread-{size}"]) for size in SIZES],
        "articles": [(f"articles-{size}", []) for size in SIZES],
        "queue length": [(f"queue-{size}", []) for size in SIZES],
    }
    for size in SIZES:
        # What is posted below makes the smallest queue a little longer: it is decided again.
        if stage.left() < size / LEAST_FILLED:
            raise OutOfTimeError("there was no time left to fill its queues")
        stage.fill_queue(f"queue-{size}", size)
    stage.settle(2)
    posted: dict[str, list[float]] = {}
    decided: dict[str, list[float]] = {}
    task = stage.progress.add_task("Growth", total=3 * len(places) * len(SIZES))
    rounds = 3
    for along, where in places.items():
        post_us: list[list[float]] = [[] for _ in SIZES]
        decide_us: list[list[float]] = [[] for _ in SIZES]
        for site, articles in where:
            approve(stage, site, posts(stage, site, 40, articles=articles))
        for _ in range(rounds):
            for at, (site, articles) in enumerate(where):
                post_us[at].append(_post(stage, site, articles, times))
                decide_us[at].append(_decide(stage, site, articles, times))
                stage.progress.advance(task)
        posted[along] = [median(each) for each in post_us]
        decided[along] = [median(each) for each in decide_us]
    stage.progress.remove_task(task)
    for what, key, found in (
        ("post", "growth-post", posted),
        ("decision", "growth-decision", decided),
    ):
        figures.curves.append(
            Curve(
                key=key,
                title=f"One {what}",
                unit="ms, all programs' CPU",
                along="hundred, ten thousand, a hundred thousand",
                steps=SIZES,
                series=found,
            )
        )
        for along, costs in found.items():
            figures.add(_flat(f"a {what}, by {along}", costs, "ms of CPU"))
    _claims(stage, figures, times)
    _pages(stage, figures, times)


def approve(stage: Stage, site: str, ids: list[str]) -> None:
    """Approve comments at once."""
    stage.ask(approvals(stage, site, ids, at_once=len(ids)))


def _post(stage: Stage, site: str, articles: list[str], times: int) -> float:
    """Return milliseconds of all programs' time that a post takes."""
    requests = post_requests(stage, site, times, articles=articles)
    meter = stage.meter()
    meter.begin()
    run = stage.ask(requests, connections=4)
    if set(run.statuses) != {202}:
        raise RuntimeError(f"posts were answered with {run.statuses}: {run.wrong}")
    return sum(meter.spent().values()) / times * 1e3


def _decide(stage: Stage, site: str, articles: list[str], times: int) -> float:
    ids = posts(stage, site, times, articles=articles)
    stage.settle(1.0)
    meter = stage.meter()
    meter.begin()
    stage.ask(approvals(stage, site, ids, at_once=1))
    return sum(meter.spent().values()) / times * 1e3


def _claims(stage: Stage, figures: Figures, times: int) -> None:
    p50 = []
    for size in SIZES:
        claim(stage, f"queue-{size}", 5)
        p50.append(percentile(claim(stage, f"queue-{size}", times), 0.5) * 1e3)
    told = " / ".join(f"{each:.2f}" for each in p50)
    figures.add(
        Goal(
            part="Queue",
            what="claim of 10, 100 / 10,000 / 100,000 waiting",
            measured=f"p50 {told} ms",
            target="<= 2 ms, flat",
            met=p50[-1] <= 2 and p50[-1] <= FLAT * p50[0],
            brief=True,
        )
    )
    figures.curves.append(
        Curve(
            key="growth-claim",
            title="Claiming ten comments",
            unit="ms, p50",
            along="comments waiting",
            steps=SIZES,
            series={"claim of 10": p50},
        )
    )


def _pages(stage: Stage, figures: Figures, times: int) -> None:
    """Read pages of the largest thread at depths that nobody has read, so each is built."""
    site = stage.room.sites["grown"]
    key = f"thread-{SIZES[-1]}"
    cursors = Cursors(Secrets.derive(SECRET_KEY).keys("cursors"))
    purpose = f"roots:{site.site_id}:{article_id(site.site_id, key)}:newest"
    costs = []
    for depth in DEPTHS:
        targets = []
        for nth in range(times):
            at = depth + nth * 3
            base = f"/v1/sites/grown/articles/{key}/comments?sort=newest&limit={PAGE}"
            created_at, comment_id = stage.room.big_thread[at]
            cursor = cursors.sign(purpose, [at + 1, created_at, str(comment_id)])
            targets.append(request(f"{base}&cursor={cursor}", {}))
        meter = stage.meter()
        meter.begin()
        run = stage.ask(targets)
        if set(run.statuses) != {200}:
            raise RuntimeError(f"pages were answered with {run.statuses}: {run.wrong}")
        costs.append(sum(meter.spent().values()) / times * 1e3)
    figures.curves.append(
        Curve(
            key="growth-page",
            title=f"A page of {PAGE} in a thread of {SIZES[-1]:,}",
            unit="ms, all programs' CPU",
            along="comments before it",
            steps=DEPTHS,
            series={"page, built": costs},
        )
    )
    figures.add(_flat(f"a page of {PAGE} at any depth of {SIZES[-1]:,}", costs, "ms of CPU"))


def _flat(what: str, costs: list[float], unit: str) -> Goal:
    ratio = max(costs) / costs[0]
    return Goal(
        part=PART,
        what=what,
        measured=" / ".join(f"{each:.2f}" for each in costs) + f" {unit}",
        target="the same",
        met=costs[-1] <= FLAT * costs[0],
        note=f"largest {ratio:.2f} × first",
        brief=False,
    )
