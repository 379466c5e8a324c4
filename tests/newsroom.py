"""A site with its stores and features, wired as the service wires them, for tests of features."""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from redis.asyncio import Redis
from uuid_utils.compat import uuid7

from service.cursors import Cursors
from service.features.administration import Acts
from service.features.appeals import Appeals
from service.features.articles import ArticleDirectory
from service.features.authors import Authors
from service.features.cache import Cache
from service.features.cluster_decisions import ClusterDecisions
from service.features.clusters import Clusters
from service.features.decisions import Decisions
from service.features.entries import Entries
from service.features.events import Events
from service.features.guests import Guests
from service.features.intake import Accepted, Intake
from service.features.invalidation import Invalidations
from service.features.journal import Acknowledged, Journal
from service.features.lanes import Lanes
from service.features.lookup import Found, Lookup
from service.features.losses import Losses
from service.features.order import Order
from service.features.outcomes import DecisionRequest, Result
from service.features.own import Own
from service.features.permits import Permits
from service.features.promise import Promise
from service.features.queue import Queue
from service.features.reconcile import Reconcile
from service.features.recount import Recount
from service.features.redo import Redoing
from service.features.refill import Refill
from service.features.relay import Relay
from service.features.reports import Reports
from service.features.rulebook import Rulebook
from service.features.screen import Screen
from service.features.screening import queue_score
from service.features.settle import Settle
from service.features.sites import SiteDirectory
from service.features.submission import Submission
from service.features.views import Views
from service.features.votes import Votes
from service.model import Action, Actor, Author, PendingComment, Site, SiteSettings, article_id
from service.secrets import Secrets
from service.storage.appeals import AppealStore
from service.storage.articles import ArticleStore
from service.storage.channel import EVENTS, Channel
from service.storage.checks import CheckStore
from service.storage.cluster_decisions import ClusterDecisionStore
from service.storage.clusters import ClusterStore
from service.storage.comments import CommentStore
from service.storage.decisions import DecisionStore
from service.storage.durability import Level
from service.storage.events import EventStore
from service.storage.journal import JournalStore
from service.storage.limits import Limits
from service.storage.lookups import LookupStore
from service.storage.losses import LossStore
from service.storage.outbox import OutboxStore
from service.storage.own import OwnStore
from service.storage.pending import PendingStore
from service.storage.postgres import open_pool
from service.storage.readers import ReaderStore
from service.storage.recents import RecentStore
from service.storage.reception import Reception
from service.storage.recounts import RecountStore
from service.storage.redis import Scripts, connect
from service.storage.redo import RedoStore
from service.storage.reports import ReportStore
from service.storage.rules import RuleStore
from service.storage.screenings import ScreeningStore
from service.storage.seen import SeenStore
from service.storage.sites import SiteStore
from service.storage.surroundings import SurroundingStore
from service.storage.views import ViewStore
from service.storage.votes import VoteStore
from service.storage.word_lists import WordListStore

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
"""When tests begin, unless they say otherwise."""

SAM = Actor(kind="key", actor_id="samskey1", name="Sam")
KIM = Actor(kind="key", actor_id="kimskey1", name="Kim")


