"""How fast history is walked: `python -m bench.dry_run`. Public comments, the shipped rules."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from bench.lines import Line
from bench.texts import sample_texts
from service.features.dry_run_apart import Job, apart, walk_of
from service.features.dry_run_tally import Earlier
from service.features.rulebook import read_rule, rules_of
from service.features.screening import ArticleFacts, Rule
from service.features.screening.shipped import shipped_rules
from service.features.screening.words import shipped_lists
from service.model import Mode, Status

COMMENTS = 24_000
TIMED = 6_000
AIM = 20_000
AUTHORS = 3_000
PAGE = 2_000
STORY = ArticleFacts(key="story")
TRIED = {
    "title": "A word",
    "when": {"any": [{"text": {"words": ["moron", "idiot{,s}"]}}, {"links": {"min": 3}}]},
    "then": {"action": "hold", "severity": 1},
}


def lines() -> Iterator[Line]:
    """Tell comments a second of a process' own time: a rule of a kind each, and the slowest."""
    comments = history()[: PAGE + TIMED]
    warm, timed = comments[:PAGE], comments[PAGE:]
    rules = {rule.id: rule for rule in shipped_rules().rules}
    for rule_id in ("insults", "many-links", "capitals", "repeat"):
        walk = walk_of(job_of(rules[rule_id].model_copy(update={"state": "live"})))
        walk.go(warm)
        begun = time.process_time()
        walk.go(timed)
        rate = len(timed) / (time.process_time() - begun)
        yield Line(f"dry run of `{rule_id}`", f"{rate:,.0f} comments/s", ">= 20,000", rate >= AIM)


def job_of(tried: Rule) -> Job:
    """Return the trial of a rule, beside the shipped ones."""
    return Job(
        rules=[tried, *(rule for rule in rules_of([]) if rule.id != tried.id)],
        lists=shipped_lists(),
        tried=tried.id,
        version=tried.version,
        live=None,
        site="daily",
        mode=Mode.POST,
    )


def main() -> None:
    """Print comments a second: one process as it counts its own time, and all cores as a clock."""
    comments = history()
    job = job_of(read_rule("tried", 1, "live", TRIED))
    walk = walk_of(job)
    walk.go(comments[:PAGE])
    begun = time.process_time()
    tally = walk.go(comments)
    spent = time.process_time() - begun
    print(
        f"one process: {len(comments) / spent:,.0f} comments/s of its own time, {tally.hits} hits"
    )
    for processes in sorted({1, os.cpu_count() or 1}):
        rate = asyncio.run(_walked(job, comments, processes))
        print(f"{processes} processes: {rate:,.0f} comments/s by the clock")


async def _walked(job: Job, comments: Sequence[Earlier], processes: int) -> float:
    async with apart(job, processes=processes) as go:
        await go({}, comments[:PAGE])
        begun = time.perf_counter()
        for start in range(0, len(comments), PAGE):
            await go({}, comments[start : start + PAGE])
        return len(comments) / (time.perf_counter() - begun)


def history() -> list[Earlier]:
    """Return public texts as if sent within three weeks by a few thousand authors."""
    chance = random.Random(2)
    texts = sample_texts()
    chance.shuffle(texts)
    authors = [UUID(int=chance.getrandbits(128)) for _ in range(AUTHORS)]
    first = datetime(2026, 11, 1, tzinfo=UTC)
    return [
        Earlier(
            comment_id=_id(first + timedelta(seconds=60 * number), chance),
            author_id=chance.choice(authors),
            author_kind="guest",
            article=STORY,
            text=texts[number % len(texts)],
            depth=0,
            verdict=chance.random() < 1 / 8,
            status=Status.APPROVED,
            lang="en",
        )
        for number in range(COMMENTS)
    ]


def _id(at: datetime, chance: random.Random) -> UUID:
    milliseconds = int(at.timestamp() * 1_000)
    return UUID(int=milliseconds << 80 | 7 << 76 | 2 << 62 | chance.getrandbits(60))


if __name__ == "__main__":
    main()
