"""What all parts share: sites and articles, what waits, and the one way to decide."""

from __future__ import annotations

import time
from functools import partial
from typing import Self

from msgspec import Struct

from service.cursors import Cursors
from service.features.administration import Acts
from service.features.articles import ArticleDirectory
from service.features.authors import Authors
from service.features.bridges.desk import Bridges
from service.features.bridges.outside import OutsideCheck
from service.features.cache import Cache
from service.features.cache_figures import hear
from service.features.checkup import demand_of
from service.features.clusters import Clusters
from service.features.decisions import Decisions
from service.features.errands import Errands
from service.features.fragments import Fragments
from service.features.invalidation import Invalidations
from service.features.journal import Acknowledged
from service.features.learning.models import Models
from service.features.lookup import Lookup
from service.features.losses import Losses
from service.features.outcomes import Outcome
from service.features.pressure import Pressure
from service.features.promise import Promise
from service.features.rulebook import Rulebook
from service.features.settle import Settle
from service.features.sites import SiteDirectory
from service.features.telling import Telling
from service.features.token_keys import TokenKeys
from service.model import Action, ActorKind
from service.storage.articles import ArticleStore
from service.storage.bridges import BridgeStore
from service.storage.bulletin import Bulletin
from service.storage.channel import Channel
from service.storage.clusters import ClusterStore
from service.storage.decisions import DecisionStore
from service.storage.errands import ErrandStore
from service.storage.journal import JournalStore
from service.storage.learning import LearningStore
from service.storage.limits import Limits
from service.storage.lookups import LookupStore
from service.storage.losses import LossStore
from service.storage.pending import PendingStore
from service.storage.readers import ReaderStore
from service.storage.recents import RecentStore
from service.storage.rules import RuleStore
from service.storage.sites import SiteStore
from service.storage.token_keys import TokenKeyStore
from service.storage.word_lists import WordListStore
from service.storage.written import WrittenStore
from service.telemetry import Metrics
from service.web.encodings import compressed
from service.wiring.ground import Ground, Loop, clock, new_id


class Core(Struct, frozen=True, kw_only=True):
    """What every other part may use."""

    acts: Acts
    cursors: Cursors
    limits: Limits
    pending: PendingStore
    promise: Promise
    sites: SiteDirectory
    articles: ArticleDirectory
    authors: Authors
    token_keys: TokenKeys
    lookup: Lookup
    telling: Telling
    cache: Cache
    fragments: Fragments
    pressure: Pressure
    invalidations: Invalidations
    decisions: Decisions
    settle: Settle
    acknowledged: Acknowledged
    losses: Losses
    clusters: Clusters
    errands: Errands
    models: Models
    rulebook: Rulebook
    bridges: Bridges
    check: OutsideCheck
    """Asks each site's own service."""

    @classmethod
    def build(cls, ground: Ground) -> Self:
        """Wire it to the stores."""
        pool, redis, metrics = ground.pool, ground.redis, ground.metrics
        demand = demand_of(ground.settings)
        pending = PendingStore(
            heard_finish=lambda result: metrics.stores.finish_result.labels(result).inc(),
            redis=redis,
            scripts=ground.scripts,
            replicas=demand.replicas if demand.level == "replica" else 0,
        )
        sites = SiteDirectory(sites=SiteStore(pool=pool), pending=pending)
        pressure = Pressure(heard=lambda reason: metrics.shed.labels(reason).inc())
        cache = Cache(
            clock=time.monotonic, heard=hear(metrics), pressure=pressure, press=compressed
        )
        held = metrics.stores.cache_bytes.labels
        held("answers").set_function(lambda: cache.shelf.used_bytes)
        invalidations = Invalidations(
            channel=Channel(redis=redis, lost=metrics.stores.pubsub_reconnects.inc),
            cache=cache,
            bulletin=Bulletin(pool=pool),
        )
        telling = Telling()
        decision_store = DecisionStore(pool=pool)
        decisions = Decisions(
            store=decision_store,
            pending=pending,
            recents=RecentStore(redis=redis),
            invalidations=invalidations,
            new_id=new_id,
            heard=partial(_count_decisions, metrics),
            telling=telling,
        )
        cursors = Cursors(ground.secrets.keys("cursors"))
        acts = Acts(new_id=new_id)
        bridges = Bridges(
            store=BridgeStore(pool=pool),
            secrets=ground.secrets,
            acts=acts,
            networks=ground.settings.outgoing_networks,
        )
        errands = Errands(store=ErrandStore(pool=pool), clock=clock)
        errands.wake("outbox", invalidations.heard)
        lookup = Lookup(pending=pending, lookups=LookupStore(pool=pool))
        return cls(
            acts=acts,
            cursors=cursors,
            limits=Limits(redis=redis, scripts=ground.scripts, key=ground.secrets.key("limits")),
            pending=pending,
            promise=Promise(
                pending=pending,
                journal=JournalStore(pool=pool),
                level=demand.level,
                took=metrics.ack_seconds.labels(demand.level).observe,
                fell_short=metrics.wait_short.inc,
            ),
            sites=sites,
            articles=ArticleDirectory(articles=ArticleStore(pool=pool)),
            authors=Authors(readers=ReaderStore(pool=pool)),
            token_keys=TokenKeys(token_keys=TokenKeyStore(pool=pool), secrets=ground.secrets),
            lookup=lookup,
            telling=telling,
            cache=cache,
            fragments=Fragments(store=WrittenStore(pool=pool)),
            pressure=pressure,
            invalidations=invalidations,
            decisions=decisions,
            settle=Settle(
                decisions=decisions,
                store=decision_store,
                pending=pending,
                sites=sites,
                new_id=new_id,
                clock=clock,
            ),
            acknowledged=Acknowledged(),
            losses=Losses(store=LossStore(pool=pool), acts=acts, counted=metrics.rollback_lost.inc),
            clusters=Clusters(
                store=ClusterStore(pool=pool),
                lookup=lookup,
                cursors=cursors,
                clock=clock,
                rest=errands.rest_until("clusters"),
            ),
            errands=errands,
            models=Models(store=LearningStore(pool=pool)),
            rulebook=Rulebook(store=RuleStore(pool=pool), lists=WordListStore(pool=pool)),
            bridges=bridges,
            check=OutsideCheck(
                bridges=bridges,
                client=ground.outgoing,
                new_id=new_id,
                heard=lambda outcome: metrics.outside_checks.labels(outcome).inc(),
            ),
        )

    def loops(self) -> list[Loop]:
        """Return what goes on in every process."""
        return [
            self.invalidations.run,
            self.invalidations.run_bulletin,
            self.fragments.run,
            self.models.run,
        ]

    def leader_loops(self) -> list[Loop]:
        """Return what goes on in one process of all."""
        return [self.errands.run, self.settle.run, self.clusters.run]


CONFLICTS = frozenset({Outcome.CONFLICT, Outcome.STALE, Outcome.LEASED, Outcome.PARENT_PENDING})
"""What comes of a decision that was not made as asked."""


def _count_decisions(
    metrics: Metrics, outcome: Outcome, action: Action, by: ActorKind, count: int
) -> None:
    metrics.decisions.labels(str(action), by, str(outcome)).inc(count)
    if outcome in CONFLICTS:
        metrics.edge.decide_conflicts.labels(str(outcome)).inc(count)