@dataclass(slots=True, kw_only=True)
class Newsroom:
    """One site and everything that decides on it."""

    site: Site
    pool: asyncpg.Pool
    redis: Redis
    pending: PendingStore
    decisions: Decisions
    lookup: Lookup
    journal: Journal
    losses: Losses
    reconcile: Reconcile
    redoing: Redoing
    relay: Relay
    settle: Settle
    sites: SiteDirectory
    cache: Cache
    intake: Intake
    guests: Guests
    queue: Queue
    clusters: Clusters
    cluster_decisions: ClusterDecisions
    own: Own
    votes: Votes
    reports: Reports
    appeals: Appeals
    events: Events
    views: Views
    rulebook: Rulebook
    screen: Screen
    order: Order
    articles: ArticleDirectory
    readers: ReaderStore
    invalidations: Invalidations
    now: datetime = NOON
    _minutes: itertools.count[int] = field(default_factory=itertools.count)

    async def post(
        self,
        text: str = "A comment.",
        *,
        article: str = "story-1",
        parent: UUID | None = None,
        author: UUID | None = None,
        key: str | None = None,
        auto: bool = False,
    ) -> PendingComment:
        """Accept a comment, a minute after the one before."""
        created = self.now - timedelta(days=1) + timedelta(minutes=next(self._minutes))
        item = PendingComment(
            site_id=self.site.site_id,
            site=self.site.slug,
            article_id=article_id(self.site.site_id, article),
            article_key=article,
            comment_id=uuid7(nanoseconds=int(created.timestamp()) * 10**9),
            parent_id=parent,
            author=Author(author_id=author or uuid4(), kind="guest", name="Leila"),
            text=text,
            lang="en",
            created_at=created,
            score=queue_score(0, created),
            dk=hashlib.sha256((key or str(uuid4())).encode()).hexdigest(),
            fingerprint=hashlib.sha256(text.encode()).hexdigest(),
            keyed=key is not None,
        )
        stored = await self.pending.accept(item, auto=auto, pending_max=100_000, dk_ttl_ms=60_000)
        assert stored.outcome == "OK", stored
        return item

    async def decide(
        self,
        action: Action,
        *comments: PendingComment | UUID,
        by: Actor = SAM,
        revision: int = 1,
        decision_id: UUID | None = None,
        override: bool = False,
    ) -> list[Result]:
        """Decide comments; a reason is given where one is needed."""
        requests = [
            DecisionRequest(
                comment_id=each if isinstance(each, UUID) else each.comment_id,
                revision=revision,
                action=action,
                decision_id=decision_id or uuid4(),
                reason="spam" if action in {Action.REJECT, Action.REMOVE} else None,
                override=override,
            )
            for each in comments
        ]
        return await self.decisions.decide([self.site], requests, actor=by, now=self.now)

    async def approve(self, *comments: PendingComment) -> list[Result]:
        """Approve comments, which must work."""
        results = await self.decide(Action.APPROVE, *comments)
        assert {result.outcome for result in results} == {"applied"}, results
        return results

    async def find(self, comment: PendingComment | UUID) -> Found | None:
        """Return what a comment is now."""
        comment_id = comment if isinstance(comment, UUID) else comment.comment_id
        return await self.lookup.find(self.site, comment_id)

    async def status(self, comment: PendingComment | UUID) -> str | None:
        """Return a comment's status now."""
        found = await self.find(comment)
        return found.status if found else None

    async def submit(
        self,
        text: str = "A comment.",
        *,
        article: str = "story-1",
        key: str | None = None,
        **sent: Any,
    ) -> Accepted:
        """Send a comment through the front door, as a guest unless `sent` says otherwise."""
        named = {"name": "Leila", "address_hash": "here", **sent}
        submission = Submission(
            site=self.site, article_key=article, body=text, idempotency_key=key, **named
        )
        return await self.intake.accept(submission, now=self.now)

    async def lose_redis(self) -> None:
        """Take everything this site has in Redis, as a disk that dies does."""
        keys = [key async for key in self.redis.scan_iter(f"pb:{{{self.site.slug}}}:*")]
        await self.redis.delete(*keys)

    async def journal_all(self) -> int:
        """Copy what waits to the journal."""
        return await self.journal.copy(self.site)

    async def count(self, article: str = "story-1") -> int:
        """Return the approved comments Postgres counts."""
        counted: int = await self.pool.fetchval(
            "SELECT coalesce(sum(approved), 0) FROM article_counts WHERE article_id = $1",
            article_id(self.site.site_id, article),
        )
        return counted


