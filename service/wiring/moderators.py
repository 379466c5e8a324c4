"""What moderators do: the queue, decisions, search, and the record of authors."""

from __future__ import annotations

from typing import Self

from msgspec import Struct

from service.features.alerts import Alerts
from service.features.checks import Checks
from service.features.cluster_decisions import ClusterDecisions
from service.features.entries import Entries
from service.features.erasures import Erasures
from service.features.featured import Featured
from service.features.queue import Queue
from service.features.records import Records
from service.features.search.export import Export
from service.features.search.find import Search
from service.features.search.index import SearchIndex
from service.features.search.saved import SavedSearches
from service.features.seen import Seen
from service.features.sweeps import Sweeps
from service.features.waits import Waits
from service.features.wishes import Wishes
from service.storage.administration import AdministrationStore
from service.storage.alerts import AlertStore
from service.storage.checks import CheckStore
from service.storage.cluster_decisions import ClusterDecisionStore
from service.storage.erasures import ErasureFile, ErasureStore
from service.storage.featured import FeaturedStore
from service.storage.lookups import LookupStore
from service.storage.records import RecordStore
from service.storage.saved_searches import SavedSearchStore
from service.storage.screenings import ScreeningStore
from service.storage.search import SearchStore
from service.storage.seen import SeenStore
from service.storage.surroundings import SurroundingStore
from service.storage.sweeps import SweepStore
from service.storage.wishes import WishStore
from service.wiring.core import Core
from service.wiring.ground import Ground, Loop, clock, new_id
from service.wiring.live import Live
from service.wiring.readers import Readers


class Moderators(Struct, frozen=True, kw_only=True):
    """The newsroom's work on comments and their authors."""

    queue: Queue
    seen: Seen
    alerts: Alerts
    checks: Checks
    featured: Featured
    waits: Waits
    wishes: Wishes
    cluster_decisions: ClusterDecisions
    records: Records
    sweeps: Sweeps
    erasures: Erasures
    search: Search
    search_index: SearchIndex
    exports: Export
    saved_searches: SavedSearches

    @classmethod
    def build(cls, ground: Ground, core: Core, live: Live, readers: Readers) -> Self:
        """Wire it to the stores."""
        pool = ground.pool
        search_store = SearchStore(pool=pool)
        search = Search(
            store=search_store,
            lookup=core.lookup,
            decisions=core.decisions,
            articles=core.articles,
            cursors=core.cursors,
        )
        records = Records(
            store=RecordStore(pool=pool),
            authors=core.authors,
            lookup=core.lookup,
            decisions=core.decisions,
            pending=core.pending,
            token_keys=core.token_keys,
            acts=core.acts,
            new_id=new_id,
        )
        screenings = ScreeningStore(pool=pool)
        return cls(
            queue=Queue(
                pending=core.pending,
                lookups=LookupStore(pool=pool),
                entries=Entries(
                    pending=core.pending,
                    lookup=core.lookup,
                    surroundings=SurroundingStore(pool=pool),
                    articles=core.articles,
                    reports=live.lanes.reports,
                    appeals=readers.appeals,
                    views=readers.views,
                    screenings=screenings,
                ),
                lanes=live.lanes,
                authors=core.authors,
                screenings=screenings,
                cursors=core.cursors,
                telling=core.telling,
            ),
            seen=Seen(store=SeenStore(pool=pool)),
            alerts=Alerts(
                store=AlertStore(pool=pool),
                sites=core.sites,
                telling=core.telling,
                clock=clock,
                rest=core.errands.rest_until("alerts"),
            ),
            checks=Checks(
                store=CheckStore(pool=pool),
                lookup=core.lookup,
                sites=core.sites,
                acts=core.acts,
                clock=clock,
            ),
            featured=Featured(
                store=FeaturedStore(pool=pool),
                lookup=core.lookup,
                invalidations=core.invalidations,
                acts=core.acts,
            ),
            waits=readers.waits,
            wishes=Wishes(store=WishStore(pool=pool)),
            cluster_decisions=ClusterDecisions(
                store=ClusterDecisionStore(pool=pool),
                decisions=core.decisions,
                sites=core.sites,
                acts=core.acts,
                new_id=new_id,
                clock=clock,
                rest=core.errands.rest_until("cluster_decisions"),
            ),
            records=records,
            sweeps=Sweeps(
                store=SweepStore(pool=pool),
                records=records,
                decisions=core.decisions,
                sites=core.sites,
                acts=core.acts,
                new_id=new_id,
                clock=clock,
                rest=core.errands.rest_until("sweeps"),
            ),
            erasures=Erasures(
                store=ErasureStore(pool=pool, redis=ground.redis),
                ledger=ErasureFile(ground.settings.data_dir / "erasures.log"),
                records=records,
                decisions=core.decisions,
                sites=core.sites,
                acts=core.acts,
                subject=ground.secrets.subject,
                new_id=new_id,
                clock=clock,
            ),
            search=search,
            search_index=SearchIndex(store=search_store, rest=core.errands.rest_until("search")),
            exports=Export(search=search, log=AdministrationStore(pool=pool), acts=core.acts),
            saved_searches=SavedSearches(store=SavedSearchStore(pool=pool), new_id=new_id),
        )

    def leader_loops(self) -> list[Loop]:
        """Return what goes on in one process of all."""
        return [
            self.sweeps.run,
            self.erasures.run,
            self.cluster_decisions.run,
            self.checks.run,
            self.search_index.run,
            self.alerts.run,
        ]
