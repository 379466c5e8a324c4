"""Measure near-duplicates: what is found again in disguise, and what is alike by chance.

`python -m bench.near STORED` also fills a database of its own with that many signatures and times
look-ups in it.
"""

from __future__ import annotations

import asyncio
import difflib
import gzip
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import UUID

import asyncpg
import numpy as np

from bench import public
from bench.lines import Line
from service.embedded import EmbeddedStores
from service.features.screening import minhash
from service.features.screening.minhash import ALIKE, Signature, likeness, signature_of
from service.features.screening.views import views_of
from service.storage.clusters import ClusterStore
from service.storage.postgres import migrate, open_pool

VARIANTS = public.DATA / "derived" / "neardup_spam_variants.jsonl.gz"
UNRELATED = (
    "threads/globe_and_mail_threads",
    "open/fox_news_comments",
    "open/wikipedia_talk_context",
    "open/civil_toxic_spans_posts",
    "stated-upstream/ken20_hate_comments",
)
RELATED = 0.6
"""From which share of equal letters, in their order, two texts are said to be the same by a
measure that has nothing to do with ours."""
LOOKED_UP = 2_000
SITE = 1


class Index:
    """Signatures in memory, found by their bands."""

    def __init__(self) -> None:
        self.signatures: list[tuple[Signature, str]] = []
        self.of_band: dict[int, list[int]] = defaultdict(list)

    def add(self, signature: Signature, text: str) -> None:
        """Keep one."""
        for band in signature.bands:
            self.of_band[band].append(len(self.signatures))
        self.signatures.append((signature, text))

    def alike(self, signature: Signature) -> list[str]:
        """Return the texts that are alike."""
        near = {at for band in signature.bands for at in self.of_band.get(band, ())}
        return [
            text
            for known, text in (self.signatures[at] for at in near)
            if likeness(signature, known) >= ALIKE
        ]


def lines() -> Iterator[Line]:
    """Measure what can be measured without a database."""
    if VARIANTS.exists():
        yield from recall()
    yield from false_hits()
    texts = [row.text for row in public.rows(UNRELATED[0])[:LOOKED_UP]]
    views = [views_of(text) for text in texts]
    began = time.thread_time_ns()
    for view in views:
        minhash.signatures_of_views([(view, SITE)])
    took = (time.thread_time_ns() - began) / 1e3 / len(views)
    yield Line(
        "near-duplicates: signing a comment, mean", f"{took:.0f} us", "<= 200 us", took <= 200
    )


def recall() -> Iterator[Line]:
    """Look for disguised spam among the plain."""
    with gzip.open(VARIANTS, "rt", encoding="utf-8") as read:
        rows = [json.loads(line) for line in read]
    index = Index()
    plain = {row["source"]: row["text"] for row in rows if row["kind"] == "original"}
    for text in plain.values():
        signature = signature_of(text, salt=SITE)
        if signature is not None:
            index.add(signature, text)
    found: dict[str, list[bool]] = defaultdict(list)
    for row in rows:
        if row["kind"] != "original":
            signature = signature_of(row["text"], salt=SITE)
            again = signature is not None and plain[row["source"]] in index.alike(signature)
            found[row["kind"]].append(again)
    shares = {kind: sum(hits) / len(hits) for kind, hits in found.items()}
    mean, worst = sum(shares.values()) / len(shares), min(shares, key=lambda kind: shares[kind])
    yield Line(
        f"near-duplicates: found again in {len(shares)} disguises, mean",
        f"{mean:.3f} of {len(plain)}",
        ">= .93",
        mean >= 0.93,
    )
    yield Line(
        "near-duplicates: worst disguise",
        f"{shares[worst]:.3f} ({worst})",
        ">= .80",
        shares[worst] >= 0.80,
    )


def false_hits() -> Iterator[Line]:
    """Look for each comment among all before it; what is found and not the same is false."""
    index, queries, hits, false = Index(), 0, 0, 0
    for name in UNRELATED:
        for row in public.rows(name):
            signature = signature_of(row.text, salt=SITE)
            if signature is None:
                continue
            queries += 1
            alike = index.alike(signature)
            hits += bool(alike)
            false += bool(alike) and not any(_same(row.text, text) for text in alike)
            index.add(signature, row.text)
    yield Line(
        "near-duplicates: alike to an unrelated comment",
        f"{false / queries:.2%} of {queries}",
        "<= 0.3 %",
        false <= 0.003 * queries,
        f"{hits / queries:.2%} alike to any",
    )


def _same(one: str, other: str) -> bool:
    letters = ["".join(filter(str.isalnum, views_of(text).norm.text)) for text in (one, other)]
    return difflib.SequenceMatcher(None, *letters, autojunk=False).ratio() >= RELATED


async def look_ups(stored: int) -> Line:
    """Time look-ups among so many signatures in Postgres."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o711)  # noqa: PTH101, S103 - the servers run as another user
        async with EmbeddedStores(Path(folder) / "data") as stores:
            url = stores.endpoints.database_url
            await migrate(url)
            await _fill(url, stored)
            async with open_pool(url) as pool:
                took = await _time(ClusterStore(pool=pool))
    p50, p95 = (sorted(took)[int(share * len(took))] for share in (0.5, 0.95))
    return Line(
        f"near-duplicates: look-up among {stored:,} stored",
        f"p50 {p50:.2f} ms, p95 {p95:.2f} ms",
        "p95 <= 2 ms",
        p95 <= 2,
    )


async def _fill(url: str, stored: int) -> None:
    chance = np.random.default_rng(1)
    connection = await asyncpg.connect(url)
    await connection.execute("DROP INDEX cluster_signatures_bands")
    for start in range(0, stored, 50_000):
        count = min(50_000, stored - start)
        bands = chance.integers(-(2**31), 2**31, (count, minhash.BANDS)).tolist()
        numbers = chance.bytes(count * 2 * minhash.PERMUTATIONS)
        ids = [UUID(int=start + row + 1) for row in range(count)]
        await connection.execute(
            "INSERT INTO clusters (site_id, cluster_id, first_at, last_at)"
            " SELECT 1, id, now(), now() FROM unnest($1::uuid[]) AS id",
            ids,
        )
        size = 2 * minhash.PERMUTATIONS
        await connection.copy_records_to_table(
            "cluster_signatures",
            records=[
                (SITE, each, each, numbers[row * size : (row + 1) * size], bands[row])
                for row, each in enumerate(ids)
            ],
            columns=["site_id", "cluster_id", "comment_id", "numbers", "bands"],
        )
    await connection.execute(
        "CREATE INDEX cluster_signatures_bands ON cluster_signatures USING gin (bands)"
        " WITH (fastupdate = off)"
    )
    await connection.execute("ANALYZE cluster_signatures")
    await connection.close()


async def _time(store: ClusterStore) -> list[float]:
    texts: Sequence[str] = [row.text for row in public.rows(UNRELATED[0])[: LOOKED_UP + 200]]
    signatures = [each for text in texts if (each := signature_of(text, salt=SITE)) is not None]
    took = []
    for at, signature in enumerate(signatures):
        tries = []
        for _ in range(3):  # of which the fastest counts: other programs disturb the slower ones
            began = time.perf_counter_ns()
            await store.alike(signature.bands)
            tries.append((time.perf_counter_ns() - began) / 1e6)
        if at >= 200:
            took.append(min(tries))
    return took


if __name__ == "__main__":
    for asked in sys.argv[1:]:
        print(asyncio.run(look_ups(int(asked))))