def staff(
    pool: asyncpg.Pool,
    redis: Redis,
    site: Site,
    *,
    articles: ArticleDirectory | None = None,
    limits_on: bool = False,
    level: Level = "local",
    replicas: int = 0,
) -> Newsroom:
    """Wire one process over two stores; called again it is another process over the same ones."""
    scripts = Scripts.load()
    pending = PendingStore(redis=redis, scripts=scripts, replicas=replicas)
    sites = SiteDirectory(sites=SiteStore(pool=pool), pending=pending)
    articles = articles or ArticleDirectory(articles=ArticleStore(pool=pool))
    readers = ReaderStore(pool=pool)
    authors = Authors(readers=readers)
    cache = Cache(clock=time.monotonic)
    invalidations = Invalidations(channel=Channel(redis=redis), cache=cache)
    store, outbox = DecisionStore(pool=pool), OutboxStore(pool=pool)
    lookups, journal = LookupStore(pool=pool), JournalStore(pool=pool)
    lookup = Lookup(pending=pending, lookups=lookups)
    recents = RecentStore(redis=redis)
    decisions = Decisions(
        store=store,
        pending=pending,
        recents=recents,
        invalidations=invalidations,
        new_id=lambda _: uuid4(),
    )
    settle = Settle(
        decisions=decisions,
        store=store,
        pending=pending,
        sites=sites,
        new_id=lambda _: uuid4(),
        clock=lambda: NOON,
    )
    acknowledged = Acknowledged()
    views = Views(store=ViewStore(redis=redis), sites=sites, clock=lambda: NOON)
    rulebook = Rulebook(store=RuleStore(pool=pool), lists=WordListStore(pool=pool))
    clusters = Clusters(
        store=ClusterStore(pool=pool),
        lookup=lookup,
        cursors=Cursors([b"c" * 32]),
        clock=lambda: NOON,
    )
    screen = Screen(
        rulebook=rulebook,
        recents=recents,
        decisions=store,
        reports=ReportStore(pool=pool),
        cluster_of=lambda site, piece, now: clusters.facts(site, piece.text, now=now),
    )
    order = Order(
        pending=pending,
        sites=sites,
        articles=articles,
        reports=ReportStore(pool=pool),
        views=views,
        clock=lambda: NOON,
    )
    losses = Losses(
        store=LossStore(pool=pool), acts=Acts(new_id=new_id), counted=lambda _lost: None
    )
    promise = Promise(pending=pending, journal=journal, level=level)
    limits = Limits(redis=redis, scripts=scripts, key=b"k" * 32)
    own_store, report_store = OwnStore(pool=pool), ReportStore(pool=pool)
    events = Events(
        store=EventStore(redis=redis),
        channel=Channel(redis=redis, name=EVENTS),
        comments=CommentStore(pool=pool),
        limits_on=limits_on,
    )
    appeals = Appeals(
        store=AppealStore(pool=pool),
        lookup=lookup,
        decisions=decisions,
        limits=limits,
        acts=Acts(new_id=new_id),
        new_id=new_id,
        limits_on=limits_on,
    )
    screenings = ScreeningStore(pool=pool)
    return Newsroom(
        site=site,
        pool=pool,
        redis=redis,
        pending=pending,
        decisions=decisions,
        lookup=lookup,
        journal=Journal(
            store=journal,
            pending=pending,
            sites=sites,
            refill=Refill(
                store=journal,
                pending=pending,
                losses=losses,
                new_epoch=lambda: uuid4().hex,
                clock=real_time,
                journaled_first=level == "journal",
            ),
            acknowledged=acknowledged,
        ),
        losses=losses,
        reconcile=Reconcile(
            decisions=store,
            journal=journal,
            outbox=outbox,
            screenings=screenings,
            pending=pending,
            sites=sites,
            recount=Recount(
                store=RecountStore(pool=pool), invalidations=invalidations, clock=real_time
            ),
            mended=lambda _rule, _count: None,
            clock=lambda: real_time() + timedelta(minutes=5),
        ),
        redoing=Redoing(
            store=RedoStore(redis=redis, pool=pool),
            decisions=decisions,
            log_store=store,
            pending=pending,
            sites=sites,
            subject_of=Secrets.derive("k" * 32).subject,
            made_again=lambda _count: None,
        ),
        relay=Relay(
            outbox=outbox,
            invalidations=invalidations,
            events=events,
            sites=sites,
            clock=real_time,
        ),
        settle=settle,
        sites=sites,
        cache=cache,
        intake=Intake(
            promise=promise,
            reception=Reception(redis=redis, scripts=scripts),
            limits=limits,
            permits=Permits(articles=articles, authors=authors, lookup=lookup),
            lookup=lookup,
            screen=screen,
            settle=settle,
            acknowledged=acknowledged,
            new_id=new_id,
            new_guest=uuid4,
            limits_on=limits_on,
        ),
        guests=Guests(limits=limits, new_guest=uuid4, limits_on=limits_on),
        clusters=clusters,
        cluster_decisions=ClusterDecisions(
            store=ClusterDecisionStore(pool=pool),
            decisions=decisions,
            sites=sites,
            acts=Acts(new_id=new_id),
            new_id=lambda _: uuid4(),
            clock=lambda: NOON,
        ),
        queue=Queue(
            pending=pending,
            lookups=lookups,
            entries=Entries(
                pending=pending,
                lookup=lookup,
                surroundings=SurroundingStore(pool=pool),
                articles=articles,
                reports=report_store,
                appeals=appeals,
                views=views,
                screenings=screenings,
            ),
            lanes=Lanes(
                reports=report_store,
                appeals=appeals.store,
                seen=SeenStore(pool=pool),
                checks=CheckStore(pool=pool),
            ),
            authors=authors,
            screenings=screenings,
            cursors=Cursors([b"c" * 32]),
        ),
        own=Own(
            store=own_store,
            pending=pending,
            promise=promise,
            lookup=lookup,
            decisions=decisions,
            screen=screen,
            settle=settle,
            articles=articles,
            authors=authors,
            limits=limits,
            cursors=Cursors([b"c" * 32]),
            new_id=lambda _: uuid4(),
            limits_on=limits_on,
        ),
        votes=Votes(
            store=VoteStore(pool=pool),
            own=own_store,
            authors=authors,
            limits=limits,
            limits_on=limits_on,
        ),
        reports=Reports(
            store=report_store,
            decisions=decisions,
            lookup=lookup,
            authors=authors,
            limits=limits,
            acts=Acts(new_id=new_id),
            new_id=lambda _: uuid4(),
            changed=order.changed,
            limits_on=limits_on,
        ),
        appeals=appeals,
        events=events,
        views=views,
        rulebook=rulebook,
        screen=screen,
        order=order,
        articles=articles,
        readers=readers,
        invalidations=invalidations,
    )


