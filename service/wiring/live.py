"""What pushes: event streams of readers and moderators, and the eye on the stores."""

from __future__ import annotations

import asyncio
from typing import Self

from msgspec import Struct

from service.features.checkup import demand_of
from service.features.desk import Desk
from service.features.events import Events
from service.features.lanes import Lanes
from service.features.vitals import Vitals
from service.storage.appeals import AppealStore
from service.storage.channel import DESK, EVENTS, Channel
from service.storage.checks import CheckStore
from service.storage.comments import CommentStore
from service.storage.events import EventStore
from service.storage.probes import StoreProbe
from service.storage.reports import ReportStore
from service.storage.seen import SeenStore
from service.web.events import EventStreams
from service.web.operation import Operation
from service.wiring.core import Core
from service.wiring.ground import Ground, Loop


class Live(Struct, frozen=True, kw_only=True):
    """What says at once what has changed."""

    lanes: Lanes
    events: Events
    desk: Desk
    vitals: Vitals

    @classmethod
    def build(cls, ground: Ground, core: Core) -> Self:
        """Wire it to the stores."""
        pool, redis, settings = ground.pool, ground.redis, ground.settings
        lost = ground.metrics.stores.pubsub_reconnects.inc
        lanes = Lanes(
            reports=ReportStore(pool=pool),
            appeals=AppealStore(pool=pool),
            seen=SeenStore(pool=pool),
            checks=CheckStore(pool=pool),
        )
        events = Events(
            store=EventStore(redis=redis),
            channel=Channel(redis=redis, name=EVENTS, lost=lost),
            comments=CommentStore(pool=pool),
            limits_on=settings.rate_limits,
            dropped=ground.metrics.edge.sse_dropped.inc,
        )
        desk = Desk(
            telling=core.telling,
            channel=Channel(redis=redis, name=DESK, lost=lost),
            pending=core.pending,
            lanes=lanes,
            dropped=ground.metrics.edge.sse_dropped.inc,
        )
        ground.metrics.edge.sse_clients.set_function(lambda: events.streams + desk.streams)

        def say_degraded() -> None:
            events.say_degraded()
            desk.say_degraded()

        return cls(
            lanes=lanes,
            events=events,
            desk=desk,
            vitals=Vitals(
                probe=StoreProbe(pool=pool, redis=redis, demand=demand_of(settings)),
                metrics=ground.metrics,
                folder=settings.data_dir if settings.data_dir.is_dir() else None,
                redis_lost=say_degraded,
            ),
        )

    def operations(self) -> list[Operation]:
        """Return the streams of readers."""
        return EventStreams(events=self.events).operations()

    def loops(self) -> list[Loop]:
        """Return what goes on in every process."""
        desk = self.desk
        return [
            self.events.run,
            desk.run_telling,
            desk.run_hearing,
            desk.run_counts,
            self.vitals.run,
        ]

    async def say_bye(self) -> None:
        """Tell all streams that this process goes."""
        await asyncio.gather(self.events.say_bye_in_waves(), self.desk.say_bye_in_waves())
