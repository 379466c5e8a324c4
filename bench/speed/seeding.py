"""What the measured service finds in its stores, all of it from one seed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from rich.progress import Progress
from uuid_utils.compat import uuid7

from service.app import Service, open_service
from service.embedded import Endpoints
from service.errors import Unavailable
from service.features.fragments import core, write
from service.features.rule_changes import Change
from service.features.screening import queue_score
from service.model import (
    Actor,
    Author,
    PendingComment,
    Scope,
    Site,
    SiteSettings,
    article_id,
    best_order,
)
from service.secrets import Secrets
from service.settings import Settings
from service.storage.comments import ShownAuthor
from service.storage.pending import PendingStore
from service.storage.redis import Scripts, connect

SEED = 20_261_125
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
SECRET_KEY = "the benchmark's own secret, which guards nothing at all"  # noqa: S105
OPERATOR = Actor(kind="key", actor_id="benchkey", name="Benchmark")

COLD_ARTICLES = 300
"""Threads of 200 comments that are read once each."""
SIZES = (100, 10_000, 100_000)
"""Of threads, of articles and of queues."""
READS_WORDS = (
    *("insults", "hate", "threats", "sexual", "spam-words"),
    *("insults-by-consonants", "campaign", "personal-data"),
)
"""Rules in effect that search the text for words or patterns, or ask what is alike."""

BATCH = 64
MARKED_EVERY = 20
COLUMNS = (
    *("site_id", "article_id", "comment_id", "parent_id", "root_id", "depth", "author_id"),
    *("author_kind", "author_name", "text", "lang", "status", "revision", "created_at"),
    *("published_at", "up", "down", "best", "reply_count", "shown_replies", "written"),
)

Row = tuple[Any, ...]


@dataclass(slots=True, kw_only=True)
class Newsroom:
    """The sites the service is measured with, and what may ask them everything."""

    sites: dict[str, Site]
    keys: dict[str, str]
    texts: Sequence[str]
    big_thread: Sequence[tuple[datetime, UUID]]
    """The roots of the largest thread, newest first."""


def sentences() -> list[str]:
    """Return sentences of readers in English, French and Arabic letters' many hands."""
    folder = Path(__file__).parents[1] / "language"
    found = [
        line.strip()
        for name in ("en", "fr", "other")
        for line in (folder / f"{name}.txt").read_text(encoding="utf-8").splitlines()
        if line.strip() and not line.startswith("#")
    ]
    return [line.rpartition("|")[2] for line in found]


def texts(count: int, chance: random.Random) -> list[str]:
    """Make comments of about 240 characters, no two the same, one in twenty with Markdown."""
    known = sentences()
    made = []
    for number in range(count):
        said: list[str] = []
        while sum(map(len, said)) < chance.choice((60, 150, 240, 240, 420)):
            said.append(chance.choice(known))
        if number % MARKED_EVERY == 0:
            said.insert(1, "It is *not* that simple.")
        made.append(f"{' '.join(said)} {number:,}")
    return made


def settings_for(where: Endpoints, **said: Any) -> Settings:
    """Return the settings of a service over these stores."""
    return Settings(
        database_url=where.database_url,
        redis_url=where.redis_url,
        secret_key=SECRET_KEY,
        rate_limits=False,
        **said,
    )


async def seed(where: Endpoints, progress: Progress) -> Newsroom:
    """Fill empty stores with everything but queues."""
    chance = random.Random(SEED)
    written = texts(2_000, chance)
    settings = settings_for(where)
    async with open_service(
        settings,
        Secrets.derive(SECRET_KEY),
        database_url=where.database_url,
        redis_url=where.redis_url,
    ) as service:
        names = ["news", "plain", "grown", *(f"articles-{size}" for size in SIZES)]
        names += [f"queue-{size}" for size in SIZES]
        sites, keys = await _sites(service, names)
        await _draft(service, sites["plain"])
    connection = await asyncpg.connect(where.database_url)
    try:
        # No trigger and no check of references: what is written here fits together.
        await connection.execute("SET session_replication_role = replica")
        filling = _Filling(connection, progress, chance, written)
        news = sites["news"].site_id
        await filling.threads(news, [("twenty", 20, 0), ("two-hundred", 100, 1), ("busy", 100, 1)])
        await filling.threads(news, [(f"story-{at}", 3, 0) for at in range(50)])
        await filling.threads(news, [(f"cold-{at}", 100, 1) for at in range(COLD_ARTICLES)])
        grown = sites["grown"].site_id
        await filling.threads(grown, [(f"thread-{size}", size, 0) for size in SIZES])
        for size in SIZES:
            await filling.articles(sites[f"articles-{size}"].site_id, size)
        rows = await connection.fetch(
            "SELECT created_at, comment_id FROM comments WHERE site_id = $1 AND article_id = $2"
            " ORDER BY created_at DESC, comment_id DESC",
            grown,
            article_id(grown, f"thread-{SIZES[-1]}"),
        )
        await connection.execute("VACUUM (ANALYZE) articles, article_counts, comments")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
    return Newsroom(
        sites=sites,
        keys=keys,
        texts=written,
        big_thread=[(row["created_at"], row["comment_id"]) for row in rows],
    )


async def _sites(service: Service, names: Iterable[str]) -> tuple[dict[str, Site], dict[str, str]]:
    sites: dict[str, Site] = {}
    keys: dict[str, str] = {}
    for name in names:
        settings = SiteSettings(pending_max=1_000_000)
        sites[name] = site = await service.core.sites.create(name, name.title(), settings)
        _, keys[name] = await service.members.keyring.create(
            site, name="bench", scopes=frozenset(Scope), expires_at=None, now=NOON
        )
    return sites, keys


