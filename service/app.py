"""The wiring: stores to features to operations, and the loops that go on behind them.

Only here and on the command line does the service know what time it is.
"""

from __future__ import annotations

import asyncio
import secrets as chance
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache as once
from functools import partial
from uuid import UUID, uuid4

import asyncpg
import structlog
from redis.asyncio import Redis
from uuid_utils.compat import uuid7

from service.cursors import Cursors
from service.demo.content import NEWSPAPER, load
from service.features.access import Access, Keyring
from service.features.administration import Acts, Administration
from service.features.appeals import Appeals
from service.features.arrivals import Arrivals
from service.features.articles import ArticleDirectory
from service.features.authenticators import Authenticators
from service.features.authors import Authors
from service.features.cache import Cache, hear
from service.features.counts import Counts
from service.features.decisions import Decisions
from service.features.desk import Desk
from service.features.events import Events
from service.features.forwarders import Forwarders
from service.features.guests import Guests
from service.features.intake import Intake
from service.features.invalidation import Invalidations
from service.features.journal import Acknowledged, Journal
from service.features.lanes import Lanes
from service.features.latest import Latest
from service.features.leader import Leader
from service.features.levels import Levels
from service.features.lookup import Lookup
from service.features.own import Own
from service.features.passkeys import Passkeys
from service.features.passwords import Passwords
from service.features.queue import Queue
from service.features.reconcile import Reconcile
from service.features.records import Records
from service.features.relay import Relay
from service.features.reports import Reports
from service.features.search.export import Export
from service.features.search.find import Search
from service.features.search.index import SearchIndex
from service.features.sessions import Sessions
from service.features.settle import Settle
from service.features.sign_in import SignIn
from service.features.sites import SiteDirectory
from service.features.sweeps import Sweeps
from service.features.team import Team
from service.features.telling import Telling
from service.features.threads import Threads
from service.features.token_keys import TokenKeys
from service.features.views import Views
from service.features.vitals import Vitals
from service.features.votes import Votes
from service.secrets import Secrets
from service.settings import VERSION, Settings
from service.storage.accounts import AccountStore
from service.storage.administration import AdministrationStore
from service.storage.appeals import AppealStore
from service.storage.arrivals import ArrivalStore
from service.storage.articles import ArticleStore
from service.storage.challenges import ChallengeStore
from service.storage.channel import DESK, EVENTS, Channel
from service.storage.comments import CommentStore
from service.storage.decisions import DecisionStore
from service.storage.demo import DemoVotes
from service.storage.events import EventStore
from service.storage.journal import JournalStore
from service.storage.latest import LatestStore
from service.storage.leadership import Leadership
from service.storage.limits import Limits
from service.storage.lookups import LookupStore
from service.storage.outbox import OutboxStore
from service.storage.own import OwnStore
from service.storage.pending import PendingStore
from service.storage.postgres import open_pool
from service.storage.probes import StoreProbe
from service.storage.proofs import ProofStore
from service.storage.readers import ReaderStore
from service.storage.records import RecordStore
from service.storage.redis import Scripts, connect
from service.storage.reports import ReportStore
from service.storage.search import SearchStore
from service.storage.sessions import SessionStore
from service.storage.sightings import SightingStore
from service.storage.sites import SiteStore
from service.storage.sweeps import SweepStore
from service.storage.token_keys import TokenKeyStore
from service.storage.views import ViewStore
from service.storage.votes import VoteStore
from service.telemetry import Metrics
from service.web import server
from service.web.appeals import Appealing
from service.web.assembly import api_gate, metrics_gate
from service.web.assets import Assets
from service.web.cookies import Doorstep
from service.web.dashboard.entrance import EntrancePages
from service.web.dashboard.queue import QueuePages
from service.web.desk import DeskStreams
from service.web.draining import Draining
from service.web.entrance import Entrance
from service.web.events import EventStreams
from service.web.management import Management
from service.web.moderation import Moderation
from service.web.operation import Operation
from service.web.operations import ReadyState
from service.web.own import OwnComments
from service.web.own_account import OwnAccount
from service.web.pages.every import Pages
from service.web.pages.newspaper import Paper
from service.web.people import People
from service.web.pulse import LAG_MAX_SECONDS
from service.web.readers import Readers
from service.web.records import AuthorRecords
from service.web.reports import Reporting
from service.web.search import Searching
from service.web.server import Bounds
from service.web.views import Viewing
from service.web.votes import Voting

