"""What an operator watches, read from both stores."""

from __future__ import annotations

from service.features.levels import Levels
from service.storage.accounts import AccountStore
from service.telemetry import Metrics
from tests.newsroom import Newsroom, open_newsroom, real_time


def levels_of(room: Newsroom) -> Levels:
    return Levels(
        pending=room.pending,
        outbox=room.relay.outbox,
        losses=room.losses,
        accounts=AccountStore(pool=room.pool),
        sites=room.sites,
        metrics=Metrics(),
        clock=real_time,
    )


async def test_a_loss_is_a_level_until_somebody_knows(database_url: str, redis_url: str) -> None:
    async with open_newsroom(database_url, redis_url) as room:
        levels = levels_of(room)
        await room.submit("Lost.")
        await room.journal.note_acknowledged()
        await levels.read()
        assert b"postbag_losses_open 0.0" in levels.metrics.render()
        assert b'postbag_pending{site="daily"} 1.0' in levels.metrics.render()
        await room.redis.flushdb()
        await room.journal.open_queue(room.site)
        await levels.read()
        assert b"postbag_losses_open 1.0" in levels.metrics.render()
        assert b'postbag_pending{site="daily"} 0.0' in levels.metrics.render()
