"""Measure the queue's page in a real browser: a scripted moderator decides by keys alone.

`python -m bench.queue_page [DECISIONS] [WAITING]` (200 and 10,000, unless said): how many keys and
how many seconds a decision takes, how soon the next card is painted, what the page weighs, how its
memory grows over 500 decisions, and how long the first card takes with so many waiting.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
from selenium import webdriver
from selenium.webdriver.chrome.service import Service as Driver

from bench.lines import Line
from service.embedded import EmbeddedStores
from service.storage.postgres import migrate
from tests.api.aside import aside
from tests.api.conftest import opened
from tests.browser.conftest import Newsroom
from tests.browser.desk.people import Moderator, Waiting

SLOWER = 4
"""How many times slower than this machine the browser's processor is made."""
KINDS = "aaasaarasar"
"""What is decided, again and again: approved, spam, rejected for a reason."""
MEMORY_DECISIONS = 500
TIMES = 5

WATCH = """
window.took = []
document.addEventListener('keydown', (event) => {
  const pressed = event.timeStamp
  const before = document.querySelector('.q-current')?.dataset.id
  requestAnimationFrame(() => {
    const painted = new MessageChannel()
    painted.port1.onmessage = () => {
      if (document.querySelector('.q-current')?.dataset.id !== before)
        window.took.push(performance.now() - pressed)
    }
    painted.port2.postMessage(0)
  })
}, true)
"""
WEIGHED = """
return performance.getEntriesByType('resource').filter((each) => each.name.endsWith('.js'))
  .reduce((sum, each) => sum + each.encodedBodySize, 0)
"""
CLICK = """
const done = arguments[1]; let left = arguments[0]
const step = () => {
  const button = document.querySelector('.q-current .q-approve')
  if (button) { button.click(); left-- }
  left ? setTimeout(step, 20) : setTimeout(done, 1000)
}
step()
"""


@contextmanager
def newsroom(database_url: str, redis_url: str) -> Iterator[Newsroom]:
    """Open a service over two stores."""
    with (
        aside() as other,
        opened(other, database_url, redis_url, rate_limits=False, loops=True) as api,
    ):
        site = api.new_site()
        yield Newsroom(api=api, site=site, key=api.new_key(site), article="story-1")


@contextmanager
def browser() -> Iterator[webdriver.Chrome]:
    """Open Debian's Chromium without a window."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options=options, service=Driver(shutil.which("chromedriver")))
    chrome.set_script_timeout(300)
    try:
        yield chrome
    finally:
        chrome.quit()


def slowed(moderator: Moderator, times: int) -> None:
    """Make the browser's processor so many times slower."""
    moderator.send("Emulation.setCPUThrottlingRate", rate=times)


def by_keys(moderator: Moderator, decisions: int) -> list[Line]:
    """Decide comments by keys alone, as fast as the page allows."""
    moderator.visit(sort="oldest")
    weight = int(moderator.ask(WEIGHED))
    moderator.ask(WATCH)
    slowed(moderator, SLOWER)
    presses, begun = 0, time.monotonic()
    for n in range(decisions):
        moderator.until_current(f"Comment {n}.")
        kind = KINDS[n % len(KINDS)]
        moderator.decide(kind)
        presses += 1
        if kind == "r":
            moderator.until("document.querySelector('dialog[open] #q-find')")
            moderator.press("r" if n % 2 else "3")
            presses += 1
    seconds = time.monotonic() - begun
    took = sorted(float(each) for each in moderator.ask("return window.took"))
    slowed(moderator, 1)
    p10, p50, p95 = (took[int(share * len(took))] for share in (0.1, 0.5, 0.95))
    many = f"{decisions} comments decided by keys alone"
    return [
        Line(
            "JavaScript of the first screen, gzip",
            f"{weight / 1_000:.1f} kB",
            "<= 40 kB",
            weight <= 40_000,
        ),
        Line(
            many,
            f"{presses / decisions:.2f} keys each",
            "<= 1.5",
            presses <= 1.5 * decisions,
        ),
        Line(
            f"{many}, CPU x{SLOWER}",
            f"{seconds / decisions:.2f} s each, 0.25 s of it the guard against double presses",
            "<= 1 s",
            seconds / decisions <= 1,
        ),
        Line(
            f"next card painted after a key, CPU x{SLOWER}",
            f"p10 {p10:.0f}, p50 {p50:.0f}, p95 {p95:.0f} ms of {len(took)}",
            "p50 <= 50, p95 <= 100 ms",
            p50 <= 50 and p95 <= 100,
        ),
    ]


