"""What readers do: write, read, vote, report, appeal; and the pages that need no script."""

from __future__ import annotations

from functools import cache as once
from typing import Self
from uuid import uuid4

from msgspec import Struct

from service.demo.content import NEWSPAPER, load
from service.features.access import Access
from service.features.appeals import Appeals
from service.features.counts import Counts
from service.features.guests import Guests
from service.features.intake import Intake
from service.features.latest import Latest
from service.features.order import Order
from service.features.own import Own
from service.features.permits import Permits
from service.features.records import Records
from service.features.reports import Reports
from service.features.screen import Screen
from service.features.threads import Threads
from service.features.views import Views
from service.features.votes import Votes
from service.features.waits import Waits
from service.storage.appeals import AppealStore
from service.storage.comments import CommentStore
from service.storage.decisions import DecisionStore
from service.storage.demo import DemoVotes
from service.storage.latest import LatestStore
from service.storage.own import OwnStore
from service.storage.recents import RecentStore
from service.storage.reception import Reception
from service.storage.reports import ReportStore
from service.storage.views import ViewStore
from service.storage.votes import VoteStore
from service.storage.waits import WaitStore
from service.web.appeals import Appealing
from service.web.assets import Assets
from service.web.operation import Operation
from service.web.own import OwnComments
from service.web.pages.every import Pages
from service.web.pages.house_rules import RulesPages
from service.web.pages.newspaper import Paper
from service.web.readers import Readers as Reading
from service.web.reports import Reporting
from service.web.views import Viewing
from service.web.votes import Voting
from service.wiring.core import Core
from service.wiring.ground import Ground, Loop, clock, new_id
from service.wiring.live import Live


@once
def demo_paper() -> Paper:
    """Read the demo's newspaper; only where somebody asks for it."""
    return Paper(editions=tuple(NEWSPAPER.items()), stories=load().articles)


class Readers(Struct, frozen=True, kw_only=True):
    """A reader's life, and what is shown of it."""

    intake: Intake
    guests: Guests
    own: Own
    votes: Votes
    reports: Reports
    appeals: Appeals
    views: Views
    threads: Threads
    waits: Waits
    counts: Counts
    latest: Latest
    order: Order

    @classmethod
    def build(cls, ground: Ground, core: Core, live: Live) -> Self:
        """Wire it to the stores."""
        pool, metrics, limits_on = ground.pool, ground.metrics, ground.settings.rate_limits
        comments, own_store = CommentStore(pool=pool), OwnStore(pool=pool)
        views = Views(store=ViewStore(redis=ground.redis), sites=core.sites, clock=clock)
        screen = Screen(
            rulebook=core.rulebook,
            recents=RecentStore(redis=ground.redis),
            decisions=DecisionStore(pool=pool),
            reports=ReportStore(pool=pool),
            scores_of=lambda site, piece: (
                {} if core.models.silent(site) else core.models.scores_of(site, piece.text)
            ),
            approving=core.models.approving,
            cluster_of=lambda site, piece, now: core.clusters.facts(site, piece.text, now=now),
            outside_of=lambda site, piece, now: (
                None if core.check.silent(site) else core.check.signal(site, piece, now)
            ),
            heard_seconds=ground.metrics.edge.rule_seconds.observe,
        )
        order = Order(
            pending=core.pending,
            sites=core.sites,
            articles=core.articles,
            reports=ReportStore(pool=pool),
            views=views,
            clock=clock,
            sizes_of=core.clusters.sizes,
        )
        return cls(
            order=order,
            intake=Intake(
                promise=core.promise,
                reception=Reception(redis=ground.redis, scripts=ground.scripts),
                limits=core.limits,
                permits=Permits(
                    articles=core.articles,
                    authors=core.authors,
                    lookup=core.lookup,
                    issuers=core.token_keys.issuers,
                ),
                lookup=core.lookup,
                screen=screen,
                settle=core.settle,
                acknowledged=core.acknowledged,
                new_id=new_id,
                new_guest=uuid4,
                limits_on=limits_on,
                durable=lambda: live.vitals.durable,
                heard=lambda outcome: metrics.accepts.labels(outcome).inc(),
            ),
            guests=Guests(limits=core.limits, new_guest=uuid4, limits_on=limits_on),
            own=Own(
                store=own_store,
                pending=core.pending,
                promise=core.promise,
                lookup=core.lookup,
                decisions=core.decisions,
                screen=screen,
                settle=core.settle,
                articles=core.articles,
                authors=core.authors,
                limits=core.limits,
                cursors=core.cursors,
                new_id=new_id,
                limits_on=limits_on,
                durable=lambda: live.vitals.durable,
                telling=core.telling,
            ),
            votes=Votes(
                store=VoteStore(pool=pool),
                own=own_store,
                authors=core.authors,
                limits=core.limits,
                limits_on=limits_on,
            ),
            reports=Reports(
                store=ReportStore(pool=pool),
                decisions=core.decisions,
                lookup=core.lookup,
                authors=core.authors,
                limits=core.limits,
                acts=core.acts,
                new_id=new_id,
                limits_on=limits_on,
                changed=order.changed,
                telling=core.telling,
            ),
            appeals=Appeals(
                store=AppealStore(pool=pool),
                lookup=core.lookup,
                decisions=core.decisions,
                limits=core.limits,
                acts=core.acts,
                new_id=new_id,
                limits_on=limits_on,
                telling=core.telling,
            ),
            views=views,
            threads=Threads(store=comments, cursors=core.cursors),
            waits=Waits(store=WaitStore(pool=pool)),
            counts=Counts(store=comments, cache=core.cache),
            latest=Latest(store=LatestStore(pool=pool), comments=comments),
        )

    def operations(
        self, ground: Ground, core: Core, *, access: Access, records: Records
    ) -> list[Operation]:
        """Return what readers' browsers ask for."""
        hash_address = ground.secrets.address_hash
        reading = Reading(
            intake=self.intake,
            guests=self.guests,
            threads=self.threads,
            counts=self.counts,
            lookup=core.lookup,
            appeals=self.appeals,
            cache=core.cache,
            fragments=core.fragments,
            waits=self.waits,
            access=access,
            hash_address=hash_address,
        )
        pages = Pages(
            threads=self.threads,
            counts=self.counts,
            cache=core.cache,
            waits=self.waits,
            latest=self.latest,
            intake=self.intake,
            lookup=core.lookup,
            articles=core.articles,
            sites=core.sites,
            hash_address=hash_address,
            public_url=ground.settings.public_url,
            paper=demo_paper,
            first_heard=DemoVotes(pool=ground.pool).began,
        )
        own = OwnComments(own=self.own, votes=self.votes, appeals=self.appeals, records=records)
        return [
            *reading.operations(),
            *pages.operations(),
            *RulesPages().operations(),
            *Assets.load().operations(),
            *own.operations(),
            *Voting(votes=self.votes, hash_address=hash_address).operations(),
            *Viewing(views=self.views).operations(),
            *Reporting(reports=self.reports, hash_address=hash_address).operations(),
            *Appealing(appeals=self.appeals).operations(),
        ]

    def loops(self) -> list[Loop]:
        """Return what goes on in every process."""
        return [self.views.run_flushes]

    def leader_loops(self) -> list[Loop]:
        """Return what goes on in one process of all."""
        return [self.views.run, self.order.run]