log = structlog.get_logger(__name__)

AGAIN_SECONDS = 1.0
"""Before a loop that failed unexpectedly is begun again."""

Loop = Callable[[], Awaitable[None]]


def clock() -> datetime:
    """Return the time of day, UTC."""
    return datetime.now(UTC)  # noqa: TID251 - this is where time enters


def new_id(now: datetime) -> UUID:
    """Make a UUIDv7: ids sort by time, and a comment's says when it was accepted."""
    return uuid7(nanoseconds=int(now.timestamp() * 1_000) * 1_000_000)


@once
def demo_paper() -> Paper:
    """Read the demo's newspaper; only where somebody asks for it."""
    return Paper(editions=tuple(NEWSPAPER.items()), stories=load().articles)


@dataclass(frozen=True, slots=True, kw_only=True)
class Urls:
    """Where a process answers; no slash at their ends."""

    base: str
    metrics: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Everything one process is made of."""

    pool: asyncpg.Pool[asyncpg.Record]
    redis: Redis
    metrics: Metrics
    sites: SiteDirectory
    articles: ArticleDirectory
    pending: PendingStore
    decisions: Decisions
    access: Access
    keyring: Keyring
    team: Team
    sessions: Sessions
    sign_in: SignIn
    authenticators: Authenticators
    passkeys: Passkeys
    arrivals: Arrivals
    administration: Administration
    token_keys: TokenKeys
    intake: Intake
    guests: Guests
    lookup: Lookup
    own: Own
    votes: Votes
    reports: Reports
    appeals: Appeals
    records: Records
    sweeps: Sweeps
    search: Search
    search_index: SearchIndex
    exports: Export
    queue: Queue
    views: Views
    threads: Threads
    counts: Counts
    cache: Cache
    invalidations: Invalidations
    journal: Journal
    settle: Settle
    reconcile: Reconcile
    relay: Relay
    events: Events
    desk: Desk
    levels: Levels
    forwarders: Forwarders
    leadership: Leadership
    vitals: Vitals
    hash_address: Callable[[str], str]
    public_url: str | None

    def operations(self) -> list[Operation]:
        """Return the table of everything the API answers."""
        readers = Readers(
            intake=self.intake,
            guests=self.guests,
            threads=self.threads,
            counts=self.counts,
            lookup=self.lookup,
            appeals=self.appeals,
            cache=self.cache,
            access=self.access,
            hash_address=self.hash_address,
        )
        moderation = Moderation(
            queue=self.queue, decisions=self.decisions, lookup=self.lookup, new_id=new_id
        )
        management = Management(
            sites=self.sites,
            articles=self.articles,
            keyring=self.keyring,
            token_keys=self.token_keys,
            acts=Acts(new_id=new_id),
        )
        people = People(team=self.team, administration=self.administration)
        doorstep = Doorstep(public_url=self.public_url)
        entrance = Entrance(
            sign_in=self.sign_in,
            sessions=self.sessions,
            arrivals=self.arrivals,
            doorstep=doorstep,
        )
        own_account = OwnAccount(
            sign_in=self.sign_in,
            sessions=self.sessions,
            authenticators=self.authenticators,
            passkeys=self.passkeys,
            doorstep=doorstep,
        )
        entrance_pages = EntrancePages(
            sign_in=self.sign_in,
            sessions=self.sessions,
            passkeys=self.passkeys,
            doorstep=doorstep,
        )
        own = OwnComments(
            own=self.own, votes=self.votes, appeals=self.appeals, records=self.records
        )
        reporting = Reporting(reports=self.reports, hash_address=self.hash_address)
        appealing = Appealing(appeals=self.appeals)
        voting = Voting(votes=self.votes, hash_address=self.hash_address)
        streams = EventStreams(events=self.events)
        pages = Pages(
            threads=self.threads,
            counts=self.counts,
            cache=self.cache,
            latest=Latest(store=LatestStore(pool=self.pool), comments=CommentStore(pool=self.pool)),
            intake=self.intake,
            lookup=self.lookup,
            articles=self.articles,
            sites=self.sites,
            hash_address=self.hash_address,
            public_url=self.public_url,
            paper=demo_paper,
            first_heard=DemoVotes(pool=self.pool).began,
        )
        return [
            *readers.operations(),
            *pages.operations(),
            *Assets.load().operations(),
            *own.operations(),
            *voting.operations(),
            *streams.operations(),
            *Viewing(views=self.views).operations(),
            *reporting.operations(),
            *appealing.operations(),
            *moderation.operations(),
            *DeskStreams(
                desk=self.desk, sessions=self.sessions, access=self.access, clock=clock
            ).operations(),
            *Searching(search=self.search, exports=self.exports).operations(),
            *AuthorRecords(records=self.records, sweeps=self.sweeps).operations(),
            *management.operations(),
            *people.operations(),
            *entrance.operations(),
            *own_account.operations(),
            *entrance_pages.operations(),
            *QueuePages(queue=self.queue, sites=self.sites).operations(),
        ]

    def loops(self) -> Sequence[Loop]:
        """Return what goes on behind the requests, in every process."""
        leader = Leader(
            leadership=self.leadership,
            loops=(
                self.journal.run,
                self.settle.run,
                self.reconcile.run,
                self.relay.run,
                self.levels.run,
                self.views.run,
                self.sweeps.run,
                self.search_index.run,
            ),
            leads=self.metrics.leads.set,
        )
        return (
            leader.run,
            self.journal.run_watermarks,
            self.invalidations.run,
            self.events.run,
            self.desk.run_telling,
            self.desk.run_hearing,
            self.desk.run_counts,
            self.forwarders.run,
            self.views.run_flushes,
            self.vitals.run,
        )


@asynccontextmanager
async def open_service(
    settings: Settings, secrets: Secrets, *, database_url: str, redis_url: str, worker: int = 0
) -> AsyncIterator[Service]:
    """Open both stores and wire everything to them; no loop runs yet.

    Raises:
        DatabaseUnavailable: Postgres is away.
    """
    async with AsyncExitStack() as opened:
        pool = await opened.enter_async_context(
            open_pool(database_url, max_size=settings.database_pool)
        )
        redis = await opened.enter_async_context(connect(redis_url, pool_size=settings.redis_pool))
        service = wire(settings, secrets, pool=pool, redis=redis, worker=worker)
        opened.push_async_callback(service.cache.close)
        yield service


def wire(
    settings: Settings,
    secrets: Secrets,
    *,
    pool: asyncpg.Pool[asyncpg.Record],
    redis: Redis,
    worker: int = 0,
) -> Service:
    """Build every feature over two open stores."""
    metrics = Metrics(version=VERSION, worker=worker)
    scripts = Scripts.load()
    pending = PendingStore(redis=redis, scripts=scripts)
    limits = Limits(redis=redis, scripts=scripts, key=secrets.key("limits"))
    acts, sessions = Acts(new_id=new_id), Sessions(store=SessionStore(pool=pool))
    proofs, passwords = ProofStore(pool=pool), Passwords()
    authenticators = Authenticators(store=proofs, secrets=secrets, acts=acts)
    passkeys = Passkeys(store=proofs, challenges=ChallengeStore(redis=redis), acts=acts)
    accounts, readers = AccountStore(pool=pool), ReaderStore(pool=pool)
    decision_store, journal_store = DecisionStore(pool=pool), JournalStore(pool=pool)
    outbox, lookups, comments = (
        OutboxStore(pool=pool),
        LookupStore(pool=pool),
        CommentStore(pool=pool),
    )
    sites = SiteDirectory(sites=SiteStore(pool=pool), pending=pending)
    articles = ArticleDirectory(articles=ArticleStore(pool=pool))
    authors = Authors(readers=readers)
    token_keys = TokenKeys(token_keys=TokenKeyStore(pool=pool), secrets=secrets)
    cache = Cache(clock=time.monotonic, heard=hear(metrics))
    invalidations = Invalidations(channel=Channel(redis=redis), cache=cache)
    events = Events(
        store=EventStore(redis=redis),
        channel=Channel(redis=redis, name=EVENTS),
        comments=comments,
        limits_on=settings.rate_limits,
    )
    telling = Telling()
    report_store, appeal_store = ReportStore(pool=pool), AppealStore(pool=pool)
    lanes = Lanes(reports=report_store, appeals=appeal_store)
    desk = Desk(
        telling=telling, channel=Channel(redis=redis, name=DESK), pending=pending, lanes=lanes
    )

    def say_degraded() -> None:
        events.say_degraded()
        desk.say_degraded()

    vitals = Vitals(
        probe=StoreProbe(pool=pool, redis=redis, assume_durable=settings.assume_durable),
        metrics=metrics,
        redis_lost=say_degraded,
    )
    decisions = Decisions(
        store=decision_store,
        pending=pending,
        invalidations=invalidations,
        new_id=new_id,
        heard=lambda outcome: metrics.decisions.labels(outcome).inc(),
        telling=telling,
    )
    settle = Settle(
        decisions=decisions,
        store=decision_store,
        pending=pending,
        sites=sites,
        new_id=new_id,
        clock=clock,
    )
    own_store = OwnStore(pool=pool)
    lookup = Lookup(pending=pending, lookups=lookups)
    appeals = Appeals(
        store=appeal_store,
        lookup=lookup,
        decisions=decisions,
        limits=limits,
        new_id=new_id,
        limits_on=settings.rate_limits,
        telling=telling,
    )
    records = Records(
        store=RecordStore(pool=pool),
        authors=authors,
        lookup=lookup,
        decisions=decisions,
        pending=pending,
        token_keys=token_keys,
        acts=acts,
        new_id=new_id,
    )
    views = Views(store=ViewStore(redis=redis), sites=sites, clock=clock)
    cursors = Cursors(secrets.keys("cursors"))
    acknowledged = Acknowledged()
    search_store = SearchStore(pool=pool)
    search = Search(
        store=search_store,
        lookup=lookup,
        decisions=decisions,
        articles=articles,
        cursors=cursors,
    )
    return Service(
        pool=pool,
        redis=redis,
        metrics=metrics,
        sites=sites,
        articles=articles,
        pending=pending,
        decisions=decisions,
        access=Access(
            accounts=accounts,
            readers=readers,
            token_keys=token_keys,
            receipt_keys=secrets.keys("receipts"),
        ),
        keyring=Keyring(accounts=accounts),
        team=Team(accounts=accounts, acts=acts),
        sessions=sessions,
        sign_in=SignIn(
            store=proofs,
            sessions=sessions,
            passwords=passwords,
            authenticators=authenticators,
            passkeys=passkeys,
            limits=limits,
            acts=acts,
            limits_on=settings.rate_limits,
        ),
        authenticators=authenticators,
        passkeys=passkeys,
        arrivals=Arrivals(
            store=ArrivalStore(pool=pool),
            accounts=accounts,
            passwords=passwords,
            passkeys=passkeys,
            acts=acts,
        ),
        administration=Administration(store=AdministrationStore(pool=pool), cursors=cursors),
        token_keys=token_keys,
        intake=Intake(
            pending=pending,
            limits=limits,
            articles=articles,
            authors=authors,
            lookup=lookup,
            settle=settle,
            acknowledged=acknowledged,
            new_id=new_id,
            new_guest=uuid4,
            limits_on=settings.rate_limits,
            issuers=token_keys.issuers,
            durable=lambda: vitals.durable,
            heard=lambda outcome: metrics.accepts.labels(outcome).inc(),
        ),
        guests=Guests(limits=limits, new_guest=uuid4, limits_on=settings.rate_limits),
        lookup=lookup,
        own=Own(
            store=own_store,
            pending=pending,
            lookup=lookup,
            decisions=decisions,
            settle=settle,
            articles=articles,
            authors=authors,
            limits=limits,
            new_id=new_id,
            limits_on=settings.rate_limits,
            telling=telling,
        ),
        votes=Votes(
            store=VoteStore(pool=pool),
            own=own_store,
            authors=authors,
            limits=limits,
            limits_on=settings.rate_limits,
        ),
        reports=Reports(
            store=report_store,
            decisions=decisions,
            lookup=lookup,
            authors=authors,
            limits=limits,
            new_id=new_id,
            limits_on=settings.rate_limits,
            telling=telling,
        ),
        appeals=appeals,
        records=records,
        search=search,
        search_index=SearchIndex(store=search_store),
        exports=Export(search=search, log=AdministrationStore(pool=pool), acts=acts),
        sweeps=Sweeps(
            store=SweepStore(pool=pool),
            records=records,
            decisions=decisions,
            sites=sites,
            acts=acts,
            new_id=new_id,
            clock=clock,
        ),
        queue=Queue(
            pending=pending,
            lookup=lookup,
            lookups=lookups,
            articles=articles,
            authors=authors,
            lanes=lanes,
            appeals=appeals,
            views=views,
            cursors=cursors,
            telling=telling,
        ),
        views=views,
        threads=Threads(store=comments, cursors=cursors),
        counts=Counts(store=comments, cache=cache),
        cache=cache,
        invalidations=invalidations,
        journal=Journal(
            store=journal_store,
            pending=pending,
            sites=sites,
            acknowledged=acknowledged,
            new_epoch=partial(chance.token_hex, 16),
            clock=clock,
        ),
        settle=settle,
        reconcile=Reconcile(
            decisions=decision_store,
            journal=journal_store,
            outbox=outbox,
            pending=pending,
            sites=sites,
            mended=lambda rule, count: metrics.reconciled.labels(rule).inc(count),
            clock=clock,
        ),
        relay=Relay(
            outbox=outbox,
            invalidations=invalidations,
            events=events,
            sites=sites,
            clock=clock,
        ),
        events=events,
        desk=desk,
        levels=Levels(pending=pending, outbox=outbox, sites=sites, metrics=metrics, clock=clock),
        forwarders=Forwarders(sightings=SightingStore(redis=redis)),
        leadership=Leadership(pool=pool),
        vitals=vitals,
        hash_address=secrets.address_hash,
        public_url=settings.public_url,
    )


@dataclass(frozen=True, slots=True)
class _Ready:
    """What was last seen of the stores, as the probe of a balancer is told."""

    vitals: Vitals

    def state(self) -> ReadyState:
        return ReadyState(
            schema_ok=self.vitals.schema_ok,
            durable=self.vitals.durable,
            dependencies=self.vitals.dependencies,
        )


@asynccontextmanager
async def serving(
    service: Service,
    settings: Settings,
    *,
    worker: int = 0,
    lag_max_seconds: float = LAG_MAX_SECONDS,
) -> AsyncIterator[Urls]:
    """Answer over HTTP until the block ends; then drain, and finish what is in work.

    Raises:
        OSError: a port is taken.
    """
    await service.vitals.look()
    draining = Draining()
    gate = api_gate(
        service.operations(),
        access=service.access,
        sites=service.sites,
        sessions=service.sessions,
        readiness=_Ready(service.vitals),
        draining=draining,
        metrics=service.metrics,
        now=clock,
        forwarders=service.forwarders,
        trusted_proxies=settings.trusted_proxies,
        public_url=settings.public_url,
        lag_max_seconds=lag_max_seconds,
    )
    bounds = Bounds() if settings.rate_limits else Bounds(per_address=None)
    metrics_port = settings.metrics_port and settings.metrics_port + worker
    async with (
        server.serving(
            metrics_gate(service.metrics, now=clock), host=settings.metrics_host, port=metrics_port
        ) as metrics,
        server.serving(
            gate, host=settings.host, port=settings.port, reuse_port=True, bounds=bounds
        ) as api,
    ):
        base = settings.model_copy(update={"port": api.port}).base_url
        try:
            yield Urls(base=base, metrics=f"http://{settings.metrics_host}:{metrics.port}/metrics")
        finally:
            draining.begun = True
            service.events.say_bye()
            service.desk.say_bye()
            await asyncio.sleep(settings.drain_seconds)


@asynccontextmanager
async def running_loops(service: Service) -> AsyncIterator[None]:
    """Run what goes on behind the requests for as long as the block lasts."""
    tasks = [asyncio.create_task(_keep_going(loop)) for loop in service.loops()]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _keep_going(loop: Loop) -> None:
    """Begin a loop again when it failed in a way nobody expected; its traceback is logged."""
    while True:
        try:
            await loop()
        except Exception:
            log.exception("loop_failed", loop=getattr(loop, "__qualname__", str(loop)))
        await asyncio.sleep(AGAIN_SECONDS)
