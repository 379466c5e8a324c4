"""A wave of one advertisement among what readers wrote: a decision or a few clear it."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from service.features.cluster_decisions import Ticked
from service.features.queue import Lane
from service.model import Action, PendingComment
from tests.features.wave import SEED, disguised, ordinary
from tests.newsroom import NOON, SAM, Newsroom

FEW = 5
"""Clusters that a wave may show itself as."""
AT_ONCE = 20
"""Comments that are sent side by side."""


@dataclass(slots=True, kw_only=True)
class Sitting:
    """What one moderator did until nothing waited."""

    decisions: int = 0
    of_clusters: int = 0
    cleared: int = 0
    before: dict[UUID, int] = field(default_factory=dict)
    """By comment that was decided alone: decisions until then, its own included."""


async def sent(newsroom: Newsroom, *, wave: int, readers: int) -> set[UUID]:
    """Let a wave and readers post, mixed; returns what readers posted, as it came."""
    texts = [(text, False) for text in disguised(wave)] + [
        (text, True) for text in ordinary(readers)
    ]
    random.Random(SEED).shuffle(texts)  # noqa: S311 - chance that repeats itself is the point
    ordinary_ids = set()
    for start in range(0, len(texts), AT_ONCE):
        piece = texts[start : start + AT_ONCE]
        items: list[PendingComment] = await asyncio.gather(
            *(
                newsroom.post(text, article=f"story-{(start + at) % 40}")
                for at, (text, _) in enumerate(piece)
            )
        )
        ordinary_ids |= {
            item.comment_id for item, (_, real) in zip(items, piece, strict=True) if real
        }
    return ordinary_ids


async def moderated(newsroom: Newsroom) -> Sitting:
    """Take what the queue hands out, one by one; what is a cluster is rejected as one."""
    sitting = Sitting()
    while True:
        entries = await newsroom.queue.claim(
            newsroom.site, lane=Lane.HELD, limit=1, actor=SAM, now=newsroom.now
        )
        if not entries:
            return sitting
        [entry] = entries
        sitting.decisions += 1
        if entry.cluster is None or entry.cluster.waiting < FEW:
            sitting.before[entry.found.comment_id] = sitting.decisions
            await newsroom.decide(Action.APPROVE, entry.found.comment_id)
            continue
        operation = await newsroom.cluster_decisions.begin(
            newsroom.site,
            entry.cluster.cluster_id,
            action="reject",
            reason="spam",
            note="",
            ticked=Ticked(with_outliers=entry.cluster.waiting == entry.cluster.outliers),
            operation_id=None,
            actor=SAM,
            is_senior=True,
            now=NOON,
        )
        while await newsroom.cluster_decisions.go_on():
            pass
        await newsroom.clusters.catch_up()
        done = await newsroom.cluster_decisions.find(newsroom.site, operation.operation_id)
        sitting.of_clusters += 1
        sitting.cleared += done.decided


@pytest.mark.parametrize(
    ("wave", "readers"),
    [
        pytest.param(120, 15, id="small"),
        pytest.param(
            16_000, 500, id="whole", marks=[pytest.mark.faults, pytest.mark.timeout(1_200)]
        ),
    ],
)
@pytest.mark.long
async def test_a_wave_is_cleared_by_a_few_decisions_and_keeps_no_reader_waiting(
    newsroom: Newsroom, wave: int, readers: int
) -> None:
    began = time.monotonic()
    ordinary_ids = await sent(newsroom, wave=wave, readers=readers)
    posted = time.monotonic()
    while await newsroom.journal_all():
        await newsroom.clusters.follow()
    await newsroom.clusters.catch_up()
    clustered = time.monotonic()
    page = await newsroom.clusters.page(newsroom.site, cursor=None, limit=100, actor=SAM)
    large = [each.waiting for each in page.clusters if each.waiting >= FEW]

    sitting = await moderated(newsroom)

    order = [each for each in sitting.before if each in ordinary_ids]
    # Without the wave, the n-th reader's comment is decided by the n-th decision.
    later = [sitting.before[each] - at for at, each in enumerate(order, 1)]
    alone = len(sitting.before) - len(order)
    print(  # noqa: T201 - the figures are the point
        f"\nwave of {wave} among {readers}: posted in {posted - began:.0f} s, clustered in"
        f" {clustered - posted:.1f} s as {large}, {sitting.of_clusters} decisions cleared"
        f" {sitting.cleared} in {time.monotonic() - clustered:.0f} s, {alone} of it decided alone,"
        f" {sitting.decisions} decisions in all; a reader's comment came at most"
        f" {max(later)} decisions later than without the wave"
    )
    assert 1 <= len(large) <= FEW
    assert len(order) == readers
    assert sitting.cleared + alone == wave
    assert alone <= wave // 500
    assert max(later) <= sitting.of_clusters + alone <= FEW + wave // 500