async def _draft(service: Service, site: Site) -> None:
    """Leave a site only those rules that look at links, lengths, letters and habits."""
    changes = service.editors.changes
    for rule in await service.core.rulebook.entries(site):
        in_effect = rule.live_version or rule.shadow_version
        if in_effect and rule.rule_id in READS_WORDS:
            change = Change(
                actor=OPERATOR, revision=rule.revision, comment="Not measured here", now=NOON
            )
            await changes.draft(site, rule.rule_id, change)


@dataclass(frozen=True, slots=True)
class _Filling:
    """Writes public threads, as if they had been read and approved long ago."""

    connection: asyncpg.Connection[asyncpg.Record]
    progress: Progress
    chance: random.Random
    texts: Sequence[str]

    async def threads(self, site_id: int, threads: Sequence[tuple[str, int, int]]) -> None:
        """Write threads: key, how many roots, and how many replies each root has."""
        task = self.progress.add_task("Writing threads", total=sum(each[1] for each in threads))
        await self._describe(site_id, [(key, n * (1 + below), n) for key, n, below in threads])
        rows: list[Row] = []
        for key, roots, replies in threads:
            for row in self._thread(site_id, key, roots, replies):
                rows.append(row)
                if len(rows) >= 20_000:
                    await self._copy(rows)
                    rows = []
            self.progress.advance(task, roots)
        await self._copy(rows)
        self.progress.remove_task(task)

    async def articles(self, site_id: int, count: int) -> None:
        """Write articles nobody has commented on."""
        await self._describe(site_id, [(f"story-{at}", 0, 0) for at in range(count)])

    async def _describe(self, site_id: int, described: Sequence[tuple[str, int, int]]) -> None:
        ids = [(article_id(site_id, key), key, n, roots) for key, n, roots in described]
        await self.connection.copy_records_to_table(
            "articles",
            records=[(site_id, each, key, f"An article on {key}") for each, key, _, _ in ids],
            columns=("site_id", "article_id", "key", "title"),
        )
        await self.connection.copy_records_to_table(
            "article_counts",
            records=[(site_id, each, n, roots, n) for each, _, n, roots in ids],
            columns=("site_id", "article_id", "approved", "shown_roots", "version"),
        )

    async def _copy(self, rows: list[Row]) -> None:
        await self.connection.copy_records_to_table("comments", records=rows, columns=COLUMNS)

    def _thread(self, site_id: int, key: str, roots: int, replies: int) -> Iterator[Row]:
        home = article_id(site_id, key)
        for number in range(roots):
            at = NOON - timedelta(seconds=10 * (roots - number))
            root = _id(at)
            place = (site_id, home, root, None, root, 0)
            yield self._row(place, at, replies)
            for nth in range(replies):
                later = at + timedelta(seconds=nth + 1)
                yield self._row((site_id, home, _id(later), root, root, 1), later, 0)

    def _row(self, place: Row, at: datetime, replies: int) -> Row:
        up, down = self.chance.randrange(20), self.chance.randrange(4)
        name = f"Reader {self.chance.randrange(9_999)}"
        text = self.chance.choice(self.texts)
        told = core(
            comment_id=place[2],
            parent_id=place[3],
            status="approved",
            revision=1,
            text=text,
            lang="en",
            created_at=at,
            edited_at=None,
        )
        return (
            *(*place, uuid4(), "guest", name, text, "en", "approved", 1, at, at),
            *(up, down, best_order(up, down, at), replies, replies),
            write(told, ShownAuthor(name, None, None)),
        )


def _id(at: datetime) -> UUID:
    return uuid7(nanoseconds=int(at.timestamp() * 1_000) * 1_000_000)


async def fill_queue(
    where: Endpoints, site: Site, count: int, written: Sequence[str], progress: Progress
) -> None:
    """Let so many comments wait as if they had been copied to the journal already."""
    chance = random.Random(SEED)
    task = progress.add_task(f"Filling a queue of {count:,}", total=count)
    async with connect(where.redis_url, pool_size=BATCH) as redis:
        await redis.config_set("appendfsync", "no")
        await redis.config_set("auto-aof-rewrite-percentage", "0")
        pending = PendingStore(redis=redis, scripts=Scripts.load())
        try:
            for first in range(0, count, BATCH):
                numbers = range(first, min(first + BATCH, count))
                items = [_waiting(site, number, chance.choice(written)) for number in numbers]
                await _requeue(pending, items)
                progress.advance(task, len(numbers))
        finally:
            await redis.config_set("appendfsync", "always")
    progress.remove_task(task)


async def _requeue(pending: PendingStore, items: Sequence[PendingComment]) -> None:
    """Put comments among the waiting; asked twice it does nothing more."""
    for left in reversed(range(5)):
        try:
            await asyncio.gather(
                *(pending.requeue(each, journaled=True, guarded=False) for each in items)
            )
        except Unavailable:  # a machine with other work to do
            if not left:
                raise
            await asyncio.sleep(1)
        else:
            return


def _waiting(site: Site, number: int, text: str) -> PendingComment:
    key = f"story-{number % 1_000}"
    at = NOON - timedelta(seconds=number)
    return PendingComment(
        site_id=site.site_id,
        site=site.slug,
        article_id=article_id(site.site_id, key),
        article_key=key,
        comment_id=_id(at),
        parent_id=None,
        author=Author(author_id=uuid4(), kind="guest", name="Waiting reader"),
        text=text,
        lang="en",
        created_at=at,
        score=queue_score(0, at),
    )
