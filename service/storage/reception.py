"""What is known when a submission comes, and whether its limits have room: one question."""

from __future__ import annotations

from uuid import UUID

from msgspec import Struct
from redis.asyncio.client import Redis

from service.storage.limits import Dues, limited
from service.storage.recents import LINES_MAX, Lately, sent_lately
from service.storage.redis import Keys, Scripts
from service.storage.replies import read_submission


class Reception(Struct, frozen=True, kw_only=True):
    """Receive submissions."""

    redis: Redis
    scripts: Scripts

    async def meet(
        self,
        slug: str,
        *,
        dk: str,
        author_id: UUID | None,
        address_hash: str | None,
        article_id: UUID,
        dues: Dues,
    ) -> Lately:
        """Return what is known of a submission, its author, address and article.

        Of one that came before (`submitted`) nothing else is told; it costs nothing. Nothing is
        charged here.

        Raises:
            RateLimited: a limit is used up.
            QueueUnavailable: Redis is away.
        """
        at = Keys(slug)
        lists = []
        if author_id is not None:
            lists.append(at.recent_of_author(author_id))
        if address_hash is not None:
            lists.append(at.recent_of_address(address_hash))
        earlier, *known = await self.scripts.run(
            self.redis,
            "arrive",
            (at.view_rates, at.submission(dk), *lists, *dues.keys),
            (str(article_id), len(lists), LINES_MAX, *dues.rates),
        )
        if not known:
            return Lately(sent=(), views_per_hour=None, submitted=read_submission(earlier))
        wait_ms, *told = known
        if wait_ms:
            raise limited(wait_ms)
        rate, *lines = told
        by_author = lines.pop(0) if author_id is not None else []
        by_address = lines.pop(0) if address_hash is not None else []
        return Lately(
            sent=sent_lately(by_author, by_address),
            views_per_hour=float(rate) if rate is not None else None,
        )