def memory(moderator: Moderator) -> Line:
    """Decide many and see what the page holds on to."""

    def heap() -> float:
        moderator.send("HeapProfiler.collectGarbage")
        moderator.send("Performance.enable")
        metrics = moderator.send("Performance.getMetrics")["metrics"]
        return float(next(each["value"] for each in metrics if each["name"] == "JSHeapUsedSize"))

    moderator.visit(sort="oldest")
    moderator.chrome.execute_async_script(CLICK, 50)
    before = heap()
    moderator.chrome.execute_async_script(CLICK, MEMORY_DECISIONS)
    grown = (heap() - before) / 1e6
    what = f"memory after {MEMORY_DECISIONS} more decisions"
    return Line(what, f"{before / 1e6:.1f} MB, {grown:+.2f} MB", "<= +1 MB", grown <= 1)


def first_card(moderator: Moderator, waiting: int, *, slower: int) -> Line:
    """Open the page again and again."""
    slowed(moderator, slower)
    took = []
    for _ in range(TIMES):
        moderator.visit(sort="priority")
        paint = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
        took.append(float(moderator.until(paint)))
    slowed(moderator, 1)
    median = statistics.median(took)
    what = f"first card with {waiting:,} waiting, CPU x{slower}"
    return Line(what, f"{median:.0f} ms, the median of {TIMES}", "< 1 s", median < 1_000)


def used(moderator: Moderator, waiting: int) -> Line:
    """Walk and decide among very many."""
    moderator.visit(sort="oldest")
    begun = time.monotonic()
    for _ in range(10):
        text = moderator.current
        moderator.decide("a")
        moderator.until(
            "document.querySelector('.q-current .q-text').innerText !== arguments[0]", text
        )
    seconds = (time.monotonic() - begun) / 10
    what = f"a decision with {waiting:,} waiting"
    return Line(what, f"{seconds:.2f} s by keys", "<= 1 s", seconds <= 1)


def _asked(newsroom: Newsroom, sort: str) -> float:
    where = f"/v1/moderation/queue?site={newsroom.site.slug}&sort={sort}&limit=50"
    begun = time.monotonic()
    newsroom.api.ask("GET", where, bearer=newsroom.key)
    return (time.monotonic() - begun) * 1_000


def measured(database_url: str, redis_url: str, *, decisions: int, waiting: int) -> Iterator[Line]:
    """Measure everything, one thing after the other."""
    with newsroom(database_url, redis_url) as room, browser() as chrome:
        moderator, comments = Moderator(chrome, room), Waiting(room)
        chrome.get(f"{room.api.caller.origin}/moderate/sign-in")
        moderator.sign_in()
        moderator.prefer()
        comments.many(decisions)
        yield from by_keys(moderator, decisions)
        comments.many(MEMORY_DECISIONS + 100)
        yield memory(moderator)
        comments.many(waiting)
        yield first_card(moderator, waiting, slower=1)
        yield first_card(moderator, waiting, slower=SLOWER)
        yield used(moderator, waiting)
        for sort in ("priority", "oldest"):
            took = statistics.median(_asked(room, sort) for _ in range(TIMES))
            what = f"50 comments of the queue, {sort} first, with {waiting:,} waiting"
            yield Line(what, f"{took:.0f} ms", "<= 250 ms", took <= 250)


def tell(database_url: str, redis_url: str, *, decisions: int, waiting: int) -> None:
    """Print what is measured, as it is."""
    for line in measured(database_url, redis_url, decisions=decisions, waiting=waiting):
        print(line, flush=True)


async def main() -> None:
    """Measure over stores of its own."""
    sizes = [int(each) for each in sys.argv[1:3]]
    decisions, waiting = [*sizes, *(200, 10_000)[len(sizes) :]]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with tempfile.TemporaryDirectory(prefix="postbag-bench-") as folder:
        await asyncio.to_thread(Path(folder).chmod, 0o711)  # the servers may run as another user
        async with EmbeddedStores(Path(folder) / "data") as stores:
            ends = stores.endpoints
            await migrate(ends.database_url)
            await asyncio.to_thread(
                tell, ends.database_url, ends.redis_url, decisions=decisions, waiting=waiting
            )


if __name__ == "__main__":
    asyncio.run(main())