async def open_site(
    pool: asyncpg.Pool,
    redis: Redis,
    settings: SiteSettings | None = None,
    *,
    slug: str | None = None,
    limits_on: bool = False,
) -> Newsroom:
    """Make a site over two stores, of a name of its own, and the process that serves it."""
    pending = PendingStore(redis=redis, scripts=Scripts.load())
    sites = SiteDirectory(sites=SiteStore(pool=pool), pending=pending)
    site = await sites.create(slug or f"daily-{uuid4().hex[:12]}", "The Daily", settings)
    return staff(pool, redis, site, limits_on=limits_on)


@asynccontextmanager
async def open_newsroom(
    database_url: str, redis_url: str, settings: SiteSettings | None = None
) -> AsyncIterator[Newsroom]:
    """Wire the site `daily` over two stores that are its alone."""
    async with open_pool(database_url) as pool, connect(redis_url) as redis:
        yield await open_site(pool, redis, settings, slug="daily")


@asynccontextmanager
async def without_postgres(newsroom: Newsroom) -> AsyncIterator[Newsroom]:
    """Lend a process that reaches Redis and no Postgres, and has never met it."""
    nowhere = "postgresql://postbag@/postbag?host=/nonexistent"
    async with asyncpg.create_pool(nowhere, min_size=0, max_size=8) as pool:
        yield staff(pool, newsroom.redis, newsroom.site)


@asynccontextmanager
async def without_redis(newsroom: Newsroom) -> AsyncIterator[Newsroom]:
    """Lend a process that reaches Postgres and no Redis."""
    async with connect("redis://127.0.0.1:1") as redis:
        yield staff(newsroom.pool, redis, newsroom.site)


def new_id(now: datetime) -> UUID:
    """Make a comment's id, as the service does."""
    return uuid7(nanoseconds=int(now.timestamp() * 1_000) * 1_000_000)


def real_time() -> datetime:
    """Tell the time that Postgres writes beside its rows."""
    return datetime.now(UTC)  # noqa: TID251 - Postgres' own clock is not ours to set
