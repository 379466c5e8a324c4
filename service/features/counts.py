"""How many comments readers see under an article, for one or for many at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from uuid import UUID

from msgspec import Struct

from service.features.cache import Cache, Tally
from service.model import Site, article_id
from service.storage.comments import CommentStore, Counted

KEYS_MAX = 200
"""Articles whose counts may be asked for at once (api.md)."""


class Counts(Struct, frozen=True, kw_only=True):
    """Count approved comments, from memory where it is fresh."""

    store: CommentStore
    cache: Cache

    async def many(self, site: Site, keys: Iterable[str]) -> dict[str, Tally]:
        """Return the count of each key of at most 200, in their order; an unseen article has 0.

        Raises:
            Unavailable: Postgres is away, and one of them is not known from before.
        """
        ids = {key: article_id(site.site_id, key) for key in keys}
        tallies = await self.cache.counts(ids.values(), partial(self._load, site))
        return {key: tallies[each] for key, each in ids.items()}

    async def one(self, site: Site, key: str) -> Tally:
        """Return the count of one key; an unseen article has 0.

        Raises:
            Unavailable: Postgres is away, and it is not known from before.
        """
        return (await self.many(site, [key]))[key]

    async def _load(self, site: Site, ids: Sequence[UUID]) -> Mapping[UUID, Counted]:
        async with self.store.reading(site.site_id) as reader:
            return await reader.find_counts(ids)
